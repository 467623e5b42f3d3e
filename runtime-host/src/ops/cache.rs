//! The Cache API: questions for the HTTP cache. Each op's `op` is settled with the answer.

use std::sync::Arc;

use bytes::Bytes;
use url::Url;
use v8::{FunctionCallbackArguments, PinScope, ReturnValue};

use super::exchange::{Given, given_body};
use super::fetch::UPLOADS_TOO_LARGE;
use super::{args, throw_error, throw_type_error};
use crate::cache::{CacheId, Head, Query, Request, varies_by_anything};
use crate::isolate::body::{Arriving, Sink, Source, UploadFlow};
use crate::isolate::cache::{CacheAsk, CacheOp};
use crate::isolate::message::{BodyId, Effect, InvocationId, OpId, Upload};
use crate::isolate::state::{self, State};
use crate::limits::Limit;

/// Bytes of a cache's name: none is longer that a person chose.
const NAME_MAX_BYTES: usize = 1024;

/// `cacheNames(op, what, name)`: opens (0), looks for (1) or deletes (2) a cache, or lists the names (3).
pub fn cache_names(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    let name = args::string(scope, &args, 2).unwrap_or_default();
    if name.len() > NAME_MAX_BYTES {
        return throw_type_error(scope, "The name of a cache may have 1024 bytes.");
    }
    let what = match args::id(scope, &args, 1) {
        0 => CacheOp::Open(name),
        1 => CacheOp::Has(name),
        2 => CacheOp::Remove(name),
        _ => CacheOp::Names,
    };
    ask(scope, args::id(scope, &args, 0), |_, _| Ok(what));
}

/// `cacheMatch(op, cache, method, url, headers, flags)`
pub fn cache_match(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    let Some((cache, asked, query)) = asked(scope, &args) else { return };
    ask(scope, args::id(scope, &args, 0), |state, id| {
        let body = state.cache_body(id);
        Ok(CacheOp::Match { cache, asked, query, body })
    });
}

/// `cacheGet(op, entry)`: an entry that was listed.
pub fn cache_get(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    let entry = args::length(scope, &args, 1).unwrap_or(0);
    ask(scope, args::id(scope, &args, 0), |state, id| {
        Ok(CacheOp::Get { entry, body: state.cache_body(id) })
    });
}

/// `cacheList(op, cache, method, url | undefined, headers, flags)`
pub fn cache_list(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    let op = args::id(scope, &args, 0);
    if args.get(3).is_undefined() {
        let cache = args::length(scope, &args, 1).unwrap_or(0);
        return ask(scope, op, |_, _| Ok(CacheOp::List { cache, asked: None }));
    }
    let Some((cache, asked, query)) = asked(scope, &args) else { return };
    ask(scope, op, |_, _| Ok(CacheOp::List { cache, asked: Some((asked, query)) }));
}

/// `cacheDelete(op, cache, method, url, headers, flags)`
pub fn cache_delete(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    let Some((cache, asked, query)) = asked(scope, &args) else { return };
    ask(scope, args::id(scope, &args, 0), |_, _| Ok(CacheOp::Delete { cache, asked, query }));
}

