//! The proxy-wasm filter of NANO. It stands in Envoy before `ext_proc` and decides, within
//! microseconds, which requests need a Worker; only those reach the runtime host.
//!
//! What it decides is `nano_routing::filter`, which also builds natively. Here are Envoy's calls:
//! `cargo xtask filter` compiles them to WebAssembly.

#[cfg(target_arch = "wasm32")]
mod context;
#[cfg(target_arch = "wasm32")]
mod entry;
#[cfg(target_arch = "wasm32")]
mod envoy;
#[cfg(target_arch = "wasm32")]
mod metrics;
