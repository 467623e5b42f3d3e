//! The exchange: its request as JavaScript sees it, and the handler's answer.

use bytes::Bytes;
use v8::{FunctionCallbackArguments, Local, PinScope, ReturnValue};

use super::{args, throw_type_error, values};
use crate::egress::loops;
use crate::exchange::{Command, HeaderList, OutBody, RequestHead, ResponseHead, Side};
use crate::isolate::adoption::{self, Returned};
use crate::isolate::body::{Leaving, Phase, Sink};
use crate::isolate::dispatch::memory_text;
use crate::isolate::inbound::one_byte;
use crate::isolate::message::{BodyId, InvocationId, LeavingId};
use crate::isolate::state::{self, State};
use crate::isolate::{error, finish};
use crate::limits::{Limit, METADATA_MAX_BYTES};
use crate::telemetry::Outcome;

/// `requestUrl(invocation) → string`, serialised by the URL standard.
pub fn request_url(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let id = args::id(scope, &args, 0);
    let url = state::with(scope, |s| s.invocations.get(&id).map(|i| url_of(&i.start.request)));
    if let Some(url) = url.and_then(|url| v8::String::new(scope, &url)) {
        rv.set(url.into());
    }
}

/// The request's URL; what no URL can be made of (a broken `:authority`) gets a stand-in host.
pub fn url_of(head: &RequestHead) -> String {
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
    let path = if head.path.starts_with(b"/") { text(&head.path) } else { String::from("/") };
    let (scheme, authority) = (text(&head.scheme), text(&head.authority));
    url::Url::parse(&format!("{scheme}://{authority}{path}"))
        .or_else(|_| url::Url::parse(&format!("http://invalid.invalid{path}")))
        .map_or_else(|_| String::from("http://invalid.invalid/"), Into::into)
}

/// `requestHeaders(invocation) → string`, packed.
pub fn request_headers(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let id = args::id(scope, &args, 0);
    let packed = state::with(scope, |s| {
        let request = &s.invocations.get(&id)?.start.request;
        let mut packed = args::pack(&request.headers, loops::is_hidden);
        if request.headers.get("host").is_none() {
            let separator: &[u8] = if packed.is_empty() { b"" } else { b"\n" };
            packed.extend_from_slice(separator);
            packed.extend_from_slice(b"host\n");
            packed.extend_from_slice(&request.authority);
        }
        Some(packed)
    });
    rv.set(one_byte(scope, &packed.unwrap_or_default()).into());
}

/// `requestCf(invocation) → string` of JSON.
pub fn request_cf(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let id = args::id(scope, &args, 0);
    let json = state::with(scope, |s| {
        let cf = s.invocations.get(&id).map(|i| i.start.cf.clone()).unwrap_or_default();
        serde_json::Value::Object(cf).to_string()
    });
    if let Some(json) = v8::String::new(scope, &json) {
        rv.set(json.into());
    }
}

/// `responseHeaders(body) → string`, packed.
pub fn response_headers(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let body = args::id(scope, &args, 0);
    let packed =
        state::with(scope, |s| s.bodies.get(&body).map(|b| args::pack(&b.headers, |_| false)));
    rv.set(one_byte(scope, &packed.unwrap_or_default()).into());
}

/// `responseUrl(body) → string`: of a subrequest's response; that of the exchange's is its request's.
pub fn response_url(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let body = args::id(scope, &args, 0);
    let url = state::with(scope, |s| s.bodies.get(&body).map(|b| b.url.clone()));
    if let Some(url) = v8::String::new(scope, &url.unwrap_or_default()) {
        rv.set(url.into());
    }
}

/// `responseRedirected(body) → boolean`
pub fn response_redirected(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let body = args::id(scope, &args, 0);
    rv.set_bool(state::with(scope, |s| s.bodies.get(&body).is_some_and(|b| b.redirected)));
}

