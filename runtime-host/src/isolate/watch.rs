//! The watchdog: one thread that looks at running turns.
//!
//! V8 cannot pre-empt JavaScript, but it runs an interrupt callback at the next loop back-edge or
//! function entry. The watchdog uses that twice: a turn longer than [`SLICE`] has its tokio worker's
//! other work handed to a fresh thread (`block_in_place` inside the interrupt gives the worker's
//! core away, and the turn goes on without one, when it has a place among the long turns), and a turn
//! past its CPU budget is terminated.

use std::ffi::c_void;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::long_turns::{self, Place};
use crate::aside;
use crate::supervisor::recorder::Line;

/// A turn longer than this gives its thread's other work away. A few milliseconds: above what any
/// ordinary turn takes, below what another tenant would notice.
pub const SLICE: Duration = Duration::from_millis(5);

/// A turn that used so much CPU time before it gave its thread's other work away was in a built-in
/// function of V8 that no interrupt reaches (a sort of numbers, a long search). Well above [`SLICE`] and
/// two ticks, within which the hand-over usually comes, and above what collecting an ordinary Worker's
/// garbage takes, where no interrupt comes either: on a machine that others share, with their time counted
/// as this one's, that has been more than 20 ms.
const HELD: Duration = Duration::from_millis(100);

/// How often running turns are looked at.
const TICK: Duration = Duration::from_millis(3);

/// How long a turn stands aside so that another thread can take its tokio worker's core: first try,
/// second, and later ones. Usually a thread is there within some dozen microseconds; on a machine
/// that is short of CPU it may have to wait for its turn. Whether it came can't be asked, so the
/// last is short enough for turns that go on for long: a tenth of the time between tries.
const STAND_ASIDE: [Duration; 3] =
    [Duration::from_micros(200), Duration::from_millis(1), Duration::from_millis(5)];

/// How long after a try to hand over the next one follows.
const NEXT_TRY: Duration = Duration::from_millis(50);

/// With no turn for this long the watchdog sleeps until the next one begins.
const IDLE: Duration = Duration::from_secs(1);

/// One thread's place in the watchdog's list: the turn it runs, if any.
#[derive(Debug)]
struct Watched {
    turn: Mutex<Option<Turn>>,
    /// The CPU clock of the thread.
    clock: libc::clockid_t,
    /// Where whoever looks after a crash finds whose turn it was.
    line: Line,
}

#[derive(Debug)]
struct Turn {
    isolate: v8::IsolateHandle,
    began: Instant,
    cpu_began: Duration,
    budget: Duration,
    /// When the next try to hand the thread's other work over is due, and how many there were.
    next_try: Instant,
    tries: usize,
    terminated: bool,
    /// It must end for another reason than its CPU time.
    condemned: bool,
    /// It must end because too many long turns wait.
    shed: bool,
    /// A long turn's right to run.
    place: Option<Place>,
    /// [`expect_long`]
    expected: bool,
    /// It gave its thread's work away late ([`HELD`]).
    held: bool,
}

impl Turn {
    /// CPU time of this turn so far; `clock` is that of its thread.
    fn cpu(&self, clock: libc::clockid_t) -> Duration {
        cpu_time(clock).saturating_sub(self.cpu_began)
    }
}

/// What a finished turn used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    pub cpu: Duration,
    /// The watchdog ended it because its CPU budget was used up.
    pub terminated: bool,
    /// The watchdog ended it because too many long turns ran already.
    pub shed: bool,
    /// It was long ([`HELD`]), and kept its thread's other work waiting for all of that, because V8 did
    /// not come to look at the watchdog's interrupt; or it was long as [expected](expect_long).
    pub held: bool,
}

thread_local! {
    static WATCHED: Arc<Watched> = {
        let watched = Arc::new(Watched {
            turn: Mutex::new(None),
            clock: thread_clock(),
            line: Line::claim(),
        });
        watchdog().threads.lock().push(Arc::downgrade(&watched));
        watched
    };
}

