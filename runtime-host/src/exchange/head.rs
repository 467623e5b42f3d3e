//! Heads of requests and responses, kept as the bytes that arrived.

use bytes::Bytes;

/// Header fields in the order they arrived, duplicates kept; names are lower case and never
/// pseudo-headers. Values are field bytes (RFC 9110 §5.5), not necessarily UTF-8.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderList(pub Vec<(Bytes, Bytes)>);

impl HeaderList {
    /// The first value of `name` (lower case).
    pub fn get(&self, name: &str) -> Option<&Bytes> {
        self.iter().find(|(n, _)| n.as_ref() == name.as_bytes()).map(|(_, v)| v)
    }

    pub fn iter(&self) -> std::slice::Iter<'_, (Bytes, Bytes)> {
        self.0.iter()
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

/// The head of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseHead {
    pub status: u16,
    pub headers: HeaderList,
    /// Whether a body follows. On a [`super::Respond`] the `body` field says it instead.
    pub has_body: bool,
}
