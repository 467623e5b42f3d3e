//! The way out: a connection goes to an address that the Worker's rules allow, or is not opened.
//!
//! The name is looked up here, the addresses are judged, and the connection goes to one of those that
//! were judged: a name that means something else a moment later (DNS rebinding) changes nothing. A
//! pooled connection was judged when it was opened. Every redirect asks for a connection of its own.

use std::fmt;
use std::future::{Future, ready};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::BoxError;
use super::connect::port_of;
use super::lookup::{LookupFailed, Lookups};
use crate::egress::{Policy, Reason};

/// A connection without traffic is probed after this, so that a peer that vanished is noticed.
const KEEPALIVE: Duration = Duration::from_mins(1);

/// How long a server may take nothing of what is sent to it until the kernel closes the connection
/// (`TCP_USER_TIMEOUT`, tcp(7)). What is still to be written of a request that was answered already
/// would otherwise keep its connection for good.
const UNTAKEN: Duration = Duration::from_mins(1);

/// Told of every connection that is refused.
pub type OnDenied = Arc<dyn Fn(&Denied) + Send + Sync>;

/// A refused connection. It displays without the addresses: what an internal name leads to is not
/// the tenant's to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// As the URL has it.
    pub host: String,
    pub port: u16,
    /// What the name leads to and the reason against it; `None`: the name itself is denied.
    pub address: Option<IpAddr>,
    pub reason: Reason,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "connect to {}:{} failed: the operator's rules do not allow this Worker to connect \
             there ([egress] in nano.toml)",
            self.host, self.port
        )
    }
}

impl std::error::Error for Denied {}

/// The rules of one client, and who hears of refusals.
#[derive(Clone)]
pub(super) struct Rules {
    pub policy: Arc<Policy>,
    pub on_denied: OnDenied,
}

impl Rules {
    fn denied(&self, host: &str, port: u16, address: Option<IpAddr>, reason: Reason) -> Denied {
        let denied = Denied { host: host.to_owned(), port, address, reason };
        (self.on_denied)(&denied);
        denied
    }

    /// Those of `addresses` that may be connected to, or why none of them may.
    fn sift(
        &self,
        host: &str,
        name: Option<&str>,
        port: u16,
        addresses: Vec<SocketAddr>,
    ) -> Result<Vec<SocketAddr>, Denied> {
        let mut refused = None;
        let mut kept = addresses;
        kept.retain(|address| match self.policy.judge(name, address.ip(), port) {
            Ok(()) => true,
            Err(reason) => {
                refused.get_or_insert((address.ip(), reason));
                false
            }
        });
        match refused {
            Some((address, reason)) if kept.is_empty() => {
                Err(self.denied(host, port, Some(address), reason))
            }
            _ => Ok(kept),
        }
    }
}

/// Opens TCP connections.
#[derive(Clone)]
pub(super) struct Guarded {
    /// `None`: where it goes was chosen by the operator.
    pub rules: Option<Rules>,
    pub lookups: Lookups,
    pub timeout: Duration,
}

impl Guarded {
    /// Where a connection may go. Never more than what was judged.
    async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, BoxError> {
        let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        if let Ok(address) = literal.unwrap_or(host).parse::<IpAddr>() {
            let addresses = vec![SocketAddr::new(address, port)];
            return match &self.rules {
                Some(rules) => Ok(rules.sift(host, None, port, addresses)?),
                None => Ok(addresses),
            };
        }
        if let Some(rules) = &self.rules
            && let Err(reason) = rules.policy.judge_name(host, port)
        {
            return Err(rules.denied(host, port, None, reason).into());
        }
        let addresses = self.lookups.addresses(host, port).await?;
        match &self.rules {
            Some(rules) => Ok(rules.sift(host, Some(host), port, addresses)?),
            None => Ok(addresses),
        }
    }
}

impl Service<Uri> for Guarded {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let (host, port) = (uri.host().unwrap_or_default(), port_of(&uri));
            let judged = this.addresses(host, port).await?;
            // A URI with an address in it goes to that address, which is the one judged; for all
            // others the connector asks its resolver, which knows nothing else.
            let mut tcp = HttpConnector::new_with_resolver(Judged(judged));
            tcp.enforce_http(false);
            tcp.set_nodelay(true);
            tcp.set_keepalive(Some(KEEPALIVE));
            tcp.set_tcp_user_timeout(Some(UNTAKEN));
            tcp.set_connect_timeout(Some(this.timeout));
            Ok(tcp.call(uri).await?)
        })
    }
}

/// A resolver whose answer is known.
#[derive(Clone)]
struct Judged(Vec<SocketAddr>);

impl Service<Name> for Judged {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = LookupFailed;
    type Future = std::future::Ready<Result<Self::Response, LookupFailed>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), LookupFailed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        ready(Ok(std::mem::take(&mut self.0).into_iter()))
    }
}
