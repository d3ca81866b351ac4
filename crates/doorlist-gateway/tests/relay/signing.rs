//! Mail that is signed by DKIM or sealed by ARC in the test, with keys that the test's name server has.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use mail_auth::arc::ArcSealer;
use mail_auth::common::crypto::Ed25519Key;
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dkim::DkimSigner;
use mail_auth::{AuthenticatedMessage, AuthenticationResults, MessageAuthenticator};
use std::net::SocketAddr;

fn resolver(name_server: SocketAddr) -> TokioResolver {
    let mut connection = ConnectionConfig::udp();
    connection.port = name_server.port();
    let server = NameServerConfig::new(name_server.ip(), true, vec![connection]);
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).build().unwrap()
}

/// A key of a domain, under the selector `s1`.
pub(crate) struct SigningDomain {
    name: String,
    pkcs8: Vec<u8>,
}

impl SigningDomain {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), pkcs8: Ed25519Key::generate_pkcs8().unwrap() }
    }

    fn key(&self) -> Ed25519Key {
        Ed25519Key::from_pkcs8_maybe_unchecked_der(&self.pkcs8).unwrap()
    }

    /// The name of the record with the key (RFC 6376 §3.6.2.1).
    pub(crate) fn key_name(&self) -> String {
        format!("s1._domainkey.{}", self.name)
    }

    pub(crate) fn key_record(&self) -> String {
        format!("v=DKIM1; k=ed25519; p={}", STANDARD.encode(self.key().public_key()))
    }

    /// The message with the signature in front.
    pub(crate) fn sign(&self, message: &str) -> String {
        let signer = DkimSigner::from_key(self.key()).domain(self.name.as_str()).selector("s1");
        let signature = signer.headers(["From", "To", "Subject"]).sign(message.as_bytes()).unwrap();
        format!("{}{message}", signature.to_header())
    }

    /// The message with an ARC set in front, as one who forwards it leaves it. The keys of those before are at the name server.
    pub(crate) async fn seal(&self, message: &str, name_server: SocketAddr) -> String {
        let authenticator = MessageAuthenticator(resolver(name_server));
        let parsed = AuthenticatedMessage::parse(message.as_bytes()).unwrap();
        let chain = authenticator.verify_arc(&parsed).await;
        let results = AuthenticationResults::new(&self.name);
        let sealer = ArcSealer::from_key(self.key()).domain(self.name.as_str()).selector("s1");
        let set = sealer.headers(["From", "To", "Subject"]).seal(&parsed, &results, &chain).unwrap();
        format!("{}{message}", set.to_header())
    }
}
