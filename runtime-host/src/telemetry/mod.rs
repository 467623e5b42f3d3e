//! What the host tells its operator: logs, metrics, health.

pub mod admin;
mod histogram;
pub mod logs;
pub mod metrics;
mod outcome;

pub use outcome::Outcome;
