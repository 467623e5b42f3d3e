//! The supervisor's loop.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use super::board::Board;
use super::engine::{Engine, Plan, name_of};
use super::ledger::{Blame, Ledger};
use super::output::Direct;
use super::record::{Findings, Tenant};
use super::restarts::Restarts;
use super::sys::{self, Signals};

/// Exit codes of an engine that refused to serve, and said why: see `nano-host --help`.
const REFUSED: std::ops::RangeInclusive<i32> = 1..=3;

/// The exit code of an engine that was told a second time.
const AT_ONCE: i32 = 130;

/// What a shell makes of a signal.
const SIGNALED: u8 = 128;

/// Past its own drain timeout an engine gets this long to end.
const GRACE: Duration = Duration::from_secs(5);

/// How often it is looked whether the first engine serves, while further ones wait for it.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// One engine's place.
#[derive(Debug, Default)]
struct Place {
    engine: Option<Engine>,
    /// When the next one is to be started.
    due: Option<Instant>,
    restarts: Restarts,
}

struct Supervisor {
    plan: Plan,
    board: Board,
    ledger: Ledger,
    output: &'static Direct,
    places: Vec<Place>,
    /// An engine served: what refuses to start from now on is not the configuration as such.
    served: bool,
    /// No engine is to be replaced any more; past this time they are ended.
    draining: Option<Instant>,
    code: u8,
}

/// Keeps the plan's engines running until a SIGTERM or SIGINT, and returns the process's exit code.
///
/// # Errors
/// The first engine could not be started, or signals can't be waited for.
pub fn run(plan: Plan, board: Board, output: &'static Direct) -> io::Result<u8> {
    let signals = Signals::hold(&[sys::SIGCHLD, sys::SIGINT, sys::SIGTERM])?;
    let places = (0..plan.engines).map(|_| Place::default()).collect();
    let mut supervisor = Supervisor {
        plan,
        board,
        ledger: Ledger::default(),
        output,
        places,
        served: false,
        draining: None,
        code: 0,
    };
    // The others follow when it serves, so that what is wrong with the configuration is said once.
    let first = Engine::start(&supervisor.plan, 0, &supervisor.board, false)?;
    supervisor.places[0].engine = Some(first);
    loop {
        supervisor.start_due();
        let signal = signals.wait(supervisor.patience());
        if matches!(signal, Some(sys::SIGINT | sys::SIGTERM)) {
            supervisor.drain();
        }
        while let Some((id, status)) = sys::ended_child() {
            supervisor.ended(id, status);
        }
        if supervisor.draining.is_some_and(|end| Instant::now() >= end) {
            supervisor.end_all();
        }
        if supervisor.draining.is_some() && supervisor.engines().next().is_none() {
            return Ok(supervisor.code);
        }
    }
}

impl Supervisor {
    fn engines(&self) -> impl Iterator<Item = &Engine> {
        self.places.iter().filter_map(|place| place.engine.as_ref())
    }

    /// Further engines wait until the first serves.
    fn waits_for_first(&self) -> bool {
        self.draining.is_none() && !self.served && self.places.len() > 1
    }

    fn patience(&self) -> Option<Duration> {
        let now = Instant::now();
        let due = self.places.iter().filter_map(|place| place.due).chain(self.draining);
        let due = due.map(|at| at.saturating_duration_since(now)).min();
        match (self.waits_for_first(), due) {
            (true, due) => Some(due.map_or(LOOK_EVERY, |due| due.min(LOOK_EVERY))),
            (false, due) => due,
        }
    }

    fn start_due(&mut self) {
        if self.draining.is_some() {
            return;
        }
        if self.waits_for_first() {
            let serves = self.engines().any(serves);
            self.served = serves;
        }
        if self.served {
            for place in self.places.iter_mut().filter(|place| place.engine.is_none()) {
                place.due.get_or_insert_with(Instant::now);
            }
        }
        for number in 0..self.places.len() {
            let place = &mut self.places[number];
            if place.due.is_none_or(|due| due > Instant::now()) {
                continue;
            }
            place.due = None;
            match Engine::start(&self.plan, number, &self.board, self.served) {
                Ok(engine) => place.engine = Some(engine),
                Err(error) => {
                    let pause = place.restarts.pause(false, Duration::ZERO);
                    tracing::error!(
                        "no engine process can be started: {error}; next try in {} ms",
                        pause.as_millis()
                    );
                    place.due = Some(Instant::now() + pause);
                }
            }
        }
    }

