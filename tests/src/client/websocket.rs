//! A WebSocket client.

use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::{Error, Result};

pub type WebSocket = WebSocketStream<TcpStream>;

/// Opens a WebSocket at a `ws://address/path` URL; also returns the response's head.
pub async fn websocket(
    url: &str,
    headers: &[(&str, &str)],
) -> Result<(WebSocket, http::Response<()>)> {
    let mut request =
        url.into_client_request().map_err(Error::during(format!("bad WebSocket URL {url}")))?;
    for (name, value) in headers {
        request.headers_mut().insert(
            http::HeaderName::try_from(*name).map_err(Error::during("bad header name"))?,
            http::HeaderValue::from_str(value).map_err(Error::during("bad header value"))?,
        );
    }
    let authority = request
        .uri()
        .authority()
        .ok_or_else(|| Error::new(format!("no address in {url}")))?
        .to_string();
    let stream = TcpStream::connect(&authority)
        .await
        .map_err(Error::during(format!("can't connect to {authority}")))?;
    let (socket, response) = tokio_tungstenite::client_async(request, stream)
        .await
        .map_err(Error::during("WebSocket handshake failed"))?;
    Ok((socket, response.map(drop)))
}
