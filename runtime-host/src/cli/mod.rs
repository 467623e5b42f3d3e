//! The program's commands; here, and only here, the rooms are wired together.

mod cgroup;
mod check;
mod dev;
mod engine;
mod envoy_config;
mod host;
mod serve;
mod snapshot;
mod start;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::isolate::code_generation;
use crate::supervisor::sys;
use crate::telemetry::logs;

/// Runs Cloudflare-Workers-style JavaScript for Envoy's external-processing filter.
#[derive(Parser)]
#[command(name = "nano-host", version, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 done, 1 a Worker or the configuration is at fault, 2 wrong \
    usage, 3 the host could not run (a port is taken, no permission).")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve Envoy's external-processing filter with the Workers of a configuration.
    Serve {
        /// The configuration; docs/configuration.md describes it.
        #[arg(long, value_name = "FILE", default_value = "nano.toml")]
        config: PathBuf,
    },
    /// What `serve` starts.
    #[command(hide = true)]
    Engine(engine::Inherited),
    /// Check a configuration and compile every Worker; print what is wrong, with file and line.
    Check {
        /// The configuration.
        #[arg(long, value_name = "FILE", default_value = "nano.toml")]
        config: PathBuf,
    },
    /// Serve one Worker over plain HTTP, without Envoy; reload it when it changes.
    Dev {
        /// A JavaScript file, or a directory with a wrangler file.
        #[arg(value_name = "FILE|DIR")]
        worker: PathBuf,
        /// Where to listen.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8787")]
        listen: SocketAddr,
        /// The upstream that `fetch(request)` reaches.
        #[arg(long, value_name = "URL")]
        origin: Option<dev::Upstream>,
        /// A configuration whose limits, egress rules, clocks and settings of this Worker count;
        /// its listeners and other Workers do not.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// For tests only: let code be made of strings (`eval`) and bytes (`WebAssembly.compile`),
        /// which what serves never allows.
        #[arg(long)]
        allow_code_generation: bool,
        /// For tests only: let clocks run while JavaScript does.
        #[arg(long)]
        running_clocks: bool,
    },
    /// Print what Envoy needs to know of the Workers: a complete configuration, or the parts of one.
    EnvoyConfig(Box<envoy_config::Arguments>),
    /// Make the snapshot that isolates start from and keep it in a file, which makes every later
    /// start of this program faster. Another build of the program needs another file.
    Snapshot {
        /// Where to write it: by default this program's path with `.snapshot` after it, where it is
        /// looked for; another place has to be named in the variable `NANO_SNAPSHOT`.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// How a command ended, when it did not end well.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A Worker or the configuration is at fault; it has been said.
    Refused,
    /// The host could not run: a text for the operator.
    Host(String),
    /// An engine ended the service with this exit code; what there is to say it, or the supervisor,
    /// has said.
    Engine(u8),
}

/// Runs the program.
pub fn run() -> ExitCode {
    let command = Arguments::parse().command;
    if !matches!(command, Command::Serve { .. }) {
        sys::allow_huge_pages();
    }
    let result = match command {
        Command::Serve { config } => serve::run(&config),
        Command::Engine(inherited) => engine::run(&inherited),
        Command::Check { config } => check::run(&config),
        Command::Dev { worker, listen, origin, config, allow_code_generation, running_clocks } => {
            if allow_code_generation {
                code_generation::allow();
            }
            dev::run(&worker, listen, origin, config.as_deref(), running_clocks)
        }
        Command::EnvoyConfig(arguments) => envoy_config::run(&arguments),
        Command::Snapshot { out } => snapshot::run(out),
    };
    logs::flush();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Refused) => ExitCode::from(1),
        Err(Failure::Engine(code)) => ExitCode::from(code),
        Err(Failure::Host(text)) => {
            eprintln!("nano-host: {text}");
            ExitCode::from(3)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_usage_is_told_before_anything_starts() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' '));
        assert!(parse("nano-host dev a.js --origin http://127.0.0.1:8080").is_ok());
        assert!(parse("nano-host dev a.js --allow-code-generation --running-clocks").is_ok());
        assert!(parse("nano-host serve --allow-code-generation").is_err(), "for tests only");
        for (line, words) in [
            ("nano-host dev a.js --origin ftp://x", "--origin"),
            ("nano-host dev a.js --listen nowhere", "--listen"),
            ("nano-host serve nano.toml", "nano.toml"),
        ] {
            let Err(error) = parse(line) else { panic!("{line} was taken") };
            assert_eq!(error.exit_code(), 2, "{line}");
            assert!(error.to_string().contains(words), "{line}: {error}");
        }
    }
}
