//! Which handlers a rewriter has, as the parser calls them.

use std::borrow::Cow;
use std::rc::Rc;

use lol_html::html_content::{DocumentEnd, Element, EndTag};
use lol_html::{
    AsciiCompatibleEncoding, DocumentContentHandlers, ElementContentHandlers, HandlerResult,
    MemorySettings, Selector, Settings,
};

use super::channel::{Call, Channel, Event, Kind, Port, Resume};
use super::token::Token;
use crate::limits::{HTML_PARSER_BYTES_MAX, HTML_SELECTOR_DEPTH_MAX};

/// Bits of [`Handlers::kinds`]: which handlers there are. The numbers are those of
/// `27_html_rewriter.js`.
pub const ELEMENT: u32 = 1;
pub const COMMENTS: u32 = 2;
pub const TEXT: u32 = 4;
pub const DOCTYPE: u32 = 8;
pub const END: u32 = 16;

/// One call of `on()` or `onDocument()`.
pub struct Handlers {
    /// `None`: the document's.
    pub selector: Option<Selector>,
    pub kinds: u32,
}

/// All of a rewriter: their numbers are their places.
pub type Plan = Vec<Handlers>;

/// Parses a selector; the error is for its author.
pub fn selector(text: &str) -> Result<Selector, String> {
    // Reading and compiling recurse for each of these.
    let mut brackets = 0_usize;
    let mut deepest = 0;
    let mut combinators = 0;
    let mut in_gap = true;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => brackets += 1,
            b')' | b']' | b'}' => brackets = brackets.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(brackets);
        let gap = byte.is_ascii_whitespace() || byte == b'>';
        combinators += usize::from(gap && !in_gap);
        in_gap = gap;
    }
    // A list has each of its selectors compiled for itself.
    let per_selector = combinators / (1 + text.bytes().filter(|byte| *byte == b',').count());
    if deepest > HTML_SELECTOR_DEPTH_MAX || per_selector > HTML_SELECTOR_DEPTH_MAX {
        return Err("The selector is too complex.".into());
    }
    text.parse().map_err(|error: lol_html::errors::SelectorError| error.to_string())
}

/// The parser's settings, on its own stack.
pub fn settings(
    port: Port,
    channel: &Rc<Channel>,
    plan: Plan,
    encoding: AsciiCompatibleEncoding,
) -> Settings<'static, 'static> {
    let memory = MemorySettings::new().with_max_allowed_memory_usage(HTML_PARSER_BYTES_MAX);
    let mut settings =
        Settings::new().with_encoding(encoding).with_memory_settings(memory).with_strict(true);
    for (number, handlers) in (0..).zip(plan) {
        let caller = Caller { port, channel: Rc::clone(channel), handler: number };
        match handlers.selector {
            Some(selector) => {
                let content = element_handlers(&caller, handlers.kinds);
                settings = settings.append_element_content_handler((Cow::Owned(selector), content));
            }
            None => {
                let content = document_handlers(&caller, handlers.kinds);
                settings = settings.append_document_content_handler(content);
            }
        }
    }
    settings
}

fn element_handlers(caller: &Caller, kinds: u32) -> ElementContentHandlers<'static> {
    let mut content = ElementContentHandlers::default();
    if kinds & ELEMENT != 0 {
        let caller = caller.clone();
        content = content.element(move |element: &mut Element<'_, '_>| {
            caller.call(Kind::Element, Token::element(element))
        });
    }
    if kinds & COMMENTS != 0 {
        let caller = caller.clone();
        content = content.comments(move |comment: &mut lol_html::html_content::Comment<'_>| {
            caller.call(Kind::Comment, Token::comment(comment))
        });
    }
    if kinds & TEXT != 0 {
        let caller = caller.clone();
        content = content.text(move |text: &mut lol_html::html_content::TextChunk<'_>| {
            caller.call(Kind::Text, Token::text(text))
        });
    }
    content
}

fn document_handlers(caller: &Caller, kinds: u32) -> DocumentContentHandlers<'static> {
    let mut content = DocumentContentHandlers::default();
    if kinds & DOCTYPE != 0 {
        let caller = caller.clone();
        content = content.doctype(move |doctype: &mut lol_html::html_content::Doctype<'_>| {
            caller.call(Kind::Doctype, Token::doctype(doctype))
        });
    }
    if kinds & COMMENTS != 0 {
        let caller = caller.clone();
        content = content.comments(move |comment: &mut lol_html::html_content::Comment<'_>| {
            caller.call(Kind::Comment, Token::comment(comment))
        });
    }
    if kinds & TEXT != 0 {
        let caller = caller.clone();
        content = content.text(move |text: &mut lol_html::html_content::TextChunk<'_>| {
            caller.call(Kind::Text, Token::text(text))
        });
    }
    if kinds & END != 0 {
        let caller = caller.clone();
        content = content.end(move |end: &mut DocumentEnd<'_>| {
            caller.call(Kind::End, Token::End)?;
            for appended in caller.channel.take_appended() {
                appended.append_to(end)?;
            }
            Ok(())
        });
    }
    content
}

/// Calls one handler of JavaScript's.
#[derive(Clone)]
struct Caller {
    port: Port,
    channel: Rc<Channel>,
    handler: u32,
}

impl Caller {
    fn call(&self, kind: Kind, token: Token) -> HandlerResult {
        call(self.port, &self.channel, Call { handler: self.handler, kind }, token)
    }
}

fn call(port: Port, channel: &Channel, call: Call, token: Token) -> HandlerResult {
    channel.set_went_on(true);
    channel.put_token(token);
    match port.suspend(Event::Call(call)) {
        Resume::Proceed => Ok(()),
        // A handler that threw is not told to us: the rewriter is dropped.
        _ => Err("the HTML parser was not told how its handler ended".into()),
    }
}

/// The callback for an element's end tag.
pub fn end_tag(
    port: Port,
    channel: &Rc<Channel>,
    handler: u32,
) -> lol_html::EndTagHandler<'static> {
    let channel = Rc::clone(channel);
    Box::new(move |end_tag: &mut EndTag<'_>| {
        call(port, &channel, Call { handler, kind: Kind::EndTag }, Token::end_tag(end_tag))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_bounded_where_they_recurse() {
        for good in ["*", "a > b c", "a[href^='http://x y z']", ":not(a, .b)", "p:nth-child(2n+1)"]
        {
            assert!(selector(good).is_ok(), "{good}");
        }
        assert!(selector(&"a ".repeat(HTML_SELECTOR_DEPTH_MAX)).is_ok());
        let deep = [
            "a ".repeat(HTML_SELECTOR_DEPTH_MAX + 2),
            "a>".repeat(5_000),
            ":not(".repeat(5_000),
            "[".repeat(5_000),
        ];
        for deep in deep {
            assert_eq!(selector(&deep).err().as_deref(), Some("The selector is too complex."));
        }
        for bad in ["", "a +b", "a:hover", "a::before", "[", "svg|a", "a,,b"] {
            assert!(selector(bad).is_err_and(|text| !text.is_empty()), "{bad}");
        }
    }
}
