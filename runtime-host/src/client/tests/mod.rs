mod bodies;
mod connections;
mod redirects;
mod requests;
pub(crate) mod server;

use super::*;

pub(crate) fn client() -> Client {
    Client::new(&ClientConfig::load(None).expect("roots"))
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
