//! `HTMLRewriter` of Workers
//! (<https://developers.cloudflare.com/workers/runtime-apis/html-rewriter/>), by `lol_html`.

mod account;
mod channel;
mod content;
mod engine;
mod handlers;
mod sink;
mod token;

use lol_html::AsciiCompatibleEncoding;
use v8::{FunctionCallbackArguments, Local, PinScope, ReturnValue};

use self::channel::{Call, Event, Resume};
use self::content::{Inserted, Source};
use self::engine::{Refused, Rewriter, Stop};
use self::handlers::{Handlers, Plan};
use self::token::{Change, Place, Read, Value};
use super::{args, throw_range_error, throw_type_error, values};
use crate::isolate::inbound;
use crate::isolate::memory::BufferMeter;
use crate::isolate::state::{self, State};
use crate::limits::{HTML_ELEMENTS_ALLOWANCE_BYTES, HTML_REWRITERS_MAX, HTML_SELECTORS_TEXT_MAX};

/// As Workers say it.
const NO_TOKEN: &str = "This content token is no longer valid. Content tokens are only valid during \
    the execution of the relevant content handler.";
const DOES_NOT_FIT: &str = "the HTML rewriter does not fit into the Worker's memory limit";
const GONE: &str = "The request that this HTML rewriter belongs to is over.";

/// Rewriters of one isolate that are under way, and what their open elements may take beyond the
/// Worker's memory.
pub struct Rewriters {
    allowance: std::sync::Arc<BufferMeter>,
    count: std::rc::Rc<()>,
}

impl Default for Rewriters {
    fn default() -> Self {
        Self {
            allowance: BufferMeter::new(HTML_ELEMENTS_ALLOWANCE_BYTES),
            count: std::rc::Rc::default(),
        }
    }
}

/// A rewriter in the table, with its place among those of the isolate.
struct Running {
    rewriter: Rewriter,
    _counted: std::rc::Rc<()>,
}

/// `htmlSelector(text)`: throws a `TypeError` for what is no selector, or one that is not supported.
pub fn selector<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    _rv: ReturnValue<'_>,
) {
    let Some(text) = values::string(scope, &args, 0) else { return };
    if text.length() > HTML_SELECTORS_TEXT_MAX {
        return throw_type_error(scope, "Parser error: the selectors are too long.");
    }
    let parsed = values::with_text(scope, text, |text| handlers::selector(&text));
    if let Err(text) = parsed {
        throw_type_error(scope, &format!("Parser error: {text}"));
    }
}

/// `htmlStart(selectors, kinds, charset) → number` of a fresh rewriter of the running invocation. Two
/// Arrays of the same length, one entry for each registration: the selector, or undefined for the
/// document's handlers, and which handlers there are ([`handlers::ELEMENT`] …). `charset` is the label
/// of the document's encoding, or undefined for UTF-8. Throws a `TypeError` for an encoding that is
/// unknown or not a superset of ASCII.
pub fn start<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    mut rv: ReturnValue<'_>,
) {
    let plan = match read_plan(scope, &args) {
        Ok(plan) => plan,
        Err(text) => return throw_type_error(scope, &text),
    };
    let charset = args::string(scope, &args, 2);
    let encoding = match encoding(charset.as_deref()) {
        Ok(encoding) => encoding,
        Err(text) => return throw_type_error(scope, text),
    };
    let owner = state::current(scope).unwrap_or(0);
    let started = state::with(scope, |s| {
        if owner != 0 && !s.invocations.contains_key(&owner) {
            return Err(GONE);
        }
        let rewriters = &s.rewriters;
        if std::rc::Rc::strong_count(&rewriters.count) > HTML_REWRITERS_MAX {
            return Err("too many HTML rewriters are under way");
        }
        let counted = std::rc::Rc::clone(&rewriters.count);
        match Rewriter::new(plan, encoding, &s.meter, &rewriters.allowance) {
            Ok(rewriter) => Ok(s.resources.insert(owner, Running { rewriter, _counted: counted })),
            Err(Refused::Memory) => Err(DOES_NOT_FIT),
            Err(Refused::TooMany) => Err("too many HTML rewriters are under way"),
        }
    });
    match started {
        Ok(id) => rv.set_uint32(id),
        Err(GONE) => throw_type_error(scope, GONE),
        Err(text) => throw_range_error(scope, text),
    }
}

