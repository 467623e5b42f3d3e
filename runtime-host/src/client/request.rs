//! What a caller asks of [`super::Client::fetch`].

use std::fmt;

use bytes::Bytes;
use http::HeaderMap;
use url::Url;

use super::{Origin, Upload};
use crate::exchange::HeaderList;

/// Redirects followed for one fetch (Fetch standard, HTTP-redirect fetch).
pub const MAX_REDIRECTS: u32 = 20;

/// Asked before each redirect is followed, with the URL it leads to; the first request is not a
/// hop. It may change the headers. `Err` refuses it, with the text that the caller's error shows.
pub type OnHop = Box<dyn FnMut(&Url, &mut HeaderMap) -> Result<(), String> + Send>;

/// One `fetch()`.
pub struct FetchRequest {
    /// An HTTP method in the case it shall have; `CONNECT`, `TRACE` and `TRACK` are refused.
    pub method: Bytes,
    /// `http` or `https`, without credentials.
    pub url: Url,
    /// Fields that belong to the connection (`host`, `connection`, `transfer-encoding` …) and
    /// `content-length` are dropped: the client sets what applies.
    pub headers: HeaderList,
    pub body: FetchBody,
    pub redirect: Redirect,
    /// Redirects that may be followed, normally [`MAX_REDIRECTS`].
    pub max_redirects: u32,
    pub override_target: Option<Override>,
    pub on_hop: Option<OnHop>,
}

impl FetchRequest {
    /// A GET without body that follows redirects.
    pub fn get(url: Url) -> Self {
        Self {
            method: Bytes::from_static(b"GET"),
            url,
            headers: HeaderList::default(),
            body: FetchBody::Empty,
            redirect: Redirect::default(),
            max_redirects: MAX_REDIRECTS,
            override_target: None,
            on_hop: None,
        }
    }
}

impl fmt::Debug for FetchRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchRequest")
            .field("method", &self.method)
            .field("url", &self.url.as_str())
            .finish_non_exhaustive()
    }
}

/// The body of a request.
#[derive(Debug)]
pub enum FetchBody {
    Empty,
    /// Can be sent again after a redirect.
    Full(Bytes),
    /// Made with [`super::upload`]. Can't be sent again.
    Stream(Upload),
}

/// What to do with a redirect response (Fetch standard, a request's redirect mode).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redirect {
    #[default]
    Follow,
    /// The redirect response is the result.
    Manual,
    /// A redirect response is an error.
    Error,
}

/// Requests for one authority go to another server, which still sees the URL's authority as the
/// request's host. A Worker's fetches to the authority it serves itself use it: by DNS they would
/// come back to the proxy. It holds for each hop of a redirect chain.
#[derive(Clone, Debug)]
pub struct Override {
    /// Host and optional port, as a request's head has them; see [`crate::exchange::has_authority`].
    pub authority: Bytes,
    pub target: Origin,
}
