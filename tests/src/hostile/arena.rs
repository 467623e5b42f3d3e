//! The place of a run: origin, runtime host and Envoy, a directory that Workers are put into while
//! the host serves, and the good tenant's Worker, which is there from the beginning.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use toml::{Table, Value};

use super::case::Case;
use super::generate::copy;
use super::levels::Levels;
use super::tail::Tail;
use super::tenant;
use crate::client;
use crate::listeners::Mode;
use crate::stack::{self, Setup, Stack, StackOptions};
use crate::{Error, Result};

/// The longest that loading a Worker may take, the watch's quiet time included.
const DEPLOY_LIMIT: Duration = Duration::from_secs(20);

/// The longest that a crashed engine may be missing: a second, and what a loaded machine adds.
const BACK_WITHIN: Duration = Duration::from_secs(5);

/// Cheap to clone; clones are the same place.
#[derive(Clone, Debug)]
pub struct Arena(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    // Ended before its directory is removed.
    stack: Arc<Stack>,
    log: Tail,
    ground: Ground,
    deployments: AtomicU32,
    /// The processes that run Workers.
    engines: Mutex<Vec<u32>>,
}

/// The directory that Workers are put into.
#[derive(Debug)]
pub struct Ground(TempDir);

impl Ground {
    pub fn new() -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("nano-hostile-").tempdir();
        let directory = directory.map_err(Error::during("no temporary directory"))?;
        for name in ["workers", "making"] {
            std::fs::create_dir(directory.path().join(name))
                .map_err(Error::during("no temporary directory"))?;
        }
        Ok(Self(directory))
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    /// A stack whose host serves the good tenant and whatever is put here, each case's Worker with
    /// the settings of its `case.toml`.
    pub fn options(&self, cases: &[Case]) -> StackOptions {
        let good = stack::root().join("tests/hostile").join(tenant::NAME);
        let watched = self.path("workers/*");
        let directories = [good, watched].map(|path| path.to_string_lossy().into_owned());
        let mut worker = Table::new();
        worker.insert(tenant::NAME.into(), settings(&Table::new()));
        for case in cases.iter().filter(|case| case.has_worker()) {
            let mut own = case.settings.clone();
            // Its requests are to find what it did before, in its one isolate.
            own.entry("isolates").or_insert(Value::Integer(1));
            worker.insert(case.name.clone(), settings(&own));
        }
        let mut all = Table::new();
        let directories = directories.map(Value::from).to_vec();
        all.insert(
            "workers".into(),
            Table::from_iter([("directories".into(), directories.into())]).into(),
        );
        all.insert("worker".into(), worker.into());
        let modes = [Mode::Lazy, Mode::Streamed, Mode::Buffered, Mode::FullDuplex];
        StackOptions {
            reload: true,
            settings: all,
            ..StackOptions::new(Setup::Modes(modes.to_vec()), Vec::new())
        }
    }
}

/// What a Worker is given beside its own settings: the origin.
fn settings(own: &Table) -> Value {
    let mut settings = own.clone();
    settings.entry("origin").or_insert_with(|| "{origin}".into());
    let vars = settings.entry("vars").or_insert_with(|| Table::new().into());
    if let Some(vars) = vars.as_table_mut() {
        vars.insert("ORIGIN".into(), "{origin}".into());
    }
    settings.into()
}

/// A Worker that was put into the directory; taken out with [`Arena::remove`].
#[derive(Debug)]
pub struct Deployed {
    name: String,
    folder: String,
}

/// What the host said to a Worker.
#[derive(Debug)]
pub enum Verdict {
    Ready,
    /// The log line of the refusal.
    Refused(String),
}

impl Arena {
    /// Starts all of it.
    pub async fn start(cases: &[Case]) -> Result<Self> {
        let ground = Ground::new()?;
        let options = ground.options(cases);
        let started = tokio::task::spawn_blocking(move || Stack::start(&options));
        let stack = started.await.map_err(Error::during("the stack's start failed"))??;
        Self::around(Arc::new(stack), ground)
    }

    /// Around a stack that was started with [`Ground::options`].
    pub fn around(stack: Arc<Stack>, ground: Ground) -> Result<Self> {
        let log = stack.host().process().log_path().map(Path::to_owned);
        let log = Tail::new(log.ok_or_else(|| Error::new("the host's log goes to no file"))?);
        let engines = Mutex::new(stack.host().engines());
        let deployments = AtomicU32::new(0);
        Ok(Self(Arc::new(Inner { stack, log, ground, deployments, engines })))
    }

    pub fn stack(&self) -> &Stack {
        &self.0.stack
    }

    pub fn log(&self) -> &Tail {
        &self.0.log
    }

    pub fn envoy(&self) -> SocketAddr {
        self.stack().address_of(Mode::Lazy)
    }

    pub fn grpc(&self) -> SocketAddr {
        self.stack().grpc()
    }

    pub fn admin(&self) -> SocketAddr {
        self.stack().host().admin()
    }

    /// Puts addresses into the places that name them.
    pub fn fill(&self, text: &str) -> String {
        text.replace("{origin}", &self.stack().origin().url())
            .replace("{admin}", &self.admin().to_string())
            .replace("{grpc}", &self.grpc().to_string())
            .replace("{envoy}", &self.envoy().to_string())
    }

