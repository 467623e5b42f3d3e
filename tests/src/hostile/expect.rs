//! What an HTTP request of a case must be answered.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::client::Reply;

/// Every condition that is given must hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// One of these; any when there is none.
    #[serde(default)]
    pub status: Vec<u16>,
    /// The Workers error code that the page must name.
    pub code: Option<u16>,
    /// One of these outcomes must be in the request's log line.
    #[serde(default)]
    pub outcome: Vec<String>,
    pub body: Option<String>,
    #[serde(default)]
    pub contains: Vec<String>,
    #[serde(default)]
    pub lacks: Vec<String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Headers that must not be there.
    #[serde(default)]
    pub absent: Vec<String>,
    /// The response may also be cut off, or not come at all.
    #[serde(default)]
    pub may_break: bool,
}

impl Answer {
    /// What is not as it must be, a line each.
    pub fn differences(&self, reply: &Reply) -> Vec<String> {
        let mut wrong = Vec::new();
        if !self.status.is_empty() && !self.status.contains(&reply.status) {
            wrong.push(format!("expected status {:?}", self.status));
        }
        let text = reply.text();
        if let Some(code) = self.code
            && !text.contains(&code.to_string())
        {
            wrong.push(format!("expected a page with code {code}"));
        }
        if let Some(body) = &self.body
            && text.trim_end() != body.trim_end()
        {
            wrong.push(format!("expected the body {body:?}"));
        }
        let missing = self.contains.iter().filter(|part| !text.contains(part.as_str()));
        wrong.extend(missing.map(|part| format!("expected {part:?} in the body")));
        let found = self.lacks.iter().filter(|part| text.contains(part.as_str()));
        wrong.extend(found.map(|part| format!("expected no {part:?} in the body")));
        for (name, value) in &self.headers {
            if reply.header(name) != Some(value) {
                wrong.push(format!("expected the header {name}: {value}"));
            }
        }
        let present = self.absent.iter().filter(|name| reply.headers.contains_key(name.as_str()));
        wrong.extend(present.map(|name| format!("expected no header {name}")));
        if !wrong.is_empty() {
            let text = reply.short_text();
            let text = text.char_indices().nth(300).map_or(text.as_str(), |(at, _)| &text[..at]);
            wrong.push(format!("got {} {text:?}", reply.status));
        }
        wrong
    }
}
