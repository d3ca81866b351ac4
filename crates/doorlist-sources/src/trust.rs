//! Verifies certificates: against the CAs of the machine, a private CA, or one pinned certificate. There is no way to
//! skip verification. Keeps the certificate of the server, so that a person can inspect and pin it.

use super::error::{CertificateFault, ReadError, ReadFault, Stage};
use doorlist_core::connection::{DirectoryConnection, DirectoryTls, Trust};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_rustls::TlsConnector;
use x509_parser::prelude::{FromDer, X509Certificate, X509Version};

/// Verifies certificates as configured, and keeps the last one.
pub(crate) struct CertificateVerifier {
    pub(crate) connector: TlsConnector,
    /// Of the CA file.
    authorities: Vec<CertificateDer<'static>>,
    shown: Arc<Mutex<Option<CertificateDer<'static>>>>,
}

/// Checks a CA file before it is used.
///
/// # Errors
///
/// [`ReadFault::Authority`] if it cannot be read, [`ReadFault::NoCa`] if it has certificates of servers only.
pub fn check_ca(pem: &str) -> Result<(), ReadFault> {
    authorities(pem).map(drop)
}

impl CertificateVerifier {
    /// The verifier of a connection. Reads the CA files of the machine on a blocking thread.
    pub(crate) async fn of(connection: &DirectoryConnection) -> Result<Self, ReadError> {
        let trust =
            connection.servers.iter().any(|server| server.tls != DirectoryTls::Plain).then(|| connection.trust.clone());
        let made = tokio::task::spawn_blocking(move || Self::new(trust.as_ref())).await;
        made.map_err(|error| ReadError::caused(Stage::Settings, ReadFault::Handshake, error))?
    }

    /// `None`: nothing is encrypted, so nothing is verified.
    fn new(trust: Option<&Trust>) -> Result<Self, ReadError> {
        let settings = |fault| ReadError::new(Stage::Settings, fault);
        let provider = Arc::new(ring::default_provider());
        let mut own = Vec::new();
        let belief = match trust {
            None => Belief::Nobody,
            Some(Trust::Pinned(pin)) => Belief::Pin(*pin),
            Some(Trust::System) => {
                Belief::Authorities(verifier(system_roots(), &provider).ok_or(settings(ReadFault::NoAuthorities))?)
            }
            Some(Trust::Ca(pem)) => {
                own = authorities(pem).map_err(settings)?;
                let mut roots = RootCertStore::empty();
                own.iter().try_for_each(|one| roots.add(one.clone())).map_err(|_| settings(ReadFault::Authority))?;
                Belief::Authorities(verifier(roots, &provider).ok_or(settings(ReadFault::Authority))?)
            }
        };
        let shown = Arc::new(Mutex::new(None));
        let keeper = Keeper { belief, provider: Arc::clone(&provider), shown: Arc::clone(&shown) };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| ReadError::caused(Stage::Settings, ReadFault::Handshake, error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(keeper))
            .with_no_client_auth();
        Ok(Self { connector: Arc::new(config).into(), authorities: own, shown })
    }

    /// The server's certificate of the last handshake, trusted or not.
    pub(crate) fn shown(&self) -> Option<CertificateDer<'static>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The fault of a failed handshake.
    pub(crate) fn fault(&self, error: &std::io::Error) -> ReadFault {
        let fault = handshake_fault(error);
        match self.shown() {
            Some(shown) if fault == CertificateFault::Untrusted.into() && self.authorities.contains(&shown) => {
                CertificateFault::NoCa(fingerprint(&shown)).into()
            }
            _ => fault,
        }
    }
}

/// The SHA-256 fingerprint of a certificate, for pinning.
pub(crate) fn fingerprint(certificate: &CertificateDer<'_>) -> [u8; 32] {
    let digest = ::ring::digest::digest(&::ring::digest::SHA256, certificate);
    digest.as_ref().try_into().unwrap_or_default()
}

fn handshake_fault(error: &std::io::Error) -> ReadFault {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let Some(Error::InvalidCertificate(fault)) = inner else { return ReadFault::Handshake };
    ReadFault::Certificate(match fault {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => CertificateFault::Untrusted,
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => CertificateFault::Expired,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateFault::OtherName
        }
        CertificateError::ApplicationVerificationFailure => CertificateFault::NotPinned,
        // A self-signed certificate that is its own authority, and others that cannot be.
        CertificateError::Other(_) => CertificateFault::Untrusted,
        _ => CertificateFault::Invalid,
    })
}

/// The CAs of this machine; unreadable ones are skipped.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// The certificates of a CA file, of which one has to be an authority.
fn authorities(pem: &str) -> Result<Vec<CertificateDer<'static>>, ReadFault> {
    let all: Vec<_> =
        CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().map_err(|_| ReadFault::Authority)?;
    let first = all.first().ok_or(ReadFault::Authority)?;
    if all.iter().any(|one| may_be_authority(one)) { Ok(all) } else { Err(ReadFault::NoCa(fingerprint(first))) }
}

/// Whether another certificate, or this one of itself, can be verified by it: a CA (RFC 5280 §4.2.1.9), one of a version
/// that does not say so, or a self-signed one.
fn may_be_authority(certificate: &CertificateDer<'_>) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return false };
    certificate.is_ca() || certificate.version() != X509Version::V3 || certificate.issuer() == certificate.subject()
}

fn verifier(roots: RootCertStore, provider: &Arc<CryptoProvider>) -> Option<Arc<WebPkiServerVerifier>> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build().ok()
}

#[derive(Debug)]
enum Belief {
    Nobody,
    Authorities(Arc<WebPkiServerVerifier>),
    Pin([u8; 32]),
}

#[derive(Debug)]
struct Keeper {
    belief: Belief,
    provider: Arc<CryptoProvider>,
    shown: Arc<Mutex<Option<CertificateDer<'static>>>>,
}

impl ServerCertVerifier for Keeper {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(certificate.clone().into_owned());
        match &self.belief {
            Belief::Authorities(verifier) => verifier.verify_server_cert(certificate, between, name, ocsp, now),
            // A pin says "this one": whoever holds its key is believed, whatever else it says. That it does hold the key
            // is checked with the signature.
            Belief::Pin(pin) if fingerprint(certificate) == *pin => Ok(ServerCertVerified::assertion()),
            Belief::Pin(_) | Belief::Nobody => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;

    /// What `openssl req -x509` makes: it says that it is a CA, and a server shows it as its own.
    #[test]
    fn l05_a_self_signed_certificate_in_the_ca_file_is_to_be_pinned() {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["dc1.example.test".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let own = params.self_signed(&key).unwrap();
        let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
        let fault = |trust: Trust| {
            let verifier = CertificateVerifier::new(Some(&trust)).unwrap();
            let name = ServerName::try_from("dc1.example.test").unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let (near, far) = tokio::io::duplex(1 << 14);
            let both = async { tokio::join!(verifier.connector.connect(name, near), acceptor.accept(far)) };
            let (connected, _) = runtime.block_on(both);
            connected.err().map(|error| verifier.fault(&error))
        };
        let pin = fingerprint(own.der());
        assert_eq!(fault(Trust::Ca(own.pem())), Some(CertificateFault::NoCa(pin).into()));
        assert_eq!(fault(Trust::Pinned(pin)), None);
        assert_eq!(fault(Trust::System), Some(CertificateFault::Untrusted.into()));
    }
}