/// `cachePut(op, cache, method, url, headers, status, statusText, responseHeaders, responseUrl,
/// redirected, kind, body) → leaving`: 0, or the body that JavaScript must write.
pub fn cache_put(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let Some((cache, asked, _)) = asked(scope, &args) else { return };
    let head = Head {
        status: u16::try_from(args::id(scope, &args, 5)).unwrap_or(0),
        status_text: args::string(scope, &args, 6).unwrap_or_default(),
        headers: args::headers(scope, &args, 7).unwrap_or_default(),
        url: args::string(scope, &args, 8).unwrap_or_default(),
        redirected: args.get(9).is_true(),
    };
    if varies_by_anything(&head.headers) {
        let text = "Cannot cache response with 'Vary: *' header.";
        return throw_type_error(scope, text);
    }
    let Some(body) = given_body(scope, &args, 10) else {
        return throw_type_error(scope, UPLOADS_TOO_LARGE);
    };
    let (op, mut leaving) = (args::id(scope, &args, 0), None);
    ask(scope, op, |state, id| {
        let upload = match body {
            Given::None => Upload::Empty,
            Given::Bytes(bytes) => {
                if !state.has_room_for_upload(bytes.len()) {
                    return Err(UPLOADS_TOO_LARGE);
                }
                state.puts.insert(op, bytes.len());
                Upload::Full(bytes)
            }
            streamed => {
                let length = streamed.length(state);
                let flow = Arc::new(UploadFlow::default());
                let written = state.leave(id, Sink::Upload(Arc::clone(&flow)), length);
                leaving = Some(written);
                Upload::Stream { leaving: written, flow, length }
            }
        };
        Ok(CacheOp::Put { cache, asked, head, upload })
    });
    rv.set_uint32(leaving.unwrap_or(0));
}

/// Arguments 1 to 5: cache, method, URL, packed headers, flags. Throws for a URL that no cache takes.
fn asked(
    scope: &mut PinScope<'_, '_>,
    args: &FunctionCallbackArguments<'_>,
) -> Option<(CacheId, Request, Query)> {
    let cache = args::length(scope, args, 1).unwrap_or(0);
    let method = args::byte_string(scope, args, 2).unwrap_or_else(|| Bytes::from_static(b"GET"));
    let url = args::string(scope, args, 3).and_then(|url| Url::parse(&url).ok());
    let headers = args::headers(scope, args, 4).unwrap_or_default();
    let flags = args::id(scope, args, 5);
    let query = Query {
        ignore_search: flags & 1 != 0,
        ignore_method: flags & 2 != 0,
        ignore_vary: flags & 4 != 0,
    };
    let (url_most, headers_most) = state::with(scope, |s| {
        (s.bundle.settings.limits.url_bytes(), s.bundle.settings.limits.headers_bytes())
    });
    let Some(url) = url.filter(|url| url.as_str().len() <= url_most) else {
        throw_type_error(
            scope,
            "The request's URL is none, or larger than it may be (limits.url_kb).",
        );
        return None;
    };
    if headers.size() > headers_most {
        throw_type_error(
            scope,
            "The request's headers are larger than they may be (limits.headers_kb).",
        );
        return None;
    }
    Some((cache, Request { method, url, headers }, query))
}

/// Sends a question.
fn ask(
    scope: &mut PinScope<'_, '_>,
    op: OpId,
    what: impl FnOnce(&mut State, InvocationId) -> Result<CacheOp, &'static str>,
) {
    let Some(id) = state::current(scope) else {
        return throw_error(scope, super::GLOBAL_SCOPE);
    };
    let asked = state::with(scope, |s| {
        s.count_cache_call(id)?;
        let what = what(s, id)?;
        if let Some(invocation) = s.touch(id) {
            invocation.waiting.push(op);
        }
        s.effects.push(Effect::Cache(Box::new(CacheAsk { id, op, what })));
        Ok(())
    });
    if let Err(message) = asked {
        throw_error(scope, message);
    }
}

impl State {
    fn count_cache_call(&mut self, id: InvocationId) -> Result<(), &'static str> {
        let limit = self.bundle.settings.limits.cache_calls;
        let invocation = self.touch(id).ok_or(super::REQUEST_OVER)?;
        if invocation.cache_calls >= limit {
            invocation.limits.insert(Limit::CacheCalls);
            return Err("Too many API requests by single Worker invocation (limits.cache_calls).");
        }
        invocation.cache_calls += 1;
        Ok(())
    }

    /// The body of a response that the cache may give.
    fn cache_body(&mut self, id: InvocationId) -> BodyId {
        let body = self.body_ids.take();
        self.bodies.insert(body, Arriving::new(id, Source::Subrequest));
        if let Some(invocation) = self.touch(id) {
            invocation.bodies.push(body);
        }
        body
    }
}
