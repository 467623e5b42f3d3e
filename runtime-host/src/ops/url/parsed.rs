//! A parsed URL as JavaScript holds it: the serialization and the offsets of its parts.

use std::fmt::Write as _;

use url::{Position, Url};

use super::record::{Path, Record};

/// Number of offsets. All index into the serialization, which is ASCII, so bytes and code units are
/// the same.
pub(super) const OFFSETS: usize = 8;

#[derive(Clone, Debug)]
pub(super) struct Parsed {
    pub href: String,
    /// The ends of scheme and user name, the start of the host, and the ends of host, port, and the
    /// starts of path, `?` and `#` (the end of what comes before, where there is none).
    pub offsets: [u32; OFFSETS],
}

impl From<Url> for Parsed {
    fn from(url: Url) -> Self {
        let before = |position| url[..position].len() as u32;
        let offsets = [
            before(Position::AfterScheme),
            before(Position::AfterUsername),
            before(Position::BeforeHost),
            before(Position::AfterHost),
            before(Position::AfterPort),
            before(Position::BeforePath),
            before(Position::AfterPath),
            before(Position::AfterQuery),
        ];
        Self { href: url.into(), offsets }
    }
}

/// <https://url.spec.whatwg.org/#concept-url-serializer>
impl From<&Record> for Parsed {
    fn from(url: &Record) -> Self {
        let mut href = url.scheme.clone();
        let mut offsets = [href.len() as u32; OFFSETS];
        href.push(':');
        let mut mark = |index: usize, href: &String| offsets[index] = href.len() as u32;
        if let Some(host) = &url.host {
            href.push_str("//");
            href.push_str(&url.username);
            mark(1, &href);
            if !url.password.is_empty() {
                href.push(':');
                href.push_str(&url.password);
            }
            if !url.username.is_empty() || !url.password.is_empty() {
                href.push('@');
            }
            mark(2, &href);
            href.push_str(host);
            mark(3, &href);
            if let Some(port) = url.port {
                let _ = write!(href, ":{port}");
            }
            mark(4, &href);
        } else {
            (1..=4).for_each(|index| mark(index, &href));
            // Or the path would be taken for a host.
            if matches!(&url.path, Path::List(list) if list.len() > 1 && list[0].is_empty()) {
                href.push_str("/.");
            }
        }
        mark(5, &href);
        match &url.path {
            Path::Opaque(path) => href.push_str(path),
            Path::List(list) => {
                for segment in list {
                    href.push('/');
                    href.push_str(segment);
                }
            }
        }
        mark(6, &href);
        if let Some(query) = &url.query {
            href.push('?');
            href.push_str(query);
        }
        mark(7, &href);
        if let Some(fragment) = &url.fragment {
            href.push('#');
            href.push_str(fragment);
        }
        Self { href, offsets }
    }
}
