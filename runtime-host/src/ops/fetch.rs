//! `fetch()`: the continuation of the exchange, or a subrequest.

use std::sync::Arc;

use bytes::Bytes;
use url::Url;
use v8::{FunctionCallbackArguments, PinScope, ReturnValue};

use super::exchange::{Given, fit_length, given_body, headers_too_large, url_of};
use super::{args, throw_error, throw_type_error};
use crate::egress::loops;
use crate::exchange::{HeaderList, OutBody, RequestHead, Side, has_authority};
use crate::isolate::body::{Arriving, Sink, Source, UploadFlow};
use crate::isolate::message::{
    Effect, InvocationId, LeavingId, OWN_AUTHORITY_NEEDS_ORIGIN, OpId, Redirect, Subrequest, Upload,
};
use crate::isolate::state::{self, State};
use crate::limits::Limit;

/// `fetch(op, method?, url?, packed?, incoming, kind, body, redirect, origin) → leaving`
///
/// `method` and `url` are undefined when they are those of the request of the invocation
/// `incoming`; without `packed` the headers are those of `origin`. `op` will be settled with the
/// response. The answer is `leaving * 2`, plus 1 when the exchange was continued; `leaving` is not
/// 0 when JavaScript must write the body.
pub fn fetch(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let Some(id) = state::current(scope) else {
        return throw_error(scope, super::GLOBAL_SCOPE);
    };
    let Some(body) = given_body(scope, &args, 5) else {
        return throw_type_error(scope, UPLOADS_TOO_LARGE);
    };
    let asked = Asked {
        op: args::id(scope, &args, 0),
        method: args::byte_string(scope, &args, 1),
        url: args::string(scope, &args, 2),
        headers: args::headers(scope, &args, 3),
        incoming: args::id(scope, &args, 4),
        body,
        redirect: match args::string(scope, &args, 7).as_deref() {
            Some("manual") => Redirect::Manual,
            Some("error") => Redirect::Error,
            _ => Redirect::Follow,
        },
        headers_origin: args::id(scope, &args, 8),
    };
    match state::with(scope, |s| s.fetch(id, asked)) {
        Ok((leaving, continued)) => {
            rv.set_double(f64::from(leaving.unwrap_or(0)) * 2.0 + f64::from(u8::from(continued)));
        }
        Err(Refusal::Type(message)) => throw_type_error(scope, &message),
        Err(Refusal::Plain(message)) => throw_error(scope, message),
    }
}

/// `fetchAbort(op)`: the result is no longer wanted.
pub fn fetch_abort(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    let op = args::id(scope, &args, 0);
    state::with(scope, |s| {
        let Some((id, body)) = s.fetches.remove(&op) else { return };
        if let Some(invocation) = s.touch(id) {
            invocation.waiting.retain(|waiting| *waiting != op);
        }
        if let Some(body) = body {
            if let Some(socket) = s.bodies.get(&body).map(|arriving| arriving.socket) {
                s.remove_socket(socket);
            }
            s.effects.push(Effect::CancelBody(body));
            s.drop_body(body, "the fetch was aborted");
        }
    });
}

/// What JavaScript asks for.
struct Asked {
    op: OpId,
    method: Option<Bytes>,
    url: Option<String>,
    headers: Option<HeaderList>,
    incoming: InvocationId,
    body: Given,
    redirect: Redirect,
    headers_origin: InvocationId,
}

/// Why a fetch is refused at once.
enum Refusal {
    Type(String),
    Plain(&'static str),
}

pub(super) const UPLOADS_TOO_LARGE: &str = "the bodies of the requests that are being sent are larger than \
    the Worker's memory limit: await some responses first";

impl State {
    fn fetch(
        &mut self,
        id: InvocationId,
        asked: Asked,
    ) -> Result<(Option<LeavingId>, bool), Refusal> {
        self.check_head(id, &asked)?;
        let invocation = self.invocations.get(&id).ok_or(Refusal::Plain(super::REQUEST_OVER))?;
        let own_request = asked.url.is_none() && asked.incoming == id;
        let url = match &asked.url {
            Some(url) => Some(parse(url)?),
            None if own_request => None,
            // A request of another invocation of this isolate.
            None => {
                let other = self
                    .invocations
                    .get(&asked.incoming)
                    .ok_or(Refusal::Plain(super::REQUEST_OVER))?;
                Some(parse(&url_of(&other.start.request))?)
            }
        };
        let authority = &invocation.start.request.authority;
        let own = url.as_ref().is_none_or(|url| has_authority(url, authority));
        if own && !invocation.continued && !invocation.answered {
            if invocation.closed.is_some() {
                return Err(Refusal::Plain(super::REQUEST_OVER));
            }
            return Ok((self.continue_exchange(id, asked, url.as_ref()), true));
        }
        if own && self.bundle.settings.origin.is_none() {
            return Err(Refusal::Type(OWN_AUTHORITY_NEEDS_ORIGIN.into()));
        }
        let url = match url {
            Some(url) => url,
            None => parse(&url_of(&invocation.start.request))?,
        };
        self.subrequest(id, asked, url).map(|leaving| (leaving, false))
    }