/// `responseStatusText(body, status) → string`: the reason phrase that came, or the status's standard
/// one: a proxy does not tell it, and HTTP/2 has none.
pub fn response_status_text(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let (body, status) = (args::id(scope, &args, 0), args::id(scope, &args, 1));
    let text = state::with(scope, |s| s.bodies.get(&body).map(|b| b.status_text.clone()));
    let text = text.filter(|text| !text.is_empty()).or_else(|| {
        let status = http::StatusCode::from_u16(u16::try_from(status).ok()?).ok()?;
        status.canonical_reason().map(Into::into)
    });
    if let Some(text) = v8::String::new(scope, &text.unwrap_or_default()) {
        rv.set(text.into());
    }
}

/// `passThroughOnException(invocation)`
pub fn pass_through_on_exception(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    let id = args::id(scope, &args, 0);
    state::with(scope, |s| {
        if let Some(invocation) = s.touch(id) {
            invocation.pass_through_on_exception = true;
        }
    });
}

/// `setMetadata(invocation, json)`: an object for the proxy.
pub fn set_metadata(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    let id = args::id(scope, &args, 0);
    let json = args::string(scope, &args, 1).unwrap_or_default();
    match serde_json::from_str(&json) {
        Ok(serde_json::Value::Object(values)) => {
            let fits = state::with(scope, |s| {
                let Some(invocation) = s.touch(id) else { return true };
                invocation.metadata_bytes = invocation.metadata_bytes.saturating_add(json.len());
                let fits = invocation.metadata_bytes <= METADATA_MAX_BYTES;
                if fits {
                    invocation.command(Command::Metadata(values));
                }
                fits
            });
            if !fits {
                let text = "setMetadata() takes no more than 64 KiB of JSON for one request.";
                throw_type_error(scope, text);
            }
        }
        _ => throw_type_error(scope, "setMetadata() takes an object of JSON values."),
    }
}

/// `background(invocation, change)`: how many `waitUntil` promises are pending.
pub fn background(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    let id = args::id(scope, &args, 0);
    let begins = args.get(1).int32_value(scope).unwrap_or(0) > 0;
    state::with(scope, |s| {
        if let Some(invocation) = s.touch(id) {
            let now = invocation.background;
            invocation.background =
                if begins { now.saturating_add(1) } else { now.saturating_sub(1) };
        }
    });
}

/// `fail(invocation, exception)`: the handler threw.
pub fn fail(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    let id = args::id(scope, &args, 0);
    let bundle = state::with(scope, |s| s.bundle.clone());
    let text = error::describe(scope, &bundle, args.get(1));
    state::with(scope, |s| {
        if s.invocations.get(&id).is_some_and(|i| !i.settled) {
            finish::fail(s, id, Outcome::Exception, text);
        }
    });
}

/// `respond(invocation, status, packed | undefined, origin, kind, body) → leaving`: the handler's
/// answer. Without packed headers they are those of the response `origin`, unchanged. `leaving` is
/// not 0 when JavaScript must write the body.
pub fn respond(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let id = args::id(scope, &args, 0);
    let status = u16::try_from(args::id(scope, &args, 1)).unwrap_or(500);
    let headers = args::headers(scope, &args, 2);
    let origin = args::id(scope, &args, 3);
    let Some(body) = given_body(scope, &args, 4) else {
        return state::with(scope, |s| {
            finish::fail(s, id, Outcome::ExceededMemory, memory_text(s));
        });
    };
    let leaving = state::with(scope, |s| s.respond(id, status, headers, origin, body));
    rv.set_uint32(leaving.unwrap_or(0));
}

/// A body as JavaScript hands it over.
pub enum Given {
    None,
    /// An arriving body that was not touched.
    Host(BodyId),
    Bytes(Bytes),
    /// JavaScript writes it; how many bytes it will be, if it knows.
    Stream(Option<u64>),
}

impl Given {
    /// Of a body that JavaScript writes, be it that of an arriving one.
    pub fn length(&self, state: &State) -> Option<u64> {
        match self {
            Self::Host(body) => state.length_of(*body),
            Self::Stream(length) => *length,
            Self::None | Self::Bytes(_) => None,
        }
    }
}