    /// The host has not ended, nor has an engine been replaced since the last
    /// [`Arena::is_back`]; its log's last lines when it has.
    pub fn check_alive(&self) -> Result<()> {
        let host = self.stack().host();
        host.process().check_running()?;
        if host.engines() == *self.engines() {
            return Ok(());
        }
        Err(Error::new(format!("an engine ended:\n{}", host.process().log_tail(20))))
    }

    /// After an engine crashed: another is there and ready, within the time that users are told.
    pub async fn is_back(&self) -> Result<()> {
        let host = self.stack().host();
        let before = self.engines().clone();
        let began = Instant::now();
        while began.elapsed() < BACK_WITHIN {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let url = format!("http://{}/readyz", self.admin());
            let ready = tokio::task::spawn_blocking(move || client::blocking_status(&url));
            let engines = host.engines();
            let replaced = engines.len() == before.len() && engines != before;
            if replaced && ready.await.is_ok_and(|status| status == Some(200)) {
                *self.engines() = engines;
                return Ok(());
            }
        }
        Err(Error::new(format!("no other engine came within {BACK_WITHIN:?}")))
    }

    fn engines(&self) -> MutexGuard<'_, Vec<u32>> {
        self.0.engines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn levels(&self) -> Result<Levels> {
        Levels::of(&self.stack().host().engines())
    }

    /// Puts the case's Worker where the host finds it, and waits for what it says.
    pub async fn deploy(&self, case: &Case) -> Result<(Deployed, Verdict)> {
        let number = self.0.deployments.fetch_add(1, Ordering::Relaxed);
        // A name of its own each time: the host says the same about the same files only once.
        let folder = format!("{}.{number}", case.name);
        let making = self.0.ground.path("making").join(&folder);
        // Thousands of files can take a minute, and a thread of the runtime may have the good tenant's
        // clients to run.
        let (from, to, generate) = (case.directory.clone(), making.clone(), case.generate.clone());
        let made = tokio::task::spawn_blocking(move || {
            copy(&from, &to)?;
            generate.iter().try_for_each(|made| made.make(&to))
        });
        made.await.map_err(Error::during("making a Worker failed"))??;
        let mark = self.log().mark();
        let place = self.0.ground.path("workers").join(&folder);
        std::fs::rename(&making, &place).map_err(Error::during("can't move a Worker"))?;
        let deployed = Deployed { name: case.name.clone(), folder };
        let of_worker = format!("\"worker\":\"{}\"", case.name);
        let of_folder = format!("/{}/", deployed.folder);
        let of_itself = format!("/{}: ", deployed.folder);
        let verdict = move |line: &str| {
            let about = line.contains(&of_worker);
            let file = line.contains(&of_folder) || line.contains(&of_itself);
            (about && (line.contains("Worker is ready") || line.contains("Worker refused")))
                || (file && line.contains("reload refused"))
        };
        match self.wait(mark, DEPLOY_LIMIT, &verdict).await {
            Ok(line) if line.contains("Worker is ready") => Ok((deployed, Verdict::Ready)),
            Ok(_) => {
                let lines = self.refusal(mark, verdict, case).await;
                Ok((deployed, Verdict::Refused(lines)))
            }
            Err(error) => {
                self.remove(deployed).await;
                Err(error)
            }
        }
    }

    /// All lines of a refusal, one for each thing that is wrong: those that the case knows of, or what
    /// comes within a second.
    async fn refusal(&self, mark: usize, wanted: impl Fn(&str) -> bool, case: &Case) -> String {
        let began = Instant::now();
        loop {
            let lines = self.log().events(mark, &wanted).join("\n");
            let known = case.refused.iter().flatten().all(|part| lines.contains(part.as_str()));
            if known || began.elapsed() > Duration::from_secs(1) {
                return lines;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Takes a Worker out again and waits until the host has noticed.
    pub async fn remove(&self, deployed: Deployed) {
        let mark = self.log().mark();
        let place = self.0.ground.path("workers").join(&deployed.folder);
        let gone = self.0.ground.path("making").join(&deployed.folder);
        // In one step; a Worker that is half there would be loaded again.
        if std::fs::rename(&place, &gone).is_ok() {
            drop(tokio::task::spawn_blocking(move || std::fs::remove_dir_all(&gone)).await);
            let of_worker = format!("\"worker\":\"{}\"", deployed.name);
            let removed = |line: &str| line.contains("Worker removed") && line.contains(&of_worker);
            // A version that the host's loader refused was never there.
            let limit = Duration::from_secs(2);
            drop(self.wait(mark, limit, removed).await);
        }
    }

    /// Waits for a line of the log as long as the host lives.
    async fn wait(
        &self,
        mark: usize,
        limit: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<String> {
        let began = Instant::now();
        loop {
            let look = Duration::from_millis(100);
            if let Some(line) = self.log().event(mark, look, &wanted).await {
                return Ok(line);
            }
            self.check_alive()?;
            if began.elapsed() > limit {
                return Err(Error::new(format!("the host said nothing of it in {limit:?}")));
            }
        }
    }
}
