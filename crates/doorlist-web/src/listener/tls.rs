//! TLS of a listener. The caller provides the certificate.

use super::prompt::Prompt;
use rustls::ServerConfig;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Maximum time for the TLS handshake.
pub const TLS_HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// The ALPN protocol (RFC 7301 §6).
const HTTP: &[u8] = b"http/1.1";

/// Provides the current certificate for a handshake.
pub trait Certificates: Send + Sync + 'static {
    /// The TLS configuration for a new handshake; `None` closes the connection. Must not block.
    fn current(&self) -> Option<Arc<ServerConfig>>;
}

/// Does the handshake. `None` if it failed or took too long.
pub(super) async fn handshake(certificates: &dyn Certificates, stream: Prompt) -> Option<TlsStream<Prompt>> {
    let mut config = certificates.current()?;
    // Said by name: other listeners may show the same certificate, and a client that was led to the wrong one shall notice.
    Arc::make_mut(&mut config).alpn_protocols = vec![HTTP.to_vec()];
    timeout(TLS_HANDSHAKE_MAX, TlsAcceptor::from(config).accept(stream)).await.ok()?.ok()
}
