//! The HTTP client behind a Worker's `fetch()` to other origins, and behind the plain front end's
//! way to its origin.
//!
//! **One [`Client`] per Worker.** A client owns its connection pool and its TLS sessions, so no
//! connection (which may carry credentials by its mere existence) is ever shared between tenants.
//! Clients are cheap: what is costly to load (the trust roots) is in [`ClientConfig`], shared.
//!
//! **What a client may connect to** is for [`crate::egress`] to say; `guard` asks it with each address
//! that a connection is about to go to.
//!
//! `fetch` follows the Fetch standard's network part (redirects, content decoding); [`Client::forward`]
//! sends one message as it is. Dropping a future or a body cancels what it stands for.

mod body;
mod connect;
mod counted;
mod cut;
mod decode;
mod error;
mod guard;
mod headers;
mod hop;
mod lookup;
mod origin;
mod pool;
mod request;
mod response;
#[cfg(test)]
pub(crate) mod tests;
mod tls;
mod upgrade;
mod upload;

use std::sync::Arc;

use hyper::body::Incoming;
use parking_lot::Mutex;

pub use body::{BoxError, RawBody};
pub use error::{ErrorKind, FetchError};
pub use guard::{Denied, OnDenied};
pub use origin::Origin;
pub use request::{FetchBody, FetchRequest, MAX_REDIRECTS, OnHop, Override, Redirect};
pub use response::{FetchResponse, ResponseBody};
pub use tls::ClientConfig;
pub use upgrade::Connection;
pub use upload::{Upload, UploadClosed, UploadSender, upload};

use cut::Sending;
use hop::Hop;
use pool::{PoolKey, Pools};

use crate::egress::Policy;

/// An HTTP client with a connection pool of its own. See the module's text.
///
/// Connections are driven by tasks of the tokio runtime on which the request that opened them was
/// polled; that runtime must outlive the client.
#[derive(Clone, Debug)]
pub struct Client {
    pools: Arc<Mutex<Pools>>,
}

impl Client {
    pub fn new(config: &ClientConfig) -> Self {
        Self { pools: Arc::new(Mutex::new(Pools::new(config))) }
    }

    /// Sets what [`Client::fetch`] may connect to from now on; until it is called that is what the
    /// default [`Policy`] has. `on_denied` is told of each connection that was refused.
    pub fn set_rules(&self, policy: &Policy, on_denied: OnDenied) {
        self.pools.lock().set_rules(policy, on_denied);
    }

    /// Sends a request, follows redirects as asked, and returns once the final response's head is
    /// there. The body follows as it is pulled.
    pub async fn fetch(&self, request: FetchRequest) -> Result<FetchResponse, FetchError> {
        let mut hop = Hop::first(request)?;
        loop {
            let response = self.exchange(&mut hop).await?;
            match hop.location(&response)? {
                Some(location) => hop.follow(response.status(), location)?,
                None => return Ok(hop.into_response(response)),
            }
        }
    }

    /// Sends one message to `target` as it is: no redirects, no decoding, trailers kept. The
    /// request's URI must hold the authority that the peer shall see; its scheme is replaced by
    /// the target's. With an `upgrade` header it goes over an HTTP/1.1 connection, and
    /// `hyper::upgrade::on` works on a 101 response.
    pub async fn forward(
        &self,
        target: &Origin,
        request: http::Request<RawBody>,
    ) -> Result<http::Response<Incoming>, FetchError> {
        let http1_only = request.headers().contains_key(http::header::UPGRADE);
        let key = PoolKey { target: Some(target.clone()), http1_only };
        let pool = self.pools.lock().get(key);
        let mut request = request;
        let sending = Sending::of(&mut request);
        let response = pool.request(request).await.map_err(|e| error::from_pool(&e, target))?;
        sending.over();
        Ok(response)
    }

    /// One hop, tried again when a connection that had served before turns out to be closed and
    /// the request may be repeated (RFC 9110 §9.2.2). The pool itself retries what was not yet
    /// written.
    async fn exchange(&self, hop: &mut Hop) -> Result<http::Response<Incoming>, FetchError> {
        let (target, peer) = hop.target()?;
        let pool = self.pools.lock().get(PoolKey { target, http1_only: false });
        let mut retried = false;
        loop {
            let mut message = hop.message()?;
            let sending = Sending::of(&mut message);
            match pool.request(message).await {
                Ok(response) => {
                    connect::mark_used(&response);
                    cut::forbidden_body(&response);
                    hop.head_came(sending);
                    return Ok(response);
                }
                Err(e) if !retried && hop.may_repeat() && connect::was_stale(&e) => retried = true,
                Err(e) => return Err(error::from_pool(&e, &peer)),
            }
        }
    }
}