/// Reads the arguments `kind` and `body`; the numbers are those of `internals.body.take()`. `None` for
/// a text that is longer than the Worker's memory limit: a string of parts need not have that much
/// memory before it is read.
pub fn given_body(
    scope: &mut PinScope<'_, '_>,
    args: &FunctionCallbackArguments<'_>,
    index: i32,
) -> Option<Given> {
    Some(match args::id(scope, args, index) {
        1 => Given::Host(args::id(scope, args, index + 1)),
        2 => Given::Bytes(args::bytes(args, index + 1).unwrap_or_default()),
        3 => Given::Stream(args::length(scope, args, index + 1)),
        4 => {
            let string = Local::<v8::String>::try_from(args.get(index + 1)).ok()?;
            let fits = state::with(scope, |s| s.meter.could_fit(string.length()));
            Given::Bytes(fits.then(|| args::utf8(scope, string))?)
        }
        5 => Given::Bytes(joined(scope, args, index + 1)?),
        _ => Given::None,
    })
}

/// The bytes of an array of byte views, one after the other. `None` when they are more than the
/// Worker's memory limit.
fn joined(
    scope: &mut PinScope<'_, '_>,
    args: &FunctionCallbackArguments<'_>,
    index: i32,
) -> Option<Bytes> {
    let array = Local::<v8::Array>::try_from(args.get(index)).ok()?;
    let mut size: usize = 0;
    for i in 0..array.length() {
        size = size.saturating_add(view_at(scope, &array, i)?.byte_length());
    }
    if !state::with(scope, |s| s.meter.could_fit(size)) {
        return None;
    }
    let mut whole = Vec::with_capacity(size);
    let mut storage = [0; v8::TYPED_ARRAY_MAX_SIZE_IN_HEAP];
    for i in 0..array.length() {
        let part = view_at(scope, &array, i)?;
        whole.extend_from_slice(values::bytes(&part, &mut storage));
    }
    Some(whole.into())
}

fn view_at<'s>(
    scope: &mut PinScope<'s, '_>,
    array: &v8::Array,
    index: u32,
) -> Option<Local<'s, v8::ArrayBufferView>> {
    Local::try_from(array.get_index(scope, index)?).ok()
}

impl State {
    fn respond(
        &mut self,
        id: InvocationId,
        status: u16,
        headers: Option<HeaderList>,
        origin: BodyId,
        body: Given,
    ) -> Option<LeavingId> {
        let invocation = self.invocations.get(&id).filter(|i| !i.answered)?;
        let upstream = invocation.response_body;
        let is_upstream = upstream == Some(origin);
        let unchanged = is_upstream && headers.is_none() && status == invocation.upstream_status;
        let upstream_has_body = invocation.upstream_has_body;
        let headers = headers.or_else(|| self.bodies.get(&origin).map(|b| b.headers.clone()));
        let size = headers.as_ref().map_or(0, HeaderList::size);
        let most = self.bundle.settings.limits.headers_bytes();
        if size > most && !unchanged {
            let invocation = self.touch(id)?;
            invocation.limits.insert(Limit::Headers);
            let text = headers_too_large("response", size, most);
            finish::fail(self, id, Outcome::Exception, text);
            return None;
        }
        let over = invocation.closed.is_some();
        let length = body.length(self);
        let (body, leaving) = match body {
            Given::Host(given) if Some(given) == upstream && self.untouched(given) => {
                (OutBody::AsItCame, None)
            }
            // Also with other headers: a `content-length` that comes without a body (HEAD, 304)
            // says something, and stays.
            Given::None if upstream.is_some() && !upstream_has_body => (OutBody::AsItCame, None),
            Given::None => (OutBody::Empty, None),
            Given::Bytes(bytes) => (OutBody::Full(bytes), None),
            // Nobody would take what the stream gives.
            Given::Host(_) | Given::Stream(_) if over => (OutBody::Empty, None),
            Given::Host(_) | Given::Stream(_) => {
                (OutBody::Stream, Some(self.leave(id, Sink::Exchange(Side::Response), length)))
            }
        };
        let head = (!unchanged || body != OutBody::AsItCame).then(|| {
            let mut head = ResponseHead {
                status,
                headers: headers.unwrap_or_default(),
                has_body: body != OutBody::Empty,
            };
            fit_length(&mut head.headers, &body, length, status == 204 || status == 304);
            head
        });
        let invocation = self.touch(id)?;
        invocation.settled = true;
        invocation.respond(head, body);
        invocation.status = status;
        leaving
    }

