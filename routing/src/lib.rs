//! Which Worker a request goes to: route patterns, and the rules of the proxy-wasm filter.
//!
//! Decisions are functions of their arguments: no I/O, no clock, no Envoy, no V8. So the runtime
//! host, the filter inside Envoy and `nano-host envoy-config` decide with the same code.

pub mod filter;
mod pattern;
mod table;

pub use pattern::Pattern;
pub use table::{Conflict, PatternMap, RouteTable};
