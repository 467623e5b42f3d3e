//! A test runner for themes that share a stack: libtest has no place where a stack could be
//! ended after the last test that uses it.
//!
//! A theme's cases run side by side on one runtime; a case fails by panicking. Arguments: words
//! that a case's name must contain (any of them), `--exact`, `--list`, `--skip WORD`.

use std::future::Future;
use std::panic;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::stack::Stack;

/// Cases of one theme that run at a time.
const SIDE_BY_SIDE: usize = 8;
/// A case that takes longer hangs, unless it says that it needs more.
const CASE_LIMIT: Duration = Duration::from_mins(1);

pub type CaseFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One test.
pub struct Case {
    pub name: String,
    pub run: Box<dyn FnOnce(Arc<Stack>) -> CaseFuture + Send>,
    limit: Duration,
}

impl Case {
    pub fn new<F, Fut>(name: impl Into<String>, run: F) -> Self
    where
        F: FnOnce(Arc<Stack>) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let run = Box::new(move |stack| -> CaseFuture { Box::pin(run(stack)) });
        Self { name: name.into(), run, limit: CASE_LIMIT }
    }

    /// Gives the case more time than others have.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }
}

/// Tests that share a stack, which is started when the first is due and ended after the last.
pub struct Theme {
    pub name: &'static str,
    pub stack: Box<dyn FnOnce() -> crate::Result<Stack>>,
    pub cases: Vec<Case>,
    /// One after the other, in their order, for cases that would disturb each other.
    pub serial: bool,
}

/// `cases![module::function, …]`: a case for each `async fn(Arc<Stack>)`.
#[macro_export]
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        vec![$($crate::runner::Case::new(stringify!($case), $case)),*]
    };
}

tokio::task_local! {
    /// Where the panic hook leaves the message of the case that panicked.
    static FAILURE: Arc<Mutex<String>>;
}

/// What the command line asked for.
#[derive(Debug, Default)]
struct Selection {
    words: Vec<String>,
    skip: Vec<String>,
    exact: bool,
    list: bool,
}

impl Selection {
    fn from_arguments() -> Self {
        let mut selection = Self::default();
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--exact" => selection.exact = true,
                "--list" => selection.list = true,
                "--skip" => selection.skip.extend(arguments.next()),
                // libtest's own options mean nothing here; cargo and editors pass some.
                "--test-threads" | "--format" | "--color" | "-Z" => drop(arguments.next()),
                other if other.starts_with('-') => {}
                word => selection.words.push(word.to_owned()),
            }
        }
        selection
    }

    fn wants(&self, name: &str) -> bool {
        let fits = |word: &String| if self.exact { name == word } else { name.contains(word) };
        (self.words.is_empty() || self.words.iter().any(fits)) && !self.skip.iter().any(fits)
    }
}

/// Runs all themes, one after the other, and prints what came of it.
pub fn main(themes: Vec<Theme>) -> ExitCode {
    let selection = Selection::from_arguments();
    install_hook();
    let began = Instant::now();
    let (mut passed, mut failed) = (0, Vec::new());
    for mut theme in themes {
        for case in &mut theme.cases {
            case.name = format!("{}::{}", theme.name, case.name);
        }
        theme.cases.retain(|case| selection.wants(&case.name));
        if selection.list {
            for case in &theme.cases {
                println!("{}: test", case.name);
            }
        } else if !theme.cases.is_empty() {
            run_theme(theme, &mut passed, &mut failed);
        }
    }
    if selection.list {
        return ExitCode::SUCCESS;
    }
    let seconds = began.elapsed().as_secs_f64();
    if failed.is_empty() {
        println!("\n{passed} passed in {seconds:.1} s");
        return ExitCode::SUCCESS;
    }
    println!("\n{passed} passed, {} FAILED in {seconds:.1} s:", failed.len());
    for name in &failed {
        println!("    {name}");
    }
    ExitCode::FAILURE
}

fn run_theme(theme: Theme, passed: &mut usize, failed: &mut Vec<String>) {
    println!("\n{}", theme.name);
    let began = Instant::now();
    let stack = match (theme.stack)() {
        Ok(stack) => Arc::new(stack),
        Err(error) => {
            println!("    can't start: {error}");
            failed.extend(theme.cases.into_iter().map(|case| case.name));
            return;
        }
    };
    let runtime =
        match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                println!("    can't start: {error}");
                failed.extend(theme.cases.into_iter().map(|case| case.name));
                return;
            }
        };
    let failed_before = failed.len();
    runtime.block_on(async {
        let mut report = |(name, took, failure): (String, Duration, Option<String>)| match failure {
            None => {
                *passed += 1;
                println!("    ok      {name} ({:.2} s)", took.as_secs_f64());
            }
            Some(failure) => {
                println!("    FAILED  {name} ({:.2} s)", took.as_secs_f64());
                failure.lines().for_each(|line| println!("            {line}"));
                failed.push(name);
            }
        };
        if theme.serial {
            for case in theme.cases {
                report(run_case(case, Arc::clone(&stack)).await);
            }
            return;
        }
        let permits = Arc::new(Semaphore::new(SIDE_BY_SIDE));
        let mut running = JoinSet::new();
        for case in theme.cases {
            let (stack, permits) = (Arc::clone(&stack), Arc::clone(&permits));
            running.spawn(async move {
                // Never closed, so there is always a permit in the end.
                let _permit = permits.acquire_owned().await;
                run_case(case, stack).await
            });
        }
        while let Some(result) = running.join_next().await {
            // `run_case` catches panics.
            if let Ok(result) = result {
                report(result);
            }
        }
    });
    if failed.len() > failed_before {
        match stack.keep_logs(theme.name) {
            Ok(directory) => println!("    logs and configuration are in {}", directory.display()),
            Err(error) => println!("    the logs can't be kept: {error}"),
        }
    }
    runtime.shutdown_timeout(Duration::from_secs(1));
    drop(stack);
    println!("    {} took {:.1} s", theme.name, began.elapsed().as_secs_f64());
}

async fn run_case(case: Case, stack: Arc<Stack>) -> (String, Duration, Option<String>) {
    let began = Instant::now();
    let message = Arc::new(Mutex::new(String::new()));
    let run = FAILURE.scope(Arc::clone(&message), (case.run)(stack));
    let mut task = tokio::spawn(run);
    let failure = match tokio::time::timeout(case.limit, &mut task).await {
        Ok(Ok(())) => None,
        Ok(Err(_)) => Some(message.lock().unwrap_or_else(PoisonError::into_inner).clone()),
        Err(_) => {
            task.abort();
            Some(format!("not finished after {:?}", case.limit))
        }
    };
    (case.name, began.elapsed(), failure)
}

/// Panics of cases go into their report, others to standard error.
fn install_hook() {
    panic::set_hook(Box::new(|info| {
        let kept = FAILURE.try_with(|message| {
            *message.lock().unwrap_or_else(PoisonError::into_inner) = info.to_string();
        });
        if kept.is_err() {
            eprintln!("{info}");
        }
    }));
}
