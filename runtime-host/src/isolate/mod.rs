//! V8 isolates: the snapshot they start from, one Worker version in each, and their limits.
//!
//! This room and [`crate::ops`] are the only ones that name V8; neither names Envoy.
#![allow(unsafe_code)] // Embedding V8 is unsafe by nature; each block says why it holds.

pub mod adoption;
mod arrive;
pub mod body;
pub mod cache;
pub mod clock;
pub mod code_generation;
pub mod dispatch;
pub mod error;
mod fatal;
pub mod finish;
mod heap;
mod hooks;
mod ids;
pub mod inbound;
pub mod instance;
pub mod invocation;
pub mod kept;
mod load;
pub mod long_turns;
pub mod memory;
pub mod message;
pub mod platform;
mod rejections;
mod relay;
pub mod resources;
pub mod snapshot;
pub mod socket;
pub mod state;
pub mod watch;

pub use instance::{Health, Instance, StartError};
pub use watch::SLICE;

#[cfg(test)]
mod tests;
