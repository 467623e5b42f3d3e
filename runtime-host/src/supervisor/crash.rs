//! The engine's last moments: notes which thread a deadly signal came to, and lets the log's thread
//! finish, before the signal does what it would have done.
//!
//! V8 installs no handler of its own as long as nobody asks for trap-based bounds checks of
//! WebAssembly (`V8::EnableWebAssemblyTrapHandler`), and this host does not: WebAssembly memory is
//! checked by explicit comparisons. Rust's own handler, which tells a stack overflow from other
//! faults, is called after this one. Both run on the alternate stacks that Rust gives its threads.

#![allow(unsafe_code)] // Each block says why it holds.

use std::io;
use std::mem::MaybeUninit;
use std::sync::OnceLock;

use super::recorder;
use crate::telemetry::logs;

/// What faults, failed checks of V8 and forbidden system calls lead to.
const SIGNALS: [libc::c_int; 7] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGABRT,
    libc::SIGFPE,
    libc::SIGSYS,
];

/// What was installed before, in the order of [`SIGNALS`].
static BEFORE: [OnceLock<libc::sigaction>; SIGNALS.len()] = [const { OnceLock::new() }; 7];

/// Looks at the log's thread, a millisecond apart.
const LOOKS: u32 = 100;

/// To be called once, before other threads are started.
pub fn install() -> io::Result<()> {
    for (signal, before) in SIGNALS.into_iter().zip(&BEFORE) {
        let mut old = MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: all zeros is a valid `sigaction`: the default action, without flags.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = last_words as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        // SAFETY: both are valid, and `last_words` keeps to what a handler may do.
        if unsafe { libc::sigaction(signal, &raw const action, old.as_mut_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call succeeded and has filled it in.
        before.get_or_init(|| unsafe { old.assume_init() });
    }
    Ok(())
}

/// Only what is safe in a signal handler: atomics, the thread's constant-initialised local data,
/// and system calls.
unsafe extern "C" fn last_words(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    recorder::mark(signal.unsigned_abs().into());
    // The log's thread goes on meanwhile, unless it is the one that was hit.
    let pause = libc::timespec { tv_sec: 0, tv_nsec: 1_000_000 };
    for _ in 0..LOOKS {
        if !logs::waiting() {
            break;
        }
        // SAFETY: the time is valid, and what is left of it is not asked for.
        unsafe { libc::nanosleep(&raw const pause, std::ptr::null_mut()) };
    }
    let position = SIGNALS.iter().position(|each| *each == signal);
    if let Some(before) = position.and_then(|at| BEFORE[at].get()) {
        let action = before.sa_sigaction;
        if action != libc::SIG_DFL && action != libc::SIG_IGN {
            if before.sa_flags & libc::SA_SIGINFO != 0 {
                type Full = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
                // SAFETY: whoever installed it with this flag gave a function of this type.
                let action = unsafe { std::mem::transmute::<usize, Full>(action) };
                action(signal, info, context);
            } else {
                // SAFETY: whoever installed it without the flag gave a function of this type.
                let action =
                    unsafe { std::mem::transmute::<usize, extern "C" fn(libc::c_int)>(action) };
                action(signal);
            }
        }
    }
    // None of these signals is survived. It is blocked until this handler returns, and ends the
    // process then, with the status that it would have had.
    // SAFETY: system calls that a handler may make.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}
