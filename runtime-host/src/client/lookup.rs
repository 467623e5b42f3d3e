//! From a host's name to its addresses, by the system's resolver.

use std::fmt;
use std::fs::File;
use std::io::ErrorKind;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Once};

use tokio::sync::Semaphore;

/// Names that one client looks up at the same time. Each takes a thread for as long as the system's
/// resolver takes, which for a name whose servers don't answer is long, also when nobody waits any
/// more; one tenant must not take the process's.
const LOOKUPS_MAX: usize = 16;

/// What stands in for the resolver in tests.
#[cfg(test)]
pub(super) type Script =
    Arc<dyn Fn(&str) -> Result<Vec<std::net::IpAddr>, std::io::Error> + Send + Sync>;

/// One client's lookups.
#[derive(Clone)]
pub(super) struct Lookups {
    room: Arc<Semaphore>,
    #[cfg(test)]
    pub script: Option<Script>,
}

impl Lookups {
    pub(super) fn new() -> Self {
        Self {
            room: Arc::new(Semaphore::new(LOOKUPS_MAX)),
            #[cfg(test)]
            script: None,
        }
    }

    /// Never empty.
    pub(super) async fn addresses(
        &self,
        host: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>, LookupFailed> {
        if host.is_empty() {
            return Err(LookupFailed("it is empty".to_owned()));
        }
        let failed = |error: &dyn fmt::Display| LookupFailed(error.to_string());
        #[cfg(test)]
        if let Some(script) = &self.script {
            let found = script(host).map_err(|error| failed(&error))?;
            return Ok(found.into_iter().map(|address| (address, port).into()).collect());
        }
        // Never closed.
        let permit = Arc::clone(&self.room).acquire_owned().await.map_err(|e| failed(&e))?;
        let name = host.to_owned();
        let looking = tokio::task::spawn_blocking(move || {
            let found = (name.as_str(), port).to_socket_addrs();
            if found.is_err() {
                say_if_settings_are_out_of_reach();
            }
            // Kept by the thread, not by who waits for it.
            drop(permit);
            found
        });
        let found = looking.await.map_err(|e| failed(&e))?.map_err(|e| failed(&e))?;
        let found: Vec<SocketAddr> = found.collect();
        if found.is_empty() { Err(LookupFailed("there is none".to_owned())) } else { Ok(found) }
    }
}

/// glibc goes on without a word when it may not read its settings, and the sandbox lets this process read
/// the file that was there when it started.
fn say_if_settings_are_out_of_reach() {
    const FILE: &str = "/etc/resolv.conf";
    static ONCE: Once = Once::new();
    if File::open(FILE).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied) {
        ONCE.call_once(|| {
            tracing::warn!(
                "{FILE} was replaced and can't be read in the sandbox: names are looked up on the \
                 machine itself until nano-host is restarted"
            );
        });
    }
}

/// A name without addresses.
#[derive(Debug)]
pub(super) struct LookupFailed(pub(super) String);

impl fmt::Display for LookupFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LookupFailed {}
