//! Opening a connection: name, TCP, TLS, all within one time limit, each failure in clear words.

use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use std::{fmt, io};

use http::{Extensions, Uri};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tower_service::Service;

use super::counted::Counted;
use super::error::{find, root_cause};
use super::guard::{Denied, Guarded};
use super::lookup::LookupFailed;
use super::{ErrorKind, FetchError, Origin};

type Connection = Counted<MaybeHttpsStream<TokioIo<TcpStream>>>;
type Opening<T> = Pin<Box<dyn Future<Output = Result<T, ConnectFailure>> + Send>>;

/// Opens connections for one pool.
#[derive(Clone)]
pub(super) struct Connector {
    pub https: HttpsConnector<Guarded>,
    /// Where to connect instead of the URI's authority.
    pub target: Option<Origin>,
    pub timeout: Duration,
    /// A permit for each connection of the client.
    pub room: Arc<Semaphore>,
}

impl Service<Uri> for Connector {
    type Response = Connection;
    type Error = ConnectFailure;
    type Future = Opening<Connection>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectFailure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let uri = self.target.as_ref().map_or(uri, Origin::uri);
        let (room, timeout) = (self.room.clone(), self.timeout);
        let mut https = self.https.clone();
        Box::pin(async move {
            let peer = peer_of(&uri);
            let opening = async {
                // The semaphore is never closed.
                let permit = room.clone().acquire_owned().await.map_err(|e| e.to_string());
                let stream = https.call(uri).await.map_err(|e| explain(&*e, &peer))?;
                let permit = permit.map_err(|e| FetchError::new(ErrorKind::Connect, e))?;
                Ok(Counted::new(stream, permit))
            };
            match tokio::time::timeout(timeout, opening).await {
                Ok(result) => result.map_err(ConnectFailure),
                Err(_) => Err(ConnectFailure(timed_out(&peer, timeout, &room))),
            }
        })
    }
}

fn peer_of(uri: &Uri) -> String {
    format!("{}:{}", uri.host().unwrap_or_default(), port_of(uri))
}

pub(super) fn port_of(uri: &Uri) -> u16 {
    let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    uri.port_u16().unwrap_or(default)
}

fn timed_out(peer: &str, timeout: Duration, room: &Semaphore) -> FetchError {
    let seconds = timeout.as_secs_f32();
    let message = if room.available_permits() == 0 {
        format!(
            "connect to {peer} failed: the Worker has as many connections open as it may have, \
             and none was closed within {seconds} s"
        )
    } else {
        format!("connect to {peer} failed: timed out after {seconds} s")
    };
    FetchError::new(ErrorKind::ConnectTimeout, message)
}

/// Puts a connector's error into words.
fn explain(e: &(dyn StdError + 'static), peer: &str) -> FetchError {
    if let Some(denied) = find::<Denied>(e) {
        return FetchError::new(ErrorKind::Denied, denied.to_string());
    }
    if let Some(LookupFailed(cause)) = find(e) {
        let message = format!("connect to {peer} failed: the name has no address ({cause})");
        return FetchError::new(ErrorKind::Dns, message);
    }
    if let Some(tls) = find::<rustls::Error>(e) {
        let hint = match tls {
            rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => {
                "; a private authority can be added to the host's trusted ones"
            }
            _ => "",
        };
        let message = format!("TLS handshake with {peer} failed: {tls}{hint}");
        return FetchError::new(ErrorKind::Tls, message);
    }
    let cause = match find::<io::Error>(e).map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => "connection refused".to_owned(),
        Some(io::ErrorKind::ConnectionReset) => "connection reset".to_owned(),
        Some(io::ErrorKind::UnexpectedEof) => "the peer closed the connection".to_owned(),
        Some(io::ErrorKind::NetworkUnreachable) => "network unreachable".to_owned(),
        Some(io::ErrorKind::HostUnreachable) => "host unreachable".to_owned(),
        _ => root_cause(e),
    };
    FetchError::new(ErrorKind::Connect, format!("connect to {peer} failed: {cause}"))
}

/// The connector's error: words, ready made.
#[derive(Debug)]
pub(super) struct ConnectFailure(pub FetchError);

impl fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for ConnectFailure {}

/// Travels with a connection: whether a response ever came over it.
#[derive(Clone, Debug, Default)]
pub(super) struct Served(Arc<AtomicBool>);

/// Notes that the response's connection has served.
pub(super) fn mark_used<B>(response: &http::Response<B>) {
    if let Some(served) = response.extensions().get::<Served>() {
        served.0.store(true, Ordering::Relaxed);
    }
}

/// Whether a connection that had served before was closed under the request, without an answer.
pub(super) fn was_stale(e: &hyper_util::client::legacy::Error) -> bool {
    let mut extensions = Extensions::new();
    if let Some(info) = e.connect_info() {
        info.get_extras(&mut extensions);
    }
    let served = extensions.get::<Served>().is_some_and(|s| s.0.load(Ordering::Relaxed));
    served
        && find::<hyper::Error>(e).is_some_and(|e| {
            e.is_incomplete_message()
                || e.is_closed()
                || find::<io::Error>(e).is_some_and(|e| {
                    matches!(e.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
                })
        })
}
