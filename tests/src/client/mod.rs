//! An HTTP client for tests: one connection per request, HTTP/1.1 or HTTP/2 with prior knowledge,
//! bodies in pieces, trailers, and a way to hang up at any moment.

mod body;
mod reply;
mod websocket;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::JoinHandle;

pub use body::{BodySender, ClientBody};
pub use reply::{Opened, Reply};
pub use websocket::{WebSocket, websocket};

use crate::{Error, Result, sockets};

/// What a peer may send ahead over HTTP/2.
pub const WINDOW_BYTES: u32 = 1 << 20;

/// The HTTP version that the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proto {
    H1,
    H2,
}

impl Proto {
    pub const BOTH: [Self; 2] = [Self::H1, Self::H2];
}

/// A request to be sent.
#[derive(Debug)]
pub struct Request {
    proto: Proto,
    method: Method,
    uri: Result<Uri>,
    host: Option<String>,
    headers: Result<HeaderMap>,
    body: ClientBody,
}

/// GET over HTTP/1.1.
pub async fn get(url: &str) -> Result<Reply> {
    Request::new(Proto::H1, "GET", url).send().await
}

impl Request {
    pub fn new(proto: Proto, method: &str, url: &str) -> Self {
        Self {
            proto,
            method: method.parse().unwrap_or(Method::GET),
            uri: url.parse().map_err(Error::during(format!("bad URL {url}"))),
            host: None,
            headers: Ok(HeaderMap::new()),
            body: ClientBody::Empty,
        }
    }

    /// The authority to ask for, when it is not the address that is connected to.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        self.host = Some(host.to_owned());
        self
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Ok(headers) = &mut self.headers {
            match (HeaderName::try_from(name), HeaderValue::from_str(value)) {
                (Ok(name), Ok(value)) => {
                    headers.append(name, value);
                }
                _ => self.headers = Err(Error::new(format!("bad header {name}: {value}"))),
            }
        }
        self
    }

    /// A body of known length, with `content-length`.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = ClientBody::Full(body.into());
        self
    }

    /// A body without `content-length`, in pieces of `piece` bytes.
    #[must_use]
    pub fn chunked(mut self, body: impl Into<Bytes>, piece: usize) -> Self {
        self.body = ClientBody::Pieces { body: body.into(), piece, trailers: None };
        self
    }

    /// A body without `content-length` and then trailers.
    #[must_use]
    pub fn trailers(mut self, body: impl Into<Bytes>, trailers: &[(&str, &str)]) -> Self {
        let mut map = HeaderMap::new();
        for (name, value) in trailers {
            match (HeaderName::try_from(*name), HeaderValue::from_str(value)) {
                (Ok(name), Ok(value)) => {
                    map.append(name, value);
                }
                _ => self.headers = Err(Error::new(format!("bad trailer {name}: {value}"))),
            }
        }
        let names = trailers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        self.body = ClientBody::Pieces { body: body.into(), piece: 16 * 1024, trailers: Some(map) };
        // hyper sends HTTP/1.1 trailers only when they were announced.
        if self.proto == Proto::H1 { self.header("trailer", &names) } else { self }
    }

    /// A body that the test writes piece by piece.
    #[must_use]
    pub fn streamed(mut self) -> (Self, BodySender) {
        let (sender, body) = BodySender::new();
        self.body = body;
        (self, sender)
    }

    /// Sends it and reads the whole response. A body that is cut off is an error.
    pub async fn send(self) -> Result<Reply> {
        self.open().await?.finish().await
    }

    /// Sends it and returns at the response's head. Dropping the result, or this future, hangs up.
    pub async fn open(self) -> Result<Opened> {
        let uri = self.uri?;
        let mut headers = self.headers?;
        let authority = uri
            .authority()
            .ok_or_else(|| Error::new(format!("no address in URL {uri}")))?
            .to_string();
        let host = self.host.unwrap_or_else(|| authority.clone());
        let stream = sockets::connect(&authority).await?;
        stream.set_nodelay(true).map_err(Error::during("can't set TCP_NODELAY"))?;
        let io = TokioIo::new(stream);

        let path = uri.path_and_query().map_or("/", |p| p.as_str());
        let mut request = http::Request::new(self.body.into_hyper());
        *request.method_mut() = self.method;
        let target = match self.proto {
            Proto::H1 => {
                let host = HeaderValue::from_str(&host)
                    .map_err(Error::during(format!("bad host {host}")))?;
                headers.insert(http::header::HOST, host);
                path.to_owned()
            }
            Proto::H2 => format!("http://{host}{path}"),
        };
        *request.uri_mut() =
            target.parse().map_err(Error::during(format!("bad request target {target}")))?;
        *request.headers_mut() = headers;

        let lost = |error: hyper::Error| Error::new(format!("request failed: {}", chain(&error)));
        let (response, connection) = match self.proto {
            Proto::H1 => {
                let (mut sender, connection) =
                    http1::handshake(io).await.map_err(Error::during("handshake failed"))?;
                let connection = Connection(tokio::spawn(async move {
                    // Its failure is the request's failure, which is reported there.
                    drop(connection.with_upgrades().await);
                }));
                (sender.send_request(request).await.map_err(lost)?, connection)
            }
            Proto::H2 => {
                let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
                    .initial_stream_window_size(WINDOW_BYTES)
                    .initial_connection_window_size(WINDOW_BYTES)
                    .handshake(io)
                    .await
                    .map_err(Error::during("handshake failed"))?;
                let connection = Connection(tokio::spawn(async move {
                    drop(connection.await);
                }));
                (sender.send_request(request).await.map_err(lost)?, connection)
            }
        };
        Ok(Opened::new(response, connection))
    }
}

/// The task that drives a connection; ended when dropped, which closes the socket.
#[derive(Debug)]
pub struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// The status of a GET without a runtime; `None` when there is no answer.
pub fn blocking_status(url: &str) -> Option<u16> {
    let rest = url.strip_prefix("http://")?;
    let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
    let address: SocketAddr = address.parse().ok()?;
    let limit = Duration::from_secs(2);
    let mut stream = TcpStream::connect_timeout(&address, limit).ok()?;
    stream.set_read_timeout(Some(limit)).ok()?;
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).ok()?;
    std::str::from_utf8(&answer).ok()?.strip_prefix("HTTP/1.1 ")?.parse().ok()
}
