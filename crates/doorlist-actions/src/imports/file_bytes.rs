//! A file as it travels in a request. Must not know what is in it.

use serde::{Deserialize, Serialize};

/// A file's bytes. Text travels as text; only a file that is not UTF-8 is encoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FileBytes {
    /// A text of valid UTF-8.
    Text(String),
    /// Anything else, as base64.
    Bytes {
        #[serde(with = "base64_text")]
        base64: Vec<u8>,
    },
}

mod base64_text {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl FileBytes {
    /// The bytes as read.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            FileBytes::Text(text) => text.as_bytes(),
            FileBytes::Bytes { base64 } => base64,
        }
    }
}

impl From<Vec<u8>> for FileBytes {
    fn from(bytes: Vec<u8>) -> Self {
        String::from_utf8(bytes).map_or_else(|e| FileBytes::Bytes { base64: e.into_bytes() }, FileBytes::Text)
    }
}
