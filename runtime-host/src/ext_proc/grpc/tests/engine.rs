//! An engine that a test scripts.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::exchange::{Command, Engine, Event, Outbox, Session, Start, Started};

type Script = dyn Fn(&Start, Option<&Event>) -> Vec<Command> + Send + Sync;

/// Runs `script` at the start of each exchange and for each event, in place.
pub(super) struct Scripted {
    script: Arc<Script>,
    /// What the exchanges began with.
    pub starts: Mutex<Vec<Start>>,
    /// Sessions by the order of their start.
    pub outboxes: Mutex<Vec<Arc<Outbox>>>,
    pub events: Arc<Mutex<Vec<Event>>>,
}

impl Scripted {
    pub fn new(
        script: impl Fn(&Start, Option<&Event>) -> Vec<Command> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            script: Arc::new(script),
            starts: Mutex::default(),
            outboxes: Mutex::default(),
            events: Arc::default(),
        })
    }
}

impl Engine for Scripted {
    fn start(&self, start: Start) -> Started {
        self.starts.lock().push(start.clone());
        if start.worker.as_deref() == Some("none") {
            return Started::NoWorker;
        }
        let outbox = Arc::<Outbox>::default();
        publish(&outbox, (self.script)(&start, None));
        self.outboxes.lock().push(outbox.clone());
        let (script, events) = (self.script.clone(), self.events.clone());
        Started::Session(Box::new(Playing { script, start, outbox, events }))
    }
}

/// Counts the bytes a script writes, as a Worker's writer does.
fn publish(outbox: &Outbox, mut commands: Vec<Command>) {
    for command in &commands {
        if let Command::Body(side, chunk) = command {
            outbox.count(*side, chunk.len());
        }
    }
    outbox.publish(&mut commands);
}

struct Playing {
    script: Arc<Script>,
    start: Start,
    outbox: Arc<Outbox>,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Session for Playing {
    fn post(&self, event: Event) {
        let commands = (self.script)(&self.start, Some(&event));
        self.events.lock().push(event);
        publish(&self.outbox, commands);
    }

    fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }
}
