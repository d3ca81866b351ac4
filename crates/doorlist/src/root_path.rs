//! Walks a path as root from one open folder to the next, so that nobody can replace a part that was already checked.
//! Stops at the first folder of another user: root opens and creates nothing there.

use crate::exit::{Exit, Failure, OrExit};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, mkdirat};
use nix::unistd::{Uid, User, fchown};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

/// Maximum links on a path, as in the kernel.
const LINKS_MAX: usize = 40;
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// The end of a walk to a folder.
pub(crate) enum WalkEnd {
    /// The folder, which belongs to root like all above it.
    Root(OwnedFd),
    /// The folder or a parent belongs to this user, who controls everything in it.
    User(Uid),
    /// The rest of the path is missing in a folder of root.
    Missing(Missing),
}

/// Who may write to the last folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LastFolder {
    /// Only root may read it.
    Private,
    /// Others may, too, if it has the sticky bit like /tmp.
    Shared,
}

/// The missing part of a path.
pub(crate) struct Missing {
    folder: OwnedFd,
    shown: PathBuf,
    names: VecDeque<OsString>,
}

/// Walks to a folder. Follows only links that root created.
pub(crate) fn walk(path: &Path, last: LastFolder) -> Result<WalkEnd, Failure> {
    let path = std::path::absolute(path).or_exit(Exit::SYSTEM)?;
    let (mut folder, mut shown) = root()?;
    let mut names = names_of(&path);
    let mut links = 0;
    loop {
        let stat = fstat(&folder).map_err(|error| trouble(&shown, error))?;
        if stat.st_uid != 0 {
            return Ok(WalkEnd::User(Uid::from_raw(stat.st_uid)));
        }
        let may_be_shared = stat.st_mode & STICKY != 0 && (last == LastFolder::Shared || !names.is_empty());
        if is_shared(&stat) && !may_be_shared {
            return Err(shared(&shown));
        }
        let Some(name) = names.pop_front() else { return Ok(WalkEnd::Root(folder)) };
        let next = match openat(&folder, name.as_os_str(), OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, none())
        {
            Ok(next) => next,
            Err(Errno::ENOENT) => {
                names.push_front(name);
                return Ok(WalkEnd::Missing(Missing { folder, shown, names }));
            }
            Err(error) => return Err(trouble(&shown.join(name), error)),
        };
        let stat = fstat(&next).map_err(|error| trouble(&shown.join(&name), error))?;
        match kind(&stat) {
            SFlag::S_IFDIR => {
                shown.push(name);
                folder = next;
            }
            SFlag::S_IFLNK => {
                links += 1;
                let shown_link = shown.join(&name);
                if stat.st_uid != 0 || links > LINKS_MAX {
                    return Err(foreign_link(&shown_link, stat.st_uid));
                }
                let target = PathBuf::from(readlinkat(&next, "").map_err(|error| trouble(&shown_link, error))?);
                if target.is_absolute() {
                    (folder, shown) = root()?;
                }
                names_of(&target).into_iter().rev().for_each(|name| names.push_front(name));
            }
            _ => {
                let why = format!("{} is not a folder", shown.join(name).display());
                return Err(Failure::because(Exit::NO_INPUT, why));
            }
        }
    }
}

/// Opens a file for writing as the current user, without truncating it. Root writes only into folders of root, and
/// follows no link there.
pub(crate) fn open_to_write(path: &Path) -> Result<File, Failure> {
    let cannot = |error: std::io::Error| {
        Failure::because(Exit::CANNOT_CREATE, format_args!("cannot write {}: {error}", path.display()))
    };
    if !Uid::effective().is_root() {
        return OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map_err(cannot);
    }
    let folder = folder_of(path)?;
    let name = path.file_name().ok_or_else(|| cannot(std::io::ErrorKind::InvalidFilename.into()))?;
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let opened = openat(&folder, name, flags, Mode::S_IRUSR | Mode::S_IWUSR);
    let file = File::from(opened.map_err(|error| cannot(error.into()))?);
    let metadata = file.metadata().map_err(cannot)?;
    if !metadata.is_file() || metadata.nlink() > 1 || metadata.uid() != 0 {
        let why = format!(
            "{} is not a regular file of root with a single name (no hard links); choose another file",
            path.display()
        );
        return Err(Failure::because(Exit::CANNOT_CREATE, why));
    }
    Ok(file)
}