    pub(super) fn untouched(&self, body: BodyId) -> bool {
        self.bodies.get(&body).is_some_and(|b| b.phase == Phase::Untouched)
    }

    /// A new leaving body, of so many bytes if that is known.
    pub(super) fn leave(&mut self, id: InvocationId, sink: Sink, length: Option<u64>) -> LeavingId {
        let leaving = self.leaving_ids.take();
        let entry = Leaving { invocation: id, sink, waiting: None, left: length, relays: None };
        self.leaving.insert(leaving, entry);
        if let Some(invocation) = self.touch(id) {
            invocation.leaving.push(leaving);
        }
        leaving
    }
}

/// What is said of headers that are larger than they may be.
pub fn headers_too_large(whose: &str, size: usize, most: usize) -> String {
    format!("The {whose}'s headers have {size} bytes: they may have {most} (limits.headers_kb).")
}

/// Makes `content-length` say what the body is. Framing belongs to the host: a Worker's own value
/// could only be wrong. `stream` is the length of a body that is written, if it is known.
pub fn fit_length(
    headers: &mut HeaderList,
    body: &OutBody,
    stream: Option<u64>,
    never_has_body: bool,
) {
    headers.remove("transfer-encoding");
    match body {
        OutBody::AsItCame => {}
        OutBody::Stream => match stream {
            Some(length) => set_length(headers, length),
            None => headers.remove("content-length"),
        },
        OutBody::Empty if never_has_body => headers.remove("content-length"),
        OutBody::Empty => set_length(headers, 0),
        OutBody::Full(bytes) => set_length(headers, bytes.len() as u64),
    }
}

fn set_length(headers: &mut HeaderList, length: u64) {
    headers.remove("content-length");
    headers.push("content-length", length.to_string());
}

/// `passUpstream(invocation) → boolean`: the handler's answer is the upstream's response, whatever
/// it will be. False when that has arrived already.
pub fn pass_upstream(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let id = args::id(scope, &args, 0);
    let passed = state::with(scope, |s| {
        let Some(invocation) = s.touch(id) else { return false };
        if invocation.answered {
            return false;
        }
        if invocation.upstream.take().is_none() {
            return false;
        }
        invocation.settled = true;
        invocation.respond(None, OutBody::AsItCame);
        true
    });
    rv.set_bool(passed);
}

/// `watchUpstream(op, promise)`: finds out whether anyone looks at what the promise of the `fetch()`
/// that continued the exchange will give.
pub fn watch_upstream(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    if let Ok(promise) = Local::<v8::Promise>::try_from(args.get(1)) {
        adoption::watch(scope, args::id(scope, &args, 0), promise);
    }
}

/// `answer(invocation, promise, function, succeeded, failed) → boolean`: `function`, the handler,
/// returned `promise`. False when the caller must listen to it.
pub fn answer(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let promise = Local::<v8::Promise>::try_from(args.get(1));
    let succeeded = Local::<v8::Function>::try_from(args.get(3));
    let failed = Local::<v8::Function>::try_from(args.get(4));
    let (Ok(promise), Ok(succeeded), Ok(failed)) = (promise, succeeded, failed) else { return };
    let returned = Returned {
        id: args::id(scope, &args, 0),
        promise: v8::Global::new(scope, promise),
        succeeded: v8::Global::new(scope, succeeded),
        failed: v8::Global::new(scope, failed),
    };
    rv.set_bool(adoption::answer(scope, returned, args.get(2).is_async_function()));
}
