//! The token that a handler was called with: what JavaScript reads of it, and does to it.

use std::ptr::NonNull;
use std::rc::Rc;

use lol_html::html_content::{Comment, Doctype, Element, EndTag, TextChunk};

use super::channel::{Channel, Port};
use super::content::Inserted;
use super::handlers;

/// Pointers into the parser's stack, where the callback that left them waits and touches nothing.
///
/// They are valid until the parser goes on: [`super::engine::Rewriter`] takes the token away before.
pub enum Token {
    Element(NonNull<Element<'static, 'static>>),
    EndTag(NonNull<EndTag<'static>>),
    Comment(NonNull<Comment<'static>>),
    Text(NonNull<TextChunk<'static>>),
    Doctype(NonNull<Doctype<'static>>),
    /// Of the document. What is appended waits, because it may not be written on JavaScript's stack.
    End,
}

/// What can be read of a token; the numbers are those of `27_html_tokens.js`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    Name,
    Namespace,
    Removed,
    Text,
    LastInTextNode,
    PublicId,
    SystemId,
}

impl Read {
    pub const ALL: [Self; 7] = [
        Self::Name,
        Self::Namespace,
        Self::Removed,
        Self::Text,
        Self::LastInTextNode,
        Self::PublicId,
        Self::SystemId,
    ];
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Null,
    Bool(bool),
    Text(String),
}

/// What can be done to a token; the numbers are those of `27_html_tokens.js`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Name,
    Text,
    Remove,
    RemoveAndKeepContent,
}

impl Change {
    pub const ALL: [Self; 4] = [Self::Name, Self::Text, Self::Remove, Self::RemoveAndKeepContent];
}

/// Where content goes; the numbers are those of `27_html_tokens.js`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Before,
    After,
    Prepend,
    Append,
    Replace,
    SetInnerContent,
}

impl Place {
    pub const ALL: [Self; 6] = [
        Self::Before,
        Self::After,
        Self::Prepend,
        Self::Append,
        Self::Replace,
        Self::SetInnerContent,
    ];
}

/// A method that this kind of token does not have: a defect of the JavaScript that asks.
const NOT_OF_THIS: &str = "the token has no such method";

impl Token {
    pub fn element(element: &mut Element<'_, '_>) -> Self {
        Self::Element(NonNull::from(element).cast())
    }

    pub fn end_tag(end_tag: &mut EndTag<'_>) -> Self {
        Self::EndTag(NonNull::from(end_tag).cast())
    }

    pub fn comment(comment: &mut Comment<'_>) -> Self {
        Self::Comment(NonNull::from(comment).cast())
    }

    pub fn text(text: &mut TextChunk<'_>) -> Self {
        Self::Text(NonNull::from(text).cast())
    }

    pub fn doctype(doctype: &mut Doctype<'_>) -> Self {
        Self::Doctype(NonNull::from(doctype).cast())
    }

    /// The element, for what only elements have.
    pub fn as_element(&mut self) -> Option<&mut Element<'static, 'static>> {
        match self {
            // SAFETY: see the type. The reference ends before the parser goes on, as it borrows the
            // token; the lifetimes inside are longer than they are for the parser's compiler only,
            // and nothing that is read is given away but as a copy.
            Self::Element(element) => Some(unsafe { element.as_mut() }),
            _ => None,
        }
    }

    pub fn read(&mut self, what: Read) -> Result<Value, String> {
        // SAFETY: as for `as_element`, for each of the pointers.
        Ok(unsafe {
            match (self, what) {
                (Self::Element(e), Read::Name) => Value::Text(e.as_ref().tag_name()),
                (Self::Element(e), Read::Namespace) => {
                    Value::Text(e.as_ref().namespace_uri().to_owned())
                }
                (Self::Element(e), Read::Removed) => Value::Bool(e.as_ref().removed()),
                (Self::EndTag(e), Read::Name) => Value::Text(e.as_ref().name()),
                (Self::Comment(c), Read::Text) => Value::Text(c.as_ref().text()),
                (Self::Comment(c), Read::Removed) => Value::Bool(c.as_ref().removed()),
                (Self::Text(t), Read::Text) => Value::Text(t.as_ref().as_str().to_owned()),
                (Self::Text(t), Read::Removed) => Value::Bool(t.as_ref().removed()),
                (Self::Text(t), Read::LastInTextNode) => {
                    Value::Bool(t.as_ref().last_in_text_node())
                }
                (Self::Doctype(d), Read::Name) => optional(d.as_ref().name()),
                (Self::Doctype(d), Read::PublicId) => optional(d.as_ref().public_id()),
                (Self::Doctype(d), Read::SystemId) => optional(d.as_ref().system_id()),
                _ => return Err(NOT_OF_THIS.into()),
            }
        })
    }

