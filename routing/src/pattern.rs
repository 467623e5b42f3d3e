//! Route patterns of wrangler files.
//!
//! A pattern is `[scheme://]host/path`. `*` stands for any text: in the host only at its
//! beginning, in the path only at its end, as Cloudflare documents it; `*/path` and a `*` alone as
//! host mean every host. The path is compared with the request's path and query as they came.

use std::borrow::Cow;

/// A pattern, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    pub(crate) host: HostPattern,
    pub(crate) path: PathPattern,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostPattern {
    Any,
    Exact(String),
    /// What the host ends with: `*.example.com` has `.example.com`, `*example.com` also matches
    /// the bare domain.
    Suffix(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PathPattern {
    Exact(String),
    Prefix(String),
}

impl Pattern {
    /// The error completes a sentence that begins with the pattern.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = match text.split_once("://") {
            Some(("http" | "https", rest)) => rest,
            Some(_) => return Err("may only begin with http:// or https://"),
            None => text,
        };
        if text.contains('?') || text.contains('#') {
            return Err("can't have a query or fragment; end it with * to accept any query");
        }
        let (host, path) = text.find('/').map_or((text, ""), |slash| text.split_at(slash));
        Ok(Self { host: HostPattern::parse(host)?, path: PathPattern::parse(path)? })
    }
}

impl HostPattern {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let host = text.strip_suffix(":*").unwrap_or(text);
        let (wildcard, name) = match host.strip_prefix('*') {
            Some(name) => (true, name),
            None => (false, host),
        };
        if name.contains('*') {
            return Err("may have a * in its host only at the beginning");
        }
        if name.contains([' ', '@', '\\']) || (name.contains(':') && !name.starts_with('[')) {
            return Err("needs a host name without port, like example.com/* or */path");
        }
        match (wildcard, name) {
            (false, "") => Err("needs a host, like example.com/* or */path"),
            (true, "") => Ok(Self::Any),
            (true, name) => Ok(Self::Suffix(name.to_ascii_lowercase())),
            (false, name) => Ok(Self::Exact(name.to_ascii_lowercase())),
        }
    }
}

impl PathPattern {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (prefix, wildcard) = match text.strip_suffix('*') {
            Some(prefix) => (prefix, true),
            None => (text, false),
        };
        if prefix.contains('*') {
            return Err("may have a * in its path only at the end");
        }
        let path = if prefix.is_empty() { "/" } else { prefix };
        Ok(if wildcard { Self::Prefix(path.to_owned()) } else { Self::Exact(path.to_owned()) })
    }

    pub(crate) fn matches(&self, target: &str) -> bool {
        match self {
            // A query follows only where a * allows it, as Cloudflare matches whole URLs.
            Self::Exact(path) => target == path,
            Self::Prefix(prefix) => target.starts_with(prefix.as_str()),
        }
    }

    /// Longer is more specific; at the same length an exact path wins over a prefix.
    pub(crate) fn specificity(&self) -> (usize, bool) {
        match self {
            Self::Exact(path) => (path.len(), true),
            Self::Prefix(path) => (path.len(), false),
        }
    }
}

/// Without port and final dot, in lower case; allocates only for a host with upper case.
pub(crate) fn normalise(authority: &str) -> Cow<'_, str> {
    let host = match authority.rfind(':') {
        // The colons of an IPv6 address are inside of its brackets.
        Some(colon) if !authority[colon..].contains(']') => &authority[..colon],
        _ => authority,
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_pattern() {
        for pattern in [
            "",
            "/path",
            "ftp://a/*",
            "a.*.com/*",
            "a*.com/*",
            "a.com/*/b",
            "a.com/*b",
            "a.com/x?y=*",
            "a.com:80/*",
            "a b.com/*",
        ] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }
}
