//! One request of a fetch, and how a redirect turns it into the next one
//! (Fetch standard, "HTTP-redirect fetch" and "HTTP-network-or-cache fetch").

use std::fmt::Write;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, StatusCode};
use hyper::body::Incoming;
use url::{Position, Url};

use super::cut::Sending;
use super::request::{OnHop, Override};
use super::response::{self, FetchResponse};
use super::upload::UploadCanceller;
use super::{ErrorKind, FetchBody, FetchError, FetchRequest, Origin, RawBody, Redirect};
use super::{body, headers};
use crate::exchange::has_authority;

/// Sent unless the caller chose: the codings that [`super::decode`] undoes; and what Fetch has user agents
/// send ("fetch" step 12 and "HTTP-network-or-cache fetch" step 8.15).
const DEFAULTS: [(HeaderName, HeaderValue); 4] = [
    (header::ACCEPT, HeaderValue::from_static("*/*")),
    (header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, br, deflate, zstd")),
    (header::ACCEPT_LANGUAGE, HeaderValue::from_static("*")),
    (header::USER_AGENT, HeaderValue::from_static(USER_AGENT)),
];

/// What the requests of Workers name as their agent; `navigator.userAgent` says the same.
const USER_AGENT: &str = "NANO-Envoy";

/// Fields that describe a body and go when a redirect drops it (Fetch, "request-body-header name").
const BODY_FIELDS: [HeaderName; 4] = [
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LOCATION,
    header::CONTENT_TYPE,
];

/// Fields that speak for the caller to one origin only. The standard names the first; the others
/// can't be set by a browser's page, but by a Worker.
const CREDENTIAL_FIELDS: [HeaderName; 3] =
    [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];

/// The request of the current hop.
pub(super) struct Hop {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: HopBody,
    canceller: UploadCanceller,
    redirect: Redirect,
    redirects_left: u32,
    redirected: bool,
    override_target: Option<Override>,
    hook: Option<OnHop>,
}

enum HopBody {
    Empty,
    Full(Bytes),
    /// `None` once it was sent.
    Stream(Option<RawBody>),
}

impl Hop {
    pub(super) fn first(request: FetchRequest) -> Result<Self, FetchError> {
        let mut headers = headers::outgoing(&request.headers)?;
        // A part of an encoded body can't be decoded ("HTTP-network-or-cache fetch" step 8.19).
        if headers.contains_key(header::RANGE) {
            headers.entry(header::ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
        }
        for (name, value) in &DEFAULTS {
            headers.entry(name).or_insert_with(|| value.clone());
        }
        if !request.url.username().is_empty() || request.url.password().is_some() {
            let message = "a URL with credentials can't be fetched; use an authorization header";
            return Err(FetchError::new(ErrorKind::Request, message));
        }
        let mut canceller = UploadCanceller::default();
        let body = match request.body {
            FetchBody::Empty => HopBody::Empty,
            FetchBody::Full(bytes) => HopBody::Full(bytes),
            FetchBody::Stream(upload) => {
                canceller = upload.canceller();
                HopBody::Stream(Some(RawBody::new(upload)))
            }
        };
        Ok(Self {
            method: method_of(&request.method)?,
            url: request.url,
            headers,
            body,
            canceller,
            redirect: request.redirect,
            redirects_left: request.max_redirects,
            redirected: false,
            override_target: request.override_target,
            hook: request.on_hop,
        })
    }

    /// Which pool serves this hop, and the server that its connections lead to.
    pub(super) fn target(&self) -> Result<(Option<Origin>, Origin), FetchError> {
        match self.overriding() {
            Some(target) => Ok((Some(target.clone()), target.clone())),
            None => Ok((None, Origin::of(&self.url)?)),
        }
    }

    fn overriding(&self) -> Option<&Origin> {
        let found = self.override_target.as_ref()?;
        has_authority(&self.url, &found.authority).then_some(&found.target)
    }

    /// The message to send. Callable again while [`Hop::may_repeat`].
    pub(super) fn message(&mut self) -> Result<http::Request<RawBody>, FetchError> {
        let own = Origin::of(&self.url)?;
        let path = &self.url[Position::BeforePath..Position::AfterQuery];
        let path = PathAndQuery::try_from(path).map_err(|e| {
            FetchError::new(ErrorKind::Request, format!("the URL can't be sent: {e}"))
        })?;
        // The pool derives the host field from the URI's authority, which stays the URL's.
        let uri = self.overriding().unwrap_or(&own).with(own.authority().clone(), path);
        let mut message = http::Request::new(match &mut self.body {
            HopBody::Empty => body::empty(),
            HopBody::Full(bytes) => body::full(bytes.clone()),
            HopBody::Stream(stream) => stream.take().ok_or_else(|| {
                FetchError::new(ErrorKind::Redirect, "a streamed request body can't be sent twice")
            })?,
        });
        *message.method_mut() = self.method.clone();
        *message.uri_mut() = uri;
        message.headers_mut().clone_from(&self.headers);
        let bodiless = matches!(self.body, HopBody::Empty);
        if bodiless && (self.method == Method::POST || self.method == Method::PUT) {
            message.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        Ok(message)
    }

    /// A response's head is there; a stream may still be on its way.
    pub(super) fn head_came(&mut self, sending: Sending) {
        match self.body {
            HopBody::Stream(_) => self.canceller.watch(sending),
            HopBody::Empty | HopBody::Full(_) => sending.over(),
        }
    }

    /// Whether the same message may be sent twice (RFC 9110 §9.2.2).
    pub(super) fn may_repeat(&self) -> bool {
        self.method.is_idempotent() && !matches!(self.body, HopBody::Stream(_))
    }

    /// Where the response leads, if it is a redirect to be followed.
    pub(super) fn location<B>(
        &self,
        response: &http::Response<B>,
    ) -> Result<Option<Url>, FetchError> {
        if !is_redirect(response.status()) || self.redirect == Redirect::Manual {
            return Ok(None);
        }
        if self.redirect == Redirect::Error {
            let message = format!(
                "{} answered with a redirect, which the request's redirect mode \"error\" forbids",
                self.url
            );
            return Err(FetchError::new(ErrorKind::Redirect, message));
        }
        let Some(location) = response.headers().get(header::LOCATION) else {
            return Ok(None);
        };
        let location = location_text(location.as_bytes());
        let mut location = self.url.join(&location).map_err(|e| {
            let message = format!("{} redirects to {location:?}, not a URL: {e}", self.url);
            FetchError::new(ErrorKind::Redirect, message)
        })?;
        if location.fragment().is_none() {
            location.set_fragment(self.url.fragment());
        }
        Ok(Some(location))
    }

    /// Becomes the request that `status` and `location` ask for.
    pub(super) fn follow(&mut self, status: StatusCode, location: Url) -> Result<(), FetchError> {
        let refuse = |message: String| Err(FetchError::new(ErrorKind::Redirect, message));
        if !matches!(location.scheme(), "http" | "https") {
            return refuse(format!("{} redirects to {location}, which is not HTTP", self.url));
        }
        if !location.username().is_empty() || location.password().is_some() {
            return refuse(format!("{} redirects to a URL with credentials in it", self.url));
        }
        if self.redirects_left == 0 {
            return refuse(format!("too many redirects, the last one to {location}"));
        }
        let drops_body = becomes_get(status, &self.method);
        if matches!(self.body, HopBody::Stream(_)) && status != StatusCode::SEE_OTHER {
            return refuse(format!(
                "{} answered {status}, but the request's body is a stream that can't be sent twice; \
                 give fetch a string or an ArrayBuffer as body, or set redirect to \"manual\"",
                self.url
            ));
        }
        if let Some(hook) = &mut self.hook {
            hook(&location, &mut self.headers)
                .map_err(|reason| FetchError::new(ErrorKind::Refused, reason))?;
        }
        self.redirects_left -= 1;
        self.redirected = true;
        if drops_body {
            self.method = Method::GET;
            self.body = HopBody::Empty;
            self.canceller = UploadCanceller::default();
            self.forget(&BODY_FIELDS);
        }
        if self.url.origin() != location.origin() {
            self.forget(&CREDENTIAL_FIELDS);
        }
        self.url = location;
        Ok(())
    }

    fn forget(&mut self, names: &[HeaderName]) {
        for name in names {
            self.headers.remove(name);
        }
    }

    pub(super) fn into_response(self, response: http::Response<Incoming>) -> FetchResponse {
        let bodiless = self.method == Method::HEAD;
        response::build(response, self.url, self.redirected, bodiless, self.canceller)
    }
}

fn method_of(name: &Bytes) -> Result<Method, FetchError> {
    let shown = String::from_utf8_lossy(name);
    let method = Method::from_bytes(name).map_err(|_| {
        FetchError::new(ErrorKind::Request, format!("{shown:?} is not an HTTP method"))
    })?;
    // Fetch, "forbidden method".
    if ["CONNECT", "TRACE", "TRACK"].iter().any(|m| method.as_str().eq_ignore_ascii_case(m)) {
        let message = format!("fetch can't send {shown} requests");
        return Err(FetchError::new(ErrorKind::Request, message));
    }
    Ok(method)
}

/// The text of a `location` field: UTF-8 as most servers send it, other bytes percent-encoded as they are.
fn location_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// Fetch, "redirect status".
fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn becomes_get(status: StatusCode, method: &Method) -> bool {
    match status.as_u16() {
        301 | 302 => method == Method::POST,
        303 => method != Method::GET && method != Method::HEAD,
        _ => false,
    }
}
