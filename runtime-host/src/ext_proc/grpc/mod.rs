//! A gRPC server for one streaming method, directly on `h2`: framing without copies, one DATA
//! frame for the replies of one turn, and a task for every stream.

mod connection;
mod framing;
mod health;
mod listener;
#[cfg(any(test, feature = "micro"))]
pub mod offline;
#[cfg(test)]
mod tests;
mod tls;
mod transport;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::settings::Settings;
use super::stats::Stats;
use crate::exchange::Engine;
pub use listener::Listener;
pub use tls::{Tls, TlsFiles};
pub(super) use transport::Received;

/// What all connections share.
pub(super) struct Server {
    pub engine: Arc<dyn Engine>,
    pub settings: Settings,
    pub stats: Arc<Stats>,
    /// Cancelled when the drain begins.
    pub shutdown: CancellationToken,
    streams: TaskTracker,
}

/// Serves `ext_proc` (and gRPC health checks) on all `listeners` until `shutdown`.
///
/// Then it drains: listeners close, connections get GOAWAY, running exchanges finish. Returns
/// the number of exchanges that were cut off because `settings.drain_timeout` passed first.
pub async fn serve(
    listeners: Vec<Listener>,
    engine: Arc<dyn Engine>,
    settings: Settings,
    stats: Arc<Stats>,
    shutdown: CancellationToken,
) -> usize {
    let drain_timeout = settings.drain_timeout;
    let streams = TaskTracker::new();
    let server = Arc::new(Server { engine, settings, stats, shutdown, streams: streams.clone() });
    let connections = TaskTracker::new();
    let cut_off = CancellationToken::new();
    let accepting: Vec<_> = listeners
        .into_iter()
        .map(|listener| listener.accept(server.clone(), connections.clone(), cut_off.clone()))
        .map(tokio::spawn)
        .collect();
    for task in accepting {
        if let Err(error) = task.await {
            tracing::error!(%error, "a listener of the ext_proc server failed");
        }
    }
    connections.close();
    streams.close();
    let drained = async {
        connections.wait().await;
        streams.wait().await;
    };
    if tokio::time::timeout(drain_timeout, drained).await.is_ok() {
        return 0;
    }
    let left = streams.len();
    cut_off.cancel();
    connections.wait().await;
    left
}