/// The errors are as Workers say them.
fn encoding(label: Option<&str>) -> Result<AsciiCompatibleEncoding, &'static str> {
    let Some(label) = label else { return Ok(AsciiCompatibleEncoding::utf_8()) };
    let encoding = encoding_rs::Encoding::for_label_no_replacement(label.as_bytes())
        .ok_or("Parser error: Unknown character encoding has been provided.")?;
    AsciiCompatibleEncoding::new(encoding)
        .ok_or("Parser error: Expected ASCII-compatible encoding.")
}

fn read_plan<'s>(
    scope: &mut PinScope<'s, '_>,
    args: &FunctionCallbackArguments<'s>,
) -> Result<Plan, String> {
    let selectors = Local::<v8::Array>::try_from(args.get(0)).map_err(|_| "no selectors")?;
    let kinds = Local::<v8::Array>::try_from(args.get(1)).map_err(|_| "no kinds")?;
    let mut plan = Plan::new();
    let mut left = HTML_SELECTORS_TEXT_MAX;
    for index in 0..selectors.length() {
        let text = selectors.get_index(scope, index);
        let text = text.and_then(|text| Local::<v8::String>::try_from(text).ok());
        let selector = match text {
            Some(text) => {
                left = left.checked_sub(text.length()).ok_or("the selectors are too long")?;
                Some(values::with_text(scope, text, |text| handlers::selector(&text))?)
            }
            None => None,
        };
        let kinds = kinds.get_index(scope, index).and_then(|kinds| kinds.uint32_value(scope));
        plan.push(Handlers { selector, kinds: kinds.unwrap_or(0) });
    }
    Ok(plan)
}

/// What `htmlRun` tells the parser; the numbers are those of `27_html_document.js`.
const PROCEED: u32 = 0;
const CHUNK: u32 = 1;
const END: u32 = 2;
const CONTENT: u32 = 3;

/// What `htmlRun` returns; the numbers are those of `27_html_document.js`.
const WANTS_INPUT: u32 = 0;
const PAUSES: u32 = 1;
const HAS_OUTPUT: u32 = 2;
const CALLS: u32 = 3;
const WANTS_CONTENT: u32 = 4;
const IS_DONE: u32 = 5;

/// `htmlRun(rewriter, message, bytes, event) → number`: goes on until JavaScript is needed. What for is
/// returned; `event` (a `Uint32Array` of two) is filled with handler and kind, or with a stream's
/// number. Throws a `TypeError` for a document that can't be rewritten, which is then over.
pub fn run<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    mut rv: ReturnValue<'_>,
) {
    let id = args::id(scope, &args, 0);
    let message = match args.get(1).uint32_value(scope).unwrap_or(PROCEED) {
        CHUNK => Resume::Chunk(copied(&args)),
        END => Resume::End,
        CONTENT => Resume::Content(copied(&args)),
        PROCEED => Resume::Proceed,
        _ => Resume::ContentEnd,
    };
    let stop = state::with(scope, |s| {
        let Some(running) = s.resources.get::<Running>(id) else { return Err(GONE.into()) };
        let stop = running.rewriter.resume(message);
        if stop.is_err() {
            s.resources.remove(id);
        }
        stop
    });
    let (code, numbers) = match stop {
        Err(text) if text == GONE => return throw_type_error(scope, GONE),
        Err(text) => return throw_type_error(scope, &format!("Parser error: {text}")),
        Ok(Stop::Done) => (IS_DONE, [0, 0]),
        Ok(Stop::Event(Event::Input)) => (WANTS_INPUT, [0, 0]),
        Ok(Stop::Event(Event::Pause)) => (PAUSES, [0, 0]),
        Ok(Stop::Event(Event::Output)) => (HAS_OUTPUT, [0, 0]),
        Ok(Stop::Event(Event::Call(Call { handler, kind }))) => (CALLS, [handler, kind as u32]),
        Ok(Stop::Event(Event::Content(number))) => (WANTS_CONTENT, [number, 0]),
    };
    if let Ok(event) = Local::<v8::Uint32Array>::try_from(args.get(3)) {
        for (index, number) in (0..).zip(numbers) {
            let number = v8::Integer::new_from_unsigned(scope, number).into();
            event.set_index(scope, index, number);
        }
    }
    rv.set_uint32(code);
}

