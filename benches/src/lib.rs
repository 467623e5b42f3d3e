//! The benchmark's parts. `main.rs` puts them together, `bin/` has the programs at the other ends.

pub mod aims;
pub mod cpus;
pub mod data;
pub mod ending;
pub mod floor;
pub mod hono;
pub mod load;
pub mod measure;
pub mod outcome;
pub mod report;
pub mod scenarios;
pub mod servers;
pub mod stack;
pub mod statistics;
mod text;
pub mod usage;
pub mod variant;
