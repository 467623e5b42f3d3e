//! JavaScript functions of the snapshot that the host calls.

use bytes::Bytes;
use v8::{Local, PinScope};

use super::body::Want;
use super::inbound::Collected;
use super::message::{BodyId, InvocationId};
use super::{snapshot, state};
use crate::worker::Bundle;

/// JavaScript functions of the snapshot that the host calls (`90_dispatch.js`).
pub struct Hooks {
    pub(super) start: v8::Global<v8::Function>,
    pub(super) settle: v8::Global<v8::Function>,
    pub(super) timer: v8::Global<v8::Function>,
    pub(super) abort: v8::Global<v8::Function>,
    pub(super) forget: v8::Global<v8::Function>,
    pub(super) rejected: v8::Global<v8::Function>,
    pub(super) rejection_handled: v8::Global<v8::Function>,
    configure: v8::Global<v8::Function>,
    adopt: v8::Global<v8::Function>,
}

/// How an op is settled; the numbers are those of `50_host.js`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ok = 0,
    /// A `TypeError` with the text (what `fetch` rejects with for a network error).
    TypeError = 1,
    End = 2,
    /// A response without a body.
    NoBody = 3,
    /// The upstream's response goes to the client unseen.
    Unseen = 4,
}

/// What an op is settled with.
pub enum Value {
    Nothing,
    Bytes(Bytes),
    /// A whole body, as its reader wants it.
    Whole(Collected, Want),
    Text(String),
    Invocation(InvocationId),
    /// Status and body id of a response.
    Response(u16, BodyId),
}

impl Hooks {
    /// Finds the functions in the snapshot's `internals`.
    pub fn take(scope: &mut PinScope<'_, '_>) -> Option<Self> {
        let internals = scope
            .get_context_data_from_snapshot_once::<v8::Object>(snapshot::INTERNALS_DATA_INDEX)
            .ok()?;
        let dispatch = property(scope, internals, "dispatch")?;
        let dispatch = Local::<v8::Object>::try_from(dispatch).ok()?;
        let hosts = property(scope, internals, "hostModules")?;
        remember_host_modules(scope, Local::<v8::Object>::try_from(hosts).ok()?)?;
        let mut function = |name| {
            let value = property(scope, dispatch, name)?;
            let function = Local::<v8::Function>::try_from(value).ok()?;
            Some(v8::Global::new(scope, function))
        };
        Some(Self {
            start: function("start")?,
            settle: function("settle")?,
            timer: function("timer")?,
            abort: function("abort")?,
            forget: function("forget")?,
            rejected: function("rejected")?,
            rejection_handled: function("rejectionHandled")?,
            configure: function("configure")?,
            adopt: function("adopt")?,
        })
    }

    /// Gives JavaScript the Worker's settings before its modules run.
    pub fn configure(&self, scope: &mut PinScope<'_, '_>, bundle: &Bundle) -> Option<()> {
        let vars = serde_json::Value::Object(bundle.settings.vars.clone()).to_string();
        let vars = v8::String::new(scope, &vars)?;
        let service_worker = bundle.format == crate::worker::Format::ServiceWorker;
        let service_worker = v8::Boolean::new(scope, service_worker);
        call(scope, &self.configure, &[vars.into(), service_worker.into()]).map(|_| ())
    }

    /// Gives JavaScript the entry module's namespace, where the handlers are.
    pub fn adopt<'s>(
        &self,
        scope: &mut PinScope<'s, '_>,
        namespace: Option<Local<'s, v8::Object>>,
    ) -> Option<()> {
        let namespace = namespace.map_or_else(|| v8::undefined(scope).into(), Into::into);
        call(scope, &self.adopt, &[namespace]).map(|_| ())
    }
}

fn remember_host_modules(scope: &mut PinScope<'_, '_>, hosts: Local<'_, v8::Object>) -> Option<()> {
    let names = hosts.get_own_property_names(scope, v8::GetPropertyNamesArgs::default())?;
    for index in 0..names.length() {
        let key = names.get_index(scope, index)?;
        let object = hosts.get(scope, key)?;
        let object = v8::Global::new(scope, Local::<v8::Object>::try_from(object).ok()?);
        let name = key.to_rust_string_lossy(scope);
        state::with(scope, |s| s.modules.host.insert(name, object));
    }
    Some(())
}

/// Calls one of the hooks; `None` when the turn was terminated.
pub fn call<'s>(
    scope: &mut PinScope<'s, '_>,
    function: &v8::Global<v8::Function>,
    arguments: &[Local<'s, v8::Value>],
) -> Option<Local<'s, v8::Value>> {
    let function = Local::new(scope, function);
    let receiver = v8::undefined(scope).into();
    function.call(scope, receiver, arguments)
}

fn property<'s>(
    scope: &mut PinScope<'s, '_>,
    object: Local<'s, v8::Object>,
    name: &str,
) -> Option<Local<'s, v8::Value>> {
    let key = v8::String::new(scope, name)?;
    object.get(scope, key.into())
}
