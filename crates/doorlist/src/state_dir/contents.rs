//! The known names in the state folder: regular files without hard links, folders, one socket. Links, fifos and
//! devices are rejected before anything is opened, also for SQLite, which opens its files by path and follows links.

use crate::exit::{Exit, Failure};
use nix::unistd::Uid;
use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// The kind of file behind a known name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StateFileKind {
    /// A file that is written in place, so hard links are forbidden.
    Written,
    /// A file that is created once. During creation it has two names.
    MadeOnce,
    /// A folder; whether its files must be like [`StateFileKind::Written`]. The spool sets foreign files aside.
    Folder {
        inside: bool,
    },
    Socket,
}

/// Names, also with a suffix: SQLite adds `-wal`, `-shm` and `-journal`.
const OURS: [(&str, StateFileKind); 8] = [
    ("lock", StateFileKind::Written),
    ("control.sock", StateFileKind::Socket),
    ("secret.key", StateFileKind::MadeOnce),
    ("directory.db", StateFileKind::Written),
    ("tls", StateFileKind::Folder { inside: true }),
    ("mail", StateFileKind::Folder { inside: true }),
    ("audit", StateFileKind::Folder { inside: true }),
    ("spool", StateFileKind::Folder { inside: false }),
];

/// Rejects files of another kind than expected.
pub(super) fn check(folder: &Path) -> Result<(), Failure> {
    for (name, metadata) in entries(folder)? {
        let Some(kind) = kind_of(&name) else { continue };
        let path = folder.join(&name);
        check_one(&path, &metadata, kind)?;
        check_owner(&path, &metadata)?;
        let StateFileKind::Folder { inside } = kind else { continue };
        for (name, metadata) in entries(&path)? {
            let path = path.join(name);
            check_owner(&path, &metadata)?;
            if inside {
                check_one(&path, &metadata, StateFileKind::Written)?;
            }
        }
    }
    Ok(())
}

/// In a folder of root, rejects files of another user, who could replace them or their content.
fn check_owner(path: &Path, metadata: &Metadata) -> Result<(), Failure> {
    if !Uid::effective().is_root() || metadata.uid() == 0 {
        return Ok(());
    }
    let why = format!(
        "{} belongs to user id {}, but the state folder to root. Nothing was opened; chown -R the folder to one of \
         them",
        path.display(),
        metadata.uid()
    );
    Err(Failure::because(Exit::NO_PERMISSION, why))
}

fn kind_of(name: &str) -> Option<StateFileKind> {
    let is = |(ours, kind): &&(&str, StateFileKind)| match kind {
        StateFileKind::Written | StateFileKind::MadeOnce => {
            name.strip_prefix(ours).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        }
        StateFileKind::Folder { .. } | StateFileKind::Socket => name == *ours,
    };
    OURS.iter().find(is).map(|(_, kind)| *kind)
}

/// Names with their metadata, without following links. Skips files that disappear meanwhile.
fn entries(folder: &Path) -> Result<Vec<(String, Metadata)>, Failure> {
    let list = || -> io::Result<Vec<(String, Metadata)>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            match entry.metadata() {
                Ok(metadata) => found.push((entry.file_name().to_string_lossy().into_owned(), metadata)),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    };
    list().map_err(|error| Failure::because(Exit::NO_PERMISSION, format_args!("{}: {error}", folder.display())))
}

fn check_one(path: &Path, metadata: &Metadata, kind: StateFileKind) -> Result<(), Failure> {
    let kind_found = metadata.file_type();
    let (fits, wanted) = match kind {
        StateFileKind::Written | StateFileKind::MadeOnce => (kind_found.is_file(), "a regular file"),
        StateFileKind::Folder { .. } => (kind_found.is_dir(), "a folder"),
        StateFileKind::Socket => (kind_found.is_socket(), "a socket"),
    };
    if !fits {
        let found = match kind_found {
            found if found.is_symlink() => "a link",
            found if found.is_fifo() => "a fifo",
            found if found.is_dir() => "a folder",
            found if found.is_file() => "a file",
            _ => "something else",
        };
        return Err(refused(path, &format!("is {found}, not {wanted}")));
    }
    if kind == StateFileKind::Written && metadata.nlink() > 1 {
        return Err(refused(path, "is a hard link to a file that would be changed, too"));
    }
    Ok(())
}

fn refused(path: &Path, why: &str) -> Failure {
    let why = format!("{} {why}. Nothing was opened; find out who created it, and remove it", path.display());
    Failure::because(Exit::NO_PERMISSION, why)
}
