//! URLs whose scheme is `file` or none of the web's, as the URL standard has them: the `url` crate
//! follows older rules for these (drive letters, empty path segments, `/.` before a path). Hosts are
//! the crate's.

use url::Host;

use super::encode::{self, encode};

/// A URL record (<https://url.spec.whatwg.org/#concept-url>). The port has no default, as these
/// schemes have none.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub scheme: String,
    pub username: String,
    pub password: String,
    /// Serialized.
    pub host: Option<String>,
    pub port: Option<u16>,
    pub path: Path,
    pub query: Option<String>,
    pub fragment: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Path {
    Opaque(String),
    List(Vec<String>),
}

impl Default for Path {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

/// What is no URL. The standard tells no reasons.
pub(super) struct Invalid;

/// The scheme that a text begins with, in lower case, and what follows its colon. Leading controls
/// and spaces, tabs and newlines are to be gone already.
pub(super) fn split_scheme(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    is_scheme.then(|| (scheme.to_ascii_lowercase(), rest))
}

impl Record {
    /// Parses a text that was trimmed, relative to another such record if there is one.
    pub fn parse(text: &str, base: Option<&Self>) -> Result<Self, Invalid> {
        let mut url = Self::default();
        if let Some((scheme, rest)) = split_scheme(text) {
            url.scheme = scheme;
            if url.is_file() {
                url.parse_file(rest, base.filter(|base| base.is_file()))?;
            } else if let Some(rest) = rest.strip_prefix("//") {
                url.parse_authority(rest)?;
            } else if rest.starts_with('/') {
                url.parse_path_and_rest(rest);
            } else {
                url.parse_opaque_path(rest);
            }
            return Ok(url);
        }
        let base = base.ok_or(Invalid)?;
        url.scheme.clone_from(&base.scheme);
        if let Path::Opaque(_) = base.path {
            let fragment = text.strip_prefix('#').ok_or(Invalid)?;
            let fragment = Some(encode(fragment, encode::FRAGMENT));
            return Ok(Self { fragment, ..base.clone() });
        }
        if base.is_file() {
            url.parse_file(text, Some(base))?;
        } else if let Some(rest) = text.strip_prefix("//") {
            url.parse_authority(rest)?;
        } else {
            url.parse_relative(text, base);
        }
        Ok(url)
    }

    pub fn is_file(&self) -> bool {
        self.scheme == "file"
    }

    /// Whether name, password and port may be set.
    pub fn may_have_credentials(&self) -> bool {
        !self.is_file() && self.host.as_ref().is_some_and(|host| !host.is_empty())
    }

    /// <https://url.spec.whatwg.org/#relative-state>, for a scheme that is not special.
    fn parse_relative(&mut self, text: &str, base: &Self) {
        self.username.clone_from(&base.username);
        self.password.clone_from(&base.password);
        self.host.clone_from(&base.host);
        self.port = base.port;
        if text.starts_with('/') {
            self.parse_path_and_rest(text);
            return;
        }
        self.continue_path(text, base, true);
    }

    /// The path of the base goes on with `text`, or stays where there is nothing but a query or a
    /// fragment.
    fn continue_path(&mut self, text: &str, base: &Self, shorten: bool) {
        self.path.clone_from(&base.path);
        match text.bytes().next() {
            None => self.query.clone_from(&base.query),
            Some(b'?') => self.parse_query_and_fragment(text),
            Some(b'#') => {
                self.query.clone_from(&base.query);
                self.parse_query_and_fragment(text);
            }
            Some(_) => {
                if shorten {
                    self.shorten();
                } else {
                    self.path = Path::default();
                }
                self.parse_segments(text);
            }
        }
    }

