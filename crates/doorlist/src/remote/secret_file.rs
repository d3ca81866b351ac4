//! Reads a key or a password from a file. A file that other users can read is refused.

use crate::exit::{Exit, Failure};
use reqwest::header::HeaderValue;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use zeroize::Zeroizing;

/// Maximum octets of a key file.
const KEY_FILE_MAX: u64 = 1_024;
/// Forbidden mode bits. A group may read it: systemd passes credentials with access lists, which appear as group bits.
const FORBIDDEN: u32 = 0o027;

/// Reads a secret. Checks the opened file, which cannot be replaced meanwhile.
pub(crate) fn read(path: &Path, what: &str, octets_max: u64) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let trouble = |error: std::io::Error| {
        Failure::because(Exit::NO_INPUT, format_args!("cannot read {what} {}: {error}", path.display()))
    };
    let wrong = |why: String| Failure::because(Exit::NO_PERMISSION, format_args!("{what} {}: {why}", path.display()));
    let file = File::open(path).map_err(trouble)?;
    let metadata = file.metadata().map_err(trouble)?;
    if !metadata.is_file() {
        return Err(wrong("it is not a file".to_owned()));
    }
    if metadata.mode() & FORBIDDEN != 0 {
        let mode = metadata.mode() & 0o7777;
        return Err(wrong(format!(
            "other users can read or change it (mode {mode:04o}); check its content, then chmod 600"
        )));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(octets_max + 1).read_to_end(&mut bytes).map_err(trouble)?;
    if bytes.len() as u64 > octets_max {
        return Err(wrong(format!("it is larger than {octets_max} bytes")));
    }
    Ok(bytes)
}

/// Login and key as an `Authorization` header. Never printed.
#[derive(Clone)]
pub(super) struct ApiKey(HeaderValue);

impl ApiKey {
    /// Reads the one line `LOGIN:KEY` that `apikey create --login-key-only` prints.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = read(path, "the key file", KEY_FILE_MAX)?;
        let line = bytes.trim_ascii();
        let parts = line.iter().position(|b| *b == b':').map(|at| (&line[..at], &line[at + 1..]));
        let fits = parts.is_some_and(|(login, key)| !login.is_empty() && !key.is_empty())
            && line.iter().all(u8::is_ascii_graphic);
        let mut value = Zeroizing::new(b"ApiKey ".to_vec());
        value.extend_from_slice(line);
        match HeaderValue::from_bytes(&value) {
            Ok(mut value) if fits => {
                value.set_sensitive(true);
                Ok(Self(value))
            }
            _ => Err(Failure::because(
                Exit::CONFIG,
                format_args!(
                    "the key file {} must have one line LOGIN:KEY, as `doorlist apikey create LOGIN --login-key-only` prints it",
                    path.display()
                ),
            )),
        }
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey")
    }
}
