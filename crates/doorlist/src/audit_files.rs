//! Exported parts of the audit log in the state folder: `audit/audit-NODE-FIRST-LAST-DAY.jsonl`, where DAY is the day
//! of the newest entry.

use doorlist_actions::{AuditArchive, AuditPart, Waited};
use doorlist_core::time::Timestamp;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Name of the folder in the state folder.
const FOLDER: &str = "audit";
/// Suffix of an incomplete file.
const UNFINISHED: &str = ".new";

/// The folder of the files.
#[derive(Clone, Debug)]
pub(crate) struct AuditFiles {
    folder: PathBuf,
}

impl AuditFiles {
    /// Files in this state folder. Their folder is created with the first one.
    pub(crate) fn of(state: &Path) -> Self {
        Self { folder: state.join(FOLDER) }
    }

    fn keep(&self, name: &str, text: &str) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let (path, unfinished) = (self.folder.join(name), self.folder.join(format!("{name}{UNFINISHED}")));
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        if let Err(error) = written.and_then(|()| fs::rename(&unfinished, &path)) {
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        File::open(&self.folder)?.sync_all()
    }

    fn prune(&self, before: &str, number_max: usize) -> io::Result<Vec<String>> {
        let mut files = match fs::read_dir(&self.folder) {
            Ok(entries) => entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut parts: Vec<(String, String)> = files
            .drain(..)
            .filter_map(|name| name.into_string().ok())
            .filter_map(|name| Some((day_of(&name)?, name)))
            .collect();
        parts.sort();
        let too_many = parts.len().saturating_sub(number_max);
        let mut gone = Vec::new();
        for (place, (day, name)) in parts.into_iter().enumerate() {
            if place < too_many || day.as_str() < before {
                fs::remove_file(self.folder.join(&name))?;
                gone.push(name);
            }
        }
        Ok(gone)
    }
}

/// The day in a file name, such as `20261129`.
fn day_of(name: &str) -> Option<String> {
    let words: Vec<&str> = name.strip_suffix(".jsonl")?.split('-').collect();
    let ["audit", numbers @ .., day] = words.as_slice() else { return None };
    let is_number = |word: &&str| word.bytes().all(|byte| byte.is_ascii_digit());
    (numbers.len() == 3 && numbers.iter().all(is_number) && day.len() == 8 && is_number(day)).then(|| (*day).to_owned())
}

fn day(time: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(time.as_millis()).unwrap_or_default();
    time.strftime("%Y%m%d").to_string()
}

impl AuditArchive for AuditFiles {
    fn keep<'a>(&'a self, part: &'a AuditPart) -> Waited<'a, Result<(), String>> {
        let name = format!("audit-{}-{:012}-{:012}-{}.jsonl", part.node, part.first, part.last, day(part.newest));
        let (files, text) = (self.clone(), part.text.clone());
        Box::pin(async move {
            let path = files.folder.join(&name);
            let kept = tokio::task::spawn_blocking(move || files.keep(&name, &text)).await;
            kept.map_err(io::Error::other)
                .flatten()
                .map_err(|error| format!("cannot write {}: {error}; its entries stay in the store", path.display()))
        })
    }

    fn prune(&self, before: Timestamp, number_max: usize) -> Waited<'_, Result<Vec<String>, String>> {
        let files = self.clone();
        Box::pin(async move {
            let folder = files.folder.clone();
            let pruned = tokio::task::spawn_blocking(move || files.prune(&day(before), number_max)).await;
            pruned.map_err(io::Error::other).flatten().map_err(|error| format!("{}: {error}", folder.display()))
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    fn part(first: u64, newest: Timestamp) -> AuditPart {
        AuditPart { node: 3, first, last: first + 9, newest, text: format!("{first}\n") }
    }

    #[tokio::test]
    async fn parts_are_the_owners_alone_and_go_by_number_and_age() {
        let folder = tempfile::tempdir().unwrap();
        let files = AuditFiles::of(folder.path());
        let day = Duration::from_hours(24);
        let now = Timestamp::from_secs(1_800_000_000);
        assert_eq!(AuditArchive::prune(&files, now, 1).await.unwrap(), [""; 0], "without a folder");
        for number in 0..5_u32 {
            AuditArchive::keep(&files, &part(u64::from(number) * 10 + 1, now - day * (5 - number))).await.unwrap();
        }
        let here = folder.path().join(FOLDER);
        fs::write(here.join("notes.txt"), "mine").unwrap();
        let names = || {
            let mut names: Vec<_> =
                fs::read_dir(&here).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        assert_eq!(names()[0], "audit-3-000000000001-000000000010-20270110.jsonl");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&here), mode(&here.join(&names()[0]))), (0o700, 0o600));
        assert_eq!(AuditArchive::prune(&files, now - day * 4, 10).await.unwrap().len(), 1);
        assert_eq!(AuditArchive::prune(&files, now - day * 400, 2).await.unwrap().len(), 2);
        assert_eq!(names().len(), 3, "{:?}", names());
        assert_eq!(fs::read_to_string(here.join(&names()[1])).unwrap(), "41\n");
    }
}
