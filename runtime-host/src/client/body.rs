//! The body type of messages that leave through a pool.

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};

/// Any error, as body implementations report it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body on its way out, of whatever kind.
pub type RawBody = UnsyncBoxBody<Bytes, BoxError>;

pub(super) fn empty() -> RawBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

pub(super) fn full(bytes: Bytes) -> RawBody {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}
