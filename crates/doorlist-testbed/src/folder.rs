//! A temporary folder in which other accounts may own parts. Removed on drop.
//!
//! Peers such as PostgreSQL and Postfix refuse to run as root or need folders of their own account. Everybody can
//! enter the folder; its content belongs to the account that it was given to.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::unistd::{User, chown};
use tempfile::TempDir;

/// A temporary folder, removed with all that lies in it when dropped.
#[derive(Debug)]
pub struct Folder(TempDir);

impl Folder {
    /// A new folder whose name tells which peer made it.
    ///
    /// # Errors
    /// Fails if the folder cannot be created.
    pub fn new(peer: &str) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix(&format!("doorlist-{peer}-")).tempdir()?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        Ok(Self(folder))
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Makes a folder inside, owned by `owner` (None: by whoever runs the test).
    ///
    /// # Errors
    /// Fails if it cannot be created or given to the account.
    pub fn add(&self, name: &str, mode: u32, owner: Option<&User>) -> Result<PathBuf> {
        let path = self.path().join(name);
        fs::create_dir(&path).with_context(|| format!("making {}", path.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        if let Some(user) = owner {
            chown(&path, Some(user.uid), Some(user.gid)).with_context(|| format!("giving {}", path.display()))?;
        }
        Ok(path)
    }

    /// Writes a file inside that everybody may read.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.path().join(name);
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
        Ok(path)
    }
}
