//! An engine whose handlers are written in the test.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::exchange::{
    Close, Command, Continue, Engine, Event, HeaderList, OutBody, Outbox, Respond, ResponseHead,
    Session, Side, Start, Started,
};

/// Runs a handler per request.
pub struct Scripted<F>(pub F);

impl<F, R> Engine for Scripted<F>
where
    F: Fn(Handle) -> R + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    fn start(&self, start: Start) -> Started {
        let outbox = Arc::new(Outbox::default());
        let (events, received) = mpsc::unbounded_channel();
        let handle = Handle { start, outbox: outbox.clone(), events: received, seen: None };
        tokio::spawn((self.0)(handle));
        Started::Session(Box::new(Scene { outbox, events }))
    }
}

struct Scene {
    outbox: Arc<Outbox>,
    events: UnboundedSender<Event>,
}

impl Session for Scene {
    fn post(&self, event: Event) {
        // The handler may have ended.
        let _ = self.events.send(event);
    }

    fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }
}

/// Finds no Worker for anything.
pub struct NoWorker;

impl Engine for NoWorker {
    fn start(&self, _: Start) -> Started {
        Started::NoWorker
    }
}

/// What a handler works with.
pub struct Handle {
    pub start: Start,
    pub outbox: Arc<Outbox>,
    events: UnboundedReceiver<Event>,
    /// The end, when [`Handle::write`] met it.
    pub seen: Option<Close>,
}

impl Handle {
    pub fn give(&self, commands: impl Into<Vec<Command>>) {
        self.outbox.publish(&mut commands.into());
    }

    /// `None` when the exchange was dropped.
    pub async fn event(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// The upstream's head.
    pub async fn response(&mut self) -> ResponseHead {
        match self.event().await {
            Some(Event::Response(head)) => head,
            other => panic!("a response was expected, not {other:?}"),
        }
    }

    /// The last event.
    pub async fn closed(&mut self) -> Close {
        loop {
            match self.event().await {
                Some(Event::Closed(close)) => return close,
                Some(Event::Drained(_)) => {}
                other => panic!("the end was expected, not {other:?}"),
            }
        }
    }

    /// Reads a whole arriving body, as JavaScript would.
    pub async fn read(&mut self, side: Side) -> Result<Bytes, String> {
        self.give([Command::ReadBody(side)]);
        let mut all = Vec::new();
        loop {
            match self.event().await {
                Some(Event::Chunk(of, chunk)) if of == side => {
                    assert!(!chunk.is_empty());
                    self.give([Command::Consumed(side, chunk.len())]);
                    all.extend_from_slice(&chunk);
                }
                Some(Event::End(of)) if of == side => return Ok(all.into()),
                Some(Event::BodyError(of, reason)) if of == side => return Err(reason),
                other => panic!("the body was expected, not {other:?}"),
            }
        }
    }

    /// Writes a chunk of a leaving body, once there is room. False: the exchange is over.
    pub async fn write(&mut self, side: Side, chunk: Bytes) -> bool {
        while !self.outbox.has_room(side) {
            match self.event().await {
                Some(Event::Drained(of)) => assert_eq!(of, side),
                Some(Event::Closed(close)) => {
                    self.seen = Some(close);
                    return false;
                }
                None => return false,
                Some(other) => panic!("room was expected, not {other:?}"),
            }
        }
        self.outbox.count(side, chunk.len());
        self.give([Command::Body(side, chunk)]);
        true
    }

    /// Writes all of a leaving body.
    pub async fn write_all(&mut self, side: Side, body: &Bytes) {
        for chunk in body.chunks(50_000) {
            assert!(self.write(side, Bytes::copy_from_slice(chunk)).await);
        }
        self.give([Command::BodyEnd(side)]);
    }
}

pub fn go_on() -> Command {
    Command::Continue(Continue { head: None, body: OutBody::AsItCame })
}

/// The upstream's response as it came.
pub fn as_it_came() -> Command {
    Command::Respond(Respond { head: None, body: OutBody::AsItCame })
}

pub fn respond(status: u16, body: OutBody) -> Command {
    let mut headers = HeaderList::default();
    headers.push("x-worker", "yes");
    let has_body = body != OutBody::Empty;
    Command::Respond(Respond { head: Some(ResponseHead { status, headers, has_body }), body })
}
