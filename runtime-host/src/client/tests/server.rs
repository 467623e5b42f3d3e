//! Servers for the tests, on loopback, ended with their handle.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use url::Url;

use super::super::RawBody;

/// A running server; it ends when dropped.
pub struct Server {
    pub address: SocketAddr,
    /// Connections accepted so far.
    pub connections: Arc<AtomicUsize>,
    scheme: &'static str,
    task: JoinHandle<()>,
}

impl Server {
    pub fn url(&self, path: &str) -> Url {
        // The certificate names localhost.
        let text = format!("{}://localhost:{}{path}", self.scheme, self.address.port());
        text.parse().expect("a URL")
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A server that gives each connection to `serve`.
pub async fn raw<F, R>(serve: F) -> Server
where
    F: Fn(TcpStream) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let connections = Arc::new(AtomicUsize::new(0));
    let count = connections.clone();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(stream));
        }
    });
    Server { address, connections, scheme: "http", task }
}

/// An HTTP/1.1 and cleartext HTTP/2 server.
pub async fn http<F, R>(handler: F) -> Server
where
    F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response<RawBody>> + Send + 'static,
{
    raw(move |stream| serve(stream, handler.clone())).await
}

/// A TLS server that offers `protocols` by ALPN, and the PEM of the authority that signed it.
pub async fn https<F, R>(protocols: &[&str], handler: F) -> (Server, String)
where
    F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response<RawBody>> + Send + 'static,
{
    let (mut tls, authority) = certified();
    tls.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let mut server = raw(move |stream| {
        let (acceptor, handler) = (acceptor.clone(), handler.clone());
        async move {
            // A client that does not trust the server ends the handshake.
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, handler).await;
            }
        }
    })
    .await;
    server.scheme = "https";
    (server, authority)
}

async fn serve<S, F, R>(stream: S, handler: F)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    F: Fn(Request<Incoming>) -> R + Send + Sync + 'static,
    R: Future<Output = Response<RawBody>> + Send + 'static,
{
    let service = service_fn(move |request| {
        let response = handler(request);
        async move { Ok::<_, std::convert::Infallible>(response.await) }
    });
    let server = auto::Builder::new(TokioExecutor::new());
    // Broken connections are what some tests are about.
    let _ = server.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
}

fn certified() -> (rustls::ServerConfig, String) {
    let authority_key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&authority_key).expect("a certificate");
    let issuer = Issuer::new(params, authority_key);
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(vec!["localhost".to_owned()])
        .and_then(|params| params.signed_by(&key, &issuer))
        .expect("a certificate");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .expect("a usable certificate");
    (tls, authority.pem())
}

/// A response of `bytes`.
pub fn reply(bytes: impl Into<Bytes>) -> Response<RawBody> {
    Response::new(Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync())
}

/// A response with a status and a field.
pub fn answer(status: u16, name: &'static str, value: &str) -> Response<RawBody> {
    let mut response = reply("");
    *response.status_mut() = status.try_into().expect("a status");
    response.headers_mut().insert(name, value.parse().expect("a value"));
    response
}

/// Method, path, body and fields of a request as the server saw it, one a line.
pub async fn describe(request: Request<Incoming>) -> String {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes);
    let mut text = format!("{} {}\n", head.method, head.uri.path_and_query().expect("a path"));
    for (name, value) in &head.headers {
        text += &[name.as_str(), ": ", &String::from_utf8_lossy(value.as_bytes()), "\n"].concat();
    }
    match body {
        Ok(body) => text += &String::from_utf8_lossy(&body),
        Err(e) => text += &["body failed: ", &e.to_string()].concat(),
    }
    text
}
