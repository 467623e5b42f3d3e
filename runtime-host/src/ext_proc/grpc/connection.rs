//! One HTTP/2 connection of Envoy.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, Request, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite};

use super::transport::{Incoming, Outgoing};
use super::{Server, health};
use crate::aside;
use crate::exchange::BODY_WINDOW_BYTES;
use crate::ext_proc::status::{Code, Status};
use crate::ext_proc::stream;

const PROCESS: &str = "/envoy.service.ext_proc.v3.ExternalProcessor/Process";
const HEALTH_CHECK: &str = "/grpc.health.v1.Health/Check";
const HEALTH_WATCH: &str = "/grpc.health.v1.Health/Watch";

/// All streams of a connection share this; each has [`BODY_WINDOW_BYTES`] of its own. Large, so
/// that exchanges whose Workers are slow don't stop the others. `h2` also charges the overhead of
/// small unread DATA frames to it.
const CONNECTION_WINDOW_BYTES: u32 = 64 * 1024 * 1024;

/// Fewer, larger frames: a message is then mostly in one frame and need not be put together.
const MAX_FRAME_BYTES: u32 = 256 * 1024;

/// A burst of clients that hang up resets as many streams at once; `h2` takes more than 20 for
/// an attack by default and closes the connection. Envoy is trusted not to attack.
const MAX_RESET_STREAMS: usize = 100_000;

/// `h2`'s guard against floods of tiny DATA frames, for the same reason.
const DATA_FRAME_BUDGET: usize = CONNECTION_WINDOW_BYTES as usize;

/// Headers of the gRPC request itself, with the configured initial metadata.
const MAX_HEADER_LIST_BYTES: u32 = 64 * 1024;

pub(super) async fn serve(socket: impl AsyncRead + AsyncWrite + Unpin, server: Arc<Server>) {
    server.stats.connection_opened();
    if let Err(error) = run(socket, &server).await {
        tracing::debug!(%error, "a connection from Envoy ended");
    }
    server.stats.connection_closed();
}

async fn run(
    socket: impl AsyncRead + AsyncWrite + Unpin,
    server: &Arc<Server>,
) -> Result<(), h2::Error> {
    let mut connection = h2::server::Builder::new()
        .initial_window_size(BODY_WINDOW_BYTES as u32)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(MAX_FRAME_BYTES)
        .max_concurrent_streams(server.settings.max_concurrent_streams)
        .max_header_list_size(MAX_HEADER_LIST_BYTES)
        .max_concurrent_reset_streams(MAX_RESET_STREAMS)
        .max_pending_accept_reset_streams(MAX_RESET_STREAMS)
        .max_local_error_reset_streams(None)
        .data_frame_budget(DATA_FRAME_BUDGET)
        .handshake::<_, Bytes>(socket)
        .await?;
    let mut draining = false;
    loop {
        let accepted = tokio::select! {
            accepted = accept(&mut connection) => accepted,
            () = server.shutdown.cancelled(), if !draining => {
                draining = true;
                connection.graceful_shutdown();
                continue;
            }
        };
        let Some(stream) = accepted else { return Ok(()) };
        let (request, respond) = stream?;
        server.streams.spawn(dispatch(request, respond, server.clone()));
    }
}

/// The next stream. Between two looks at the connection the streams that are ready go first: what
/// they have to send then leaves in one write, and what Envoy sent meanwhile comes in one read.
/// A woken task would otherwise run before those streams (tokio runs what was woken last first),
/// with a write, and a wake-up of Envoy, for each reply.
async fn accept<T: AsyncRead + AsyncWrite + Unpin>(
    connection: &mut h2::server::Connection<T, Bytes>,
) -> Option<Result<(Request<RecvStream>, SendResponse<Bytes>), h2::Error>> {
    loop {
        let looked = poll_fn(|cx| Poll::Ready(connection.poll_accept(cx))).await;
        if let Poll::Ready(accepted) = looked {
            return accepted;
        }
        next_wake().await;
        aside::stand_aside().await;
    }
}

/// Waits until somebody wakes this task whose waker is with them already: `poll_accept` leaves it
/// wherever something can happen.
async fn next_wake() {
    let mut woken = false;
    poll_fn(|_| if std::mem::replace(&mut woken, true) { Poll::Ready(()) } else { Poll::Pending })
        .await;
}

async fn dispatch(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    server: Arc<Server>,
) {
    let (head, body) = request.into_parts();
    if !is_grpc(&head.headers) {
        // The gRPC specification ("Responses") asks for 415.
        let refusal = Response::builder().status(StatusCode::UNSUPPORTED_MEDIA_TYPE).body(());
        if let Ok(refusal) = refusal
            && let Err(error) = respond.send_response(refusal, true)
        {
            tracing::debug!(%error, "a refusal could not be sent");
        }
        return;
    }
    let incoming = Incoming::new(body, server.settings.max_message_bytes);
    let mut outgoing = Outgoing::new(respond);
    match head.uri.path() {
        PROCESS => {
            server.stats.stream_opened();
            stream::run(head.headers, incoming, outgoing, &server).await;
            server.stats.stream_closed();
        }
        HEALTH_CHECK => health::check(incoming, outgoing, &server).await,
        HEALTH_WATCH => health::watch(incoming, outgoing, &server).await,
        path => {
            let message = format!(
                "{path} is not served here: this is an ExternalProcessor \
                 (envoy.service.ext_proc.v3)"
            );
            outgoing.finish(&Status { code: Code::Unimplemented, message }).await;
        }
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let content_type = headers.get(http::header::CONTENT_TYPE);
    content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}
