//! A large body as a file of its own. Links are never followed, neither when it is written nor when it is read.

use super::super::disk;
use super::super::error::SpoolError;
use doorlist_core::queue_id::QueueId;
use nix::fcntl::OFlag;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const READ_SIZE: usize = 64 * 1024;

/// The one name that a body file may have.
pub(in super::super) fn file_name(name: QueueId) -> String {
    format!("{name}.body")
}

/// The name of a body file, if it is one.
pub(in super::super) fn name_of(file: &str) -> Option<QueueId> {
    let name = file.strip_suffix(".body")?.parse().ok()?;
    (file_name(name) == file).then_some(name)
}

fn path(folder: &Path, name: QueueId) -> PathBuf {
    folder.join(file_name(name))
}

fn failed(what: &str, file: &Path, error: &std::io::Error) -> SpoolError {
    let what = format!("cannot {what} {}", file.display());
    if disk::is_full(error) { SpoolError::Full(what) } else { SpoolError::Io { what, why: error.to_string() } }
}

pub(super) async fn create(folder: &Path, name: QueueId) -> Result<File, SpoolError> {
    let path = path(folder, name);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).custom_flags(OFlag::O_NOFOLLOW.bits());
    options.open(&path).await.map_err(|error| failed("create", &path, &error))
}

pub(super) async fn write(file: &mut File, bytes: &[u8]) -> Result<(), SpoolError> {
    file.write_all(bytes).await.map_err(|error| failed("write", Path::new("a body file"), &error))
}

/// The file's bytes, then its name in the folder. If that fails the spool is bad: what the disk has now is unknown.
pub(super) async fn sync(mut file: File, folder: Arc<Path>) -> Result<(), SpoolError> {
    let failed = |error: std::io::Error| match failed("make durable", Path::new("a body file"), &error) {
        full @ SpoolError::Full(_) => full,
        _ => SpoolError::Bad(format!("cannot sync a body file: {error}")),
    };
    file.flush().await.map_err(failed)?;
    file.sync_all().await.map_err(failed)?;
    drop(file);
    let synced = tokio::task::spawn_blocking(move || disk::sync_folder(&folder)).await;
    synced.unwrap_or_else(|error| Err(std::io::Error::other(error))).map_err(failed)
}

pub(super) async fn open(folder: &Path, name: QueueId) -> Result<File, SpoolError> {
    let path = path(folder, name);
    let mut options = OpenOptions::new();
    options.read(true).custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits());
    options.open(&path).await.map_err(|error| failed("open", &path, &error))
}

/// Fills the buffer; it is empty at the end.
pub(super) async fn read(file: &mut File, name: QueueId, buffer: &mut Vec<u8>) -> Result<(), SpoolError> {
    buffer.resize(READ_SIZE, 0);
    let length = file.read(buffer).await;
    let length = length.map_err(|error| failed("read", Path::new(&file_name(name)), &error))?;
    buffer.truncate(length);
    Ok(())
}

pub(super) async fn remove(folder: &Path, names: &[QueueId]) {
    for name in names {
        // Gone already or not removable: the next start sweeps it.
        drop(tokio::fs::remove_file(path(folder, *name)).await);
    }
}
