//! What an operator can set of the `ext_proc` front end.

use std::sync::Arc;
use std::time::Duration;

use super::grpc::Tls;

/// A Worker's stream that has to be known whole before it can be sent (Envoy has no way to
/// stream it there) is collected up to this size; past it the exchange fails with a message.
pub const COLLECT_LIMIT_BYTES: usize = 8 * 1024 * 1024;

/// The largest piece of a body in one message: what Envoy's API comments recommend for
/// `FULL_DUPLEX_STREAMED`.
pub const MAX_CHUNK_BYTES: usize = 64 * 1024;

/// Settings of [`super::serve`].
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether Envoy carries out a `mode_override`, alone (1.40 and later) and in a header reply.
    /// Off: the configured body modes are used as they are.
    pub mode_override: bool,
    /// Whether Envoy knows `StreamedImmediateResponse` (1.37 and later).
    pub streamed_immediate: bool,
    /// The largest response body that Envoy buffers for a Worker that reads it before it answers:
    /// the listener's `per_connection_buffer_limit_bytes` (Envoy's default is 1 MiB).
    pub response_buffer_bytes: u64,
    /// Envoy is told what became of each exchange, as dynamic metadata.
    pub report: bool,
    /// The largest gRPC message taken from Envoy; one message holds a whole body in mode BUFFERED.
    pub max_message_bytes: usize,
    /// Exchanges at a time on one connection of Envoy (it opens one per worker thread).
    pub max_concurrent_streams: u32,
    /// How long a drain waits for running exchanges before it cuts them off.
    pub drain_timeout: Duration,
    /// For connections over TCP; those of Unix sockets are plain.
    pub tls: Option<Arc<Tls>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode_override: true,
            streamed_immediate: true,
            response_buffer_bytes: 1024 * 1024,
            report: false,
            max_message_bytes: 64 * 1024 * 1024,
            max_concurrent_streams: 100_000,
            drain_timeout: Duration::from_secs(30),
            tls: None,
        }
    }
}
