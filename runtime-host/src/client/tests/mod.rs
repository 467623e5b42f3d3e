mod bodies;
mod connections;
mod fuzz;
mod guard;
mod redirects;
mod requests;
pub(crate) mod server;
mod websocket;

use super::*;
use crate::egress::Section;

pub(crate) fn client() -> Client {
    open(&ClientConfig::load(None).expect("roots"))
}

/// A client that may connect to the tests' servers.
pub(crate) fn open(config: &ClientConfig) -> Client {
    let client = Client::new(config);
    client.set_rules(&loopback(), Arc::new(|_| {}));
    client
}

/// Rules that open loopback.
pub(crate) fn loopback() -> Policy {
    let allow = ["127.0.0.0/8", "::1"].map(|rule| rule.parse().expect("a rule")).to_vec();
    Policy::new(&Section { allow, ..Section::default() }, &Section::default(), None)
}

/// The whole body, as text.
pub(crate) async fn text(mut response: FetchResponse) -> String {
    String::from_utf8(read(&mut response.body).await.expect("a body")).expect("UTF-8")
}

pub(crate) async fn read(body: &mut ResponseBody) -> Result<Vec<u8>, FetchError> {
    let mut all = Vec::new();
    while let Some(chunk) = body.chunk().await {
        all.extend_from_slice(&chunk?);
    }
    Ok(all)
}
