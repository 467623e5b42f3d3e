//! The operator's HTTP port: metrics, health, readiness.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::metrics::Metrics;

/// Connections served at once; more wait. A scraper and a prober use one each.
const CONNECTIONS: usize = 64;

/// A client that has not sent a request head by then is disconnected.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// After a failed accept (no file descriptors left, usually): time for some to be closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What `/` and unknown paths answer.
const INDEX: &str = "/metrics  Prometheus metrics\n\
                     /healthz  200 while the process lives\n\
                     /readyz   200 when requests are served; 503 while starting or draining\n";

/// Whether the process takes requests; shared by who knows it and who is asked. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicU8>);

/// The states of [`Readiness`]; it only ever goes up.
const STARTING: u8 = 0;
const READY: u8 = 1;
const DRAINING: u8 = 2;

impl Readiness {
    /// Workers are loaded and the ports are open. Does nothing once draining.
    pub fn set_ready(&self) {
        self.0.fetch_max(READY, Ordering::Release);
    }

    /// No new requests are wanted, for good.
    pub fn set_draining(&self) {
        self.0.fetch_max(DRAINING, Ordering::Release);
    }

    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::Acquire) == READY
    }

    fn answer(&self) -> (StatusCode, &'static str) {
        match self.0.load(Ordering::Acquire) {
            STARTING => (StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
            READY => (StatusCode::OK, "ready\n"),
            _ => (StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        }
    }
}

/// Serves the port until `shutdown`, then closes every connection. Give it up last: probes shall
/// see the draining.
pub async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    readiness: Readiness,
    shutdown: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &room) => accepted,
            () = shutdown.cancelled() => return,
        };
        let Some((stream, permit)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (metrics, readiness) = (metrics.clone(), readiness.clone());
        let shutdown = shutdown.clone();
        tokio::spawn(async move {
            let _permit = permit;
            tokio::select! {
                () = connection(stream, &metrics, &readiness) => {}
                () = shutdown.cancelled() => {}
            }
        });
    }
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let permit = room.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, permit)),
        Err(error) => {
            tracing::warn!(%error, "the admin port can't accept a connection");
            None
        }
    }
}

async fn connection(stream: TcpStream, metrics: &Metrics, readiness: &Readiness) {
    let service = service_fn(|request| {
        let response = answer(&request, metrics, readiness);
        async { Ok::<_, Infallible>(response) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection to the admin port ended early");
    }
}

fn answer<B>(
    request: &Request<B>,
    metrics: &Metrics,
    readiness: &Readiness,
) -> Response<Full<Bytes>> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD.\n");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match request.uri().path() {
        "/metrics" => exposition(metrics),
        "/healthz" => text(StatusCode::OK, "alive\n"),
        "/readyz" => {
            let (status, state) = readiness.answer();
            text(status, state)
        }
        "/" => text(StatusCode::OK, INDEX),
        _ => text(StatusCode::NOT_FOUND, format!("There is nothing here. There is:\n{INDEX}")),
    }
}

fn exposition(metrics: &Metrics) -> Response<Full<Bytes>> {
    match metrics.render() {
        Ok(exposition) => {
            let mut response = text(StatusCode::OK, exposition);
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            response
        }
        Err(error) => {
            tracing::error!(%error, "the metrics can't be rendered");
            text(StatusCode::INTERNAL_SERVER_ERROR, "The metrics can't be rendered.\n")
        }
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// A request over a real connection: status line and body.
    async fn get(address: std::net::SocketAddr, method: &str, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        (head[9..12].parse().expect("a status"), body.to_owned())
    }

    #[tokio::test]
    async fn says_what_there_is() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let (metrics, readiness) = (Arc::new(Metrics::new()), Readiness::default());
        let shutdown = CancellationToken::new();
        let server =
            tokio::spawn(serve(listener, metrics.clone(), readiness.clone(), shutdown.clone()));
        metrics.ext_proc_streams.inc();
        assert_eq!(get(address, "GET", "/healthz").await, (200, "alive\n".to_owned()));
        let (status, body) = get(address, "GET", "/metrics").await;
        assert_eq!(status, 200);
        assert!(body.contains("nano_ext_proc_streams 1\n"), "{body}");
        let (status, body) = get(address, "GET", "/nothing").await;
        assert!(status == 404 && body.contains("/readyz"), "{body}");
        assert_eq!(get(address, "POST", "/metrics").await.0, 405);

        assert_eq!(get(address, "GET", "/readyz").await, (503, "starting\n".to_owned()));
        readiness.set_ready();
        assert_eq!(get(address, "GET", "/readyz").await, (200, "ready\n".to_owned()));
        readiness.set_draining();
        readiness.set_ready();
        assert_eq!(get(address, "GET", "/readyz").await, (503, "draining\n".to_owned()));

        shutdown.cancel();
        server.await.expect("no panic");
        assert!(TcpStream::connect(address).await.is_err());
    }
}
