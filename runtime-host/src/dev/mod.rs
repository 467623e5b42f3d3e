//! The plain-HTTP front end: a Worker behind a port, without Envoy, for development.
//!
//! It carries out the same contract as the `ext_proc` front end ([`crate::exchange`]): the
//! handler starts at the request's head, bodies that JavaScript does not touch stream straight
//! through, and a `fetch(request)` goes on to the configured origin.
//!
//! ```text
//!   client ⇄ hyper ⇄ Exchange (one task per request) ⇄ Engine
//!                        ⇅ client::Client
//!                      origin
//! ```

mod arriving;
mod exchange;
mod framing;
mod heads;
mod leaving;
mod page;
mod serve;
#[cfg(test)]
mod tests;
mod tunnel;
mod upstream;

pub use serve::{DevSettings, serve};
