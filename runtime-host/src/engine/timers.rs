//! The timers of one isolate. One task sleeps for all of them and posts their messages one after the
//! other, in the order of their times: timers that were set in a row with the same delay go off in that
//! row (<https://html.spec.whatwg.org/#run-steps-after-a-timeout>). With a task for each, the last one
//! that tokio woke would be the first to run.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::actor::Actor;
use crate::aside;
use crate::isolate::message::{InvocationId, Message};

/// What a timer stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Clock {
    Timer(u32),
    Wall,
    WaitUntil,
}

type Key = (InvocationId, Clock);
/// When, and as which of those that were set for the same moment.
type Place = (Instant, u64);

#[derive(Default)]
pub(super) struct Timers {
    table: Mutex<Table>,
    /// Told when another timer than before is the first.
    changed: Arc<Notify>,
}

#[derive(Default)]
struct Table {
    waiting: BTreeMap<Place, (Key, Message)>,
    places: HashMap<Key, Place>,
    count: u64,
    /// The task, while there are timers.
    task: Option<AbortHandle>,
}

enum Next {
    Due(Message),
    At(Instant),
    Nothing,
}

impl Timers {
    /// Posts `message` after `delay`. A timer with the same key is replaced.
    pub fn set(&self, actor: &Arc<Actor>, key: Key, delay: Duration, message: Message) {
        // A time that no clock reaches is as good as none.
        let Some(time) = Instant::now().checked_add(delay) else { return self.clear(key) };
        let mut table = self.table.lock();
        table.remove(key);
        table.count += 1;
        let place = (time, table.count);
        table.waiting.insert(place, (key, message));
        table.places.insert(key, place);
        let is_first = table.waiting.keys().next() == Some(&place);
        if table.task.is_none() {
            let task = actor.services().runtime.spawn(run(Arc::downgrade(actor)));
            table.task = Some(task.abort_handle());
        } else if is_first {
            self.changed.notify_one();
        }
    }

    pub fn clear(&self, key: Key) {
        self.table.lock().remove(key);
    }

    pub fn clear_all(&self) {
        let mut table = self.table.lock();
        table.waiting.clear();
        table.places.clear();
        if let Some(task) = table.task.take() {
            task.abort();
        }
    }

    /// Takes the first timer if its time has come.
    fn next(&self) -> Next {
        let mut table = self.table.lock();
        let Some((&place, _)) = table.waiting.first_key_value() else {
            table.task = None;
            return Next::Nothing;
        };
        if place.0 > Instant::now() {
            return Next::At(place.0);
        }
        match table.waiting.pop_first() {
            Some((_, (key, message))) => {
                table.places.remove(&key);
                Next::Due(message)
            }
            None => Next::At(place.0),
        }
    }
}

impl Table {
    fn remove(&mut self, key: Key) {
        if let Some(place) = self.places.remove(&key) {
            self.waiting.remove(&place);
        }
    }
}

/// Runs until there is no timer, or no actor.
async fn run(runner: Weak<Actor>) {
    while let Some(actor) = runner.upgrade() {
        let timers = actor.io().timers();
        match timers.next() {
            Next::Due(message) => {
                // A dead actor's timers have nothing to wake.
                let _ = actor.post(message);
                drop(actor);
                // Others want their turn too, however many timers are due.
                aside::stand_aside().await;
            }
            Next::At(time) => {
                let changed = Arc::clone(&timers.changed);
                drop(actor);
                tokio::select! {
                    () = tokio::time::sleep_until(time) => {}
                    () = changed.notified() => {}
                }
            }
            Next::Nothing => return,
        }
    }
}
