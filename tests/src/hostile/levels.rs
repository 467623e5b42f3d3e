//! What the runtime host holds: memory, threads and file descriptors, as the kernel counts them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::arena::Arena;
use super::tenant;
use crate::{Error, Result, host};

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Levels {
    pub resident_mb: u64,
    pub threads: u64,
    pub descriptors: u64,
}

/// How far above the beginning the levels may stay.
#[derive(Clone, Copy, Debug)]
pub struct Slack {
    pub levels: Levels,
    /// How long they may take to come down to that.
    pub limit: Duration,
}

/// Between two batches of cases. Threads that turns were handed over to wait for ten seconds for
/// more work, and V8 and the allocator keep pages for what comes next.
pub const BETWEEN: Slack = Slack {
    levels: Levels { resident_mb: 400, threads: 40, descriptors: 24 },
    limit: Duration::from_secs(8),
};

/// After all is over. What is left is not isolates' any more: two allocators (mimalloc, and the C
/// library's under V8's parser and compilers) keep what lies between blocks that live, some 60 MB and
/// 100 MB after the corpus, and V8 pages for its next collections. Pooled connections that nobody uses
/// for a minute are closed, and the pool looks for them once a minute: it may take two.
pub const AT_THE_END: Slack = Slack {
    levels: Levels { resident_mb: 250, threads: 12, descriptors: 8 },
    limit: Duration::from_secs(130),
};

impl Levels {
    /// Of these processes together.
    pub fn of(processes: &[u32]) -> Result<Self> {
        let mut all = Self { resident_mb: 0, threads: 0, descriptors: 0 };
        for process in processes {
            let one = Self::of_one(*process)?;
            all.resident_mb += one.resident_mb;
            all.threads += one.threads;
            all.descriptors += one.descriptors;
        }
        Ok(all)
    }

    fn of_one(process: u32) -> Result<Self> {
        let path = format!("/proc/{process}/status");
        let status = std::fs::read_to_string(&path).map_err(Error::during(path))?;
        let number = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            let word = line.and_then(|line| line.split_whitespace().next());
            word.and_then(|word| word.parse::<u64>().ok())
                .ok_or_else(|| Error::new(format!("no {key} of the host")))
        };
        let path = format!("/proc/{process}/fd");
        let descriptors = std::fs::read_dir(&path).map_err(Error::during(path))?.count() as u64;
        Ok(Self {
            resident_mb: number("VmRSS:")? / 1024,
            threads: number("Threads:")?,
            descriptors,
        })
    }

    /// What is more than `slack` above `base`.
    fn excess(self, base: Self, slack: Self) -> Vec<String> {
        let above = |what: &str, now: u64, base: u64, slack: u64| {
            (now > base + slack).then(|| format!("{now} {what}, at first {base}"))
        };
        [
            above("MB of memory", self.resident_mb, base.resident_mb, slack.resident_mb),
            above("threads", self.threads, base.threads, slack.threads),
            above("file descriptors", self.descriptors, base.descriptors, slack.descriptors),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl fmt::Display for Levels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resident_mb, threads, descriptors } = self;
        write!(f, "{resident_mb} MB, {threads} threads, {descriptors} descriptors")
    }
}

/// Waits until the host's levels are near `base` again.
pub async fn settle(arena: &Arena, base: Levels, slack: Slack) -> Result<()> {
    until(slack.limit, || async move { Ok(arena.levels()?.excess(base, slack.levels)) }).await
}

/// What the open file descriptors are, and how many of each kind: `eventpoll 4, tcp of port 8080 2, …`.
pub fn descriptors(processes: &[u32]) -> String {
    let mut kinds = BTreeMap::<String, u32>::new();
    for process in processes {
        let sockets = sockets(*process);
        let Ok(entries) = std::fs::read_dir(format!("/proc/{process}/fd")) else { continue };
        for entry in entries.flatten() {
            let Ok(target) = std::fs::read_link(entry.path()) else { continue };
            let target = target.to_string_lossy();
            let kind = match target.split_once(":[") {
                Some(("socket", inode)) => sockets.get(inode.trim_end_matches(']')).cloned(),
                Some((kind, _)) => Some(kind.to_owned()),
                None => Some(target.into_owned()),
            };
            *kinds.entry(kind.unwrap_or_else(|| "socket".to_owned())).or_default() += 1;
        }
    }
    let kinds: Vec<_> = kinds.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    kinds.join(", ")
}

/// TCP connections of the process's network by inode: whose they are, as far as ports tell (proc(5),
/// `/proc/net/tcp`).
fn sockets(process: u32) -> BTreeMap<String, String> {
    const LISTENS: &str = "0A";
    let table = std::fs::read_to_string(format!("/proc/{process}/net/tcp")).unwrap_or_default();
    let port = |address: &str| {
        let (_, port) = address.split_once(':')?;
        u16::from_str_radix(port, 16).ok()
    };
    let rows: Vec<(u16, u16, &str, &str)> = table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            let [_, local, remote, state, _, _, _, _, _, inode, ..] = fields[..] else {
                return None;
            };
            Some((port(local)?, port(remote)?, state, inode))
        })
        .collect();
    let listening: Vec<_> =
        rows.iter().filter(|row| row.2 == LISTENS).map(|(local, ..)| *local).collect();
    rows.iter()
        .map(|(local, remote, state, inode)| {
            let kind = if *state == LISTENS {
                format!("listener of port {local}")
            } else if listening.contains(local) {
                format!("tcp of port {local} in state {state}")
            } else {
                format!("tcp to port {remote} in state {state}")
            };
            ((*inode).to_owned(), kind)
        })
        .collect()
}

/// Waits until no invocation of this Worker runs.
pub async fn idle(arena: &Arena, worker: &str) -> Result<()> {
    let label = format!("worker=\"{worker}\"");
    let label = label.as_str();
    until(Duration::from_secs(5), || async move {
        let metrics = arena.stack().host().metrics().await?;
        let running = metrics.sum("nano_running_invocations", &[label]).unwrap_or(0.0);
        let told = format!("{running} invocations of {worker} still run");
        Ok((running > 0.0).then_some(told).into_iter().collect())
    })
    .await
}

/// Waits until nothing but the good tenant's isolates is there: no stream, no invocation.
pub async fn nothing_left(arena: &Arena) -> Result<()> {
    // The host publishes some of these every five seconds.
    until(Duration::from_secs(15), || async move {
        let metrics = arena.stack().host().metrics().await?;
        let left = |what: &str, name: &str, but: f64| {
            let now = metrics.sum(name, &[]).unwrap_or(0.0) - but;
            (now > 0.0).then(|| format!("{now} {what} are left"))
        };
        // Its own had much to do.
        let label = format!("worker={:?}", tenant::NAME);
        let good = metrics.sum("nano_isolates", &[&label]).unwrap_or(0.0);
        Ok([
            left("streams", host::STREAMS_OPEN, 0.0),
            left("invocations", "nano_running_invocations", 0.0),
            left("isolates", "nano_isolates", good),
        ]
        .into_iter()
        .flatten()
        .collect())
    })
    .await
}

/// Looks until nothing is wrong.
async fn until<F, Fut>(limit: Duration, look: F) -> Result<()>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<Vec<String>>>,
{
    let began = Instant::now();
    loop {
        let wrong = look().await?;
        if wrong.is_empty() {
            return Ok(());
        }
        if began.elapsed() > limit {
            return Err(Error::new(wrong.join("; ")));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
