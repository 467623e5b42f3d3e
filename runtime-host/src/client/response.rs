//! What a fetch yields.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use http::{StatusCode, header};
use http_body::Body;
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use url::Url;

use super::decode::{self, Decoded};
use super::origin::authority_of;
use super::upload::UploadCanceller;
use super::{ErrorKind, FetchError, error, headers};
use crate::exchange::HeaderList;

/// The final response of a fetch.
#[derive(Debug)]
pub struct FetchResponse {
    pub status: u16,
    /// The reason phrase that came, or else the standard one of the status (HTTP/2 has none).
    pub status_text: String,
    /// Without the connection's own fields; without `content-encoding` and `content-length` when
    /// the body was encoded, for it is delivered decoded.
    pub headers: HeaderList,
    /// The URL that answered, with its fragment.
    pub url: Url,
    /// Whether a redirect was followed.
    pub redirected: bool,
    pub body: ResponseBody,
}

pub(super) fn build(
    response: http::Response<Incoming>,
    url: Url,
    redirected: bool,
    to_head: bool,
    canceller: UploadCanceller,
) -> FetchResponse {
    let (mut head, incoming) = response.into_parts();
    let bodiless = to_head
        || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || incoming.is_end_stream();
    let peer = authority_of(&url);
    let source = Source { incoming, peer };
    let inner = if bodiless {
        Inner::Ended
    } else if let Some(codings) = decode::codings(&head.headers) {
        head.headers.remove(header::CONTENT_ENCODING);
        head.headers.remove(header::CONTENT_LENGTH);
        Inner::Decoded(decode::decoded(source, &codings))
    } else {
        Inner::Plain(source)
    };
    let status_text = match head.extensions.get::<ReasonPhrase>() {
        Some(reason) => String::from_utf8_lossy(reason.as_bytes()).into_owned(),
        None => head.status.canonical_reason().unwrap_or_default().to_owned(),
    };
    FetchResponse {
        status: head.status.as_u16(),
        status_text,
        headers: headers::incoming(head.headers),
        url,
        redirected,
        body: ResponseBody { inner, canceller },
    }
}

/// The body of a response, decoded. It is pulled: what nobody asks for stays with the peer, but
/// for a window of read-ahead. Dropping it cancels the rest, the request's upload included.
pub struct ResponseBody {
    inner: Inner,
    canceller: UploadCanceller,
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").field("is_end", &self.is_end()).finish_non_exhaustive()
    }
}

enum Inner {
    Plain(Source),
    Decoded(Decoded),
    Ended,
}

impl ResponseBody {
    /// Whether it is known that there are no (more) bytes, without reading.
    pub fn is_end(&self) -> bool {
        matches!(self.inner, Inner::Ended)
    }

    /// How many bytes the whole body has, where its framing says it. Before it is read.
    pub fn length(&self) -> Option<u64> {
        match &self.inner {
            Inner::Plain(source) => source.incoming.size_hint().exact(),
            Inner::Decoded(_) => None,
            Inner::Ended => Some(0),
        }
    }

    /// The next bytes, never empty; `None` at the end. After an error there is nothing more.
    pub async fn chunk(&mut self) -> Option<Result<Bytes, FetchError>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for ResponseBody {
    type Item = Result<Bytes, FetchError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = match &mut self.inner {
            Inner::Plain(source) => ready!(Pin::new(source).poll_next(cx)),
            Inner::Decoded(decoded) => ready!(decoded.as_mut().poll_next(cx)),
            Inner::Ended => None,
        };
        if !matches!(next, Some(Ok(_))) {
            self.inner = Inner::Ended;
        }
        if next.is_none() {
            self.canceller.disarm();
        }
        Poll::Ready(next)
    }
}

/// The bytes as they come from the connection.
pub(super) struct Source {
    incoming: Incoming,
    peer: String,
}

impl Stream for Source {
    type Item = Result<Bytes, FetchError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let frame = match ready!(Pin::new(&mut self.incoming).poll_frame(cx)) {
                None => return Poll::Ready(None),
                Some(Err(e)) => return Poll::Ready(Some(Err(error::from_hyper(&e, &self.peer)))),
                Some(Ok(frame)) => frame,
            };
            // Trailers have no place in the Fetch API.
            match frame.into_data() {
                Ok(data) if !data.is_empty() => return Poll::Ready(Some(Ok(data))),
                _ => {}
            }
        }
    }
}

/// The error of a body that does not decode.
pub(super) fn decode_error(e: &std::io::Error, peer: &str) -> FetchError {
    match error::find::<FetchError>(e) {
        Some(inner) => inner.clone(),
        None => FetchError::new(
            ErrorKind::Decode,
            format!("the response of {peer} is not what its content-encoding says: {e}"),
        ),
    }
}

impl Source {
    pub(super) fn peer(&self) -> &str {
        &self.peer
    }
}
