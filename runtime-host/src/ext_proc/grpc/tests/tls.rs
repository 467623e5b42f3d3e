//! TLS between Envoy and the server.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use super::super::{Listener, Tls, TlsFiles, serve};
use super::client::Client;
use super::engine::Scripted;
use crate::exchange::{Command, Continue, OutBody, Respond};
use crate::ext_proc::proto::ProcessingResponse;
use crate::ext_proc::settings::Settings;
use crate::ext_proc::stats::Stats;

/// An authority of a test.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate and its key, both PEM.
    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    fn client(&self, own: Option<&(String, String)>) -> TlsConnector {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match own {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![certificate], key).unwrap()
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        TlsConnector::from(Arc::new(config))
    }
}

fn write(directory: &Path, (certificate, key): &(String, String)) {
    std::fs::write(directory.join("tls.crt"), certificate).unwrap();
    std::fs::write(directory.join("tls.key"), key).unwrap();
}

fn files(directory: &Path, client_ca: bool) -> TlsFiles {
    TlsFiles {
        certificate: directory.join("tls.crt"),
        key: directory.join("tls.key"),
        client_ca: client_ca.then(|| directory.join("ca.crt")),
    }
}

fn start(tls: &Arc<Tls>) -> (String, CancellationToken, JoinHandle<usize>) {
    let engine = Scripted::new(|_, event| {
        if event.is_some() {
            return Vec::new();
        }
        vec![
            Command::Continue(Continue { head: None, body: OutBody::AsItCame }),
            Command::Respond(Respond { head: None, body: OutBody::AsItCame }),
        ]
    });
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let address = listener.address().unwrap();
    let settings = Settings { tls: Some(Arc::clone(tls)), ..Settings::default() };
    let shutdown = CancellationToken::new();
    let serving =
        serve(vec![listener], engine, settings, Arc::<Stats>::default(), shutdown.clone());
    (address, shutdown, tokio::spawn(serving))
}

/// The certificate that the server shows, after an exchange over the connection.
async fn exchange(address: &str, connector: &TlsConnector) -> std::io::Result<Vec<u8>> {
    let socket = TcpStream::connect(address).await?;
    let name = ServerName::try_from("nano").unwrap();
    let socket = connector.connect(name, socket).await?;
    let shown = socket.get_ref().1.peer_certificates().unwrap()[0].to_vec();
    assert_eq!(socket.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let client = Client::over(socket).await;
    let mut stream = client.process(&[]).await;
    let _: ProcessingResponse = stream.next().await.unwrap();
    Ok(shown)
}

#[tokio::test]
async fn exchanges_run_over_tls_and_a_renewed_certificate_is_shown() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    write(directory.path(), &authority.issue("nano"));
    let tls = Tls::load(files(directory.path(), false)).unwrap();
    let (address, shutdown, served) = start(&tls);
    let connector = authority.client(None);
    let first = exchange(&address, &connector).await.unwrap();
    assert_eq!(exchange(&address, &connector).await.unwrap(), first);
    // Another authority does not trust it.
    exchange(&address, &Authority::new().client(None)).await.unwrap_err();
    // What is half written does not replace it.
    tokio::time::sleep(Duration::from_millis(10)).await;
    let renewed = authority.issue("nano");
    std::fs::write(directory.path().join("tls.crt"), &renewed.0[..100]).unwrap();
    tls.look_now();
    assert_eq!(exchange(&address, &connector).await.unwrap(), first);
    tokio::time::sleep(Duration::from_millis(10)).await;
    write(directory.path(), &renewed);
    tls.look_now();
    assert_ne!(exchange(&address, &connector).await.unwrap(), first);
    shutdown.cancel();
    assert_eq!(served.await.unwrap(), 0);
}

#[tokio::test]
async fn with_an_authority_for_clients_others_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (authority, clients) = (Authority::new(), Authority::new());
    write(directory.path(), &authority.issue("nano"));
    std::fs::write(directory.path().join("ca.crt"), &clients.pem).unwrap();
    let tls = Tls::load(files(directory.path(), true)).unwrap();
    let (address, ..) = start(&tls);
    let right = authority.client(Some(&clients.issue("envoy")));
    exchange(&address, &right).await.unwrap();
    for wrong in [authority.client(None), authority.client(Some(&Authority::new().issue("envoy")))]
    {
        // In TLS 1.3 a client learns of it when it reads.
        let socket = TcpStream::connect(&address).await.unwrap();
        let name = ServerName::try_from("nano").unwrap();
        let refused = match wrong.connect(name, socket).await {
            Err(_) => true,
            Ok(mut socket) => {
                let mut byte = [0];
                let read = tokio::io::AsyncReadExt::read(&mut socket, &mut byte).await;
                read.is_err()
            }
        };
        assert!(refused);
    }
    // The right one is still served.
    exchange(&address, &right).await.unwrap();
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let error = Tls::load(files(directory.path(), false)).unwrap_err();
    assert!(error.contains("tls.crt"), "{error}");
    let authority = Authority::new();
    write(directory.path(), &authority.issue("nano"));
    std::fs::write(directory.path().join("tls.key"), authority.issue("other").1).unwrap();
    let error = Tls::load(files(directory.path(), false)).unwrap_err();
    assert!(error.contains("tls.key"), "{error}");
    write(directory.path(), &authority.issue("nano"));
    std::fs::write(directory.path().join("ca.crt"), "nothing").unwrap();
    let error = Tls::load(files(directory.path(), true)).unwrap_err();
    assert!(error.contains("ca.crt"), "{error}");
}
