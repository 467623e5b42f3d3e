//! Content that handlers insert.

use std::error::Error;

use lol_html::html_content::{ContentType, DocumentEnd, StreamingHandler, StreamingHandlerSink};

use super::channel::{Event, Port, Resume};
use crate::isolate::memory::Charge;

type Written = Result<(), Box<dyn Error + Send + Sync>>;

const NOT_UTF8: &str = "Invalid UTF-8";
const NOT_CONTENT: &str = "the HTML parser was not given the content that it waits for";

/// Content, until it is written or dropped.
#[derive(Debug)]
pub struct Inserted {
    pub source: Source,
    /// Whether it is markup, not text to be escaped.
    pub is_html: bool,
}

#[derive(Debug)]
pub enum Source {
    Text {
        text: String,
        charge: Option<Charge>,
    },
    /// A stream with JavaScript's number for it, read when it is its turn.
    Stream {
        number: u32,
        port: Port,
    },
}

impl Inserted {
    fn content_type(&self) -> ContentType {
        if self.is_html { ContentType::Html } else { ContentType::Text }
    }

    /// Appends to the document's end, on the parser's stack.
    pub fn append_to(self, end: &mut DocumentEnd<'_>) -> Written {
        let content_type = self.content_type();
        match self.source {
            Source::Text { text, charge } => {
                end.append(&text, content_type);
                drop(charge);
                Ok(())
            }
            Source::Stream { number, port } => {
                // A character may begin in one chunk and end in the next; one that does not end is dropped.
                let mut bytes = Vec::new();
                while let Some(chunk) = next_chunk(port, number)? {
                    bytes.extend_from_slice(&chunk);
                    let valid = match std::str::from_utf8(&bytes) {
                        Ok(_) => bytes.len(),
                        Err(error) if error.error_len().is_none() => error.valid_up_to(),
                        Err(_) => return Err(NOT_UTF8.into()),
                    };
                    let text = bytes.get(..valid).and_then(|valid| std::str::from_utf8(valid).ok());
                    end.append(text.unwrap_or_default(), content_type);
                    bytes.drain(..valid);
                }
                Ok(())
            }
        }
    }
}

impl StreamingHandler for Inserted {
    fn write_all(self: Box<Self>, sink: &mut StreamingHandlerSink<'_>) -> Written {
        let content_type = self.content_type();
        match self.source {
            Source::Text { text, charge } => {
                sink.write_str(&text, content_type);
                drop(charge);
            }
            Source::Stream { number, port } => {
                while let Some(chunk) = next_chunk(port, number)? {
                    sink.write_utf8_chunk(&chunk, content_type).map_err(|_| NOT_UTF8)?;
                }
            }
        }
        Ok(())
    }
}

/// `None` at the end.
fn next_chunk(port: Port, number: u32) -> Result<Option<Vec<u8>>, Box<dyn Error + Send + Sync>> {
    match port.suspend(Event::Content(number)) {
        Resume::Content(chunk) => Ok(Some(chunk)),
        Resume::ContentEnd => Ok(None),
        _ => Err(NOT_CONTENT.into()),
    }
}
