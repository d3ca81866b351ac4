//! The state folder: whose it is, the lock that tells a running server, and where the control socket lies. What else is
//! in it is the store's affair.
//!
//! The lock is shared by commands that open the store themselves and held alone by a server, so a server never starts
//! under a command's feet, nor a command opens a store that a server has.

use crate::exit::{Exit, Failure, OrExit};
use anyhow::Context;
use nix::unistd::{Uid, User};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a server waits for commands to finish.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(10);
/// Between two looks at the lock: `flock` has no deadline of its own.
const LOCK_LOOK: Duration = Duration::from_millis(50);

/// An existing state folder.
#[derive(Clone, Debug)]
pub(crate) struct StateDir {
    path: PathBuf,
}

/// The held lock; it goes with the process.
#[derive(Debug)]
#[expect(dead_code, reason = "holding the open file is what holds the lock")]
pub(crate) struct Lock(File);

/// What a command finds.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nobody serves: the store may be opened while this lock is held.
    Free(Lock),
    /// A server holds the folder.
    Served,
}

impl StateDir {
    /// The folder, which must be there.
    pub(crate) fn existing(path: &Path) -> Result<Self, Failure> {
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => Ok(Self { path: path.to_owned() }),
            Ok(_) => Err(Failure::because(Exit::NO_INPUT, format_args!("{} is not a folder", path.display()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Failure::because(
                Exit::NO_INPUT,
                format_args!(
                    "there is no state folder {}: run this where the server runs, or name its state.dir; \
                     `doorlist serve` and `doorlist domain add` make a new one",
                    path.display()
                ),
            )),
            Err(error) => Err(no_access(path, error)),
        }
    }

    /// The folder, made with mode 0700 if it is not there; `owner` gets a new one, if this process may give it.
    pub(crate) fn create(path: &Path, owner: Option<&User>) -> Result<Self, Failure> {
        if !path.exists() {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(path)
                .with_context(|| format!("the state folder {} cannot be made", path.display()))
                .or_exit(Exit::CANNOT_CREATE)?;
            if let Some(owner) = owner {
                std::os::unix::fs::chown(path, Some(owner.uid.as_raw()), Some(owner.gid.as_raw()))
                    .with_context(|| format!("{} cannot be given to {}", path.display(), owner.name))
                    .or_exit(Exit::NO_PERMISSION)?;
            }
        }
        Self::existing(path)
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whose it is.
    pub(crate) fn owner(&self) -> Result<Uid, Failure> {
        let metadata = std::fs::metadata(&self.path).map_err(|error| no_access(&self.path, error))?;
        Ok(Uid::from_raw(metadata.uid()))
    }

    /// Where a running server listens for commands.
    pub(crate) fn control_socket(&self) -> PathBuf {
        self.path.join("control.sock")
    }

    /// Takes the lock for a server and writes its process id; waits for commands, not for another server.
    pub(crate) fn lock_to_serve(&self) -> Result<Lock, Failure> {
        let mut file = self.lock_file()?;
        let deadline = Instant::now() + LOCK_WAIT_MAX;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(no_access(&self.lock_path(), error)),
                Err(TryLockError::WouldBlock) => {}
            }
            // Commands share the lock, so a share is to be had beside them, but not beside a server.
            if file.try_lock_shared().is_err() {
                return Err(self.served(read_pid(&mut file)));
            }
            file.unlock().or_exit(Exit::SYSTEM)?;
            if Instant::now() >= deadline {
                let why = format!("commands keep the state folder {} busy; try again", self.path.display());
                return Err(Failure::because(Exit::LATER, why));
            }
            std::thread::sleep(LOCK_LOOK);
        }
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        write(&mut file)
            .with_context(|| format!("{} cannot be written", self.lock_path().display()))
            .or_exit(Exit::IO)?;
        Ok(Lock(file))
    }

    /// Takes the lock for a command, if no server has it.
    pub(crate) fn look(&self) -> Result<Found, Failure> {
        let file = self.lock_file()?;
        match file.try_lock_shared() {
            Ok(()) => Ok(Found::Free(Lock(file))),
            Err(TryLockError::WouldBlock) => Ok(Found::Served),
            Err(TryLockError::Error(error)) => Err(no_access(&self.lock_path(), error)),
        }
    }

    fn served(&self, pid: Option<u32>) -> Failure {
        let pid = pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
        let folder = self.path.display();
        Failure::because(Exit::UNAVAILABLE, format_args!("a server{pid} already runs on the state folder {folder}"))
    }

    fn lock_path(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// The lock file, which is the folder's owner's also when root is the first to look.
    fn lock_file(&self) -> Result<File, Failure> {
        let path = self.lock_path();
        let open = || {
            let mut options = OpenOptions::new();
            let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
            if Uid::effective().is_root() {
                let folder = std::fs::metadata(&self.path)?;
                std::os::unix::fs::fchown(&file, Some(folder.uid()), Some(folder.gid()))?;
            }
            Ok(file)
        };
        open().map_err(|error| no_access(&path, error))
    }
}

/// The process id in the lock file.
fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn no_access(path: &Path, error: std::io::Error) -> Failure {
    let owner = path.ancestors().find_map(|path| std::fs::metadata(path).ok()).map(|metadata| metadata.uid());
    let owner = owner.and_then(|uid| User::from_uid(Uid::from_raw(uid)).ok().flatten());
    let hint = match owner {
        Some(owner) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            format!("; it belongs to {0}: run this as root or as {0}", owner.name)
        }
        _ => String::new(),
    };
    Failure::because(Exit::NO_PERMISSION, format_args!("{}: {error}{hint}", path.display()))
}
