//! `lol_html` on a stack of its own, so that its callbacks, which are synchronous, can wait for
//! JavaScript.
//!
//! JavaScript never runs on that stack (V8 knows its own by address): a callback suspends the whole
//! parser, JavaScript is called on the isolate's stack, works on the token through ops, and the parser
//! goes on when the handler's promise has settled. What is suspended can be dropped at any time, which
//! unwinds its stack.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult};
use lol_html::AsciiCompatibleEncoding;

use super::account::Account;
use super::channel::{Channel, Event, Port, Resume};
use super::handlers::{Plan, settings};
use super::sink::Sink;
use super::token::Token;
use crate::isolate::memory::BufferMeter;
use crate::limits::HTML_REWRITERS_PROCESS_MAX;

/// Bytes of a parser's stack, of which it touches some thousand. The parser does not recurse; what
/// compiles selectors does, within [`crate::limits::HTML_SELECTOR_DEPTH_MAX`].
const STACK_BYTES: usize = 512 * 1024;

/// Bytes that are parsed without a pause, in which a Worker's CPU limit can be looked at: a tenth of a
/// millisecond's work with the usual handful of selectors.
const PIECE_BYTES: usize = 8 * 1024;

// A parser that was given up is unwound, which `panic = "abort"` would make the end of the process.
const _: () = assert!(cfg!(panic = "unwind"), "HTML rewriters need panic = \"unwind\"");

/// Stacks of rewriters in this process.
static STACKS: AtomicUsize = AtomicUsize::new(0);

/// A place among those that the process may have.
struct Place;

impl Place {
    fn take() -> Option<Self> {
        let before = STACKS.fetch_add(1, Ordering::Relaxed);
        let place = Self;
        (before < HTML_REWRITERS_PROCESS_MAX).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        STACKS.fetch_sub(1, Ordering::Relaxed);
    }
}

type Parser = Coroutine<Resume, Event, Result<(), String>, DefaultStack>;

/// Why a rewriter can't begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    Memory,
    TooMany,
}

/// What has become of the parser when it gives JavaScript the floor.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    Event(Event),
    Done,
}

/// A document on its way through the parser.
pub struct Rewriter {
    // Dropped in this order: the stack, and all that lives on it, before what it refers to.
    parser: Parser,
    channel: Rc<Channel>,
    /// The token of the handler that is being called.
    token: Option<Token>,
    pub account: Account,
    ended: bool,
    _place: Place,
}

impl Rewriter {
    pub fn new(
        plan: Plan,
        encoding: AsciiCompatibleEncoding,
        meter: &Arc<BufferMeter>,
        allowance: &Arc<BufferMeter>,
    ) -> Result<Self, Refused> {
        let account = Account::new(meter, allowance).ok_or(Refused::Memory)?;
        let place = Place::take().ok_or(Refused::TooMany)?;
        let stack = DefaultStack::new(STACK_BYTES).map_err(|_| Refused::Memory)?;
        let channel = Rc::new(Channel::default());
        let inner = Rc::clone(&channel);
        let parser = Parser::with_stack(stack, move |yielder, first| {
            let port = Port::new(yielder);
            run(port, &inner, plan, encoding, first)
        });
        Ok(Self { parser, channel, token: None, account, ended: false, _place: place })
    }

    /// Goes on until JavaScript is needed. `Err`: the document can't be rewritten, and this is over.
    pub fn resume(&mut self, message: Resume) -> Result<Stop, String> {
        self.token = None;
        if self.ended {
            return Err("the rewriter is over".into());
        }
        if let Resume::Chunk(chunk) = &message {
            self.account.input(chunk)?;
        }
        self.channel.set_went_on(false);
        // A defect of the parser's ends this document only.
        let result = catch_unwind(AssertUnwindSafe(|| self.parser.resume(message)));
        let stop = match result {
            Ok(CoroutineResult::Yield(event)) => Ok(Stop::Event(event)),
            Ok(CoroutineResult::Return(result)) => result.map(|()| Stop::Done),
            Err(_) => Err("the HTML parser failed".into()),
        };
        if self.channel.went_on() {
            self.account.went_on();
        }
        self.token = self.channel.take_token();
        self.ended = !matches!(stop, Ok(Stop::Event(_)));
        stop
    }

    /// What was written since it was last taken.
    pub fn take_output(&mut self) -> Vec<u8> {
        self.channel.take_output()
    }

    /// The token that a handler was called with and has not returned from.
    pub fn token(&mut self) -> Option<&mut Token> {
        self.token.as_mut()
    }

    pub fn channel(&self) -> Rc<Channel> {
        Rc::clone(&self.channel)
    }

    /// For handlers that are registered while one runs.
    pub fn port(&self) -> Option<Port> {
        self.channel.port()
    }
}

/// The parser's own stack.
fn run(
    port: Port,
    channel: &Rc<Channel>,
    plan: Plan,
    encoding: AsciiCompatibleEncoding,
    first: Resume,
) -> Result<(), String> {
    channel.set_port(port);
    let sink = Sink::new(port, Rc::clone(channel));
    let mut rewriter = lol_html::HtmlRewriter::new(settings(port, channel, plan, encoding), sink);
    let mut message = first;
    loop {
        match message {
            Resume::Chunk(chunk) => {
                let mut pieces = chunk.chunks(PIECE_BYTES).peekable();
                while let Some(piece) = pieces.next() {
                    rewriter.write(piece).map_err(|error| error.to_string())?;
                    if pieces.peek().is_some() {
                        port.suspend(Event::Pause);
                    }
                }
            }
            Resume::End => return rewriter.end().map_err(|error| error.to_string()),
            _ => return Err("the HTML parser was not given what it waits for".into()),
        }
        message = port.suspend(Event::Input);
    }
}