    /// <https://url.spec.whatwg.org/#file-state>
    fn parse_file(&mut self, text: &str, base: Option<&Self>) -> Result<(), Invalid> {
        let is_slash = |c: char| c == '/' || c == '\\';
        self.host = Some(String::new());
        if let Some(rest) = text.strip_prefix(is_slash) {
            if let Some(rest) = rest.strip_prefix(is_slash) {
                return self.parse_file_host(rest);
            }
            if let Some(base) = base {
                self.host.clone_from(&base.host);
                if let (false, Some(drive)) = (starts_with_drive(rest), base.drive()) {
                    self.path = Path::List(vec![drive.to_owned()]);
                }
            }
            self.parse_segments(rest);
            return Ok(());
        }
        match base {
            Some(base) => {
                self.host.clone_from(&base.host);
                self.continue_path(text, base, !starts_with_drive(text));
            }
            None => self.parse_segments(text),
        }
        Ok(())
    }

    /// <https://url.spec.whatwg.org/#file-host-state>
    fn parse_file_host(&mut self, text: &str) -> Result<(), Invalid> {
        let (host, rest) = text.split_at(end_of(text, &['/', '\\', '?', '#']));
        if is_drive(host) {
            self.parse_segments(text);
            return Ok(());
        }
        self.host = Some(file_host(host)?);
        self.parse_path_and_rest(rest);
        Ok(())
    }

    /// <https://url.spec.whatwg.org/#authority-state>, for a scheme that is not special.
    fn parse_authority(&mut self, text: &str) -> Result<(), Invalid> {
        let (authority, rest) = text.split_at(end_of(text, &['/', '?', '#']));
        let host_and_port = match authority.rsplit_once('@') {
            None => authority,
            Some((_, "")) => return Err(Invalid),
            Some((credentials, host_and_port)) => {
                let (name, password) = credentials.split_once(':').unwrap_or((credentials, ""));
                self.username = encode(name, encode::USERINFO);
                self.password = encode(password, encode::USERINFO);
                host_and_port
            }
        };
        let colon = port_colon(host_and_port);
        let (host, port) = host_and_port.split_at(colon.unwrap_or(host_and_port.len()));
        if host.is_empty() && colon.is_some() {
            return Err(Invalid);
        }
        self.host = Some(opaque_host(host)?);
        if let Some(digits) = port.strip_prefix(':').filter(|digits| !digits.is_empty()) {
            self.port = Some(port_number(digits)?);
        }
        self.parse_path_and_rest(rest);
        Ok(())
    }

    /// <https://url.spec.whatwg.org/#path-start-state>
    fn parse_path_and_rest(&mut self, text: &str) {
        let is_slash = |c: char| c == '/' || (c == '\\' && self.is_file());
        match text.strip_prefix(is_slash) {
            Some(rest) => self.parse_segments(rest),
            // `file:` URLs have a path in any case.
            None if self.is_file() => self.parse_segments(text),
            None => self.parse_query_and_fragment(text),
        }
    }

    /// <https://url.spec.whatwg.org/#path-state>, from the beginning of a segment.
    fn parse_segments(&mut self, text: &str) {
        let (path, rest) = text.split_at(end_of(text, &['?', '#']));
        self.push_segments(path);
        self.parse_query_and_fragment(rest);
    }

    /// Adds the segments of a text to the path: all of it, whatever it has in it.
    pub fn push_segments(&mut self, text: &str) {
        let is_file = self.is_file();
        let mut rest = Some(text);
        while let Some(text) = rest {
            let end = text.find(|c| c == '/' || (c == '\\' && is_file));
            let segment = &text[..end.unwrap_or(text.len())];
            rest = end.map(|end| &text[end + 1..]);
            let is_last = end.is_none();
            match dots(segment) {
                Some(2) => {
                    self.shorten();
                    if is_last {
                        self.push(String::new());
                    }
                }
                Some(_) if is_last => self.push(String::new()),
                Some(_) => {}
                None => {
                    let mut segment = encode(segment, encode::PATH);
                    let is_first = matches!(&self.path, Path::List(list) if list.is_empty());
                    if is_file && is_first && is_drive(&segment) {
                        segment.replace_range(1.., ":");
                    }
                    self.push(segment);
                }
            }
        }
    }

    fn push(&mut self, segment: String) {
        if let Path::List(list) = &mut self.path {
            list.push(segment);
        }
    }

