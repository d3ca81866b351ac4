//! The server certificate: read from files, created self-signed at the first start, and read again on reload. The web
//! listeners use it, too.

use crate::config::TlsConfig;
use arc_swap::ArcSwapOption;
use nix::fcntl::OFlag;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

/// Maximum octets of a chain or a key.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Why there is no certificate. STARTTLS is not offered then, and implicit TLS does not start.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("{what}: {source}")]
    Io {
        /// The operation and its file.
        what: String,
        source: io::Error,
    },
    /// The files are not a certificate chain and its key.
    #[error("{file}: {why}; the previous certificate, if any, stays in use")]
    Unusable { file: String, why: String },
}

/// The current certificate. Sessions use it at their handshake, a reload replaces it.
#[derive(Default)]
pub struct Certificate(ArcSwapOption<ServerConfig>);

impl Certificate {
    pub fn current(&self) -> Option<Arc<ServerConfig>> {
        self.0.load_full()
    }

    /// Whether STARTTLS can be offered.
    pub(crate) fn is_there(&self) -> bool {
        self.0.load().is_some()
    }

    /// Reads the files; on an error the current certificate stays.
    pub fn load(&self, config: &TlsConfig, hostname: &str) -> Result<(), TlsError> {
        if config.self_signed && !config.cert.exists() && !config.key.exists() {
            make_self_signed(config, hostname)?;
        }
        self.0.store(Some(Arc::new(read(config)?)));
        Ok(())
    }
}

fn read(config: &TlsConfig) -> Result<ServerConfig, TlsError> {
    let bad = |file: &Path, why: String| TlsError::Unusable { file: file.display().to_string(), why };
    let cert = read_file(&config.cert).map_err(|e| bad(&config.cert, e.to_string()))?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&cert)
        .collect::<Result<_, _>>()
        .map_err(|e| bad(&config.cert, e.to_string()))?;
    if chain.is_empty() {
        return Err(bad(&config.cert, "no certificate in it".to_owned()));
    }
    let key = read_file(&config.key).map_err(|e| bad(&config.key, e.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|e| bad(&config.key, e.to_string()))?;
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|e| bad(&config.cert, e.to_string()))
}

/// Reads a regular file; a fifo would block a start or a reload.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let file = std::fs::OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Creates a pair for the first start: mail servers encrypt with it without verification (RFC 7435).
fn make_self_signed(config: &TlsConfig, hostname: &str) -> Result<(), TlsError> {
    let bad = |why: rcgen::Error| TlsError::Unusable { file: config.cert.display().to_string(), why: why.to_string() };
    let pair = rcgen::generate_simple_self_signed([hostname.to_owned()]).map_err(bad)?;
    write(&config.key, 0o600, &pair.signing_key.serialize_pem())?;
    write(&config.cert, 0o644, &pair.cert.pem())
}

fn write(path: &Path, mode: u32, text: &str) -> Result<(), TlsError> {
    let attempt = || {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        io::Write::write_all(&mut file, text.as_bytes())
    };
    attempt().map_err(|source| TlsError::Io { what: format!("writing {}", path.display()), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn config(folder: &Path) -> TlsConfig {
        TlsConfig { cert: folder.join("cert.pem"), key: folder.join("key.pem"), self_signed: true }
    }

    #[test]
    fn a_fifo_is_no_certificate_and_is_not_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config(folder.path());
        nix::unistd::mkfifo(&config.cert, nix::sys::stat::Mode::S_IRWXU).expect("a fifo");
        let error = Certificate::default().load(&config, "gw.example.test").expect_err("no certificate");
        assert!(error.to_string().contains("not a regular file"), "{error}");
    }

    #[test]
    fn a_first_start_makes_a_pair_that_only_we_can_read_and_keeps_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config(folder.path());
        Certificate::default().load(&config, "gw.example.test").expect("made");
        let key = std::fs::read(&config.key).expect("a key");
        assert_eq!(std::fs::metadata(&config.key).expect("a key").permissions().mode() & 0o777, 0o600);
        Certificate::default().load(&config, "gw.example.test").expect("read");
        assert_eq!(std::fs::read(&config.key).expect("a key"), key);
    }

    #[test]
    fn a_broken_file_leaves_the_certificate_in_use() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config(folder.path());
        let certificate = Certificate::default();
        certificate.load(&config, "gw.example.test").expect("made");
        std::fs::write(&config.cert, "-----BEGIN CERTIFICATE-----\nnonsense").expect("written");
        let error = certificate.load(&config, "gw.example.test").expect_err("broken");
        assert!(error.to_string().contains("cert.pem"), "{error}");
        assert!(certificate.is_there());
    }
}
