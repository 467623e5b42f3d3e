//! `nano-host serve`: the sockets, and the supervisor of the engines that serve them; or, without
//! supervisor, all of it in one process.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use tokio::signal::unix::SignalKind;

use super::Failure;
use super::{host, start};
use crate::config::Config;
use crate::sockets::Socket;
use crate::supervisor::board::Board;
use crate::supervisor::output::Direct;
use crate::supervisor::{self, Plan, record, recorder, sys};
use crate::telemetry::logs;

pub fn run(file: &Path) -> Result<(), Failure> {
    let config = start::config(file)?;
    let sockets = bind(&config)?;
    match config.server.processes {
        0 => {
            sys::allow_huge_pages();
            alone(config, sockets)
        }
        engines => supervise(file, &config, sockets, engines),
    }
}

/// Serves in this process.
fn alone(config: Config, sockets: Vec<Socket>) -> Result<(), Failure> {
    let admin = config.server.admin.map(bind_admin).transpose()?;
    // Nobody reads it, but V8's last words name the Worker that ran.
    record::create()
        .and_then(|record| recorder::install(&record))
        .map_err(|error| Failure::Host(format!("no shared memory: {error}")))?;
    host::run(
        config,
        host::Means {
            sockets,
            admin,
            notices: None,
            output: Box::new(std::io::stdout()),
            stop: vec![SignalKind::terminate(), SignalKind::interrupt()],
            again: false,
        },
    )
}

/// Starts engines, and replaces them.
fn supervise(
    file: &Path,
    config: &Config,
    sockets: Vec<Socket>,
    engines: usize,
) -> Result<(), Failure> {
    let failed = |error| Failure::Host(format!("the supervisor can't run: {error}"));
    let board = Board::create().map_err(failed)?;
    let mut admin = Vec::new();
    for number in 0..engines {
        if let Some(first) = config.server.admin {
            admin.push(bind_admin(admin_of(first, number))?);
        }
    }
    // Lives as long as the process.
    let output: &Direct = Box::leak(Box::new(Direct::new(board.own().map_err(failed)?)));
    logs::init_direct(&config.log.level, output)
        .map_err(|error| Failure::Host(error.to_string()))?;
    let plan = Plan {
        config: file.to_owned(),
        sockets,
        admin,
        engines,
        drain_timeout: config.server.drain_timeout,
    };
    match supervisor::run(plan, board, output).map_err(failed)? {
        0 => Ok(()),
        code => Err(Failure::Engine(code)),
    }
}

/// Where an engine has its admin port: counted from the configured one on. Port 0 is any.
fn admin_of(first: SocketAddr, number: usize) -> SocketAddr {
    let mut address = first;
    if first.port() > 0 {
        // The configuration was refused if this were past the last port.
        let port = usize::from(first.port()) + number;
        address.set_port(u16::try_from(port).unwrap_or(u16::MAX));
    }
    address
}

fn bind(config: &Config) -> Result<Vec<Socket>, Failure> {
    let mut sockets = Vec::new();
    for listen in &config.server.listen {
        let socket = Socket::bind(&listen.to_string())
            .map_err(|error| Failure::Host(format!("cannot listen on {listen}: {error}")))?;
        sockets.push(socket);
    }
    Ok(sockets)
}

fn bind_admin(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .map_err(|error| Failure::Host(format!("cannot listen on {address} (admin): {error}")))
}
