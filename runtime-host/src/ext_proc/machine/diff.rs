//! The difference between a head that arrived and the head a Worker wants, as a mutation.

use bytes::Bytes;

use super::by_name::ByName;
use crate::exchange::{HeaderList, RequestHead, ResponseHead};
use crate::ext_proc::proto::{BoolValue, HeaderMutation, HeaderValue, HeaderValueOption};

/// Changes to one head.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Changes {
    pub mutation: HeaderMutation,
    /// The route was chosen by what changed: Envoy must choose it again.
    pub clear_route_cache: bool,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.mutation.set_headers.is_empty() && self.mutation.remove_headers.is_empty()
    }

    pub fn set(&mut self, name: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.mutation.set_headers.push(option(name.into(), value.into(), false));
    }

    pub fn remove(&mut self, name: &'static str) {
        self.mutation.remove_headers.push(Bytes::from_static(name.as_bytes()));
    }
}

pub(super) fn request(arrived: &RequestHead, wanted: &RequestHead) -> Changes {
    let mut changes = Changes::default();
    for (name, old, new) in [
        (":method", &arrived.method, &wanted.method),
        (":scheme", &arrived.scheme, &wanted.scheme),
        (":authority", &arrived.authority, &wanted.authority),
        (":path", &arrived.path, &wanted.path),
    ] {
        if old != new {
            changes.set(name, new.clone());
        }
    }
    headers(&arrived.headers, &wanted.headers, is_proxys_own, &mut changes.mutation);
    // Routes match paths, hosts, methods and headers alike.
    let mutation = &changes.mutation;
    changes.clear_route_cache =
        !mutation.set_headers.is_empty() || !mutation.remove_headers.is_empty();
    changes
}

pub(super) fn response(arrived: &ResponseHead, wanted: &ResponseHead) -> Changes {
    let mut changes = Changes::default();
    if arrived.status != wanted.status {
        changes.set(":status", wanted.status.to_string());
    }
    headers(&arrived.headers, &wanted.headers, |_| false, &mut changes.mutation);
    changes
}

/// All fields of a head that replaces whatever was there, for an `ImmediateResponse`.
pub(super) fn whole(wanted: &HeaderList) -> HeaderMutation {
    let fields = ByName::new(wanted);
    let mut mutation = HeaderMutation::default();
    for (at, (name, value)) in wanted.iter().enumerate() {
        if !is_framing(name) {
            let again = fields.is_again(at);
            mutation.set_headers.push(option(name.clone(), value.clone(), again));
        }
    }
    mutation
}

/// Fields that frame the message on one connection. Envoy keeps them right; what a Worker
/// copied from another message would be wrong. `host` is Envoy's `:authority`.
pub(super) fn is_framing(name: &[u8]) -> bool {
    matches!(
        name,
        b"content-length"
            | b"transfer-encoding"
            | b"connection"
            | b"keep-alive"
            | b"proxy-connection"
            | b"upgrade"
            | b"te"
            | b"host"
    )
}

/// Request fields that Envoy adds for itself and its upstream. A Worker that builds a request
/// from nothing does not mean to take them away; it can still change them.
fn is_proxys_own(name: &[u8]) -> bool {
    name.starts_with(b"x-envoy-") || name == b"x-request-id" || name == b"x-forwarded-proto"
}

fn headers(
    arrived: &HeaderList,
    wanted: &HeaderList,
    keep: impl Fn(&[u8]) -> bool,
    mutation: &mut HeaderMutation,
) {
    if arrived == wanted {
        return;
    }
    let (old, new) = (ByName::new(arrived), ByName::new(wanted));
    for (at, (name, _)) in wanted.iter().enumerate() {
        if !new.is_again(at) && !is_framing(name) {
            set(name, &old, &new, mutation);
        }
    }
    for (at, (name, _)) in arrived.iter().enumerate() {
        if !old.is_again(at) && !is_framing(name) && !keep(name) && !new.has(name) {
            mutation.remove_headers.push(name.clone());
        }
    }
}

/// Makes the values of `name` be those in `wanted`, if they are not.
fn set(name: &Bytes, arrived: &ByName<'_>, wanted: &ByName<'_>, mutation: &mut HeaderMutation) {
    if arrived.values(name).eq(wanted.values(name)) {
        return;
    }
    let old: Vec<&Bytes> = arrived.values(name).collect();
    let new: Vec<&Bytes> = wanted.values(name).collect();
    // Cookies that are only added (the common case) leave the others alone.
    let keep = if name.as_ref() == b"set-cookie" && new.starts_with(&old) {
        old.len()
    } else if name.as_ref() != b"set-cookie" && !old.is_empty() && joined(&old) == joined(&new) {
        return;
    } else {
        0
    };
    for (at, value) in new.into_iter().enumerate().skip(keep) {
        mutation.set_headers.push(option(name.clone(), value.clone(), at > 0));
    }
}

/// The combined value as JavaScript's `Headers.get` gives it (Fetch standard, "get a header").
fn joined(values: &[&Bytes]) -> Vec<u8> {
    let mut all = Vec::new();
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            all.extend_from_slice(b", ");
        }
        all.extend_from_slice(value);
    }
    all
}

fn option(key: Bytes, raw_value: Bytes, append: bool) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue { key, value: Bytes::new(), raw_value }),
        append: append.then_some(BoolValue { value: true }),
    }
}
