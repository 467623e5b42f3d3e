//! `nano-host engine`: what the supervisor starts. Not for people: it needs the supervisor's
//! descriptors.

use std::fs::File;
use std::net::TcpListener;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use tokio::signal::unix::SignalKind;

use super::{Failure, host, start};
use crate::sockets::Socket;
use crate::supervisor::board::Notices;
use crate::supervisor::output::Shared;
use crate::supervisor::{crash, recorder, sys};

#[derive(Args)]
pub(super) struct Inherited {
    #[arg(long)]
    config: PathBuf,
    /// The supervisor's process number.
    #[arg(long)]
    parent: u32,
    /// Where to note what runs.
    #[arg(long)]
    record: RawFd,
    /// What the supervisor has to say.
    #[arg(long)]
    board: RawFd,
    #[arg(long)]
    listen: Vec<RawFd>,
    #[arg(long)]
    admin: Option<RawFd>,
    /// An engine served before this one.
    #[arg(long)]
    again: bool,
}

pub fn run(inherited: &Inherited) -> Result<(), Failure> {
    let failed = |error| Failure::Host(format!("the engine can't run: {error}"));
    if !sys::end_with(inherited.parent).map_err(failed)? {
        return Err(Failure::Host("the supervisor is gone".into()));
    }
    sys::set_name(c"nano-engine");
    // The supervisor gets these too, and says what is to be done.
    sys::ignore(sys::SIGINT);
    sys::ignore(sys::SIGTERM);
    let file = |descriptor| sys::inherited(descriptor).map(File::from).map_err(failed);
    recorder::install(&file(inherited.record)?).map_err(failed)?;
    crash::install().map_err(failed)?;
    let board = file(inherited.board)?;
    let notices = Notices::open(&board).map_err(failed)?;
    let mut sockets = Vec::new();
    for descriptor in &inherited.listen {
        sockets.push(sys::inherited(*descriptor).and_then(Socket::adopt).map_err(failed)?);
    }
    let admin = inherited
        .admin
        .map(|descriptor| sys::inherited(descriptor).map(TcpListener::from).map_err(failed));
    let config = start::config(&inherited.config)?;
    host::run(
        config,
        host::Means {
            sockets,
            admin: admin.transpose()?,
            notices: Some(Arc::new(notices)),
            output: Box::new(Shared::new(board)),
            stop: vec![SignalKind::from_raw(sys::DRAIN)],
            again: inherited.again,
        },
    )
}
