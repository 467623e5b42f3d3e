//! The system calls that the standard library has no safe name for.

#![allow(unsafe_code)] // Each block says why it holds.

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::process::{Command, ExitStatus};
use std::time::Duration;

pub use libc::{SIGCHLD, SIGINT, SIGKILL, SIGTERM};

/// What tells an engine to drain. Not SIGTERM: service managers send that to every process of a
/// service, and a terminal sends SIGINT to every one, so that each would arrive twice.
pub const DRAIN: libc::c_int = libc::SIGUSR1;

fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Milliseconds of a clock that all processes of the machine share and nobody sets.
pub fn now_ms() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writing; the clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec.unsigned_abs() * 1000 + time.tv_nsec.unsigned_abs() / 1_000_000
}

/// Signals that wait until somebody asks for them.
#[derive(Clone, Copy)]
pub struct Signals(libc::sigset_t);

impl Signals {
    /// Keeps these from the calling thread; [`Signals::wait`] gives them.
    pub fn hold(signals: &[libc::c_int]) -> io::Result<Self> {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: `sigemptyset` initialises the set that the others then use.
        let set = unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for signal in signals {
                libc::sigaddset(set.as_mut_ptr(), *signal);
            }
            set.assume_init()
        };
        // SAFETY: the set is valid, and the old mask is not asked for.
        match unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut())
        } {
            0 => Ok(Self(set)),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }

    /// The next of them; `None` when none came in time. Without `limit` it waits for ever.
    pub fn wait(&self, limit: Option<Duration>) -> Option<libc::c_int> {
        let limit = limit.map(|limit| libc::timespec {
            tv_sec: limit.as_secs().min(86_400) as libc::time_t,
            tv_nsec: libc::c_long::from(limit.subsec_nanos()),
        });
        let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: set and time (or null) are valid, and nothing else is asked for.
        let signal = unsafe { libc::sigtimedwait(&raw const self.0, std::ptr::null_mut(), limit) };
        (signal > 0).then_some(signal)
    }
}

/// Has the kernel end this process when `parent` ends, which must be the one that started it. False
/// when it is gone already.
pub fn end_with(parent: u32) -> io::Result<bool> {
    // SAFETY: plain system calls.
    checked(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong) })?;
    // One that ended before the call above sends nothing any more.
    // SAFETY: as above.
    Ok(u32::try_from(unsafe { libc::getppid() }) == Ok(parent))
}

/// The name that process lists show.
pub fn set_name(name: &std::ffi::CStr) {
    // SAFETY: the name is a C string; the kernel copies it. A failure leaves the old name.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

/// Keeps this process, and what it starts, to small pages. May be called before `main`.
pub extern "C" fn forbid_huge_pages() {
    huge_pages_disabled(1);
}

/// Takes [`forbid_huge_pages`] back, which a process inherits.
pub fn allow_huge_pages() {
    huge_pages_disabled(0);
}

fn huge_pages_disabled(disabled: libc::c_ulong) {
    let none: libc::c_ulong = 0;
    // SAFETY: a plain system call. A kernel that does not know it has nothing to be told.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, disabled, none, none, none) };
}

pub fn ignore(signal: libc::c_int) {
    // SAFETY: nothing of this program runs when an ignored signal arrives.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}

/// Sends a signal to a child that has not been waited for, so that the number is still its own.
pub fn send(child: u32, signal: libc::c_int) {
    if let Ok(child) = libc::pid_t::try_from(child) {
        // SAFETY: a plain system call. It fails only when the child has ended, which is fine.
        unsafe { libc::kill(child, signal) };
    }
}

/// A child that has ended, if one has. Also one that was not started here: process 1 of a
/// container inherits those of others.
pub fn ended_child() -> Option<(u32, ExitStatus)> {
    use std::os::unix::process::ExitStatusExt;
    let mut status = 0;
    // SAFETY: `status` is valid for writing.
    let child = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
    let child = u32::try_from(child).ok().filter(|child| *child > 0)?;
    Some((child, ExitStatus::from_raw(status)))
}

/// Lets the child have these descriptors under the same numbers, and all signals.
pub fn hand_down(command: &mut Command, descriptors: Vec<RawFd>) {
    use std::os::unix::process::CommandExt;
    let prepare = move || {
        for descriptor in &descriptors {
            // SAFETY: a plain system call on a descriptor that the parent keeps open.
            checked(unsafe { libc::fcntl(*descriptor, libc::F_SETFD, 0) })?;
        }
        let mut none = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: `sigemptyset` initialises what `sigprocmask` reads.
        checked(unsafe {
            libc::sigemptyset(none.as_mut_ptr());
            libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut())
        })?;
        Ok(())
    };
    // SAFETY: between fork and exec it makes only system calls, and allocates nothing.
    unsafe { command.pre_exec(prepare) };
}

/// Takes over a descriptor that the parent process handed down.
///
/// # Errors
/// There is none with this number.
pub fn inherited(descriptor: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: a plain system call, which fails when the descriptor is not open.
    checked(unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    // SAFETY: it is open, and the command line that named it named it for this purpose only.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Whether something can be written now, or within the time.
pub fn writable(descriptor: RawFd, limit: Duration) -> bool {
    let mut poll = libc::pollfd { fd: descriptor, events: libc::POLLOUT, revents: 0 };
    let limit = libc::c_int::try_from(limit.as_millis()).unwrap_or(libc::c_int::MAX);
    // SAFETY: one valid entry.
    unsafe { libc::poll(&raw mut poll, 1, limit) > 0 && poll.revents & libc::POLLOUT != 0 }
}

/// A file in memory of so many zero bytes that no holder can shrink, under whose map a peer could
/// be pulled away otherwise.
pub fn memory_file(name: &std::ffi::CStr, bytes: u64) -> io::Result<File> {
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: the name is a C string; the result is a new descriptor that nobody else owns.
    let made = |flags| checked(unsafe { libc::memfd_create(name.as_ptr(), flags) });
    // Kernels before 6.3 do not know of the second flag, later ones may insist on it.
    let descriptor = made(flags | libc::MFD_NOEXEC_SEAL).or_else(|_| made(flags))?;
    // SAFETY: as above.
    let file = unsafe { File::from_raw_fd(descriptor) };
    file.set_len(bytes)?;
    let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
    // SAFETY: a plain system call.
    checked(unsafe { libc::fcntl(descriptor, libc::F_ADD_SEALS, seals) })?;
    Ok(file)
}