    pub fn change(&mut self, what: Change, text: &str) -> Result<(), String> {
        // SAFETY: as for `as_element`, for each of the pointers.
        unsafe {
            match (self, what) {
                (Self::Element(e), Change::Name) => {
                    return e.as_mut().set_tag_name(text).map_err(|error| error.to_string());
                }
                (Self::Element(e), Change::Remove) => e.as_mut().remove(),
                (Self::Element(e), Change::RemoveAndKeepContent) => {
                    e.as_mut().remove_and_keep_content();
                }
                (Self::EndTag(e), Change::Name) => e.as_mut().set_name(text),
                (Self::EndTag(e), Change::Remove) => e.as_mut().remove(),
                (Self::Comment(c), Change::Text) => {
                    return c.as_mut().set_text(text).map_err(|error| error.to_string());
                }
                (Self::Comment(c), Change::Remove) => c.as_mut().remove(),
                (Self::Text(t), Change::Remove) => t.as_mut().remove(),
                _ => return Err(NOT_OF_THIS.into()),
            }
        }
        Ok(())
    }

    pub fn insert(
        &mut self,
        place: Place,
        content: Inserted,
        channel: &Channel,
    ) -> Result<(), String> {
        let boxed = Box::new(content);
        // SAFETY: as for `as_element`, for each of the pointers.
        unsafe {
            match (self, place) {
                (Self::Element(e), Place::Before) => e.as_mut().streaming_before(boxed),
                (Self::Element(e), Place::After) => e.as_mut().streaming_after(boxed),
                (Self::Element(e), Place::Prepend) => e.as_mut().streaming_prepend(boxed),
                (Self::Element(e), Place::Append) => e.as_mut().streaming_append(boxed),
                (Self::Element(e), Place::Replace) => e.as_mut().streaming_replace(boxed),
                (Self::Element(e), Place::SetInnerContent) => {
                    e.as_mut().streaming_set_inner_content(boxed);
                }
                (Self::EndTag(e), Place::Before) => e.as_mut().streaming_before(boxed),
                (Self::EndTag(e), Place::After) => e.as_mut().streaming_after(boxed),
                (Self::EndTag(e), Place::Replace) => e.as_mut().streaming_replace(boxed),
                (Self::Comment(c), Place::Before) => c.as_mut().streaming_before(boxed),
                (Self::Comment(c), Place::After) => c.as_mut().streaming_after(boxed),
                (Self::Comment(c), Place::Replace) => c.as_mut().streaming_replace(boxed),
                (Self::Text(t), Place::Before) => t.as_mut().streaming_before(boxed),
                (Self::Text(t), Place::After) => t.as_mut().streaming_after(boxed),
                (Self::Text(t), Place::Replace) => t.as_mut().streaming_replace(boxed),
                (Self::End, Place::Append) => channel.append(*boxed),
                _ => return Err(NOT_OF_THIS.into()),
            }
        }
        Ok(())
    }

    /// Has a handler called at the element's end tag.
    pub fn on_end_tag(
        &mut self,
        handler: u32,
        port: Port,
        channel: &Rc<Channel>,
    ) -> Result<(), String> {
        let element = self.as_element().ok_or(NOT_OF_THIS)?;
        // Workers call the last that was registered.
        if let Some(handlers) = element.end_tag_handlers() {
            handlers.clear();
        }
        element
            .on_end_tag(handlers::end_tag(port, channel, handler))
            .map_err(|_| "No end tag.".to_owned())
    }
}

fn optional(text: Option<String>) -> Value {
    text.map_or(Value::Null, Value::Text)
}
