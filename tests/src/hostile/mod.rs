//! Hostile tenants and clients: the corpus in `tests/hostile`, each case beside a good tenant whose
//! requests must all succeed, in one runtime host that must live on.
//!
//! `cargo xtask hostile` becomes the program `nano-hostile`, which runs [`campaign`]; the end-to-end
//! tests run the corpus once.

pub mod arena;
pub mod campaign;
pub mod case;
mod expect;
mod generate;
mod grpc;
mod http;
mod levels;
pub mod order;
mod raw;
pub mod report;
mod run;
mod tail;
mod tenant;
mod wire;
