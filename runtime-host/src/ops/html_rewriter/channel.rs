//! What the two stacks of a rewriter tell each other.

use std::cell::{Cell, RefCell};

use corosensei::Yielder;

use super::content::Inserted;
use super::token::Token;

/// What the parser waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The next chunk of the document.
    Input,
    /// Nothing: somebody else may have the thread.
    Pause,
    /// That its output is taken.
    Output,
    /// That a handler is called, with the token that it left.
    Call(Call),
    /// The next chunk of a stream that a handler inserted.
    Content(u32),
}

/// A handler to be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The number it was registered with.
    pub handler: u32,
    pub kind: Kind,
}

/// What a handler is for; the numbers are those of `27_html_document.js`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Element = 0,
    EndTag = 1,
    Comment = 2,
    Text = 3,
    Doctype = 4,
    End = 5,
}

/// What the parser is told when it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resume {
    /// Input.
    Chunk(Vec<u8>),
    /// No input follows.
    End,
    /// Content of a stream.
    Content(Vec<u8>),
    /// The stream's end.
    ContentEnd,
    /// The handler returned, or whatever else it waited for was done.
    Proceed,
}

/// The parser's end of the channel: a pointer, since the parser wants callbacks that borrow nothing.
#[derive(Clone, Copy, Debug)]
pub struct Port(*const Yielder<Resume, Event>);

// SAFETY: the parser asks for this of some callbacks, which it calls on its own stack only; that stack
// is run by whoever holds the isolate, one thread at a time.
unsafe impl Send for Port {}

impl Port {
    pub fn new(yielder: &Yielder<Resume, Event>) -> Self {
        Self(yielder)
    }

    /// Gives JavaScript the floor. Only to be called on the parser's stack.
    pub fn suspend(self, event: Event) -> Resume {
        // SAFETY: the yielder lives as long as its coroutine, whose stack is the one that this is
        // called on: ports are held by the parser and its callbacks, which live on that stack or
        // are owned by what does.
        unsafe { &*self.0 }.suspend(event)
    }
}

/// What both stacks see. Only one of them runs at a time, and neither keeps a borrow while the other
/// one does.
#[derive(Default)]
pub struct Channel {
    output: RefCell<Vec<u8>>,
    token: Cell<Option<Token>>,
    port: Cell<Option<Port>>,
    went_on: Cell<bool>,
    appended: RefCell<Vec<Inserted>>,
}

impl Channel {
    /// Adds output; how many bytes are waiting now.
    pub fn write(&self, bytes: &[u8]) -> usize {
        let mut output = self.output.borrow_mut();
        output.extend_from_slice(bytes);
        output.len()
    }

    pub fn waiting(&self) -> usize {
        self.output.borrow().len()
    }

    pub fn take_output(&self) -> Vec<u8> {
        std::mem::take(&mut *self.output.borrow_mut())
    }

    pub fn put_token(&self, token: Token) {
        self.token.set(Some(token));
    }

    pub fn take_token(&self) -> Option<Token> {
        self.token.take()
    }

    pub fn set_port(&self, port: Port) {
        self.port.set(Some(port));
    }

    pub fn port(&self) -> Option<Port> {
        self.port.get()
    }

    /// Whether the parser finished with a token since this was set.
    pub fn went_on(&self) -> bool {
        self.went_on.get()
    }

    pub fn set_went_on(&self, went_on: bool) {
        self.went_on.set(went_on);
    }

    /// Adds to the document's end.
    pub fn append(&self, content: Inserted) {
        self.appended.borrow_mut().push(content);
    }

    pub fn take_appended(&self) -> Vec<Inserted> {
        self.appended.take()
    }
}
