//! Where Envoy enters.
// The functions that Envoy calls have fixed names, which the compiler can't check.
#![allow(unsafe_code)]

use proxy_wasm::traits::RootContext;
use proxy_wasm::types::LogLevel;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Warn);
    proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> {
        Box::new(crate::context::Root::default())
    });
}}