/// Marks the begin of a turn of `isolate` on this thread, which may use `budget` of CPU time.
/// `version` is the number of its registration. Turns do not nest.
pub fn begin(isolate: &v8::IsolateHandle, version: u64, budget: Duration) {
    WATCHED.with(|watched| {
        watched.line.begin(version);
        let began = Instant::now();
        *watched.turn.lock() = Some(Turn {
            isolate: isolate.clone(),
            began,
            // By this name the kernel need not look for the thread.
            cpu_began: cpu_time(libc::CLOCK_THREAD_CPUTIME_ID),
            budget,
            next_try: began,
            tries: 0,
            terminated: false,
            condemned: false,
            shed: false,
            place: None,
            expected: false,
            held: false,
        });
    });
    watchdog().wake();
}

/// Has the watchdog end this thread's turn, again and again until it did.
pub fn condemn() {
    // Without the thread's local data the thread is ending, and with it the turn.
    let _ = WATCHED.try_with(|watched| {
        if let Some(turn) = watched.turn.lock().as_mut() {
            turn.condemned = true;
        }
    });
}

/// Marks the end of this thread's turn. After this no termination will be sent for it; one that
/// was sent may still be pending.
pub fn end() -> Used {
    WATCHED.with(|watched| {
        watched.line.end();
        let turn = watched.turn.lock().take();
        turn.map_or_else(Used::default, |turn| {
            let cpu = turn.cpu(libc::CLOCK_THREAD_CPUTIME_ID);
            let held = turn.held || (cpu > HELD && (turn.expected || turn.place.is_none()));
            Used { cpu, terminated: turn.terminated, shed: turn.shed, held }
        })
    })
}

/// When this thread's turn began, if it runs one.
pub fn turn_began() -> Option<Instant> {
    WATCHED.with(|watched| watched.turn.lock().as_ref().map(|turn| turn.began))
}

impl Watched {
    /// True while a turn runs.
    fn look(&self) -> bool {
        // The lock keeps the turn, and with it the thread and its clock, alive meanwhile.
        let mut slot = self.turn.lock();
        let Some(turn) = slot.as_mut() else { return false };
        let now = Instant::now();
        if now - turn.began < SLICE {
            return true;
        }
        if turn.cpu(self.clock) > turn.budget {
            turn.terminated = true;
        }
        // Each time: a host function that runs a Worker's code swallows one with its `TryCatch`.
        if turn.terminated || turn.condemned || turn.shed {
            turn.isolate.terminate_execution();
        }
        // Again after a while: the first try may have found the thread outside of JavaScript, or
        // nobody who took its work in time.
        if now >= turn.next_try {
            let aside = STAND_ASIDE[turn.tries.min(STAND_ASIDE.len() - 1)];
            turn.tries += 1;
            turn.next_try = now + NEXT_TRY;
            if turn.place.is_none() {
                // Should V8 not come to look: what stands aside on that thread can be called away from
                // here. What is in its queue others take by themselves.
                aside::call_back();
            }
            // The microseconds are the callback's data: nothing has to outlive the request.
            let data = std::ptr::without_provenance_mut(aside.as_micros() as usize);
            turn.isolate.request_interrupt(hand_over, data);
        }
        true
    }
}

/// For a host function before work that takes long, and again between its parts: V8's interrupts
/// can't reach it there, so it does by itself what the watchdog would have it do. False when the
/// turn must end. Without a turn it does nothing.
pub fn before_long_work() -> bool {
    let first = WATCHED.with(|watched| {
        let mut slot = watched.turn.lock();
        let turn = slot.as_mut()?;
        turn.next_try = Instant::now() + NEXT_TRY;
        Some(turn.place.is_none())
    });
    let Some(first) = first else { return true };
    // The work is known to be long, so the first try may take its time, and others are few.
    give_way(STAND_ASIDE[usize::from(first)], true);
    WATCHED.with(|watched| {
        let slot = watched.turn.lock();
        slot.as_ref().is_none_or(|turn| !(turn.terminated || turn.condemned || turn.shed))
    })
}

/// For a turn that began on a thread without other work, and is expected to be long: it takes its place
/// among the long turns at once, and waits for it.
pub fn expect_long() {
    WATCHED.with(|watched| {
        if let Some(turn) = watched.turn.lock().as_mut() {
            turn.expected = true;
        }
    });
    take_place(true);
}

