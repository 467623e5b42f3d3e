//! What a cache holds, and which requests it is for.

use std::time::SystemTime;

use url::{Position, Url};

use super::CacheId;
use super::body::Body;
use crate::exchange::HeaderList;

/// A request as far as a cache looks at it.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: bytes::Bytes,
    pub url: Url,
    pub headers: HeaderList,
}

/// `CacheQueryOptions`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Query {
    pub ignore_search: bool,
    pub ignore_method: bool,
    pub ignore_vary: bool,
}

/// The head of a response that is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// 0 for an error response.
    pub status: u16,
    pub status_text: String,
    pub headers: HeaderList,
    /// Of the response: empty for one that a Worker made.
    pub url: String,
    pub redirected: bool,
}

/// A request and its response.
#[derive(Debug)]
pub struct Entry {
    /// Later entries have larger ones.
    pub id: u64,
    pub cache: CacheId,
    pub request: Request,
    pub head: Head,
    pub(super) body: Body,
    pub stored: SystemTime,
    pub expires: SystemTime,
    /// Seconds that the response had spent in other caches (`age`).
    pub age: u64,
    /// Field names of `vary`, in lower case.
    pub(super) vary: Vec<String>,
    /// What it counts, in bytes.
    pub(super) charged: usize,
}

impl Entry {
    /// Bytes of its body.
    pub fn length(&self) -> u64 {
        self.body.length()
    }

    pub(super) fn is_fresh(&self, now: SystemTime) -> bool {
        now < self.expires
    }

    /// "Request matches cached item" of the Service Workers standard; all that is kept are GETs.
    pub(super) fn matches(&self, asked: &Request, query: Query) -> bool {
        if !query.ignore_method && asked.method.as_ref() != b"GET" {
            return false;
        }
        if query.ignore_search {
            let path = |url: &'_ Url| url[..Position::AfterPath].to_owned();
            if path(&self.request.url) != path(&asked.url) {
                return false;
            }
        } else if key_of(&self.request.url) != key_of(&asked.url) {
            return false;
        }
        query.ignore_vary
            || self
                .vary
                .iter()
                .all(|name| values(&self.request.headers, name).eq(values(&asked.headers, name)))
    }
}

/// A URL without its fragment, which no request has.
pub(super) fn key_of(url: &Url) -> &str {
    &url[..Position::AfterQuery]
}

/// The values of a field.
pub(super) fn values<'a>(
    headers: &'a HeaderList,
    name: &'a str,
) -> impl Iterator<Item = &'a [u8]> + 'a {
    headers.iter().filter(move |(n, _)| n.as_ref() == name.as_bytes()).map(|(_, v)| v.as_ref())
}

/// The members of a field's comma-separated lists, without the whitespace around them.
pub(super) fn members<'a>(
    headers: &'a HeaderList,
    name: &'a str,
) -> impl Iterator<Item = &'a [u8]> + 'a {
    values(headers, name)
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty())
}