    /// Refuses a URL or headers that are larger than they may be.
    fn check_head(&mut self, id: InvocationId, asked: &Asked) -> Result<(), Refusal> {
        let limits = &self.bundle.settings.limits;
        let url = asked.url.as_ref().map_or(0, String::len);
        let headers = asked.headers.as_ref().map_or(0, HeaderList::size);
        let (limit, text) = if url > limits.url_bytes() {
            let most = limits.url_bytes();
            (Limit::Url, format!("The URL has {url} bytes: it may have {most} (limits.url_kb)."))
        } else if headers > limits.headers_bytes() {
            (Limit::Headers, headers_too_large("request", headers, limits.headers_bytes()))
        } else {
            return Ok(());
        };
        if let Some(invocation) = self.touch(id) {
            invocation.limits.insert(limit);
        }
        Err(Refusal::Type(text))
    }

    fn continue_exchange(
        &mut self,
        id: InvocationId,
        asked: Asked,
        url: Option<&Url>,
    ) -> Option<LeavingId> {
        let request_body = self.invocations.get(&id)?.request_body;
        let length = asked.body.length(self);
        let (body, leaving) = match asked.body {
            Given::Host(body) if Some(body) == request_body && self.untouched(body) => {
                (OutBody::AsItCame, None)
            }
            Given::None if request_body.is_none() => (OutBody::AsItCame, None),
            Given::None => (OutBody::Empty, None),
            Given::Bytes(bytes) => (OutBody::Full(bytes), None),
            Given::Host(_) | Given::Stream(_) => {
                (OutBody::Stream, Some(self.leave(id, Sink::Exchange(Side::Request), length)))
            }
        };
        let headers_kept = asked.headers.is_none() && asked.headers_origin == id;
        let unchanged = url.is_none() && asked.method.is_none() && headers_kept;
        let headers = self.headers_of(asked.headers.as_ref(), asked.headers_origin);
        let invocation = self.touch(id)?;
        let head = (!unchanged || body != OutBody::AsItCame).then(|| {
            let head = changed_head(&invocation.start.request, asked.method, url, headers);
            with_body(head, &body, length)
        });
        invocation.waiting.push(asked.op);
        invocation.continue_exchange(head, body, asked.op);
        self.fetches.insert(asked.op, (id, None));
        leaving
    }

    fn headers_of(&self, given: Option<&HeaderList>, origin: InvocationId) -> HeaderList {
        given.cloned().unwrap_or_else(|| {
            self.invocations
                .get(&origin)
                .map(|i| i.start.request.headers.clone())
                .unwrap_or_default()
        })
    }

    /// Whether so many bytes may be sent beside those that are under way, all of which the host holds.
    pub(super) fn has_room_for_upload(&self, bytes: usize) -> bool {
        let uploads = self.bodies.values().map(|body| body.upload_bytes);
        let under_way: usize = uploads.chain(self.puts.values().copied()).sum();
        under_way.saturating_add(bytes) <= self.bundle.settings.limits.memory_bytes()
    }

    /// Counts a subrequest of an invocation that is not over, or says why there may be none.
    pub(super) fn count_subrequest(
        &mut self,
        id: InvocationId,
    ) -> Result<Arc<loops::Sent>, &'static str> {
        let settings = &self.bundle.settings;
        let (limit, branches) = (settings.limits.subrequests, settings.egress.max_branches);
        let invocation = self.touch(id).ok_or(super::REQUEST_OVER)?;
        let arrived = &invocation.start.request.headers;
        let sent = invocation
            .sent
            .get_or_insert_with(|| Arc::new(loops::Sent::nothing(arrived, limit, branches)));
        let sent = Arc::clone(sent);
        if sent.count() {
            return Ok(sent);
        }
        invocation.limits.insert(Limit::Subrequests);
        Err(super::TOO_MANY_SUBREQUESTS)
    }

