//! The state file of the agent: for each domain a hash of the last push, its time and its result. A lost or damaged
//! file costs one push.

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

/// Maximum octets of the file.
const FILE_MAX: u64 = 4 << 20;
/// How often an unchanged result is pushed again.
const AGAIN: Duration = Duration::from_hours(24);
/// The same if a limit stopped it: the pending plan may have been discarded. Each push counts against the server's
/// limit in 12 hours.
const HELD_AGAIN: Duration = Duration::from_hours(3);

/// The last pushes by domain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Memory {
    #[serde(default)]
    domains: BTreeMap<DomainName, Pushed>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pushed {
    hash: String,
    /// Milliseconds since the Unix epoch.
    at: i64,
    /// The limit that stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    held: Option<String>,
}

/// The result of a recent push of the same content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastPush<'a> {
    Applied,
    /// A limit stopped it: the limit and the pending plan.
    Held(&'a str),
}

impl Memory {
    /// Reads the file. If that fails, prints a warning and starts empty.
    pub(super) fn read(path: &Path) -> Self {
        let mut text = Vec::new();
        let read = File::open(path).and_then(|file| file.take(FILE_MAX).read_to_end(&mut text));
        let told = |why: &dyn std::fmt::Display| {
            say!("doorlist: cannot read {} ({why}); all domains are pushed again", path.display());
            Self::default()
        };
        match read {
            Err(error) if error.kind() == ErrorKind::NotFound => Self::default(),
            Err(error) => told(&error),
            Ok(_) => serde_json::from_slice(&text).unwrap_or_else(|error| told(&error)),
        }
    }

    /// The result, if the same content was pushed recently enough; the next run is after `every`.
    pub(super) fn last(&self, domain: &DomainName, hash: &str, now: i64, every: Duration) -> Option<LastPush<'_>> {
        let pushed = self.domains.get(domain).filter(|pushed| pushed.hash == hash)?;
        let age = now.checked_sub(pushed.at).and_then(|age| u64::try_from(age).ok()).map(Duration::from_millis)?;
        match &pushed.held {
            Some(held) => (age < HELD_AGAIN).then_some(LastPush::Held(held)),
            // A tenth more: the next run may be late.
            None => (age + every + every / 10 <= AGAIN).then_some(LastPush::Applied),
        }
    }

    /// Records a push that was applied, or that this limit stopped.
    pub(super) fn keep(&mut self, domain: &DomainName, hash: String, now: i64, held: Option<String>) {
        self.domains.insert(domain.clone(), Pushed { hash, at: now, held });
    }

    /// Forgets a domain, whose state on the server is unknown.
    pub(super) fn forget(&mut self, domain: &DomainName) {
        self.domains.remove(domain);
    }

    /// Writes the file with mode 0600, and replaces the old one atomically.
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
            .with_context(|| format!("cannot write {}; the next run pushes all domains again", path.display()))
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
        let last = |memory: &Memory, domain: &DomainName, hash: &str, now: i64, every: Duration| {
            memory.last(domain, hash, hours(now), every).is_some()
        };
        assert!(!last(&memory, &domain, "a", 0, HOUR));
        memory.keep(&domain, "a".to_owned(), hours(100), None);
        assert_eq!(memory.last(&domain, "a", hours(101), HOUR), Some(LastPush::Applied));
        assert!(!last(&memory, &domain, "b", 101, HOUR), "something changed");
        assert!(!last(&memory, &other, "a", 101, HOUR));
        assert!(last(&memory, &domain, "a", 122, HOUR));
        assert!(!last(&memory, &domain, "a", 123, HOUR), "the next run would come too late");
        assert!(!last(&memory, &domain, "a", 99, HOUR), "the clock was set back");
        assert!(!last(&memory, &domain, "a", 101, 24 * HOUR));
        memory.forget(&domain);
        assert!(!last(&memory, &domain, "a", 101, HOUR));
    }

    #[test]
    fn what_a_limit_stopped_is_pushed_again_after_three_hours() {
        let domain: DomainName = "example.test".parse().unwrap();
        let mut memory = Memory::default();
        memory.keep(&domain, "a".to_owned(), hours(100), Some("plan 7".to_owned()));
        for every in [HOUR / 12, HOUR, 24 * HOUR] {
            assert_eq!(memory.last(&domain, "a", hours(102), every), Some(LastPush::Held("plan 7")));
            assert_eq!(memory.last(&domain, "a", hours(103), every), None);
            assert_eq!(memory.last(&domain, "b", hours(102), every), None, "something changed");
        }
    }

    #[test]
    fn a_file_of_an_older_version_is_read() {
        let text = r#"{"domains":{"example.test":{"hash":"a","at":0}}}"#;
        let memory: Memory = serde_json::from_str(text).unwrap();
        assert_eq!(memory.last(&"example.test".parse().unwrap(), "a", hours(1), HOUR), Some(LastPush::Applied));
        assert_eq!(serde_json::to_string(&memory).unwrap(), text);
    }

    #[test]
    fn it_is_kept_in_a_file_of_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let mut memory = Memory::default();
        memory.keep(&"example.test".parse().unwrap(), "a".to_owned(), 1, Some("plan 7".to_owned()));
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
