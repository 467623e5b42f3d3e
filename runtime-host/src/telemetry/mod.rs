//! What the host tells its operator: logs, metrics, health.

pub mod admin;
mod histogram;
mod log_writer;
pub mod logs;
pub mod metrics;
mod outcome;
pub mod survival;

pub use outcome::Outcome;
