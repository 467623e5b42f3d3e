//! The signals by which people and terminals end a program: the run stops at the next look, and
//! all that it started is ended on the way out.

use std::sync::atomic::{AtomicBool, Ordering};

use nano_tests::{Error, Result};
use tokio::signal::unix::{SignalKind, signal};

static ENDING: AtomicBool = AtomicBool::new(false);

/// From here on SIGINT, SIGTERM and SIGHUP make [`check`] fail instead of ending the process.
pub fn listen() -> Result<()> {
    let failed = || Error::during("cannot listen for signals");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed())?;
    let (mut interrupt, mut terminate, mut hangup) = {
        let _inside = runtime.enter();
        let listen = |kind| signal(kind).map_err(failed());
        (
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        )
    };
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
        });
        ENDING.store(true, Ordering::Relaxed);
    });
    Ok(())
}

/// An error once a signal has come.
pub fn check() -> Result<()> {
    if ENDING.load(Ordering::Relaxed) {
        return Err(Error::new("ended by a signal"));
    }
    Ok(())
}
