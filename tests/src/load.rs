//! Many requests over connections that stay open.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use crate::client::chain;
use crate::{Error, Result};

/// What a run found.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub requests: u32,
    pub elapsed: Duration,
}

/// Sends `requests` GETs of `url` with `headers` over `connections` HTTP/1.1 connections. Every
/// response must be complete and satisfy `right`; the first that is not ends the run.
pub async fn run(
    url: &str,
    headers: &[(&'static str, &'static str)],
    connections: u32,
    requests: u32,
    right: impl Fn(&http::response::Parts, &Bytes) -> bool + Send + Sync + 'static,
) -> Result<Load> {
    let began = Instant::now();
    let left = Arc::new(AtomicU32::new(requests));
    let right = Arc::new(right);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let (left, right) = (Arc::clone(&left), Arc::clone(&right));
        let (url, headers) = (url.to_owned(), headers.to_vec());
        tasks.spawn(async move { one_connection(&url, &headers, &left, &*right).await });
    }
    while let Some(result) = tasks.join_next().await {
        result.map_err(Error::during("a connection's task failed"))??;
    }
    Ok(Load { requests, elapsed: began.elapsed() })
}

async fn one_connection(
    url: &str,
    headers: &[(&'static str, &'static str)],
    left: &AtomicU32,
    right: &(dyn Fn(&http::response::Parts, &Bytes) -> bool + Send + Sync),
) -> Result<()> {
    let uri: http::Uri = url.parse().map_err(Error::during(format!("bad URL {url}")))?;
    let authority = uri.authority().ok_or_else(|| Error::new(format!("no address in {url}")))?;
    let stream = tokio::net::TcpStream::connect(authority.as_str())
        .await
        .map_err(Error::during(format!("can't connect to {authority}")))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(Error::during("handshake failed"))?;
    let connection = tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", |p| p.as_str());
    let take = |n: u32| n.checked_sub(1);
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
        let mut request = http::Request::get(path).header("host", authority.as_str());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Empty::<Bytes>::new()).map_err(Error::during("bad request"))?;
        let failed = |error: hyper::Error| Error::new(format!("request: {}", chain(&error)));
        let (head, body) = sender.send_request(request).await.map_err(failed)?.into_parts();
        let body = body.collect().await.map_err(failed)?.to_bytes();
        if !right(&head, &body) {
            let text = String::from_utf8_lossy(&body[..body.len().min(500)]).into_owned();
            return Err(Error::new(format!("wrong answer: {head:?}\n{text}")));
        }
    }
    connection.abort();
    Ok(())
}
