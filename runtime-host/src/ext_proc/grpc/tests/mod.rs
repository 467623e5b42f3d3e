//! The server over real sockets, with a small HTTP/2 client.

mod client;
mod engine;
mod fuzz;
mod serving;
mod tls;
