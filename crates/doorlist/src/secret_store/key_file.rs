//! The key file: read and checked, or created so that two processes that create it at once use the same key.

use nix::fcntl::OFlag;
use ring::rand::{SecureRandom, SystemRandom};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Octets of a key.
const KEY_LEN: usize = 32;
/// Name of the file in the state folder.
const FILE_NAME: &str = "secret.key";
/// Forbidden mode bits of a key in the state folder.
const OWN_FORBIDDEN: u32 = 0o077;
/// Forbidden mode bits of a key from outside. A group may read it: systemd passes credentials with access lists, which
/// appear as group bits.
const GIVEN_FORBIDDEN: u32 = 0o027;

pub(super) type EncryptionKey = Zeroizing<[u8; KEY_LEN]>;

/// The location of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyPlace {
    /// In this state folder; created at first use.
    StateDir(PathBuf),
    /// In this file, which must exist.
    File(PathBuf),
}

impl KeyPlace {
    /// The file of `state.secret_key_file`, otherwise the one in the state folder.
    pub(crate) fn of(state_dir: &Path, given: Option<&Path>) -> Self {
        match given {
            Some(file) => KeyPlace::File(file.to_owned()),
            None => KeyPlace::StateDir(state_dir.to_owned()),
        }
    }

    fn path(&self) -> PathBuf {
        match self {
            KeyPlace::StateDir(folder) => folder.join(FILE_NAME),
            KeyPlace::File(file) => file.clone(),
        }
    }

    pub(super) fn missing(&self) -> String {
        format!("the key {self} is missing: restore it, or set the secrets again")
    }

    /// Reads the key, if it exists.
    pub(super) fn read(&self) -> Result<Option<EncryptionKey>, String> {
        // Whatever else lies there is neither followed nor waited for. One from outside may be a link of the operator's.
        let flags = match self {
            KeyPlace::StateDir(_) => OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK,
            KeyPlace::File(_) => OFlag::O_NONBLOCK,
        };
        match OpenOptions::new().read(true).custom_flags(flags.bits()).open(self.path()) {
            Ok(file) => self.checked(file).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.trouble(error)),
        }
    }

    /// Reads the key, or creates it in the state folder.
    pub(super) fn read_or_make(&self, random: &SystemRandom) -> Result<EncryptionKey, String> {
        if let Some(key) = self.read()? {
            return Ok(key);
        }
        let KeyPlace::StateDir(folder) = self else { return Err(self.missing()) };
        let mut key = Zeroizing::new([0; KEY_LEN]);
        let mut name = [0; 8];
        random
            .fill(key.as_mut())
            .and_then(|()| random.fill(&mut name))
            .map_err(|_| "cannot create a key: the system provides no random numbers".to_owned())?;
        let fresh = folder.join(format!("{FILE_NAME}.{:016x}.new", u64::from_be_bytes(name)));
        let published = publish(folder, &fresh, &self.path(), &key);
        let _ = std::fs::remove_file(&fresh);
        published.map_err(|error| self.trouble(error))?;
        // Read back, for another process may have been quicker: its key counts then.
        self.read()?.ok_or_else(|| self.missing())
    }

    /// Checks and reads the opened file, which cannot be replaced meanwhile.
    fn checked(&self, file: File) -> Result<EncryptionKey, String> {
        let metadata = file.metadata().map_err(|error| self.trouble(error))?;
        if !metadata.is_file() {
            return Err(format!("{self} is not a file"));
        }
        let forbidden = match self {
            KeyPlace::StateDir(_) => OWN_FORBIDDEN,
            KeyPlace::File(_) => GIVEN_FORBIDDEN,
        };
        if metadata.mode() & forbidden != 0 {
            return Err(format!(
                "other users can read or change the key {self} (mode {:04o}): check its content, then chmod 600",
                metadata.mode() & 0o7777
            ));
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_LEN + 1));
        file.take(KEY_LEN as u64 + 1).read_to_end(&mut bytes).map_err(|error| self.trouble(error))?;
        let key: [u8; KEY_LEN] = bytes
            .as_slice()
            .try_into()
            .map_err(|_| format!("{self} is not a key: a key is exactly {KEY_LEN} random bytes"))?;
        Ok(Zeroizing::new(key))
    }

    fn trouble(&self, error: io::Error) -> String {
        format!("the key {self}: {error}")
    }
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path().display().fmt(f)
    }
}

/// Writes the key to a temporary file and links it when it is on stable storage. Not a rename, which could replace a
/// key that another process has just created.
fn publish(folder: &Path, fresh: &Path, place: &Path, key: &EncryptionKey) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(fresh)?;
    file.write_all(key.as_ref())?;
    file.sync_all()?;
    match std::fs::hard_link(fresh, place) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // The name too must outlive a power cut before anything is sealed, whoever of two gave it.
    File::open(folder)?.sync_all()
}
