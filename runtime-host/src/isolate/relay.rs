//! Bodies that leave as they arrive: JavaScript gave one away that it had not touched (the response of
//! a subrequest as the answer, the request's body for a subrequest), so it has no part in it.

use super::body::{Arriving, Phase, Sink};
use super::finish;
use super::message::{BodyId, LeavingId};
use super::state::State;
use crate::telemetry::Outcome;

impl State {
    /// Sends an arriving body on as a leaving one, as fast as that is taken. False when it is another
    /// invocation's, which may end before: then JavaScript has to read it.
    pub fn relay(&mut self, leaving: LeavingId, body: BodyId) -> bool {
        let Some(entry) = self.leaving.get_mut(&leaving) else { return true };
        let Some(arriving) = self.bodies.get_mut(&body) else { return false };
        if entry.invocation != arriving.invocation {
            return false;
        }
        entry.relays = Some(body);
        arriving.relay = Some(leaving);
        let (id, untouched) = (entry.invocation, arriving.phase == Phase::Untouched);
        if untouched {
            arriving.phase = Phase::Reading;
        }
        if let Some(invocation) = self.touch(id) {
            invocation.relays += 1;
        }
        if untouched {
            self.begin_reading(body);
        }
        self.pass_on(body);
        true
    }

    /// Something may have changed for a body that is sent on: a chunk came, it ended, or there is room.
    pub fn pass_on(&mut self, body: BodyId) {
        loop {
            let Some(arriving) = self.bodies.get(&body) else { return };
            let Some(leaving) = arriving.relay else { return };
            let is_empty = arriving.buffered() == 0;
            match &arriving.phase {
                Phase::Failed(reason) => {
                    let reason = reason.clone();
                    return self.relay_failed(leaving, reason);
                }
                Phase::Ended if is_empty => return self.end_leaving(leaving),
                _ if is_empty || !self.has_room(leaving) => return,
                _ => {}
            }
            let chunk = self.bodies.get_mut(&body).and_then(Arriving::pop_whole);
            let Some(chunk) = chunk else { return };
            self.consumed(body, chunk.len());
            self.write(leaving, chunk);
        }
    }

    fn relay_failed(&mut self, leaving: LeavingId, reason: String) {
        let Some(entry) = self.leaving.get(&leaving) else { return };
        let (id, to_client) = (entry.invocation, matches!(entry.sink, Sink::Exchange(_)));
        finish::abort_leaving(self, leaving, &reason);
        if to_client && let Some(invocation) = self.touch(id) {
            invocation.outcome = Outcome::Exception;
            invocation.error.get_or_insert(reason);
        }
    }

    /// The leaving body of a relay is over; what still arrives is for nobody.
    pub fn end_relay(&mut self, body: BodyId) {
        let Some(arriving) = self.bodies.get_mut(&body) else { return };
        arriving.relay = None;
        let id = arriving.invocation;
        if let Some(invocation) = self.invocations.get_mut(&id) {
            invocation.relays = invocation.relays.saturating_sub(1);
        }
        self.cancel_arriving(body);
    }
}
