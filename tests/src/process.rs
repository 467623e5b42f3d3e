//! Child processes: started from a thread that lives as long as this process, their output in a
//! file, ended by their id.

use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use crate::{Error, Result};

type Job = (Command, Sender<io::Result<Child>>);

/// Envoy asks the kernel to end it when the *thread* that spawned it ends
/// (`PR_SET_PDEATHSIG`), so all children are spawned by one thread that never ends.
static SPAWNER: LazyLock<Mutex<Sender<Job>>> = LazyLock::new(|| {
    let (jobs, inbox) = channel::<Job>();
    std::thread::spawn(move || {
        for (mut command, reply) in inbox {
            // The asker waits for this; if it is gone there is nobody to tell.
            drop(reply.send(command.spawn()));
        }
    });
    Mutex::new(jobs)
});

/// Where a child's output goes.
#[derive(Clone, Debug)]
pub enum Output {
    /// Into this file, both streams.
    File(PathBuf),
    /// To this process's own standard error.
    Inherit,
}

/// A running child; ended when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Mutex<Child>,
    id: u32,
    log: Option<PathBuf>,
}

impl Process {
    pub fn start(name: &str, mut command: Command, output: &Output) -> Result<Self> {
        command.stdin(Stdio::null());
        let log = match output {
            Output::Inherit => {
                command.stdout(io::stderr());
                None
            }
            Output::File(path) => {
                let file = File::create(path)
                    .map_err(Error::during(format!("can't write {}", path.display())))?;
                let same = file.try_clone().map_err(Error::during("can't share a log file"))?;
                command.stdout(file).stderr(same);
                Some(path.clone())
            }
        };
        let program = command.get_program().to_string_lossy().into_owned();
        let (reply, answer) = channel();
        let spawner = SPAWNER.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        spawner.send((command, reply)).map_err(Error::during("the spawning thread is gone"))?;
        let child = answer
            .recv()
            .map_err(Error::during("the spawning thread is gone"))?
            .map_err(Error::during(format!("can't start {name} ({program})")))?;
        Ok(Self { name: name.to_owned(), id: child.id(), child: Mutex::new(child), log })
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub fn id(&self) -> u32 {
        self.id
    }

    /// The file its output goes to, if it goes to one.
    pub fn log_path(&self) -> Option<&Path> {
        self.log.as_deref()
    }

    /// All it has written so far; empty when its output does not go to a file.
    pub fn log(&self) -> String {
        self.log.as_ref().map_or_else(String::new, |path| {
            String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
        })
    }

    pub fn log_tail(&self, lines: usize) -> String {
        let log = self.log();
        let all: Vec<&str> = log.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    /// An error when it has ended already.
    pub fn check_running(&self) -> Result<()> {
        match self.child().try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => {
                Err(Error::new(format!("{} ended: {status}\n{}", self.name, self.log_tail(40))))
            }
            Err(error) => Err(Error::new(format!("can't watch {}: {error}", self.name))),
        }
    }

    /// Calls `ready` every 20 ms until it is true, the child ends, or `limit` has passed.
    pub fn wait_until(&self, limit: Duration, ready: impl FnMut() -> bool) -> Result<()> {
        self.wait_every(Duration::from_millis(20), limit, ready)
    }

    /// The same with another pause between the calls.
    pub fn wait_every(
        &self,
        pause: Duration,
        limit: Duration,
        mut ready: impl FnMut() -> bool,
    ) -> Result<()> {
        let began = Instant::now();
        while !ready() {
            self.check_running()?;
            if began.elapsed() > limit {
                return Err(Error::new(format!(
                    "{} was not ready after {limit:?}\n{}",
                    self.name,
                    self.log_tail(40)
                )));
            }
            std::thread::sleep(pause);
        }
        Ok(())
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) -> Result<()> {
        signal(self.id, "TERM").map_err(|_| Error::new(format!("{} is gone", self.name)))
    }

    /// Waits for it to end by itself.
    pub fn wait(&self, limit: Duration) -> Result<ExitStatus> {
        let began = Instant::now();
        loop {
            if let Some(status) = self
                .child()
                .try_wait()
                .map_err(Error::during(format!("can't watch {}", self.name)))?
            {
                return Ok(status);
            }
            if began.elapsed() > limit {
                return Err(Error::new(format!("{} did not end in {limit:?}", self.name)));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn kill(&self) {
        // Both fail only when it has ended already, which is what is wanted.
        let mut child = self.child();
        drop(child.kill());
        drop(child.wait());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends a signal, by its name without `SIG`, to a process or to one of its threads.
pub fn signal(id: u32, name: &str) -> Result<()> {
    // `kill` the program, so that this crate needs no unsafe call.
    let status = Command::new("kill")
        .args([format!("-{name}"), id.to_string()])
        .stderr(Stdio::null())
        .status()
        .map_err(Error::during("can't run kill"))?;
    if status.success() { Ok(()) } else { Err(Error::new(format!("{id} is gone"))) }
}

/// The processes that one has started and that live.
pub fn children(of: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // `pid (name) state parent …`; a name may hold anything.
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let mut fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        let (state, parent) = (fields.next(), fields.next().and_then(|id| id.parse().ok()));
        if parent == Some(of) && state != Some("Z") {
            found.push(id);
        }
    }
    found
}

/// A process and those that it has started.
pub fn family(of: u32) -> Vec<u32> {
    let mut all = vec![of];
    all.extend(children(of));
    all
}

/// Whether there is such a process, apart from one that has ended and not been waited for.
pub fn lives(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

/// Where [`free_port`] looks: below the ports that Linux gives to outgoing connections (from 32768 on,
/// `ip_local_port_range`). One of those could be taken before the program that it was for binds it.
const PORTS: Range<u16> = 15_000..32_000;

/// A TCP port on the loopback address that nothing listens on now, another one with each call.
pub fn free_port() -> Result<u16> {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let count = u32::from(PORTS.end - PORTS.start);
    for _ in 0..count {
        // Other processes that look for ports begin elsewhere.
        let place = std::process::id().wrapping_mul(101);
        let place = place.wrapping_add(CALLS.fetch_add(1, Ordering::Relaxed)) % count;
        let port = PORTS.start + place as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Error::new(format!("no free loopback port in {PORTS:?}")))
}

/// Whether something accepts connections there.
pub fn accepts(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok()
}
