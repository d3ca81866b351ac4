//! The state folder: its owner, the lock of a running server, and the control socket.
//!
//! Root opens, creates and changes nothing in a folder of another user. The path to the folder is walked first
//! (`root_path`), then the process becomes its owner, and only then is anything in it opened, relative to its handle
//! and without following links.
//!
//! Commands that open the store share the lock, and a server holds it exclusively: a server never starts while a
//! command uses the store, and a command never opens a store that a server uses.

mod contents;

use crate::config::Config;
use crate::exit::{Exit, Failure, OrExit};
use crate::privileges::{self, Keep};
use crate::root_path::{self, LastFolder, Missing, WalkEnd};
use anyhow::Context;
use doorlist_store::StoreUrl;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;
use nix::unistd::{Uid, User};
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a server waits for commands to finish.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(10);
/// Polling interval of the lock: `flock` has no timeout.
const LOCK_LOOK: Duration = Duration::from_millis(50);
/// The lock file, which shows whether a server is running.
const LOCK: &str = "lock";

/// The open state folder. If it belongs to another user, this process runs as that user.
#[derive(Clone, Debug)]
pub(crate) struct StateDir {
    path: PathBuf,
    folder: Arc<OwnedFd>,
    owner: Uid,
}

/// The held lock, released when the process ends.
#[derive(Debug)]
#[expect(dead_code, reason = "holding the open file is what holds the lock")]
pub(crate) struct Lock(File);

/// The state of the lock for a command.
#[derive(Debug)]
pub(crate) enum LockState {
    /// No server is running: the store may be opened while this lock is held.
    Free(Lock),
    /// A server is running.
    Served,
}

impl StateDir {
    /// Opens the folder, which must exist, as its owner.
    pub(crate) fn enter(config: &Config, keep: Keep) -> Result<Self, Failure> {
        match owner_of(config)? {
            StateOwner::Caller => Self::open(config, None, keep),
            StateOwner::Owner(owner) => Self::open(config, Some(owner), keep),
            StateOwner::Nobody(_) => Err(not_there(&config.state_dir)),
        }
    }

    /// The same; creates a missing folder with mode 0700, for `state.user` if that is set.
    pub(crate) fn enter_or_make(config: &Config, keep: Keep) -> Result<Self, Failure> {
        let owner = match owner_of(config)? {
            StateOwner::Caller => None,
            StateOwner::Owner(owner) => Some(owner),
            StateOwner::Nobody(missing) => {
                let user = config.state_user.as_deref().map(privileges::user).transpose()?;
                missing.make(user.as_ref())?;
                Some(user.map_or(Uid::effective(), |user| user.uid))
            }
        };
        privileges::become_owner(owner.unwrap_or(Uid::effective()), keep)?;
        make_own(&config.state_dir)?;
        Self::open(config, owner, keep)
    }

    /// Opens it as `owner`, who must own it; without one as the caller.
    fn open(config: &Config, owner: Option<Uid>, keep: Keep) -> Result<Self, Failure> {
        let path = &config.state_dir;
        privileges::become_owner(owner.unwrap_or(Uid::effective()), keep)?;
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let folder = match open(path, flags, Mode::empty()) {
            Ok(folder) => File::from(folder),
            Err(Errno::ENOENT) => return Err(not_there(path)),
            Err(Errno::ENOTDIR) => {
                return Err(Failure::because(Exit::NO_INPUT, format_args!("{} is not a folder", path.display())));
            }
            Err(error) => return Err(no_access(path, error.into())),
        };
        let found = Uid::from_raw(folder.metadata().map_err(|error| no_access(path, error))?.uid());
        if let Some(owner) = owner.filter(|owner| *owner != found) {
            return Err(not_ours(path, found, owner));
        }
        contents::check(path)?;
        if let Some(store) = store_elsewhere(config).filter(|store| store.exists()) {
            contents::check(store)?;
        }
        Ok(Self { path: path.clone(), folder: Arc::new(folder.into()), owner: found })
    }

