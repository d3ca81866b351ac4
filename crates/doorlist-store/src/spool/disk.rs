//! The room on the disk, and names that outlive a power cut. This module must not know what is stored.

use nix::fcntl::OFlag;
use nix::sys::statvfs::statvfs;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The file system is asked at most once in this time.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// After a write found no room, none is expected for this time, whatever the file system says (it knows no quotas).
const FULL_PAUSE: Duration = Duration::from_secs(5);
/// So much is written to try whether there is room.
const PROBE: usize = 64 * 1024;

/// Whether an error means that there is no room, for bytes, for files, or within a quota.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Tries whether a file can be written at all, for errors that do not say what is missing. It has no name, so that a
/// crash leaves nothing behind.
pub(super) fn has_no_room(folder: &Path) -> bool {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600).custom_flags(OFlag::O_TMPFILE.bits());
    options.open(folder).and_then(|mut probe| probe.write_all(&[0; PROBE])).is_err_and(|error| is_full(&error))
}

/// Watches the room on one file system, or that of a database by its answers alone.
#[derive(Debug)]
pub(super) struct Room {
    /// `None` on PostgreSQL: its disk is somewhere else.
    folder: Option<PathBuf>,
    needed: u64,
    seen: Mutex<DiskState>,
}

#[derive(Debug, Default)]
struct DiskState {
    at: Option<Instant>,
    low: bool,
    full: Option<Instant>,
}

impl Room {
    pub(super) fn new(folder: PathBuf, needed: u64) -> Self {
        Self { folder: Some(folder), needed, seen: Mutex::default() }
    }

    pub(super) fn of_server() -> Self {
        Self { folder: None, needed: 0, seen: Mutex::default() }
    }

    /// A write found no room.
    pub(super) fn was_full(&self) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).full = Some(Instant::now());
    }

    /// Whether less is free than is needed.
    pub(super) fn is_low(&self) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.at.is_none_or(|at| at.elapsed() >= ASK_EVERY) {
            seen.at = Some(Instant::now());
            // A file system that gives no answer is no reason to refuse mail: the commit will tell.
            let free = self.folder.as_ref().and_then(|folder| statvfs(folder).ok());
            seen.low = free.is_some_and(|free| {
                let bytes = free.blocks_available().saturating_mul(free.fragment_size());
                bytes < self.needed || (free.files() > 0 && free.files_available() == 0)
            });
        }
        seen.low || seen.full.is_some_and(|full| full.elapsed() < FULL_PAUSE)
    }
}
