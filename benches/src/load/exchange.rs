//! Requests and what must come back for them.

use bytes::Bytes;

use crate::text::add;

/// One request, and the only response that is right.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// As it goes over the wire, HTTP/1.1.
    pub(super) request: Bytes,
    pub(super) expect: Expect,
}

#[derive(Clone, Debug)]
pub(super) struct Expect {
    pub status: u16,
    /// Lower-case name and value.
    pub present: Vec<(&'static str, String)>,
    pub absent: Vec<&'static str>,
    pub body: Bytes,
}

impl Exchange {
    /// A GET that is answered by 200 and an empty body, until told otherwise.
    pub fn get(host: &str, path: &str, headers: &[(&str, &str)]) -> Self {
        Self::new("GET", host, path, headers, &[])
    }

    /// The same for a POST with a body.
    pub fn post(host: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Self {
        Self::new("POST", host, path, headers, body)
    }

    fn new(method: &str, host: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n");
        for (name, value) in [("user-agent", "nano-bench"), ("accept", "*/*")].iter().chain(headers)
        {
            add(&mut request, format_args!("{name}: {value}\r\n"));
        }
        if method == "POST" {
            add(&mut request, format_args!("content-length: {}\r\n", body.len()));
        }
        request += "\r\n";
        let mut request = request.into_bytes();
        request.extend_from_slice(body);
        let expect =
            Expect { status: 200, present: Vec::new(), absent: Vec::new(), body: Bytes::new() };
        Self { request: request.into(), expect }
    }

    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.expect.status = status;
        self
    }

    /// The response has this header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.expect.present.push((name, value.to_owned()));
        self
    }

    /// The response does not have this header.
    #[must_use]
    pub fn without(mut self, name: &'static str) -> Self {
        self.expect.absent.push(name);
        self
    }

    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.expect.body = body.into();
        self
    }

    /// Bytes of both bodies together: what megabytes per second are counted from.
    pub fn body_bytes(&self) -> usize {
        let head = self.request.windows(4).position(|four| four == b"\r\n\r\n");
        self.request.len() - head.map_or(0, |at| at + 4) + self.expect.body.len()
    }
}
