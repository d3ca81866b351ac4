//! TLS to other servers: without verification, as is usual between mail servers (RFC 7435), or verified where a domain
//! requires it.

use doorlist_core::change::ServerTls;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::sync::Arc;
use tokio_rustls::TlsConnector;

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
        let checked = builder()?.with_root_certificates(roots).with_no_client_auth();
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

/// Accepts any certificate, but verifies signatures: the session is encrypted for the holder of its key.
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
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
