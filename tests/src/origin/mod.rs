//! An upstream for demos and tests: HTTP/1.1, HTTP/2 with prior knowledge and WebSocket on one
//! port. [`pages`] has what the examples use, [`behaviour`] what the tests provoke.

mod behaviour;
mod body;
mod echo;
mod hostile;
mod pages;
mod records;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use records::Records;
pub use records::{Record, Upload};

use crate::{Error, Result, sockets};

/// A running origin; ended when dropped.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    records: Arc<Records>,
    /// Dropping it closes every connection. Taken out only by `Drop`.
    runtime: Option<Runtime>,
}

impl Origin {
    /// Listens on the loopback address; port 0 is a free one.
    pub fn start(port: u16) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("origin")
            .enable_all()
            .build()
            .map_err(Error::during("can't start the origin"))?;
        let entered = runtime.enter();
        let listener = sockets::listen(port)
            .map_err(Error::during(format!("the origin can't listen on port {port}")))?;
        let address = listener.local_addr().map_err(Error::during("the origin has no address"))?;
        let records = Arc::new(Records::default());
        drop(entered);
        runtime.spawn(accept(listener, Arc::clone(&records)));
        Ok(Self { address, records, runtime: Some(runtime) })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What happened to requests that carried `x-test-id: id`, in the order they came.
    pub fn records(&self, id: &str) -> Vec<Record> {
        self.records.of(id)
    }

    /// Waits until a request with this `x-test-id` is as wanted.
    pub async fn wait_for(
        &self,
        id: &str,
        limit: Duration,
        wanted: impl Fn(&Record) -> bool,
    ) -> Result<Record> {
        let began = std::time::Instant::now();
        loop {
            if let Some(record) = self.records(id).into_iter().find(|record| wanted(record)) {
                return Ok(record);
            }
            if began.elapsed() > limit {
                return Err(Error::new(format!(
                    "the origin did not see what was expected of {id} in {limit:?}: {:?}",
                    self.records(id)
                )));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: TcpListener, records: Arc<Records>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, most likely: let some connections end.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        // Without it the answers are merely later.
        let _ = stream.set_nodelay(true);
        let records = Arc::clone(&records);
        tokio::spawn(async move {
            let mut builder = auto::Builder::new(TokioExecutor::new());
            builder.http2().max_concurrent_streams(1000);
            let service = service_fn(move |request| {
                let records = Arc::clone(&records);
                async move { behaviour::answer(request, &records).await }
            });
            // A peer that hangs up is an everyday event here; tests look at the records.
            drop(builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await);
        });
    }
}
