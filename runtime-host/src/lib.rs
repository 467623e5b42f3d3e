//! NANO's runtime host: runs Workers for Envoy's external-processing filter.
//! ARCHITECTURE.md at the top of the repository has the map.

mod aside;
pub mod cache;
pub mod cli;
pub mod client;
pub mod config;
pub mod dev;
pub mod diagnostic;
pub mod egress;
pub mod engine;
pub mod exchange;
pub mod ext_proc;
#[cfg(test)]
mod fuzz;
pub mod isolate;
pub mod js;
pub mod limits;
#[cfg(any(test, feature = "micro"))]
#[doc(hidden)]
pub mod micro;
pub mod ops;
pub mod reply;
pub mod sandbox;
pub mod sockets;
pub mod supervisor;
pub mod telemetry;
#[cfg(test)]
mod tidy;
pub mod worker;
