//! Encrypts secrets with ChaCha20-Poly1305 (RFC 8439) under one key, from the state folder or from outside
//! (`$CREDENTIALS_DIRECTORY`).
//!
//! The key is created when a secret is encrypted for the first time, never when one is decrypted: a lost key must be
//! noticed, not replaced. Nothing here prints a secret, a token or a key.

mod key_file;
#[cfg(test)]
mod tests;

use argon2::{Argon2, PasswordHasher};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use doorlist_actions::SecretStore;
pub(crate) use key_file::KeyPlace;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use ring::hkdf::{HKDF_SHA256, Prk, Salt};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use std::fmt::{self, Write};
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// Maximum octets of a secret.
const SECRET_MAX: usize = 64 * 1024;
/// Random octets of a token.
const TOKEN_LEN: usize = 32;
/// Random octets of an API key.
const KEY_LEN: usize = 20;
/// Octets of a password's salt.
const SALT_LEN: usize = 16;
/// Version prefix of encrypted secrets.
const SEALED_V1: &str = "v1:";
/// Domain separator for hashes of tokens.
const TOKEN_DOMAIN: &str = "doorlist token v1\0";
/// Salt for derived keys.
const DERIVE_DOMAIN: &str = "doorlist derived keys v1";

/// Encrypts with the key of a [`KeyPlace`]. The file is read once; a new key takes effect after a restart.
pub(crate) struct KeyFileSecrets {
    place: KeyPlace,
    keys: OnceLock<Keys>,
    random: SystemRandom,
}

/// The keys made from the key file.
struct Keys {
    seal: LessSafeKey,
    /// Base of derived keys (HKDF, RFC 5869).
    derive: Prk,
}

impl Keys {
    fn for_purpose(&self, purpose: &str) -> Result<hmac::Key, String> {
        let info = [purpose.as_bytes()];
        let key = self.derive.expand(&info, hmac::HMAC_SHA256).map_err(|_| "cannot derive a key".to_owned())?;
        Ok(hmac::Key::from(key))
    }
}

impl KeyFileSecrets {
    /// Secrets under a key that exists, or is created at first use.
    pub(crate) fn new(place: KeyPlace) -> Self {
        Self { place, keys: OnceLock::new(), random: SystemRandom::new() }
    }

    /// Checks the key, if it exists; for the start and for `doctor`.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.place.read().map(drop)
    }

    fn key_to_open(&self) -> Result<&Keys, String> {
        match self.keys.get() {
            Some(key) => Ok(key),
            None => match self.place.read()? {
                Some(bytes) => self.keep(&*bytes),
                None => Err(self.place.missing()),
            },
        }
    }

    fn key_to_seal(&self) -> Result<&Keys, String> {
        match self.keys.get() {
            Some(key) => Ok(key),
            None => self.keep(&*self.place.read_or_make(&self.random)?),
        }
    }

    /// Keeps the keys; two threads that read the file at once use the same.
    fn keep(&self, bytes: &[u8]) -> Result<&Keys, String> {
        let key = UnboundKey::new(&CHACHA20_POLY1305, bytes).map_err(|_| "the key has the wrong length".to_owned())?;
        let derive = Salt::new(HKDF_SHA256, DERIVE_DOMAIN.as_bytes()).extract(bytes);
        Ok(self.keys.get_or_init(|| Keys { seal: LessSafeKey::new(key), derive }))
    }

    fn random<const N: usize>(&self) -> Result<[u8; N], String> {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes).map_err(|_| "the system provides no random numbers".to_owned())?;
        Ok(bytes)
    }
}

impl SecretStore for KeyFileSecrets {
    fn seal(&self, name: &str, secret: &[u8]) -> Result<String, String> {
        if secret.len() > SECRET_MAX {
            return Err(format!("the secret is longer than {SECRET_MAX} bytes"));
        }
        let key = &self.key_to_seal()?.seal;
        let nonce: [u8; NONCE_LEN] = self.random()?;
        // Room for the tag, so that no copy of the secret stays behind where the vector was before it grew.
        let mut sealed = Vec::with_capacity(NONCE_LEN + secret.len() + CHACHA20_POLY1305.tag_len());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(secret);
        let text = sealed.get_mut(NONCE_LEN..).unwrap_or_default();
        let tag = key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(name.as_bytes()), text)
            .map_err(|_| "cannot encrypt the secret".to_owned())?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(format!("{SEALED_V1}{}", STANDARD.encode(sealed)))
    }

    fn open(&self, name: &str, sealed: &str) -> Result<Vec<u8>, String> {
        let damaged =
            || "the stored secret is damaged, or was written by a newer version: set the secret again".to_owned();
        let text = sealed.strip_prefix(SEALED_V1).ok_or_else(damaged)?;
        if text.len() > SECRET_MAX * 2 {
            return Err(damaged());
        }
        let mut bytes = Zeroizing::new(STANDARD.decode(text).map_err(|_| damaged())?);
        let (nonce, text) = bytes.split_at_mut_checked(NONCE_LEN).ok_or_else(damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
        match self.key_to_open()?.seal.open_in_place(nonce, Aad::from(name.as_bytes()), text) {
            Ok(secret) => Ok(secret.to_vec()),
            Err(_) => Err(format!(
                "the stored secret was encrypted with another key than {}, for another use, or is damaged: restore \
                 the old key, or set the secret again",
                self.place
            )),
        }
    }

    fn token(&self) -> Result<String, String> {
        Ok(URL_SAFE_NO_PAD.encode(self.random::<TOKEN_LEN>()?))
    }

    fn key(&self) -> Result<String, String> {
        Ok(hex(&self.random::<KEY_LEN>()?))
    }

    fn hash_password(&self, password: &str) -> Result<String, String> {
        let salt = self.random::<SALT_LEN>()?;
        // OWASP's parameters for argon2id: 19 MiB, two passes.
        let hashed = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
        hashed.map(|hash| hash.to_string()).map_err(|error| format!("cannot store the password: {error}"))
    }

    fn hash(&self, token: &str) -> String {
        let text = [TOKEN_DOMAIN.as_bytes(), token.as_bytes()].concat();
        hex(digest(&SHA256, &text).as_ref())
    }

    fn make_key(&self) -> Result<(), String> {
        self.key_to_seal().map(drop)
    }

    fn mac(&self, purpose: &str, data: &str) -> Result<String, String> {
        let key = self.key_to_open()?.for_purpose(purpose)?;
        Ok(hex(hmac::sign(&key, data.as_bytes()).as_ref()))
    }

    fn is_mac(&self, purpose: &str, data: &str, mac: &str) -> Result<bool, String> {
        let key = self.key_to_open()?.for_purpose(purpose)?;
        let Some(mac) = from_hex(mac) else { return Ok(false) };
        Ok(hmac::verify(&key, data.as_bytes(), &mac).is_ok())
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair.first()?)? << 4 | digit(pair.get(1)?)?)).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl fmt::Debug for KeyFileSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyFileSecrets({})", self.place)
    }
}