    fn subrequest(
        &mut self,
        id: InvocationId,
        asked: Asked,
        url: Url,
    ) -> Result<Option<LeavingId>, Refusal> {
        let mut headers = self.headers_of(asked.headers.as_ref(), asked.headers_origin);
        headers.remove("host");
        let upload_bytes = if let Given::Bytes(bytes) = &asked.body { bytes.len() } else { 0 };
        if !self.has_room_for_upload(upload_bytes) {
            return Err(Refusal::Type(UPLOADS_TOO_LARGE.into()));
        }
        let body_id = self.body_ids.take();
        let sent = self.count_subrequest(id).map_err(Refusal::Plain)?;
        let invocation = self.touch(id).ok_or(Refusal::Plain(super::REQUEST_OVER))?;
        loops::replace(&mut headers, sent.header());
        let own_authority = invocation.start.request.authority.clone();
        let method = asked.method.unwrap_or_else(|| invocation.start.request.method.clone());
        invocation.waiting.push(asked.op);
        invocation.bodies.push(body_id);
        let mut arriving = Arriving::new(id, Source::Subrequest);
        arriving.upload_bytes = upload_bytes;
        self.bodies.insert(body_id, arriving);
        self.fetches.insert(asked.op, (id, Some(body_id)));
        let (upload, leaving) = match asked.body {
            Given::None => (Upload::Empty, None),
            Given::Bytes(bytes) => (Upload::Full(bytes), None),
            Given::Host(_) | Given::Stream(_) => {
                let length = asked.body.length(self);
                let flow = Arc::new(UploadFlow::default());
                let leaving = self.leave(id, Sink::Upload(Arc::clone(&flow)), length);
                if let Some(arriving) = self.bodies.get_mut(&body_id) {
                    arriving.upload = Some(leaving);
                }
                (Upload::Stream { leaving, flow, length }, Some(leaving))
            }
        };
        let asks = method.as_ref() == b"GET" && asks_for_socket(&headers);
        let socket = if asks { self.add_socket(id, false) } else { 0 };
        if let Some(arriving) = self.bodies.get_mut(&body_id) {
            arriving.socket = socket;
        }
        self.effects.push(Effect::Subrequest(Box::new(Subrequest {
            id,
            op: asked.op,
            body: body_id,
            socket,
            method,
            url,
            headers,
            upload,
            redirect: asked.redirect,
            own_authority,
            sent,
        })));
        Ok(leaving)
    }
}

/// Whether a request is the opening handshake of a WebSocket (RFC 6455 section 4.1).
fn asks_for_socket(headers: &HeaderList) -> bool {
    headers
        .get("upgrade")
        .is_some_and(|value| value.trim_ascii().eq_ignore_ascii_case(b"websocket"))
}

fn parse(url: &str) -> Result<Url, Refusal> {
    let parsed = Url::parse(url).map_err(|_| Refusal::Type(format!("Invalid URL: {url}")))?;
    match parsed.scheme() {
        "http" | "https" => Ok(parsed),
        scheme => Err(Refusal::Type(format!("Fetch API cannot load: {url} (scheme {scheme}:)"))),
    }
}

fn changed_head(
    request: &RequestHead,
    method: Option<Bytes>,
    url: Option<&Url>,
    mut headers: HeaderList,
) -> RequestHead {
    let mut head = request.clone();
    if let Some(method) = method {
        head.method = method;
    }
    if let Some(url) = url {
        let (path, query) = (url.path(), url.query());
        let path = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
        head.path = path.into();
    }
    headers.remove("host");
    loops::carry(&mut headers, &request.headers);
    head.headers = headers;
    head
}

fn with_body(mut head: RequestHead, body: &OutBody, length: Option<u64>) -> RequestHead {
    let bodiless = matches!(head.method.as_ref(), b"GET" | b"HEAD");
    fit_length(&mut head.headers, body, length, bodiless);
    head.has_body = match body {
        OutBody::AsItCame => head.has_body,
        OutBody::Empty => false,
        OutBody::Full(_) | OutBody::Stream => true,
    };
    head
}
