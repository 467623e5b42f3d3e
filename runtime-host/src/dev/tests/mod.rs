mod bodies;
mod engine;
mod flow;
mod peers;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{DevSettings, serve};
use crate::client::tests::{client, read};
use crate::client::{FetchBody, FetchError, FetchRequest, FetchResponse, Origin};
use crate::exchange::Engine;

/// A running front end; it ends when dropped.
struct Front {
    address: SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Front {
    async fn new(engine: impl Engine, origin: Option<&Url>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let origin = origin.map(|url| Origin::of(url).expect("an origin"));
        let settings = DevSettings { origin, client: client() };
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(serve(listener, Arc::new(engine), settings, shutdown.clone()));
        Self { address, shutdown, task }
    }

    fn url(&self, path: &str) -> Url {
        format!("http://{}{path}", self.address).parse().expect("a URL")
    }

    async fn get(&self, path: &str) -> Result<FetchResponse, FetchError> {
        client().fetch(FetchRequest::get(self.url(path))).await
    }

    async fn post(&self, path: &str, body: FetchBody) -> Result<FetchResponse, FetchError> {
        let mut request = FetchRequest::get(self.url(path));
        request.method = "POST".into();
        request.body = body;
        client().fetch(request).await
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Bodies of the sizes that matter.
fn sizes() -> [Bytes; 4] {
    let bytes = (0..10 * 1024 * 1024_u32).map(|i| (i / 7) as u8).collect::<Vec<_>>();
    let bytes = Bytes::from(bytes);
    [Bytes::new(), bytes.slice(1..2), bytes.slice(..65536), bytes]
}

async fn whole(mut response: FetchResponse) -> Bytes {
    read(&mut response.body).await.expect("a body").into()
}

/// Fails the test when something takes too long.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), what).await.expect("it takes too long")
}
