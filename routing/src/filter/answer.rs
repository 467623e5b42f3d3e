//! Answers that the filter gives by itself.

use std::borrow::Cow;

use super::condition::Condition;
use super::decide::Head;

/// What a rule answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
    pub(super) location: Option<Location>,
}

/// Where a redirect leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Location(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Host,
    /// With the query.
    Path,
}

/// Nothing but some requests is let through.
#[derive(Clone, Debug)]
pub(super) struct Maintenance {
    pub answer: Answer,
    pub unless: Vec<Condition>,
}

/// Why the filter answers by itself; a metric has the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A rule says so.
    Rule,
    Maintenance,
    MethodBlocked,
    PathTooLong,
    HeadersTooLarge,
    RateLimited,
}

impl Reason {
    pub const ALL: [Self; 6] = [
        Self::Rule,
        Self::Maintenance,
        Self::MethodBlocked,
        Self::PathTooLong,
        Self::HeadersTooLarge,
        Self::RateLimited,
    ];

    /// In the filter state and the metrics' names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Maintenance => "maintenance",
            Self::MethodBlocked => "method_blocked",
            Self::PathTooLong => "path_too_long",
            Self::HeadersTooLarge => "headers_too_large",
            Self::RateLimited => "rate_limited",
        }
    }
}

/// A response for one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply<'r> {
    pub status: u16,
    pub headers: Vec<(&'r str, Cow<'r, str>)>,
    pub body: &'r str,
    pub reason: Reason,
}

impl<'r> Reply<'r> {
    pub(super) fn plain(reason: Reason, status: u16, body: &'r str) -> Self {
        let headers = vec![("content-type", Cow::Borrowed("text/plain; charset=utf-8"))];
        Self { status, headers, body, reason }
    }

    #[must_use]
    pub(super) fn with(mut self, name: &'r str, value: String) -> Self {
        self.headers.push((name, Cow::Owned(value)));
        self
    }
}

impl Answer {
    pub(super) fn reply(&self, reason: Reason, head: &Head<'_>) -> Reply<'_> {
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.into()));
        let mut headers: Vec<(&str, Cow<'_, str>)> = headers.collect();
        if let Some(location) = &self.location {
            headers.push(("location", Cow::Owned(location.of(head))));
        }
        Reply { status: self.status, headers, body: &self.body, reason }
    }
}

impl Location {
    /// The error completes a sentence that begins with the text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let after_scheme = ["https://", "http://"].iter().find_map(|s| text.strip_prefix(s));
        // What a client sends must not become the host of the URL: `/` and its path `/x` would.
        let good = match after_scheme {
            Some(rest) => rest.starts_with("{host}") || !rest.starts_with(['/', '{', '?', '#']),
            None => text.starts_with('/') && !text.starts_with("//") && !text.starts_with("/{"),
        };
        if !good || after_scheme == Some("") {
            return Err("must begin with http:// or https:// and a host, or with / and a name");
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("may hold printable ASCII only: write %-escapes");
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let (before, from) = rest.split_at(open);
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            let close = from.find('}').ok_or("has a { without }")?;
            match &from[..=close] {
                "{host}" => pieces.push(Piece::Host),
                "{path}" => pieces.push(Piece::Path),
                _ => return Err("may have {host} and {path} in it, nothing else in braces"),
            }
            rest = &from[close + 1..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    fn of(&self, head: &Head<'_>) -> String {
        let mut url = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => url.push_str(text),
                Piece::Host => url.push_str(&head.authority),
                Piece::Path => url.push_str(&head.path),
            }
        }
        // Envoy has refused line breaks in both; a non-ASCII byte would not be a URL.
        url.retain(|c| c.is_ascii_graphic());
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_never_leave_the_host_to_the_client() {
        for text in [
            "",
            "www.example.com",
            "//evil.test",
            "/{path}",
            "{path}",
            "{host}",
            "https://",
            "https:///x",
            "https://{path}",
            "https://a.test/{port}",
            "https://a.test/{path",
            "https://a.test/a b",
            "javascript:alert(1)",
        ] {
            assert!(Location::parse(text).is_err(), "{text}");
        }
        let headers = vec![
            (":authority".to_owned(), b"a.test:8080".to_vec()),
            (":path".to_owned(), b"//evil.test/?a=1".to_vec()),
        ];
        let head = Head::new(&headers);
        let to = |text: &str| Location::parse(text).unwrap().of(&head);
        assert_eq!(to("https://www.example.com{path}"), "https://www.example.com//evil.test/?a=1");
        assert_eq!(to("https://{host}/x"), "https://a.test:8080/x");
        assert_eq!(to("/new{path}"), "/new//evil.test/?a=1");
    }
}
