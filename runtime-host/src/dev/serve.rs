//! Connections of the plain-HTTP port.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::exchange::{self, Shared};
use super::page;
use crate::client::{Client, Origin, RawBody};
use crate::exchange::{BODY_WINDOW_BYTES, Engine};

/// After a failed accept (no file descriptors left, usually): time for some to be closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the front end needs beside the engine.
#[derive(Clone, Debug)]
pub struct DevSettings {
    /// Where `fetch(request)` goes; `None`: it gets a page that says how to name one.
    pub origin: Option<Origin>,
    /// Carries the requests to the origin.
    pub client: Client,
}

/// Serves HTTP/1.1 and HTTP/2 (with prior knowledge) until `shutdown`; then takes no new
/// connections, lets the requests that run finish, and returns.
pub async fn serve(
    listener: TcpListener,
    engine: Arc<dyn Engine>,
    settings: DevSettings,
    shutdown: CancellationToken,
) {
    let shared = Arc::new(Shared { engine, settings });
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (shared, shutdown) = (shared.clone(), shutdown.clone());
                connections.spawn(connection(stream, peer, shared, shutdown));
            }
            Err(error) => {
                tracing::warn!(%error, "can't accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    shared: Arc<Shared>,
    shutdown: CancellationToken,
) {
    // Without it, small writes of a streamed response wait for acknowledgements.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "can't set TCP_NODELAY");
    }
    let service = service_fn(|request| answer(request, peer, shared.clone()));
    let builder = settings();
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, %peer, "a connection ended early");
    }
}

fn settings() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).max_buf_size(BODY_WINDOW_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(BODY_WINDOW_BYTES as u32)
        .initial_connection_window_size(4 * BODY_WINDOW_BYTES as u32)
        .max_send_buf_size(BODY_WINDOW_BYTES);
    builder
}

/// Runs the exchange in a task of its own, for it outlives its response's head. When hyper drops
/// this future the client is gone, and the exchange sees its receiver closed.
async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    shared: Arc<Shared>,
) -> Result<Response<RawBody>, Infallible> {
    let (sender, receiver) = oneshot::channel();
    tokio::spawn(exchange::run(request, peer, shared, sender));
    // The task ends without an answer only when it panicked.
    Ok(receiver.await.unwrap_or_else(|_| page::internal_error()))
}
