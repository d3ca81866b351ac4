//! Creates the domain once per machine, with its fixture, and keeps it in the cache folder.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{ActiveDirectory, HOST, PASSWORD, PROGRAM, Setup, TOOL};
use crate::folder::Folder;
use crate::{packages, process};

/// The people of the domain.
const FIXTURE: &str = include_str!("fixture.ldif");
/// Goes up when the domain is set up in another way.
const VERSION: u32 = 1;
/// What of a domain is kept: its data and its shared files.
const KEPT: &[&str] = &["private", "state"];

/// Lays the data of the domain into `folder`, after setting it up when no test on this machine has done so.
pub(super) fn unpack(folder: &Path) -> Result<()> {
    let kept = kept()?;
    let cache = kept.parent().context("the cache has no folder")?;
    fs::create_dir_all(cache).with_context(|| format!("making {}", cache.display()))?;
    // Of several tests that begin at once, one sets it up and the others wait for it.
    let lock = File::create(cache.join("lock"))?;
    lock.lock()?;
    if !kept.exists() {
        set_up(&kept)?;
    }
    drop(lock);
    process::run(Command::new("tar").arg("-xzf").arg(&kept).arg("-C").arg(folder))?;
    Ok(())
}

/// Where it is kept; another Samba or another fixture makes another.
fn kept() -> Result<PathBuf> {
    let version = process::run(Command::new(PROGRAM).arg("--version"))
        .with_context(|| format!("asking {PROGRAM} for its version; `cargo xtask check` installs it"))?;
    let mut hasher = DefaultHasher::new();
    (version, FIXTURE).hash(&mut hasher);
    Ok(packages::cache().join("samba-ad").join(format!("{VERSION}-{:016x}.tar.gz", hasher.finish())))
}

fn set_up(kept: &Path) -> Result<()> {
    let folder = Folder::new("samba-ad")?;
    process::run(
        Command::new(TOOL)
            .args(["domain", "provision", "--realm=AD.EXAMPLE.TEST", "--domain=EXAMPLE", "--server-role=dc"])
            .args(["--dns-backend=NONE", "--host-ip=127.0.0.1", "--option=vfs objects = acl_xattr"])
            .arg(format!("--host-name={}", HOST.split('.').next().unwrap_or(HOST)))
            .arg(format!("--adminpass={PASSWORD}"))
            .arg(format!("--targetdir={}", folder.path().display()))
            .current_dir(folder.path()),
    )?;
    let path = folder.path().to_owned();
    let mut directory = ActiveDirectory::start_in(folder, &Setup::default())?;
    directory.modify(FIXTURE)?;
    directory.stop()?;
    // A name of its own until it is whole.
    let part = kept.with_extension("part");
    process::run(Command::new("tar").arg("-czf").arg(&part).arg("-C").arg(path).args(KEPT))?;
    fs::rename(part, kept)?;
    Ok(())
}
