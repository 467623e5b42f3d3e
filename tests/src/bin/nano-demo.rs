//! `nano-demo EXAMPLE [--port PORT] [--check]`: an example behind a real Envoy, until somebody
//! ends it. `cargo xtask up` provides what it needs, builds it and becomes it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use nano_tests::checks::Checks;
use nano_tests::client::Proto;
use nano_tests::stack::{Stack, StackOptions};
use nano_tests::{Error, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How often the demo looks whether its parts still run.
const WATCH: Duration = Duration::from_millis(300);

fn main() -> ExitCode {
    // One thread: Envoy, the host and the origin have threads of their own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = Options::parse(std::env::args().skip(1)).and_then(|options| {
        runtime.map_err(Error::during("cannot start the demo"))?.block_on(demo(&options))
    });
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("nano-demo: error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What the command line says.
struct Options {
    example: PathBuf,
    port: Option<u16>,
    check: bool,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let usage = || Error::new("usage: nano-demo EXAMPLE [--port PORT] [--check]");
        let mut options =
            Self { example: arguments.next().ok_or_else(usage)?.into(), port: None, check: false };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--check" => options.check = true,
                "--port" => {
                    let port = arguments.next().and_then(|port| port.parse().ok());
                    options.port = Some(port.ok_or_else(usage)?);
                }
                _ => return Err(usage()),
            }
        }
        Ok(options)
    }
}

/// Starts the parts, shows or checks them, and ends them however it goes.
async fn demo(options: &Options) -> Result<ExitCode> {
    // Before anything is started: from here on a signal ends the demo in good order.
    let mut ending = Ending::listen()?;
    let checks = Checks::read(&options.example)?;
    let mut stack_options = StackOptions::example(&options.example)?;
    stack_options.port = options.port.map(free_or_any).transpose()?.flatten();
    // To somebody who looks on, what the Worker logs is part of the demo.
    stack_options.inherit_logs = !options.check;

    let start = tokio::task::spawn_blocking(move || Stack::start(&stack_options));
    let mut stack = start.await.map_err(Error::during("cannot start the demo"))??;
    if options.check {
        tokio::select! {
            code = check(&checks, &stack) => Ok(code),
            () = ending.wait() => Ok(ExitCode::FAILURE),
        }
    } else {
        show(&checks, &stack, &options.example);
        tokio::select! {
            broken = watch(&mut stack) => Err(broken),
            () = ending.wait() => {
                eprintln!("nano-demo: ending Envoy, the runtime host and the origin");
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// Tells people where the demo is and what to try.
fn show(checks: &Checks, stack: &Stack, example: &Path) {
    let url = stack.url();
    println!("\n{} is at {url}, through Envoy. Try:\n", example.display());
    for line in checks.curl_lines(&url) {
        println!("    {line}");
    }
    println!("\nA change in the example's files takes effect at once. Ctrl-C ends all of it.\n");
}

/// Sends the example's own requests.
async fn check(checks: &Checks, stack: &Stack) -> ExitCode {
    let good = checks.run(&stack.url(), Proto::H1, &mut |line| println!("{line}")).await;
    if good {
        println!("all {} answers are as expected", checks.requests.len());
        return ExitCode::SUCCESS;
    }
    println!("not all answers are as expected; the last lines of the logs:");
    println!("{}", stack.log_tails(20));
    ExitCode::FAILURE
}

/// Returns when a part of the stack has ended by itself.
async fn watch(stack: &mut Stack) -> Error {
    loop {
        if let Err(error) = stack.check_running() {
            return error;
        }
        tokio::time::sleep(WATCH).await;
    }
}

/// The port, or none when something listens there already.
fn free_or_any(port: u16) -> Result<Option<u16>> {
    match TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => Ok(Some(port)),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            eprintln!("nano-demo: port {port} is taken, using a free one");
            Ok(None)
        }
        Err(error) => Err(Error::new(format!("cannot listen on port {port}: {error}"))),
    }
}

/// The signals by which people, terminals and supervisors end a program.
struct Ending {
    signals: [Signal; 3],
}

impl Ending {
    fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).map_err(Error::during("cannot listen for signals"));
        let signals = [
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ];
        Ok(Self { signals })
    }

    /// Returns when one of them has come.
    async fn wait(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
