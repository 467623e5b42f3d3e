//! Heads of requests and responses, kept as the bytes that arrived.

use bytes::Bytes;
use url::Url;

/// Header fields in the order they arrived, duplicates kept; names are lower case and never
/// pseudo-headers. Values are field bytes (RFC 9110 §5.5), not necessarily UTF-8.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderList(pub Vec<(Bytes, Bytes)>);

impl HeaderList {
    /// The first value of `name` (lower case).
    pub fn get(&self, name: &str) -> Option<&Bytes> {
        self.iter().find(|(n, _)| n.as_ref() == name.as_bytes()).map(|(_, v)| v)
    }

    /// The value of `content-length`, if it is a number.
    pub fn content_length(&self) -> Option<u64> {
        std::str::from_utf8(self.get("content-length")?).ok()?.parse().ok()
    }

    pub fn iter(&self) -> std::slice::Iter<'_, (Bytes, Bytes)> {
        self.0.iter()
    }

    /// Bytes of all names and values.
    pub fn size(&self) -> usize {
        self.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    pub fn push(&mut self, name: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.0.push((name.into(), value.into()));
    }

    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(n, _)| n.as_ref() != name.as_bytes());
    }
}

impl<'a> IntoIterator for &'a HeaderList {
    type Item = &'a (Bytes, Bytes);
    type IntoIter = std::slice::Iter<'a, (Bytes, Bytes)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The head of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestHead {
    pub method: Bytes,
    /// `http` or `https`.
    pub scheme: Bytes,
    /// Host and optional port, as the client sent it.
    pub authority: Bytes,
    /// Path and query.
    pub path: Bytes,
    pub headers: HeaderList,
    /// Whether a body follows (of unknown length, perhaps none of it).
    pub has_body: bool,
}

/// Whether a URL has a request's authority: its host, and its port or the default of the URL's
/// scheme. The request's scheme does not matter: behind a proxy that ends TLS it is what the proxy
/// says it is.
pub fn has_authority(url: &Url, authority: &[u8]) -> bool {
    let authority = String::from_utf8_lossy(authority);
    let Ok(own) = Url::parse(&format!("{}://{authority}/", url.scheme())) else { return false };
    own.host() == url.host() && own.port_or_known_default() == url.port_or_known_default()
}

/// The head of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseHead {
    pub status: u16,
    pub headers: HeaderList,
    /// Whether a body follows. On a [`super::Respond`] the `body` field says it instead.
    pub has_body: bool,
}
