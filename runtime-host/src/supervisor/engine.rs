//! One engine process: how it is started, and how it ended.

use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use super::board::Board;
use super::{record, sys};
use crate::sockets::Socket;

/// What the supervisor is to keep running.
#[derive(Debug)]
pub struct Plan {
    /// The configuration, which each engine reads for itself.
    pub config: PathBuf,
    /// Sockets that all engines accept from.
    pub sockets: Vec<Socket>,
    /// One for each engine, when there are any.
    pub admin: Vec<TcpListener>,
    pub engines: usize,
    /// How long engines may drain; they keep to it themselves.
    pub drain_timeout: Duration,
}

/// How long the allocator keeps memory that nothing uses for what may be next, as mimalloc reads it when
/// a process starts. Its default is a second, in which bodies that stream through leave some MB
/// more; for small requests a tenth makes no difference. What the operator sets holds.
const PURGE_DELAY: (&str, &str) = ("MIMALLOC_PURGE_DELAY", "100");

#[derive(Debug)]
pub struct Engine {
    pub id: u32,
    pub record: File,
    pub began: Instant,
}

impl Engine {
    /// Starts this executable once more, as an engine. `again`: there was one before it that served.
    pub fn start(plan: &Plan, place: usize, board: &Board, again: bool) -> io::Result<Self> {
        let record = record::create()?;
        let notices = board.for_engine()?;
        // This very file, whatever has taken its name meanwhile.
        let mut command = Command::new("/proc/self/exe");
        command.arg0("nano-host").arg("engine").arg("--config").arg(&plan.config);
        command.args(["--parent", &std::process::id().to_string()]);
        let mut descriptors = Vec::new();
        let mut hand = |command: &mut Command, name: &str, descriptor: RawFd| {
            command.args([name, &descriptor.to_string()]);
            descriptors.push(descriptor);
        };
        hand(&mut command, "--record", record.as_raw_fd());
        hand(&mut command, "--board", notices.as_raw_fd());
        for socket in &plan.sockets {
            hand(&mut command, "--listen", socket.as_raw_fd());
        }
        if let Some(admin) = plan.admin.get(place) {
            hand(&mut command, "--admin", admin.as_raw_fd());
        }
        if again {
            command.arg("--again");
        }
        let (name, milliseconds) = PURGE_DELAY;
        if std::env::var_os(name).is_none() {
            command.env(name, milliseconds);
        }
        sys::hand_down(&mut command, descriptors);
        let id = command.spawn()?.id();
        Ok(Self { id, record, began: Instant::now() })
    }
}

/// An exit status as a person says it.
pub fn name_of(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => {
            signal_name(signal).map_or_else(|| format!("signal {signal}"), Into::into)
        }
        (None, code) => format!("exit code {}", code.unwrap_or(-1)),
    }
}

fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGILL => "SIGILL",
        libc::SIGKILL => "SIGKILL",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGSYS => "SIGSYS",
        libc::SIGTERM => "SIGTERM",
        libc::SIGTRAP => "SIGTRAP",
        _ => return None,
    })
}
