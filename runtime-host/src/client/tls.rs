//! Trust roots and the settings that all clients of a process share.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use std::{fmt, io};

use rustls::RootCertStore;
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// TLS sessions that one client remembers, to resume them.
const TLS_SESSIONS: usize = 64;

/// What is loaded once and shared by every [`super::Client`]. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// For name lookup, TCP and TLS together.
    pub connect_timeout: Duration,
    /// An unused connection is closed after this.
    pub idle_timeout: Duration,
    /// Unused connections kept per origin.
    pub idle_per_origin: usize,
    /// Connections of one client, used and unused. A request that needs one more waits for one to
    /// close, at most for the connect timeout. Bounds what a tenant takes of the process's files.
    pub connections: usize,
    /// Empty until the first client connects: those of a system are some hundred KB and take
    /// milliseconds to read, which not every host needs.
    roots: Arc<OnceLock<Arc<RootCertStore>>>,
}

impl ClientConfig {
    /// Defaults, trusting the system's certificate authorities (those of Mozilla where the system
    /// has none) and the PEM certificates in `extra_ca_file`.
    pub fn load(extra_ca_file: Option<&Path>) -> Result<Self, ExtraCaError> {
        let roots = Arc::new(OnceLock::new());
        if let Some(path) = extra_ca_file {
            let mut all = system_roots();
            add_file(&mut all, path)
                .map_err(|cause| ExtraCaError { path: path.to_owned(), cause })?;
            roots.get_or_init(|| Arc::new(all));
        }
        Ok(Self {
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(1),
            idle_per_origin: 32,
            connections: 1024,
            roots,
        })
    }

    /// TLS settings with a session memory of their own.
    pub(super) fn tls(&self) -> rustls::ClientConfig {
        let roots = self.roots.get_or_init(|| Arc::new(system_roots()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has cipher suites for the default versions")
            .with_root_certificates(Arc::clone(roots))
            .with_no_client_auth();
        tls.resumption = Resumption::in_memory_sessions(TLS_SESSIONS);
        tls
    }
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::warn!(%error, "can't read a part of the system's certificate authorities");
    }
    // Systems carry odd certificates; those that don't parse are passed over, as rustls advises.
    let (added, _) = roots.add_parsable_certificates(native.certs);
    if added == 0 {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> io::Result<()> {
    let pem = std::fs::read(path)?;
    let before = roots.len();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    if roots.len() == before {
        return Err(io::Error::other("no PEM certificate in it"));
    }
    Ok(())
}

/// The file with extra certificate authorities can't be used.
#[derive(Debug)]
pub struct ExtraCaError {
    path: PathBuf,
    cause: io::Error,
}

impl fmt::Display for ExtraCaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "can't load CA certificates from {}: {}", self.path.display(), self.cause)
    }
}

impl std::error::Error for ExtraCaError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}