    /// <https://url.spec.whatwg.org/#shorten-a-urls-path>
    fn shorten(&mut self) {
        let is_drive_only =
            self.drive().is_some() && matches!(&self.path, Path::List(list) if list.len() == 1);
        if let (false, Path::List(list)) = (is_drive_only, &mut self.path) {
            list.pop();
        }
    }

    /// The drive letter that the path of a `file:` URL begins with: `C:`.
    fn drive(&self) -> Option<&str> {
        match &self.path {
            Path::List(list) if self.is_file() => {
                list.first().map(String::as_str).filter(|it| is_drive(it) && it.ends_with(':'))
            }
            _ => None,
        }
    }

    /// <https://url.spec.whatwg.org/#cannot-be-a-base-url-path-state>
    fn parse_opaque_path(&mut self, text: &str) {
        let (path, rest) = text.split_at(end_of(text, &['?', '#']));
        let mut path = encode(path, encode::CONTROLS);
        if !rest.is_empty() && path.ends_with(' ') {
            path.pop();
            path.push_str("%20");
        }
        self.path = Path::Opaque(path);
        self.parse_query_and_fragment(rest);
    }

    /// Of a text that is empty or begins with `?` or `#`.
    fn parse_query_and_fragment(&mut self, text: &str) {
        let (query, fragment) = text.split_at(end_of(text, &['#']));
        if let Some(query) = query.strip_prefix('?') {
            self.query = Some(self.encode_query(query));
        }
        self.fragment = fragment.strip_prefix('#').map(|it| encode(it, encode::FRAGMENT));
    }

    pub fn encode_query(&self, query: &str) -> String {
        encode(query, if self.is_file() { encode::SPECIAL_QUERY } else { encode::QUERY })
    }
}

/// Where the first of these characters is, or the end.
pub(super) fn end_of(text: &str, stops: &[char]) -> usize {
    text.find(stops).unwrap_or(text.len())
}

/// <https://url.spec.whatwg.org/#windows-drive-letter>
fn is_drive(text: &str) -> bool {
    matches!(text.as_bytes(), [letter, b':' | b'|'] if letter.is_ascii_alphabetic())
}

/// <https://url.spec.whatwg.org/#start-with-a-windows-drive-letter>
fn starts_with_drive(text: &str) -> bool {
    text.get(..2).is_some_and(is_drive)
        && matches!(text.as_bytes().get(2), None | Some(b'/' | b'\\' | b'?' | b'#'))
}

/// How many dots a segment stands for, if it is nothing but one or two of them.
fn dots(segment: &str) -> Option<usize> {
    if segment.len() > 6 {
        return None;
    }
    match segment.to_ascii_lowercase().replace("%2e", ".").as_str() {
        "." => Some(1),
        ".." => Some(2),
        _ => None,
    }
}

/// Where the colon before a port is: the first one outside of brackets.
pub(super) fn port_colon(text: &str) -> Option<usize> {
    let mut inside = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => inside = true,
            b']' => inside = false,
            b':' if !inside => return Some(at),
            _ => {}
        }
    }
    None
}

pub(super) fn port_number(digits: &str) -> Result<u16, Invalid> {
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Invalid);
    }
    // Zeros in front may be any number.
    match digits.trim_start_matches('0') {
        "" => Ok(0),
        number => number.parse().map_err(|_| Invalid),
    }
}

/// The host of a `file:` URL, serialized; this machine has no name.
pub(super) fn file_host(text: &str) -> Result<String, Invalid> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let host = Host::parse(text).map_err(|_| Invalid)?.to_string();
    Ok(if host == "localhost" { String::new() } else { host })
}

/// <https://url.spec.whatwg.org/#concept-opaque-host-parser>, serialized; IPv6 addresses too.
pub(super) fn opaque_host(text: &str) -> Result<String, Invalid> {
    if text.is_empty() {
        return Ok(String::new());
    }
    Host::parse_opaque(text).map(|host| host.to_string()).map_err(|_| Invalid)
}
