//! `bench-origin --listen IP:PORT`: a plain upstream on one thread, the same for all variants.
//!
//! It tells in its response what it saw of the request (`x-seen-…`), so that the load generator
//! can verify changes of both phases, and compares an uploaded body with what was to be sent.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use clap::Parser;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use nano_bench::data::{self, Page};
use nano_bench::floor;
use nano_tests::{Error, Result};
use tokio::net::TcpListener;

/// The upstream of the benchmark.
#[derive(Debug, Parser)]
struct Options {
    #[arg(long)]
    listen: SocketAddr,
}

/// Headers of the request that come back in the response under another name.
const SEEN: [(&str, HeaderName); 3] = [
    (floor::EDGE.0, HeaderName::from_static("x-seen-edge")),
    (floor::DEBUG, HeaderName::from_static("x-seen-debug")),
    ("x-user", HeaderName::from_static("x-seen-user")),
];

type Pages = HashMap<&'static str, Page>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let options = Options::parse();
    let pages: Arc<Pages> = Arc::new(data::pages().into_iter().collect());
    let upload: Bytes = data::text(data::LARGE).into();
    let listener = TcpListener::bind(options.listen)
        .await
        .map_err(Error::during(format!("cannot listen on {}", options.listen)))?;
    loop {
        let (stream, _) = listener.accept().await.map_err(Error::during("cannot accept"))?;
        stream.set_nodelay(true).map_err(Error::during("cannot set TCP_NODELAY"))?;
        let (pages, upload) = (Arc::clone(&pages), upload.clone());
        let service = service_fn(move |request| {
            let (pages, upload) = (Arc::clone(&pages), upload.clone());
            async move { Ok::<_, Infallible>(answer(request, &pages, &upload).await) }
        });
        tokio::spawn(async move {
            let mut http = hyper::server::conn::http1::Builder::new();
            // A peer that hangs up is how each measurement ends.
            drop(http.pipeline_flush(true).serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    pages: &Pages,
    upload: &Bytes,
) -> Response<Full<Bytes>> {
    let (head, mut body) = request.into_parts();
    let mut received = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { break };
        let Ok(data) = frame.into_data() else { continue };
        if upload.get(received..received + data.len()) != Some(&*data) {
            return plain(StatusCode::BAD_REQUEST, "not the body that was to be sent");
        }
        received += data.len();
    }
    let Some(page) = pages.get(head.uri.path()) else {
        return plain(StatusCode::NOT_FOUND, "no such page");
    };
    let mut response = Response::new(Full::new(page.body.clone()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(page.content_type));
    headers.insert(floor::POWERED_BY, HeaderValue::from_static("origin"));
    if received > 0 {
        headers.insert("x-seen-bytes", received.into());
    }
    for (name, seen) in &SEEN {
        if let Some(value) = head.headers.get(*name) {
            headers.insert(seen, value.clone());
        }
    }
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response
}
