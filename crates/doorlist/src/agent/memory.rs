//! What was pushed last, in a file: a hash for each domain, and when. A file that is lost or damaged costs one push. Must
//! not know what is pushed.

use crate::exit::{Exit, Failure, OrExit};
use anyhow::Context;
use doorlist_core::address::DomainName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Octets of the file.
const FILE_MAX: u64 = 1 << 20;
/// What did not change is pushed again so often.
const AGAIN: Duration = Duration::from_hours(24);

/// What was pushed, by domain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Memory {
    #[serde(default)]
    domains: BTreeMap<DomainName, Pushed>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pushed {
    hash: String,
    /// Milliseconds since 1970.
    at: i64,
}

impl Memory {
    /// Reads the file. One that cannot be read is told of, and nothing is remembered then.
    pub(super) fn read(path: &Path) -> Self {
        let mut text = Vec::new();
        let read = File::open(path).and_then(|file| file.take(FILE_MAX).read_to_end(&mut text));
        let told = |why: &dyn std::fmt::Display| {
            eprintln!("doorlist: {} cannot be read ({why}); everything is pushed again", path.display());
            Self::default()
        };
        match read {
            Err(error) if error.kind() == ErrorKind::NotFound => Self::default(),
            Err(error) => told(&error),
            Ok(_) => serde_json::from_slice(&text).unwrap_or_else(|error| told(&error)),
        }
    }

    /// Whether the same was pushed already, and not too long before the next run, which comes after `every`.
    pub(super) fn has(&self, domain: &DomainName, hash: &str, now: i64, every: Duration) -> bool {
        let fresh = |pushed: &Pushed| {
            let age = now.checked_sub(pushed.at).and_then(|age| u64::try_from(age).ok()).map(Duration::from_millis);
            // A tenth more: the next run may be late.
            age.is_some_and(|age| age + every + every / 10 <= AGAIN)
        };
        self.domains.get(domain).is_some_and(|pushed| pushed.hash == hash && fresh(pushed))
    }

    /// Remembers a push that was taken over.
    pub(super) fn keep(&mut self, domain: &DomainName, hash: String, now: i64) {
        self.domains.insert(domain.clone(), Pushed { hash, at: now });
    }

    /// Forgets a domain: what is there now is not known.
    pub(super) fn forget(&mut self, domain: &DomainName) {
        self.domains.remove(domain);
    }

    /// Writes the file, for its owner only; the old one stays until the new one is whole.
    pub(super) fn write(&self, path: &Path) -> Result<(), Failure> {
        let new = PathBuf::from(format!("{}.new", path.display()));
        let write = || {
            let text = serde_json::to_vec(self)?;
            let _ = std::fs::remove_file(&new);
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
            file.write_all(&text)?;
            file.sync_all()?;
            std::fs::rename(&new, path)
        };
        write()
            .with_context(|| format!("{} cannot be written; the next run pushes everything again", path.display()))
            .or_exit(Exit::CANNOT_CREATE)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const HOUR: Duration = Duration::from_hours(1);

    fn hours(count: i64) -> i64 {
        count * 3_600_000
    }

    #[test]
    fn what_was_pushed_is_pushed_again_once_a_day() {
        let (domain, other): (DomainName, DomainName) =
            ("example.test".parse().unwrap(), "example.org".parse().unwrap());
        let mut memory = Memory::default();
        assert!(!memory.has(&domain, "a", 0, HOUR));
        memory.keep(&domain, "a".to_owned(), hours(100));
        assert!(memory.has(&domain, "a", hours(101), HOUR));
        assert!(!memory.has(&domain, "b", hours(101), HOUR), "something changed");
        assert!(!memory.has(&other, "a", hours(101), HOUR));
        assert!(memory.has(&domain, "a", hours(122), HOUR));
        assert!(!memory.has(&domain, "a", hours(123), HOUR), "the next run would come too late");
        assert!(!memory.has(&domain, "a", hours(99), HOUR), "the clock was set back");
        assert!(!memory.has(&domain, "a", hours(101), 24 * HOUR));
        memory.forget(&domain);
        assert!(!memory.has(&domain, "a", hours(101), HOUR));
    }

    #[test]
    fn it_is_kept_in_a_file_of_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let mut memory = Memory::default();
        memory.keep(&"example.test".parse().unwrap(), "a".to_owned(), 1);
        for _ in 0..2 {
            memory.write(&path).unwrap();
            assert_eq!(Memory::read(&path), memory);
        }
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, "{\"domains\":").unwrap();
        assert_eq!(Memory::read(&path), Memory::default());
        assert_eq!(Memory::read(&folder.path().join("none")), Memory::default());
        assert!(memory.write(&folder.path().join("none/state.json")).is_err());
    }
}
