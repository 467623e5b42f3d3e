//! Drives one Worker's isolate with messages, without engine or front end.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::exchange::{
    Command, Event, HeaderList, OutBody, Outbox, RequestHead, Respond, ResponseHead, Start,
};
use crate::isolate::message::{Effect, InvocationId, Message};
use crate::isolate::{Health, Instance, platform};
use crate::telemetry::Outcome;
use crate::worker::{Bundle, Format, Module, ModuleKind, Settings};

pub fn bundle(source: &str, settings: Settings) -> Arc<Bundle> {
    let module = Module {
        specifier: "src/index.js".into(),
        kind: ModuleKind::Esm,
        source: Bytes::copy_from_slice(source.as_bytes()),
        source_map: None,
    };
    Arc::new(Bundle::new(
        "test".into(),
        PathBuf::from("/"),
        Format::Modules,
        "src/index.js".into(),
        vec![module],
        settings,
    ))
}

pub fn begin(
    id: InvocationId,
    method: &'static str,
    path: &'static str,
    outbox: Arc<Outbox>,
) -> Message {
    let mut request = RequestHead {
        method: method.into(),
        scheme: "http".into(),
        authority: "example.com".into(),
        path: path.into(),
        headers: HeaderList::default(),
        has_body: method == "POST",
    };
    request.headers.push("accept", "*/*");
    let start = Start {
        request,
        worker: None,
        failure_mode: None,
        request_id: "r1".into(),
        cf: serde_json::Map::new(),
        reports: false,
    };
    Message::Start { id, start: Box::new(start), outbox }
}

pub struct Driver {
    pub instance: Instance,
    pub outbox: Arc<Outbox>,
    pub effects: Vec<Effect>,
}

impl Driver {
    pub fn new(source: &str) -> Self {
        Self::with(source, Settings::default())
    }

    pub fn with(source: &str, settings: Settings) -> Self {
        platform::initialize();
        let instance = Instance::start(bundle(source, settings)).expect("the Worker starts");
        Self { instance, outbox: Arc::default(), effects: Vec::new() }
    }

    pub fn send(&mut self, message: Message) -> Health {
        self.instance.turn(std::iter::once(message), &mut self.effects, false)
    }

    pub fn start(&mut self, method: &'static str, path: &'static str) -> Vec<Command> {
        self.start_as(1, method, path)
    }

    pub fn start_as(
        &mut self,
        id: InvocationId,
        method: &'static str,
        path: &'static str,
    ) -> Vec<Command> {
        let outbox = Arc::clone(&self.outbox);
        self.send(begin(id, method, path, outbox));
        self.commands()
    }

    pub fn event(&mut self, event: Event) -> Vec<Command> {
        self.send(Message::Exchange { id: 1, event });
        self.commands()
    }

    /// Timers of an invocation that were set and did not fire, in order.
    pub fn timers(&self, id: InvocationId) -> Vec<u32> {
        self.effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Timer { id: owner, timer, .. } if *owner == id => Some(*timer),
                _ => None,
            })
            .collect()
    }

    /// Fires all timers of an invocation once.
    pub fn fire_timers(&mut self, id: InvocationId) {
        let timers = self.timers(id);
        self.effects.retain(|effect| !matches!(effect, Effect::Timer { .. }));
        for timer in timers {
            self.send(Message::Timer { id, timer });
        }
    }

    pub fn commands(&mut self) -> Vec<Command> {
        if let Some((_, Some(error))) = self.finished() {
            println!("the Worker failed: {error}");
        }
        let mut commands = Vec::new();
        self.outbox.drain(&mut commands);
        commands
    }

    pub fn finished(&self) -> Option<(Outcome, Option<String>)> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Finished(f) => Some((f.outcome, f.error.clone())),
            _ => None,
        })
    }
}

pub fn upstream(status: u16) -> Event {
    let mut headers = HeaderList::default();
    headers.push("content-type", "text/plain");
    Event::Response(ResponseHead { status, headers, has_body: true })
}

pub fn respond(commands: &[Command]) -> &Respond {
    commands
        .iter()
        .find_map(|c| if let Command::Respond(r) = c { Some(r) } else { None })
        .unwrap_or_else(|| panic!("no response in {commands:?}"))
}

pub fn text(body: &OutBody) -> String {
    match body {
        OutBody::Full(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => panic!("not a full body: {other:?}"),
    }
}
