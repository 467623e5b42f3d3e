//! The process that outlives a crash.
//!
//! `nano-host serve` holds the listening sockets and starts engine processes, which have everything
//! else: V8, the runtime, the Workers. When one dies it is replaced; connections wait in the sockets'
//! queues meanwhile. What the dead one was doing is in its [`record`]; who is to blame, and what
//! follows, is the [`ledger`]'s to say, and the [`board`] tells the engines.
//!
//! One thread, no runtime, no V8, no Envoy: there is little here that could fail. What engines write
//! into shared memory is hostile input.

pub mod board;
pub mod crash;
mod engine;
mod ledger;
pub mod output;
pub mod record;
pub mod recorder;
mod restarts;
mod run;
mod shared;
pub mod sys;

pub use engine::Plan;
pub use run::run;