    /// Creates a folder in it, if it is missing.
    pub(crate) fn make_folder(&self, name: &str) -> Result<(), Failure> {
        make_own(&self.path.join(name))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn owner(&self) -> Uid {
        self.owner
    }

    /// Where a running server listens for commands.
    pub(crate) fn control_socket(&self) -> PathBuf {
        self.path.join("control.sock")
    }

    /// Takes the exclusive lock and writes the process id; waits for commands, but not for another server.
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
                let why = format!("commands are using the state folder {}; try again", self.path.display());
                return Err(Failure::because(Exit::LATER, why));
            }
            std::thread::sleep(LOCK_LOOK);
        }
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        write(&mut file).with_context(|| format!("cannot write {}", self.lock_path().display())).or_exit(Exit::IO)?;
        Ok(Lock(file))
    }

    /// Takes the shared lock for a command, if no server is running.
    pub(crate) fn look(&self) -> Result<LockState, Failure> {
        let file = self.lock_file()?;
        match file.try_lock_shared() {
            Ok(()) => Ok(LockState::Free(Lock(file))),
            Err(TryLockError::WouldBlock) => Ok(LockState::Served),
            Err(TryLockError::Error(error)) => Err(no_access(&self.lock_path(), error)),
        }
    }

    /// The process of the running server; `None`: no server is running.
    pub(crate) fn server_pid(&self) -> Result<Option<u32>, Failure> {
        let mut file = self.lock_file()?;
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Ok(read_pid(&mut file)),
            Err(TryLockError::Error(error)) => Err(no_access(&self.lock_path(), error)),
        }
    }

    fn served(&self, pid: Option<u32>) -> Failure {
        let pid = pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
        let folder = self.path.display();
        Failure::because(Exit::UNAVAILABLE, format_args!("a server{pid} already uses the state folder {folder}"))
    }

    fn lock_path(&self) -> PathBuf {
        self.path.join(LOCK)
    }

    /// Opens the lock file without following links and without blocking.
    fn lock_file(&self) -> Result<File, Failure> {
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let opened = openat(&*self.folder, LOCK, flags, Mode::S_IRUSR | Mode::S_IWUSR);
        let file = opened.map(File::from).map_err(|error| no_access(&self.lock_path(), error.into()))?;
        let metadata = file.metadata().map_err(|error| no_access(&self.lock_path(), error))?;
        if !metadata.is_file() || metadata.nlink() > 1 {
            let why = format!(
                "{} is not a regular file, or has hard links; find out who created it",
                self.lock_path().display()
            );
            return Err(Failure::because(Exit::NO_PERMISSION, why));
        }
        Ok(file)
    }
}

/// The owner of the state folder.
enum StateOwner {
    /// Only root needs to know the owner.
    Caller,
    Owner(Uid),
    /// It does not exist yet, in a folder of root.
    Nobody(Missing),
}

/// The user that root must switch to; other users stay who they are.
fn owner_of(config: &Config) -> Result<StateOwner, Failure> {
    if !Uid::effective().is_root() {
        return Ok(StateOwner::Caller);
    }
    let owner = match root_path::walk(&config.state_dir, LastFolder::Private)? {
        WalkEnd::Root(_) => Uid::from_raw(0),
        WalkEnd::User(owner) => owner,
        WalkEnd::Missing(missing) => return Ok(StateOwner::Nobody(missing)),
    };
    if let (true, Some(store)) = (owner.is_root(), store_elsewhere(config))
        && let WalkEnd::User(other) = root_path::walk(store, LastFolder::Private)?
    {
        return Err(not_ours(store, other, owner));
    }
    if let Some(name) = &config.state_user
        && privileges::user(name)?.uid != owner
    {
        let path = config.state_dir.display();
        let why = format!(
            "the state folder {path} or a parent folder belongs to {}, not to state.user {name}; nothing was opened. \
             If the parent folders belong to root, run chown -R {name} {path}; otherwise change state.user",
            name_of(owner)
        );
        return Err(Failure::because(Exit::CONFIG, why));
    }
    Ok(StateOwner::Owner(owner))
}

/// The folder of the databases, if it is not the state folder.
fn store_elsewhere(config: &Config) -> Option<&Path> {
    match &config.store {
        StoreUrl::Sqlite(folder) if *folder != config.state_dir => Some(folder),
        _ => None,
    }
}

/// Creates a missing folder as the current user.
fn make_own(path: &Path) -> Result<(), Failure> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot create the state folder {}", path.display()))
        .or_exit(Exit::CANNOT_CREATE)
}

fn not_there(path: &Path) -> Failure {
    let why = format!(
        "state folder {} does not exist: run the command in the folder of the server, or set state.dir; `doorlist \
         serve` and `doorlist domain add` create a new one",
        path.display()
    );
    Failure::because(Exit::NO_INPUT, why)
}

fn not_ours(path: &Path, found: Uid, owner: Uid) -> Failure {
    let why = format!(
        "{} belongs to {}, not to {}; nothing was opened. The state folder with its content and the folder of \
         store.url must belong to one user, in folders of root or that user",
        path.display(),
        name_of(found),
        name_of(owner)
    );
    Failure::because(Exit::NO_PERMISSION, why)
}

fn name_of(uid: Uid) -> String {
    User::from_uid(uid).ok().flatten().map_or_else(|| format!("user id {uid}"), |user| user.name)
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
            let other = if owner.uid.is_root() { String::new() } else { format!(" or {}", owner.name) };
            format!("; it belongs to {}: run the command as root{other}", owner.name)
        }
        _ => String::new(),
    };
    Failure::because(Exit::NO_PERMISSION, format_args!("{}: {error}{hint}", path.display()))
}
