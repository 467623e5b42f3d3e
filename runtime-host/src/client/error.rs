//! Why a fetch failed, in words that help the Worker's author or its operator.

use std::error::Error as StdError;
use std::{fmt, io};

use super::Origin;
use super::connect::ConnectFailure;

/// The part of a fetch that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request can't be sent as it is (URL, method, a header).
    Request,
    /// The caller's own hook refused a redirect.
    Refused,
    /// A redirect that can't be followed, or must not be.
    Redirect,
    /// The Worker may not connect there ([`crate::egress`]).
    Denied,
    /// The host's name has no address.
    Dns,
    /// No connection.
    Connect,
    /// No connection within the time limit.
    ConnectTimeout,
    Tls,
    /// The peer broke the connection or the protocol.
    Peer,
    /// The request's body stream failed.
    Upload,
    /// The response's body is not what its `content-encoding` says.
    Decode,
}

/// A failed fetch. Displays as one sentence without a full stop, fit for a Worker's error message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchError {
    pub kind: ErrorKind,
    pub message: String,
}

impl FetchError {
    pub(super) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for FetchError {}

/// A failure of the pool or of the connection, before the response's head was there.
pub(super) fn from_pool(e: &hyper_util::client::legacy::Error, peer: &Origin) -> FetchError {
    if let Some(failure) = find::<ConnectFailure>(e) {
        return failure.0.clone();
    }
    if let Some(e) = find::<hyper::Error>(e) {
        return from_hyper(e, &peer.to_string());
    }
    FetchError::new(ErrorKind::Peer, format!("request to {peer} failed: {}", root_cause(e)))
}

/// A failure of an established connection to `peer`.
pub(super) fn from_hyper(e: &hyper::Error, peer: &str) -> FetchError {
    if let Some(e) = find::<FetchError>(e) {
        return e.clone();
    }
    let cause = root_cause(e);
    let cut_off = find::<io::Error>(e).is_some_and(|e| e.kind() == io::ErrorKind::UnexpectedEof);
    if e.is_incomplete_message() || cut_off {
        let message = format!("{peer} closed the connection before its message was complete");
        return FetchError::new(ErrorKind::Peer, message);
    }
    if e.is_parse() {
        let message = format!("{peer} sent what is not a valid HTTP response: {cause}");
        return FetchError::new(ErrorKind::Peer, message);
    }
    FetchError::new(ErrorKind::Peer, format!("connection to {peer} lost: {cause}"))
}

/// The first error of type `T` in the chain, also where an `io::Error` wraps it.
pub(super) fn find<'a, T: StdError + 'static>(e: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(e);
    while let Some(e) = next {
        if let Some(found) = e.downcast_ref::<T>() {
            return Some(found);
        }
        // io::Error's source() skips the error it wraps.
        next = match e.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => e.source(),
        };
    }
    None
}

/// The text of the innermost error: the outer ones only say in which layer it passed.
pub(super) fn root_cause(e: &(dyn StdError + 'static)) -> String {
    let mut last = e;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}
