//! Sockets that Envoy connects to.

use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Server, Tls, connection};
use crate::sockets::Socket;

/// A bound socket of the `ext_proc` server.
#[derive(Debug)]
pub enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Has tokio wait for its connections; call it inside of a runtime.
impl TryFrom<Socket> for Listener {
    type Error = io::Error;

    fn try_from(socket: Socket) -> io::Result<Self> {
        match socket {
            Socket::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                Ok(Self::Tcp(TcpListener::from_std(listener)?))
            }
            Socket::Unix(listener) => {
                listener.set_nonblocking(true)?;
                Ok(Self::Unix(UnixListener::from_std(listener)?))
            }
        }
    }
}

/// After a failed `accept` (out of file descriptors, mostly) others get time to give some back.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

impl Listener {
    /// Binds `ADDRESS:PORT` or `unix:PATH`; [`Socket::bind`] says how.
    pub fn bind(address: &str) -> io::Result<Self> {
        Socket::bind(address)?.try_into()
    }

    /// Where clients connect, in the form [`Listener::bind`] takes.
    pub fn address(&self) -> io::Result<String> {
        match self {
            Self::Tcp(listener) => Ok(listener.local_addr()?.to_string()),
            Self::Unix(listener) => {
                let address = listener.local_addr()?;
                let path = address.as_pathname().unwrap_or_else(|| Path::new(""));
                Ok(format!("unix:{}", path.display()))
            }
        }
    }

    pub(super) async fn accept(
        self,
        server: Arc<Server>,
        connections: TaskTracker,
        cut_off: CancellationToken,
    ) {
        match self {
            Self::Tcp(listener) => {
                let accept = async || {
                    let (socket, _) = listener.accept().await?;
                    // Replies are small and awaited: Nagle's algorithm would hold them back.
                    socket.set_nodelay(true)?;
                    Ok(socket)
                };
                let tls = server.settings.tls.clone();
                accept_all(accept, &server, tls.as_ref(), &connections, &cut_off).await;
            }
            Self::Unix(listener) => {
                let accept = async || listener.accept().await.map(|(socket, _)| socket);
                accept_all(accept, &server, None, &connections, &cut_off).await;
            }
        }
    }
}

async fn accept_all<S, F>(
    accept: impl Fn() -> F,
    server: &Arc<Server>,
    tls: Option<&Arc<Tls>>,
    connections: &TaskTracker,
    cut_off: &CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = io::Result<S>>,
{
    loop {
        let accepted = tokio::select! {
            () = server.shutdown.cancelled() => return,
            accepted = accept() => accepted,
        };
        match accepted {
            Ok(socket) => {
                let serving = serve(socket, tls.cloned(), server.clone());
                let cut_off = cut_off.clone();
                connections.spawn(async move {
                    tokio::select! {
                        () = cut_off.cancelled() => {}
                        () = serving => {}
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection from Envoy could not be accepted");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

async fn serve<S>(socket: S, tls: Option<Arc<Tls>>, server: Arc<Server>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Some(tls) = tls else { return connection::serve(socket, server).await };
    match tls.accept(socket).await {
        Ok(socket) => connection::serve(socket, server).await,
        Err(error) => tracing::info!("a connection was refused, its TLS handshake failed: {error}"),
    }
}
