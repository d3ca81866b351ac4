//! A folder of the spool at start: what lies in it, and where things go that are not ours. They are moved, never
//! opened or deleted, and links are never followed. This module must not know what is ours.

use crate::error::StoreError;
use std::ffi::OsString;
use std::fs::{self, FileType};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Where things go, inside the spool's folder.
const CORRUPT: &str = "corrupt";
/// A folder that holds more is no folder of ours; what is beyond is looked at by a later start.
const NAMES_MAX: usize = 10_000_000;

/// Something in a folder, by its own name and type (of a link: the link).
#[derive(Debug)]
pub(super) struct SetAsideEntry {
    name: OsString,
    kind: FileType,
    len: u64,
}

impl SetAsideEntry {
    /// What has this name, if anything has.
    pub(super) fn named(folder: &Path, name: String) -> Option<Self> {
        let meta = fs::symlink_metadata(folder.join(&name)).ok()?;
        Some(Self { name: name.into(), kind: meta.file_type(), len: meta.len() })
    }

    /// Its name, if it is text.
    pub(super) fn name(&self) -> Option<&str> {
        self.name.to_str()
    }

    pub(super) fn is_file(&self) -> bool {
        self.kind.is_file()
    }

    pub(super) fn is_folder(&self) -> bool {
        self.kind.is_dir()
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }
}

/// A folder, and what was said about it.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    corrupt: PathBuf,
    notes: Vec<String>,
    moved: u32,
}

impl Folder {
    /// The spool's folder; made if need be, for us alone.
    pub(super) fn open(path: PathBuf) -> Result<Self, StoreError> {
        let corrupt = path.join(CORRUPT);
        for folder in [&path, &corrupt] {
            make(folder)?;
        }
        Ok(Self { path, corrupt, notes: Vec::new(), moved: 0 })
    }

    /// A folder inside it. What has its name and is no folder is set aside.
    pub(super) fn sub_folder(&mut self, name: &str) -> Result<Self, StoreError> {
        if let Some(found) = SetAsideEntry::named(&self.path, name.to_owned()).filter(|found| !found.is_folder()) {
            self.set_aside(&found, "it is not a folder")?;
        }
        let path = self.path.join(name);
        make(&path)?;
        Ok(Self { path, corrupt: self.corrupt.clone(), notes: Vec::new(), moved: 0 })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Everything in it but the folder for what is set aside.
    pub(super) fn list(&self) -> Result<Vec<SetAsideEntry>, StoreError> {
        let failed = |error| StoreError::Io { what: format!("cannot list {}", self.path.display()), error };
        let mut all = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(failed)?.take(NAMES_MAX) {
            let entry = entry.map_err(failed)?;
            if self.path.join(entry.file_name()) != self.corrupt {
                let meta = entry.metadata().map_err(failed)?;
                all.push(SetAsideEntry { name: entry.file_name(), kind: meta.file_type(), len: meta.len() });
            }
        }
        Ok(all)
    }

    /// Moves something away, under a name that tells when and what.
    pub(super) fn set_aside(&mut self, found: &SetAsideEntry, why: &str) -> Result<(), StoreError> {
        self.moved += 1;
        let (from, mut name) = (self.path.join(&found.name), OsString::new());
        name.push(format!("{}-{}-", jiff::Timestamp::now().as_millisecond(), self.moved));
        name.push(&found.name);
        let to = self.corrupt.join(name);
        fs::rename(&from, &to).map_err(|error| {
            let what = format!("cannot move {} ({why}) to {}", from.display(), to.display());
            StoreError::Io { what, error }
        })?;
        self.notes.push(format!("{} was moved to {}: {why}", from.display(), to.display()));
        Ok(())
    }

    /// Removes a file that is ours and is not needed.
    pub(super) fn remove(&self, found: &SetAsideEntry) -> Result<(), StoreError> {
        let path = self.path.join(&found.name);
        fs::remove_file(&path)
            .map_err(|error| StoreError::Io { what: format!("cannot remove {}", path.display()), error })
    }

    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Takes over what was said about a folder inside.
    pub(super) fn take_notes(&mut self, inner: Folder) {
        self.notes.extend(inner.notes);
    }

    pub(super) fn into_report(self) -> Vec<String> {
        self.notes
    }
}

fn make(folder: &Path) -> Result<(), StoreError> {
    match fs::DirBuilder::new().recursive(true).mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(StoreError::Io { what: format!("cannot make {}", folder.display()), error })
        }
        _ => Ok(()),
    }
}
