//! The runtime host's log while it grows: what each request came to, what was deployed.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::tenant;
use crate::{Error, Result};

/// Reads the log from where the last look ended. Cheap to clone; clones share what was read.
#[derive(Clone, Debug)]
pub struct Tail(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    offset: u64,
    /// The beginning of a line that is not yet whole.
    partial: Vec<u8>,
    /// Request id → outcome, of requests that are not the good tenant's.
    outcomes: HashMap<String, String>,
    /// Lines about no request: deployments, refusals, removals, errors of the host.
    events: Vec<String>,
    /// Bytes of lines by Worker.
    bytes: HashMap<String, u64>,
}

/// How often the log is looked at while something is waited for.
const LOOK: Duration = Duration::from_millis(20);

impl Tail {
    pub fn new(path: PathBuf) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            path,
            offset: 0,
            partial: Vec::new(),
            outcomes: HashMap::new(),
            events: Vec::new(),
            bytes: HashMap::new(),
        })))
    }

    fn with<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A log that can't be read shows as what is waited for not coming.
        drop(inner.read());
        look(&mut inner)
    }

    /// How the request with this id ended.
    pub async fn outcome(&self, id: &str, limit: Duration) -> Result<String> {
        let began = Instant::now();
        loop {
            if let Some(outcome) = self.with(|inner| inner.outcomes.remove(id)) {
                return Ok(outcome);
            }
            if began.elapsed() > limit {
                return Err(Error::new("the log has no line for this request"));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// How many lines about no request there were.
    pub fn mark(&self) -> usize {
        self.with(|inner| inner.events.len())
    }

    /// The first line since `mark` that is as wanted.
    pub async fn event(
        &self,
        mark: usize,
        limit: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let began = Instant::now();
        loop {
            let found = self
                .with(|inner| inner.events.get(mark..)?.iter().find(|line| wanted(line)).cloned());
            if found.is_some() || began.elapsed() > limit {
                return found;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// All lines since `mark` that are as wanted.
    pub fn events(&self, mark: usize, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        self.with(|inner| {
            let since = inner.events.get(mark..).unwrap_or_default();
            since.iter().filter(|line| wanted(line)).cloned().collect()
        })
    }

    /// Bytes of the Worker's lines so far.
    pub fn bytes_of(&self, worker: &str) -> u64 {
        self.with(|inner| inner.bytes.get(worker).copied().unwrap_or(0))
    }
}

impl Inner {
    fn read(&mut self) -> std::io::Result<()> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.offset))?;
        let mut new = std::mem::take(&mut self.partial);
        self.offset += file.read_to_end(&mut new)? as u64;
        let whole = new.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        self.partial = new.split_off(whole);
        for line in String::from_utf8_lossy(&new).lines() {
            self.take(line);
        }
        Ok(())
    }

    fn take(&mut self, line: &str) {
        // Most lines, and nobody asks for them.
        if line.contains(&format!("\"worker\":\"{}\"", tenant::NAME)) && line.contains("\"ok\"") {
            return;
        }
        let Ok(value) = serde_json::from_str::<Value>(line) else {
            // What a library, or a dying process, writes.
            self.events.push(line.to_owned());
            return;
        };
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        *self.bytes.entry(text("worker")).or_default() += line.len() as u64;
        match value["target"].as_str() {
            Some("nano::request") => {
                self.outcomes.insert(text("request_id"), text("outcome"));
            }
            Some("nano::console") => {}
            _ => self.events.push(line.to_owned()),
        }
    }
}
