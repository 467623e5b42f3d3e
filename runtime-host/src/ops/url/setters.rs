//! The setters of the URL class (<https://url.spec.whatwg.org/#url-class>) for [`Record`]s. A value
//! that a setter refuses changes nothing.

use super::encode::{self, encode};
use super::is_web;
use super::record::{
    Path, Record, end_of, file_host, opaque_host, port_colon, port_number, split_scheme,
};

impl Record {
    /// `value` has neither tabs nor newlines.
    pub fn set_protocol(&mut self, value: &str) {
        let Some((scheme, _)) = split_scheme(&format!("{value}:")) else { return };
        let is_special = scheme == "file" || is_web(&scheme);
        if is_special != self.is_file() {
            return;
        }
        if self.is_file() && self.host.as_ref().is_none_or(String::is_empty) {
            return;
        }
        self.scheme = scheme;
    }

    pub fn set_username(&mut self, value: &str) {
        if self.may_have_credentials() {
            self.username = encode(value, encode::USERINFO);
        }
    }

    pub fn set_password(&mut self, value: &str) {
        if self.may_have_credentials() {
            self.password = encode(value, encode::USERINFO);
        }
    }

    /// `host`, with a port, or `hostname`, without. `value` has neither tabs nor newlines.
    pub fn set_host(&mut self, value: &str, with_port: bool) {
        if let Path::Opaque(_) = self.path {
            return;
        }
        if self.is_file() {
            let host = &value[..end_of(value, &['/', '\\', '?', '#'])];
            if let Ok(host) = file_host(host) {
                self.host = Some(host);
            }
            return;
        }
        let authority = &value[..end_of(value, &['/', '?', '#'])];
        let colon = port_colon(authority);
        let (host, port) = authority.split_at(colon.unwrap_or(authority.len()));
        let is_bound =
            !self.username.is_empty() || !self.password.is_empty() || self.port.is_some();
        if host.is_empty() && (colon.is_some() || is_bound) || (colon.is_some() && !with_port) {
            return;
        }
        let Ok(host) = opaque_host(host) else { return };
        self.host = Some(host);
        if let Some(port) = port.strip_prefix(':') {
            self.set_port_digits(port);
        }
    }

    /// `value` has neither tabs nor newlines.
    pub fn set_port(&mut self, value: &str) {
        if !self.may_have_credentials() {
            return;
        }
        if value.is_empty() {
            self.port = None;
        } else {
            self.set_port_digits(value);
        }
    }

    fn set_port_digits(&mut self, value: &str) {
        let end = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
        if let (true, Ok(port)) = (end > 0, port_number(&value[..end])) {
            self.port = Some(port);
        }
    }

    /// `value` has neither tabs nor newlines.
    pub fn set_pathname(&mut self, value: &str) {
        if let Path::Opaque(_) = self.path {
            return;
        }
        self.path = Path::default();
        let is_file = self.is_file();
        let rest = value.strip_prefix(|c| c == '/' || (c == '\\' && is_file)).unwrap_or(value);
        if !value.is_empty() || is_file || self.host.is_none() {
            self.push_segments(rest);
        }
    }

    /// `value` has neither tabs nor newlines.
    pub fn set_search(&mut self, value: &str) {
        let query = value.strip_prefix('?').unwrap_or(value);
        self.query = (!value.is_empty()).then(|| self.encode_query(query));
    }

    /// `value` has neither tabs nor newlines.
    pub fn set_hash(&mut self, value: &str) {
        let fragment = value.strip_prefix('#').unwrap_or(value);
        self.fragment = (!value.is_empty()).then(|| encode(fragment, encode::FRAGMENT));
    }
}