fn copied(args: &FunctionCallbackArguments<'_>) -> Vec<u8> {
    args::bytes(args, 2).map_or_else(Vec::new, |bytes| bytes.to_vec())
}

/// `htmlOutput(rewriter) → Uint8Array | undefined`: what was written since it was last taken.
pub fn output(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let id = args::id(scope, &args, 0);
    let output = state::with(scope, |s| {
        s.resources.get::<Running>(id).map(|running| running.rewriter.take_output())
    });
    let Some(output) = output.filter(|output| !output.is_empty()) else { return };
    match inbound::byte_array(scope, &output) {
        Some(array) => rv.set(array.into()),
        None => throw_range_error(scope, DOES_NOT_FIT),
    }
}

/// `htmlEnd(rewriter)`: frees it, wherever it is.
pub fn end(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    let id = args::id(scope, &args, 0);
    state::with(scope, |s| s.resources.remove(id));
}

/// Works on the rewriter whose handler is running; throws when none is.
fn with_token<'s, R>(
    scope: &mut PinScope<'s, '_>,
    args: &FunctionCallbackArguments<'s>,
    work: impl FnOnce(&mut Rewriter) -> Result<R, String>,
) -> Option<R> {
    let id = args::id(scope, args, 0);
    let result = state::with(scope, |s| {
        let rewriter = current(s, id)?;
        Some(work(rewriter))
    });
    match result {
        None => {
            throw_type_error(scope, NO_TOKEN);
            None
        }
        Some(Err(text)) => {
            throw_type_error(scope, &format!("Parser error: {text}"));
            None
        }
        Some(Ok(result)) => Some(result),
    }
}

fn current(state: &mut State, id: u32) -> Option<&mut Rewriter> {
    let rewriter = &mut state.resources.get::<Running>(id)?.rewriter;
    rewriter.token()?;
    Some(rewriter)
}

/// `htmlRead(rewriter, what) → string | boolean | null`: see [`Read`].
pub fn read<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    mut rv: ReturnValue<'_>,
) {
    let what = pick(&Read::ALL, scope, &args);
    let read = with_token(scope, &args, |rewriter| {
        rewriter.token().ok_or(NO_TOKEN)?.read(what.ok_or(NO_TOKEN)?)
    });
    match read {
        None => {}
        Some(Value::Null) => rv.set_null(),
        Some(Value::Bool(value)) => rv.set_bool(value),
        Some(Value::Text(text)) => {
            if let Some(string) = values::new_string(scope, text.as_bytes()) {
                rv.set(string.into());
            }
        }
    }
}

/// One of a list of things by its number, the second argument.
fn pick<T: Copy>(
    all: &[T],
    scope: &PinScope<'_, '_>,
    args: &FunctionCallbackArguments<'_>,
) -> Option<T> {
    all.get(args.get(1).uint32_value(scope)? as usize).copied()
}

/// `htmlChange(rewriter, what, text)`: see [`Change`].
pub fn change<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    _rv: ReturnValue<'_>,
) {
    let what = pick(&Change::ALL, scope, &args);
    let text = args::string(scope, &args, 2).unwrap_or_default();
    with_token(scope, &args, |rewriter| {
        rewriter.token().ok_or(NO_TOKEN)?.change(what.ok_or(NO_TOKEN)?, &text)
    });
}