/// The folder of an existing or new file of root.
pub(crate) fn folder_of(path: &Path) -> Result<OwnedFd, Failure> {
    let path = std::path::absolute(path).or_exit(Exit::SYSTEM)?;
    let folder = path.parent().unwrap_or(&path);
    match walk(folder, LastFolder::Shared)? {
        WalkEnd::Root(folder) => Ok(folder),
        WalkEnd::Missing(_) => {
            Err(Failure::because(Exit::CANNOT_CREATE, format_args!("folder {} does not exist", folder.display())))
        }
        WalkEnd::User(owner) => {
            let why = format!(
                "{} is in a folder of user id {owner}, who could replace the file; root does not open it. Run the \
                 command as that user, or choose a file in a folder of root",
                path.display()
            );
            Err(Failure::because(Exit::NO_PERMISSION, why))
        }
    }
}

impl Missing {
    /// Creates the missing folders; the last one has mode 0700.
    pub(crate) fn make(self, owner: Option<&User>) -> Result<(), Failure> {
        let Missing { mut folder, mut shown, mut names } = self;
        while let Some(name) = names.pop_front() {
            shown.push(&name);
            let cannot = |error: Errno| {
                let why = format!("cannot create the folder {}: {}", shown.display(), error.desc());
                Failure::because(Exit::CANNOT_CREATE, why)
            };
            mkdirat(&folder, name.as_os_str(), Mode::S_IRWXU).map_err(cannot)?;
            let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            folder = openat(&folder, name.as_os_str(), flags, none()).map_err(cannot)?;
            match owner {
                // The owner of the last must come through those above it.
                _ if !names.is_empty() => fchmod(&folder, Mode::from_bits_truncate(0o755)).map_err(cannot)?,
                Some(owner) => fchown(&folder, Some(owner.uid), Some(owner.gid)).map_err(cannot)?,
                None => {}
            }
        }
        Ok(())
    }
}

fn root() -> Result<(OwnedFd, PathBuf), Failure> {
    let shown = PathBuf::from("/");
    match open("/", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, none()) {
        Ok(folder) => Ok((folder, shown)),
        Err(error) => Err(trouble(&shown, error)),
    }
}

fn names_of(path: &Path) -> VecDeque<OsString> {
    let named = |part: Component<'_>| match part {
        Component::Normal(_) | Component::ParentDir => Some(part.as_os_str().to_owned()),
        _ => None,
    };
    path.components().filter_map(named).collect()
}

/// Whether users other than root may write to a folder of root.
fn is_shared(stat: &FileStat) -> bool {
    stat.st_mode & OTHERS_WRITE != 0 || (stat.st_mode & GROUP_WRITES != 0 && stat.st_gid != 0)
}

fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits())
}

fn none() -> Mode {
    Mode::empty()
}

fn trouble(path: &Path, error: Errno) -> Failure {
    Failure::because(Exit::NO_PERMISSION, format_args!("{}: {}", path.display(), error.desc()))
}

fn shared(path: &Path) -> Failure {
    let path = path.display();
    let why = format!(
        "other users can write to {path} and replace files that root uses; nothing was opened. Run chmod go-w {path}, \
         or choose another folder"
    );
    Failure::because(Exit::NO_PERMISSION, why)
}

fn foreign_link(path: &Path, owner: u32) -> Failure {
    let why = format!(
        "{} is a link of user id {owner}, or one of too many links; root does not follow it. Give the path of the \
         folder itself",
        path.display()
    );
    Failure::because(Exit::NO_PERMISSION, why)
}
