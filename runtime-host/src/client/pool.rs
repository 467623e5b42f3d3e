//! A client's connection pools.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::{self, Builder};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::Semaphore;

use super::connect::Connector;
use super::guard::{Guarded, OnDenied, Rules};
use super::lookup::Lookups;
use super::{ClientConfig, Origin, RawBody};
use crate::egress::Policy;
use crate::exchange::BODY_WINDOW_BYTES;

/// Header bytes of a response, all fields together (Workers allow 128 KB).
const MAX_HEADER_BYTES: u32 = 128 * 1024;

/// Fields of a response head, HTTP/1.1.
const MAX_HEADER_FIELDS: usize = 512;

/// The HTTP/2 window of a connection: some streams of one window each.
const CONNECTION_WINDOW_BYTES: u32 = 4 * BODY_WINDOW_BYTES as u32;

pub(super) type Pool = legacy::Client<Connector, RawBody>;

/// What tells pools apart. Within a pool connections are kept per scheme and authority.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct PoolKey {
    /// Where its connections go; `None`: to the URL's authority.
    pub target: Option<Origin>,
    pub http1_only: bool,
}

/// The pools of one client: the ordinary one, and one per overriding target.
pub(super) struct Pools {
    config: ClientConfig,
    /// Made for the first pool.
    tls: OnceCell<rustls::ClientConfig>,
    room: Arc<Semaphore>,
    rules: Rules,
    pub(super) lookups: Lookups,
    by_key: HashMap<PoolKey, Pool>,
}

impl Pools {
    pub(super) fn new(config: &ClientConfig) -> Self {
        Self {
            tls: OnceCell::new(),
            room: Arc::new(Semaphore::new(config.connections)),
            config: config.clone(),
            rules: Rules { policy: Arc::default(), on_denied: Arc::new(|_| {}) },
            lookups: Lookups::new(),
            by_key: HashMap::new(),
        }
    }

    /// Other rules: connections that were opened under the old ones serve no further request.
    pub(super) fn set_rules(&mut self, policy: &Policy, on_denied: OnDenied) {
        if *self.rules.policy != *policy {
            self.by_key.clear();
        }
        self.rules = Rules { policy: Arc::new(policy.clone()), on_denied };
    }

    /// The pool for `key`. Targets come from the operator's configuration, so there are few.
    pub(super) fn get(&mut self, key: PoolKey) -> Pool {
        if let Some(pool) = self.by_key.get(&key) {
            return pool.clone();
        }
        let pool = self.build(&key);
        self.by_key.insert(key, pool.clone());
        pool
    }

    fn build(&self, key: &PoolKey) -> Pool {
        let tcp = Guarded {
            // A target is the operator's choice, and needs no permission beside it.
            rules: key.target.is_none().then(|| self.rules.clone()),
            lookups: self.lookups.clone(),
            timeout: self.config.connect_timeout,
        };
        let tls = self.tls.get_or_init(|| self.config.tls()).clone();
        let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        let https = if key.http1_only {
            builder.enable_http1().wrap_connector(tcp)
        } else {
            builder.enable_all_versions().wrap_connector(tcp)
        };
        let connector = Connector {
            https,
            target: key.target.clone(),
            timeout: self.config.connect_timeout,
            room: self.room.clone(),
        };
        self.settings().build(connector)
    }

    fn settings(&self) -> Builder {
        let mut settings = legacy::Client::builder(TokioExecutor::new());
        settings
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(self.config.idle_timeout)
            .pool_max_idle_per_host(self.config.idle_per_origin)
            // Both bound how much of a body is read ahead of who pulls it.
            .http1_max_buf_size(BODY_WINDOW_BYTES)
            .http2_initial_stream_window_size(BODY_WINDOW_BYTES as u32)
            .http2_initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .http1_max_headers(MAX_HEADER_FIELDS)
            .http2_max_header_list_size(MAX_HEADER_BYTES);
        settings
    }
}

impl fmt::Debug for Pools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pools").field("pools", &self.by_key.keys()).finish_non_exhaustive()
    }
}
