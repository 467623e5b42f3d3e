//! The parts of a whole setup (origin, runtime host, Envoy), started and ended by this crate:
//! `cargo xtask up` shows a demo with them, the end-to-end tests examine them.
//!
//! [`stack::Stack`] is all three in one value; the other modules are its parts.

pub mod checks;
pub mod client;
pub mod envoy;
pub mod error;
pub mod filter;
pub mod host;
pub mod hostile;
pub mod listeners;
pub mod load;
pub mod metrics;
pub mod origin;
pub mod pattern;
pub mod process;
pub mod runner;
pub mod sockets;
pub mod stack;
pub mod wpt;

pub use error::{Error, Result};
