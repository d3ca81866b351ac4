//! Mail that is signed by DKIM in the test, with keys that the test's name server has.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_auth::common::crypto::Ed25519Key;
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dkim::DkimSigner;

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
}