    /// The first time: engines finish what they have. The second time: they end at once.
    fn drain(&mut self) {
        for engine in self.engines() {
            sys::send(engine.id, sys::DRAIN);
        }
        // Nobody is to wait in a queue that nobody will look at.
        self.plan.sockets.clear();
        self.plan.admin.clear();
        for place in &mut self.places {
            place.due = None;
        }
        self.draining.get_or_insert_with(|| Instant::now() + self.plan.drain_timeout + GRACE);
    }

    fn end_all(&mut self) {
        for engine in self.engines() {
            tracing::error!(engine = engine.id, "the engine did not end in time and is killed");
            sys::send(engine.id, sys::SIGKILL);
        }
        // They are gone in a moment; the loop waits for that.
        self.draining = Some(Instant::now() + GRACE);
    }

    fn ended(&mut self, id: u32, status: ExitStatus) {
        let is_it = |place: &Place| place.engine.as_ref().is_some_and(|engine| engine.id == id);
        let Some(number) = self.places.iter().position(is_it) else { return };
        let Some(engine) = self.places[number].engine.take() else { return };
        let findings = Findings::read(&engine.record).unwrap_or_else(|error| {
            tracing::error!("an engine's record can't be read: {error}");
            Findings::default()
        });
        if findings.torn {
            self.output.end_line();
        }
        self.served |= findings.ready;
        let asked = self.draining.is_some();
        if asked && (status.success() || status.signal() == Some(sys::DRAIN)) {
            // The second: it had not got so far as to drain.
            return;
        }
        if REFUSED.contains(&status.code().unwrap_or(0)) && !self.served && !asked {
            self.code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
            self.draining = Some(Instant::now() + GRACE);
            return;
        }
        if !(asked && status.code() == Some(AT_ONCE)) {
            self.attribute(id, status, &findings);
        }
        if asked {
            self.code = self.code.max(exit_code(status));
            return;
        }
        self.board.count_restart();
        let place = &mut self.places[number];
        let pause = place.restarts.pause(findings.ready, engine.began.elapsed());
        place.due = Some(Instant::now() + pause);
        if pause >= Duration::from_secs(1) {
            let seconds = pause.as_secs();
            tracing::error!(
                "engines end before they serve; the next one is started in {seconds} s"
            );
        }
    }

    /// Says who is to blame, and draws the consequences.
    fn attribute(&mut self, engine: u32, status: ExitStatus, findings: &Findings) {
        let end = name_of(status);
        // A forbidden system call may end the process without a last word.
        let alone = findings.running.len() == 1 && !findings.elsewhere;
        let certain =
            if findings.ended_by.is_empty() && status.signal() == Some(libc::SIGSYS) && alone {
                &findings.running
            } else {
                &findings.ended_by
            };
        if !certain.is_empty() {
            for tenant in certain {
                self.blame(engine, &end, tenant, Blame::Certain);
            }
        } else if alone && status.signal().is_some() {
            self.blame(engine, &end, &findings.running[0], Blame::Suspected);
        } else {
            let running: Vec<&str> =
                findings.running.iter().map(|tenant| tenant.worker.as_str()).collect();
            tracing::error!(
                engine,
                end,
                running = running.join(","),
                "an engine ended, and no Worker is known to be the cause"
            );
        }
    }

    fn blame(&mut self, engine: u32, end: &str, tenant: &Tenant, blame: Blame) {
        let verdict = self.ledger.crashed(tenant, blame, sys::now_ms());
        let Tenant { worker, version } = tenant;
        self.board.publish(verdict.number, worker, version, verdict.crashes, verdict.until_ms);
        let crashes = verdict.crashes;
        match blame {
            Blame::Certain => tracing::error!(
                worker,
                version,
                engine,
                end,
                crashes,
                "an engine ended in a turn of this Worker"
            ),
            Blame::Suspected => tracing::error!(
                worker,
                version,
                engine,
                end,
                crashes,
                "an engine was ended from outside while only this Worker ran, which is suspected"
            ),
        }
        if let Some(length) = verdict.quarantine {
            tracing::error!(
                worker,
                version,
                crashes,
                seconds = length.as_secs(),
                "the Worker is quarantined: its requests fail by their failure mode until the time \
                 is over or a new version is there"
            );
        }
    }
}

/// Whether an engine serves by now.
fn serves(engine: &Engine) -> bool {
    Findings::read(&engine.record).is_ok_and(|findings| findings.ready)
}

fn exit_code(status: ExitStatus) -> u8 {
    let signal = status.signal().and_then(|signal| u8::try_from(signal).ok());
    match (signal, status.code()) {
        (Some(signal), _) => SIGNALED.saturating_add(signal),
        (None, code) => code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
    }
}
