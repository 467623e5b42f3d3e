//! What the host tells its operator.

mod outcome;

pub use outcome::Outcome;
