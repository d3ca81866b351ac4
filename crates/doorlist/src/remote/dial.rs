//! Connects to a remote server: name, TCP, and a verified certificate.

use super::exchange::Trouble;
use super::place::Place;
use crate::exit::{Exit, Failure, OrExit};
use anyhow::Context;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// What bytes go through.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Connects to one place.
pub(super) struct Dialer {
    host: String,
    port: u16,
    only_loopback: bool,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    limit: Duration,
}

impl Dialer {
    /// For this place, believing the authorities of this machine and these (PEM) beside them.
    pub(super) fn new(place: &Place, authorities: Option<&[u8]>, limit: Duration) -> Result<Self, Failure> {
        let tls = if place.https { Some(tls(place, authorities)?) } else { None };
        let Place { host, port, only_loopback, .. } = place;
        Ok(Self { host: host.clone(), port: *port, only_loopback: *only_loopback, tls, limit })
    }

    /// Connects; an error means that nothing was asked.
    pub(super) async fn dial(&self) -> Result<Box<dyn Stream>, Trouble> {
        match timeout(self.limit, self.connect()).await {
            Ok(connected) => connected,
            Err(_) => Err(passing(format!("no answer within {} s", self.limit.as_secs()))),
        }
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, Trouble> {
        let told = |error: io::Error| passing(error.to_string());
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(told)?;
        let peer = stream.peer_addr().map_err(told)?;
        if self.only_loopback && !peer.ip().is_loopback() {
            let why = "its name resolves to another machine, and http:// is only allowed for this one".to_owned();
            return Err(Trouble::Unsent { why, passing: false });
        }
        // Requests are written at once; waiting for more only costs time.
        let _ = stream.set_nodelay(true);
        match &self.tls {
            None => Ok(Box::new(stream)),
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await.map_err(|error| handshake(&error))?;
                Ok(Box::new(stream))
            }
        }
    }
}

fn tls(place: &Place, authorities: Option<&[u8]>) -> Result<(TlsConnector, ServerName<'static>), Failure> {
    let mut roots = RootCertStore::empty();
    // Some of the machine's may be too old to be read; the others stand.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let wrong = || Failure::because(Exit::CONFIG, "the CA file has no readable certificate");
    if let Some(pem) = authorities {
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            roots.add(certificate.map_err(|_| wrong())?).map_err(|_| wrong())?;
        }
        if roots.len() == before {
            return Err(wrong());
        }
    }
    if roots.is_empty() {
        let why = "this machine has no CA certificates: install them (package ca-certificates), or give a CA file";
        return Err(Failure::because(Exit::CONFIG, why));
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .context("cannot set up TLS")
        .or_exit(Exit::SYSTEM)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = ServerName::try_from(place.host.clone()).map_err(|_| {
        Failure::because(Exit::USAGE, format_args!("{} is not a valid name for a certificate", place.host))
    })?;
    Ok((Arc::new(config).into(), name))
}

fn passing(why: String) -> Trouble {
    Trouble::Unsent { why, passing: true }
}

fn handshake(error: &io::Error) -> Trouble {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(fault)) => {
            let why = format!(
                "its certificate is not trusted ({fault:?}); for a private CA give its certificate (--ca-file, \
                 ca_file)"
            );
            Trouble::Unsent { why, passing: false }
        }
        _ => passing(format!("TLS handshake failed: {error}")),
    }
}
