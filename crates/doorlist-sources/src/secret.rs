//! A password in memory: zeroed on drop, never printed.

use std::fmt;
use zeroize::Zeroizing;

/// Maximum bytes of a password.
pub const SECRET_BYTES_MAX: usize = 4_096;

/// A bind password; its memory is zeroed on drop.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// A secret; `None` for an empty password, which would be an anonymous bind (RFC 4513 §5.1.2).
    pub fn new(password: impl Into<Vec<u8>>) -> Option<Self> {
        let bytes = Zeroizing::new(password.into());
        (1..=SECRET_BYTES_MAX).contains(&bytes.len()).then_some(Self(bytes))
    }

    /// The password, only for sending and encrypting it.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn it_is_never_printed() {
        assert_eq!(format!("{:?}", Secret::new("correct horse").unwrap()), "Secret");
        assert!(Secret::new("").is_none());
    }
}