/// Runs on the turn's thread, inside JavaScript. `aside` is a number of microseconds.
unsafe extern "C" fn hand_over(_isolate: v8::UnsafeRawIsolatePtr, aside: *mut c_void) {
    give_way(Duration::from_micros(aside.addr() as u64), false);
}

/// Gives the tokio worker's core away and takes a place among the long turns. `expected`: also when
/// the turn is not long yet.
fn give_way(aside: Duration, expected: bool) {
    use tokio::runtime::{Handle, RuntimeFlavor};
    let multi_thread = Handle::try_current()
        .is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
    if multi_thread {
        // If nobody took this worker's core meanwhile it comes back, and the watchdog tries again.
        // A panic must not unwind into V8.
        let _ = std::panic::catch_unwind(|| {
            tokio::task::block_in_place(|| {
                std::thread::sleep(aside);
                take_place(expected);
            });
        });
    }
}

/// Takes this thread's place among the long turns, or lets others go first.
fn take_place(expected: bool) {
    WATCHED.with(|watched| {
        // The request may come late, in the turn after the one it was for.
        let place = match watched.turn.lock().as_mut() {
            Some(turn) if expected || turn.began.elapsed() >= SLICE => {
                let first = turn.place.is_none();
                turn.held |= first && !expected && turn.cpu(libc::CLOCK_THREAD_CPUTIME_ID) > HELD;
                turn.place.take()
            }
            _ => return,
        };
        // Without the lock: the watchdog looks at all threads meanwhile.
        let place = match place {
            Some(place) => long_turns::go_round(place),
            None => long_turns::enter(),
        };
        if let Some(turn) = watched.turn.lock().as_mut() {
            turn.shed = place.is_none();
            turn.place = place;
        }
    });
}

#[derive(Debug, Default)]
struct Watchdog {
    threads: Mutex<Vec<Weak<Watched>>>,
    asleep: std::sync::atomic::AtomicBool,
    lock: Mutex<()>,
    bell: Condvar,
}

fn watchdog() -> &'static Watchdog {
    static WATCHDOG: OnceLock<&'static Watchdog> = OnceLock::new();
    WATCHDOG.get_or_init(|| {
        let watchdog: &'static Watchdog = Box::leak(Box::default());
        std::thread::Builder::new()
            .name("nano-watchdog".into())
            .spawn(move || watchdog.run())
            .expect("the system lets a process start one thread");
        watchdog
    })
}

impl Watchdog {
    fn wake(&self) {
        use std::sync::atomic::Ordering::SeqCst;
        // Without the lock a bell rung between the watchdog's check and its wait would be lost.
        if self.asleep.load(SeqCst) {
            let _guard = self.lock.lock();
            self.bell.notify_one();
        }
    }

    fn run(&self) {
        use std::sync::atomic::Ordering::SeqCst;
        let mut last_turn = Instant::now();
        loop {
            if self.any_running() {
                last_turn = Instant::now();
            }
            let mut guard = self.lock.lock();
            if last_turn.elapsed() < IDLE {
                self.bell.wait_for(&mut guard, TICK);
                continue;
            }
            self.asleep.store(true, SeqCst);
            // A turn that began before the store did not ring: look once more.
            if !self.any_running() {
                self.bell.wait(&mut guard);
            }
            self.asleep.store(false, SeqCst);
            last_turn = Instant::now();
        }
    }

    fn any_running(&self) -> bool {
        let mut running = false;
        self.threads.lock().retain(|thread| {
            let Some(thread) = thread.upgrade() else { return false };
            running |= thread.look();
            true
        });
        running
    }
}

/// The CPU clock of the calling thread, readable from other threads while it lives.
fn thread_clock() -> libc::clockid_t {
    let mut clock = libc::CLOCK_THREAD_CPUTIME_ID;
    // SAFETY: both arguments are valid; on failure `clock` keeps the calling-thread id, which only
    // makes the watchdog read its own clock (no termination by CPU then).
    unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &raw mut clock) };
    clock
}

fn cpu_time(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writing; an unknown clock leaves it zero.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
