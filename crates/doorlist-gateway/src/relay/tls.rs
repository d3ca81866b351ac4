//! TLS to other servers: without verification, as is usual between mail servers (RFC 7435), or verified where a domain
//! requires it.

use doorlist_core::change::ServerTls;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use std::sync::Arc;
use tokio_rustls::TlsConnector;

/// The CAs that browsers trust.
pub(crate) fn usual_roots() -> Arc<RootCertStore> {
    Arc::new(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
}

/// TLS with and without verification.
pub(crate) struct ClientTls {
    unchecked: TlsConnector,
    checked: TlsConnector,
}

impl ClientTls {
    /// `roots` are the trusted CAs for verification.
    pub(crate) fn new(roots: Arc<RootCertStore>) -> Result<Self, Error> {
        let provider = Arc::new(ring::default_provider());
        let any = Arc::new(AnyCertificate(Arc::clone(&provider)));
        let builder =
            || ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
        let unchecked = builder()?.dangerous().with_custom_certificate_verifier(any).with_no_client_auth();
        let rustls_own = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
        let verified = rustls_own.map_err(|error| Error::General(error.to_string()))?;
        let verified = Arc::new(VerifiedCertificate(verified));
        let checked = builder()?.dangerous().with_custom_certificate_verifier(verified).with_no_client_auth();
        Ok(Self { unchecked: Arc::new(unchecked).into(), checked: Arc::new(checked).into() })
    }

    /// The connector for a server's setting.
    pub(crate) fn connector(&self, tls: ServerTls) -> &TlsConnector {
        match tls {
            ServerTls::Opportunistic | ServerTls::Required => &self.unchecked,
            ServerTls::Verify => &self.checked,
        }
    }
}

/// Accepts any certificate without reading it, be it of version 1, badly encoded or with a key of another age.
///
/// The signature of the handshake is not checked either: it proves that the peer has the key of this certificate, which
/// nobody vouches for. Who sits in between signs with a certificate of his own, so a check would stop nobody, and would
/// leave mail in the queue or in the clear where rustls cannot read the certificate. The keys of the session are
/// ephemeral, whatever the certificate is.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Verifies as rustls does, but knows a certificate of version 1.
#[derive(Debug)]
struct VerifiedCertificate(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for VerifiedCertificate {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if is_version_1(certificate) {
            return Err(CertificateError::Other(OtherError(Arc::new(Version1))).into());
        }
        self.0.verify_server_cert(certificate, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// A certificate of X.509 version 1, which rustls does not tell from a broken one.
#[derive(Debug, thiserror::Error)]
#[error("X.509 version 1")]
struct Version1;

/// Whether the first field of the certificate is its serial number: a later version is said in front of it (RFC 5280
/// §4.1).
fn is_version_1(certificate: &[u8]) -> bool {
    const INTEGER: u8 = 0x02;
    inside_sequence(certificate).and_then(inside_sequence).is_some_and(|fields| fields.first() == Some(&INTEGER))
}

/// What begins behind tag and length of a DER SEQUENCE.
fn inside_sequence(der: &[u8]) -> Option<&[u8]> {
    match der {
        [0x30, length @ 0..0x80, content @ ..] => content.get(..usize::from(*length)),
        [0x30, octets, content @ ..] => content.get(usize::from(octets & 0x7f)..),
        _ => None,
    }
}

const UNKNOWN_EXTENSION: &str = "its certificate has a critical extension that is not known here";

/// What is wrong with a certificate, for whoever has to mend it: `its certificate ...`.
pub(crate) fn certificate_fault(fault: &CertificateError) -> &'static str {
    match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet, or a clock is wrong"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is not for this name"
        }
        CertificateError::UnknownIssuer => "its certificate is signed by nobody who is trusted",
        CertificateError::BadEncoding => "its certificate cannot be read: its encoding is wrong",
        CertificateError::UnhandledCriticalExtension => UNKNOWN_EXTENSION,
        CertificateError::BadSignature => "the signature of its certificate is wrong, or its key too short",
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "its certificate is signed in a way that is not trusted any more"
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "its certificate is not one for servers"
        }
        CertificateError::Other(other) if other.0.is::<Version1>() => {
            "its certificate is of X.509 version 1, which has no place for the name of a server: it needs one of version 3"
        }
        CertificateError::Other(other) => other_fault(&other.to_string()),
        _ => "its certificate is not valid",
    }
}

/// The same for what rustls passes on from webpki: it is named in the text alone.
fn other_fault(name: &str) -> &'static str {
    if name.contains("UnsupportedCriticalExtension") {
        UNKNOWN_EXTENSION
    } else if name.contains("CaUsedAsEndEntity") {
        "its certificate is that of a certification authority, not of a server"
    } else {
        "its certificate is not valid"
    }
}
