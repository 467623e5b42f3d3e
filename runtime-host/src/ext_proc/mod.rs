//! The front end for Envoy's external-processing filter: the only room that knows its protocol.
//!
//! ```text
//!   grpc/ connection, framing ─▶ stream.rs one exchange ─▶ machine/ what to reply
//!                                     │  ▲
//!                              Event  ▼  │ Command
//!                                exchange::Engine
//! ```

pub mod attributes;
mod grpc;
pub mod machine;
pub mod proto;
mod settings;
mod stats;
mod status;
mod stream;

#[cfg(any(test, feature = "micro"))]
pub use grpc::offline;
pub use grpc::{Listener, Tls, TlsFiles, serve};
pub use settings::{COLLECT_LIMIT_BYTES, MAX_CHUNK_BYTES, Settings};
pub use stats::{MESSAGE_KINDS, Stats};
pub use status::{Code, Status};
