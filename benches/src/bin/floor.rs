//! `bench-floor --listen unix:PATH|IP:PORT --answer KIND`: what `ext_proc` itself costs.
//!
//! A server on the usual crates (tonic, `envoy-types`) that answers every message at once (a body
//! that comes in pieces, when it is whole) and runs nothing. It is tuned as far as these crates go, so that it is a fair floor: one thread
//! (quicker here than several), no task or channel per stream, wide windows, no limit of streams.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use clap::Parser;
use envoy_types::pb::envoy::service::ext_proc::v3 as ext_proc;
use ext_proc::external_processor_server::{ExternalProcessor, ExternalProcessorServer};
use ext_proc::{ProcessingRequest, ProcessingResponse};
use futures_util::{Stream, StreamExt as _, TryFutureExt as _, stream};
use nano_bench::floor::{Answer, Answers};
use nano_tests::{Error, Result};
use tokio::net::{TcpListener, UnixListener};
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

/// A no-op `ext_proc` server.
#[derive(Debug, Parser)]
struct Options {
    #[arg(long)]
    listen: String,
    #[arg(long)]
    answer: Answer,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let options = Options::parse();
    let floor = Floor(Arc::new(Answers::new(options.answer)));
    let service = ExternalProcessorServer::new(floor)
        .max_decoding_message_size(usize::MAX)
        .max_encoding_message_size(usize::MAX);
    let server = Server::builder()
        .max_concurrent_streams(None)
        .initial_stream_window_size(1 << 18)
        .initial_connection_window_size(1 << 24)
        .http2_max_pending_accept_reset_streams(Some(100_000))
        .http2_max_local_error_reset_streams(None);
    let failed = Error::during("the server failed");
    let cannot = Error::during(format!("cannot listen on {}", options.listen));
    if let Some(path) = options.listen.strip_prefix("unix:") {
        let listener = UnixListener::bind(PathBuf::from(path)).map_err(cannot)?;
        let incoming = UnixListenerStream::new(listener);
        server.serve_with_incoming(service, incoming).map_err(failed).await
    } else {
        let address: SocketAddr = options.listen.parse().map_err(Error::during("bad --listen"))?;
        let listener = TcpListener::bind(address).await.map_err(cannot)?;
        let incoming = TcpListenerStream::new(listener).map(|stream| {
            let stream = stream?;
            stream.set_nodelay(true)?;
            Ok::<_, std::io::Error>(stream)
        });
        server.serve_with_incoming(service, incoming).map_err(failed).await
    }
}

struct Floor(Arc<Answers>);

#[tonic::async_trait]
impl ExternalProcessor for Floor {
    type ProcessStream = Pin<
        Box<dyn Stream<Item = std::result::Result<ProcessingResponse, Status>> + Send + 'static>,
    >;

    async fn process(
        &self,
        request: Request<Streaming<ProcessingRequest>>,
    ) -> std::result::Result<Response<Self::ProcessStream>, Status> {
        let answers = Arc::clone(&self.0);
        let mut body = Vec::new();
        let replies = request.into_inner().flat_map(move |message| {
            let replies = message.and_then(|message| {
                let kind = message.request.ok_or_else(|| Status::invalid_argument("empty"))?;
                answers
                    .replies(kind, &mut body)
                    .map_err(|other| Status::invalid_argument(format!("not asked for: {other:?}")))
            });
            let (first, rest) = match replies {
                Ok((first, rest)) => (first.map(Ok), rest),
                Err(status) => (Some(Err(status)), Vec::new()),
            };
            stream::iter(first.into_iter().chain(rest.into_iter().map(Ok)))
        });
        Ok(Response::new(Box::pin(replies)))
    }
}