/// `htmlInsert(rewriter, place, content, isHtml)`: see [`Place`]. `content` is a string, or the number
/// that JavaScript knows a stream by.
pub fn insert<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    _rv: ReturnValue<'_>,
) {
    let place = pick(&Place::ALL, scope, &args);
    let is_html = args.get(3).is_true();
    let text = args::string(scope, &args, 2);
    let number = args::id(scope, &args, 2);
    let fits = with_token(scope, &args, |rewriter| {
        let source = match text {
            Some(text) => match rewriter.account.content(text.len()) {
                Some(charge) => Source::Text { text, charge: Some(charge) },
                None => return Ok(false),
            },
            None => Source::Stream { number, port: rewriter.port().ok_or(NO_TOKEN)? },
        };
        let channel = rewriter.channel();
        let token = rewriter.token().ok_or(NO_TOKEN)?;
        token.insert(place.ok_or(NO_TOKEN)?, Inserted { source, is_html }, &channel)?;
        Ok(true)
    });
    if fits == Some(false) {
        throw_range_error(scope, DOES_NOT_FIT);
    }
}

/// `htmlOnEndTag(rewriter, handler)`: has the handler with that number called for the end tag of the
/// element.
pub fn on_end_tag<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    _rv: ReturnValue<'_>,
) {
    let handler = args.get(1).uint32_value(scope).unwrap_or(0);
    with_token(scope, &args, |rewriter| {
        let port = rewriter.port().ok_or(NO_TOKEN)?;
        let channel = rewriter.channel();
        rewriter.token().ok_or(NO_TOKEN)?.on_end_tag(handler, port, &channel)
    });
}

/// `htmlAttribute(rewriter, name) → string | null` of an element.
pub fn attribute<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    mut rv: ReturnValue<'_>,
) {
    let name = args::string(scope, &args, 1).unwrap_or_default();
    let value = with_token(scope, &args, |rewriter| {
        let element = rewriter.token().and_then(token::Token::as_element).ok_or(NO_TOKEN)?;
        Ok(element.get_attribute(&name))
    });
    match value {
        None => {}
        Some(None) => rv.set_null(),
        Some(Some(value)) => {
            if let Some(string) = values::new_string(scope, value.as_bytes()) {
                rv.set(string.into());
            }
        }
    }
}

/// `htmlSetAttribute(rewriter, name, value)` of an element; an undefined value removes it.
pub fn set_attribute<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    _rv: ReturnValue<'_>,
) {
    let name = args::string(scope, &args, 1).unwrap_or_default();
    let value = args::string(scope, &args, 2);
    with_token(scope, &args, |rewriter| {
        let element = rewriter.token().and_then(token::Token::as_element).ok_or(NO_TOKEN)?;
        match value {
            Some(value) => element.set_attribute(&name, &value).map_err(|error| error.to_string()),
            None => {
                element.remove_attribute(&name);
                Ok(())
            }
        }
    });
}

/// `htmlAttributes(rewriter) → Array` of an element's names and values, one after the other.
pub fn attributes<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    mut rv: ReturnValue<'_>,
) {
    let list = with_token(scope, &args, |rewriter| {
        let element = rewriter.token().and_then(token::Token::as_element).ok_or(NO_TOKEN)?;
        let all = element.attributes().iter();
        Ok(all.flat_map(|attribute| [attribute.name(), attribute.value()]).collect::<Vec<_>>())
    });
    let Some(list) = list else { return };
    let mut elements = Vec::with_capacity(list.len());
    for text in list {
        let Some(string) = values::new_string(scope, text.as_bytes()) else { return };
        elements.push(string.into());
    }
    rv.set(v8::Array::new_with_elements(scope, &elements).into());
}
