//! `WebSocket`s: opening, sending, closing.

use v8::{FunctionCallbackArguments, Local, PinScope, ReturnValue};

use super::{args, throw_error, throw_type_error};
use crate::egress::loops;
use crate::exchange::HeaderList;
use crate::isolate::message::Effect;
use crate::isolate::socket::{SocketFrame, SocketId, SocketOpen};
use crate::isolate::state;

/// `socketOpen(url, protocols) → socket`: `protocols` are separated by commas.
pub fn socket_open(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let Some(id) = state::current(scope) else {
        return throw_error(scope, super::GLOBAL_SCOPE);
    };
    let Some(url) = args::string(scope, &args, 0).and_then(|url| url::Url::parse(&url).ok()) else {
        return throw_type_error(scope, "a URL was expected");
    };
    let protocols = args::string(scope, &args, 1).unwrap_or_default();
    let protocols = protocols.split(',').filter(|p| !p.is_empty()).map(ToOwned::to_owned).collect();
    let opened = state::with(scope, |s| {
        if url.as_str().len() > s.bundle.settings.limits.url_bytes() {
            return Err("The URL is larger than it may be (limits.url_kb).");
        }
        let sent = s.count_subrequest(id)?;
        let socket = s.add_socket(id, true);
        let invocation = s.touch(id).ok_or(super::REQUEST_OVER)?;
        let own_authority = invocation.start.request.authority.clone();
        let mut headers = HeaderList::default();
        loops::replace(&mut headers, sent.header());
        let open = SocketOpen { id, socket, url, protocols, headers, own_authority };
        s.effects.push(Effect::SocketOpen(Box::new(open)));
        Ok(socket)
    });
    match opened {
        Ok(socket) => rv.set_uint32(socket),
        Err(message) => throw_error(scope, message),
    }
}

/// `socketAccept(socket) → boolean`: what comes is to be delivered from now on. False when its request is
/// over.
pub fn socket_accept(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let socket = args::id(scope, &args, 0);
    let known = state::with(scope, |s| {
        let id = s.sockets.get(&socket)?.invocation;
        s.touch(id)?.sockets.insert(socket, true);
        s.effects.push(Effect::SocketAccept(socket));
        Some(())
    });
    rv.set_bool(known.is_some());
}

/// `socketSend(socket, string | view) → number`: how many bytes it is. -1: more than the Worker may have
/// waiting, and the connection is given up.
pub fn socket_send(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let socket = args::id(scope, &args, 0);
    let string = Local::<v8::String>::try_from(args.get(1)).ok();
    let least = match string {
        Some(string) => string.length(),
        None => Local::<v8::ArrayBufferView>::try_from(args.get(1)).map_or(0, |v| v.byte_length()),
    };
    let fits = state::with(scope, |s| {
        let unsent: usize = s.sockets.values().map(|socket| socket.unsent).sum();
        unsent.saturating_add(least) <= s.bundle.settings.limits.memory_bytes()
    });
    if !fits {
        state::with(scope, |s| {
            s.remove_socket(socket);
            s.effects.push(Effect::SocketDrop(socket, 1011));
        });
        return rv.set_int32(-1);
    }
    let frame = match string {
        Some(string) => SocketFrame::Text(args::utf8(scope, string)),
        None => SocketFrame::Binary(args::bytes(&args, 1).unwrap_or_default()),
    };
    let length = frame.size();
    state::with(scope, |s| {
        if let Some(entry) = s.sockets.get_mut(&socket) {
            entry.unsent += length;
            s.effects.push(Effect::SocketSend(socket, frame));
        }
    });
    rv.set_double(length as f64);
}

/// `socketClose(socket, code | undefined, reason)`: begins the closing handshake, or gives up a connection
/// that is being made.
pub fn socket_close(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    let socket = args::id(scope, &args, 0);
    let code = u16::try_from(args::id(scope, &args, 1)).ok().filter(|code| *code != 0);
    let reason = args::string(scope, &args, 2).unwrap_or_default();
    state::with(scope, |s| {
        if s.sockets.contains_key(&socket) {
            let frame = SocketFrame::Close(code.map(|code| (code, reason)));
            s.effects.push(Effect::SocketSend(socket, frame));
        }
    });
}

/// `responseSocket(body) → socket`: the WebSocket that a subrequest's 101 leads to; 0 for none.
pub fn response_socket(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let body = args::id(scope, &args, 0);
    let socket: SocketId =
        state::with(scope, |s| s.bodies.get(&body).map_or(0, |arriving| arriving.socket));
    rv.set_uint32(socket);
}
