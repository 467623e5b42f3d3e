//! TLS for Envoy's connections over TCP.
//!
//! Certificates are renewed by what issues them, mostly as new files under the same names (cert-manager,
//! a mounted Kubernetes secret). So the files are looked at again from time to time, when a connection
//! comes; one that can't be used leaves the last good one in place.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The files that an operator named, all PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, and those between it and an authority that Envoy trusts.
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// The authorities of client certificates. With it, a client without such a certificate is
    /// refused.
    pub client_ca: Option<PathBuf>,
}

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// A client gets so long for its part of the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// What accepts TLS connections.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    current: Arc<ServerConfig>,
    looked: Instant,
    /// When the files were changed, as they were seen last.
    changed: Vec<Option<SystemTime>>,
}

impl Tls {
    /// # Errors
    /// A file can't be read or used; the text names it.
    pub fn load(files: TlsFiles) -> Result<Arc<Self>, String> {
        let changed = files.changed();
        let current = files.load()?;
        let state = Mutex::new(State { current, looked: Instant::now(), changed });
        Ok(Arc::new(Self { files, state }))
    }

    /// Does the handshake.
    ///
    /// # Errors
    /// A text: it failed or took too long.
    pub(super) async fn accept<S>(&self, socket: S) -> Result<TlsStream<S>, String>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let acceptor = TlsAcceptor::from(self.current());
        match tokio::time::timeout(HANDSHAKE, acceptor.accept(socket)).await {
            Ok(accepted) => accepted.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no handshake within {} s", HANDSHAKE.as_secs())),
        }
    }

    /// What the files say now, or said when they were last usable.
    fn current(&self) -> Arc<ServerConfig> {
        let mut state = self.state.lock();
        if state.looked.elapsed() >= LOOK_EVERY {
            self.look(&mut state);
        }
        Arc::clone(&state.current)
    }

    #[cfg(test)]
    pub(super) fn look_now(&self) {
        self.look(&mut self.state.lock());
    }

    fn look(&self, state: &mut State) {
        state.looked = Instant::now();
        let changed = self.files.changed();
        if changed == state.changed {
            return;
        }
        state.changed = changed;
        match self.files.load() {
            Ok(config) => {
                tracing::info!("the certificate of [server.tls] was loaded again");
                state.current = config;
            }
            Err(error) => tracing::error!("[server.tls] stays as it was: {error}"),
        }
    }
}

impl TlsFiles {
    /// The directories that they are in.
    pub fn directories(&self) -> impl Iterator<Item = PathBuf> {
        let all = [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()];
        all.into_iter().flatten().filter_map(|file| file.parent().map(Path::to_owned))
    }

    fn changed(&self) -> Vec<Option<SystemTime>> {
        [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()]
            .into_iter()
            .flatten()
            .map(|file| std::fs::metadata(file).and_then(|metadata| metadata.modified()).ok())
            .collect()
    }

    fn load(&self) -> Result<Arc<ServerConfig>, String> {
        let certificates = certificates(&self.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|error| format!("{}: no private key: {error}", self.key.display()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(file) => {
                let mut roots = RootCertStore::empty();
                for certificate in self::certificates(file)? {
                    roots
                        .add(certificate)
                        .map_err(|error| format!("{}: {error}", file.display()))?;
                }
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                        .build()
                        .map_err(|error| format!("{}: {error}", file.display()))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_single_cert(certificates, key).map_err(|error| {
            format!("{} and {}: {error}", self.certificate.display(), self.key.display())
        })?;
        // gRPC is HTTP/2.
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Arc::new(config))
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let failed = |error| format!("{}: {error}", file.display());
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(file).map_err(failed)?.collect();
    let certificates = certificates.map_err(failed)?;
    if certificates.is_empty() {
        return Err(format!("{}: no certificate", file.display()));
    }
    Ok(certificates)
}
