//! The repository: its path and its files.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::program;

/// The folder that holds the root `Cargo.toml`.
pub(crate) fn root() -> Result<PathBuf> {
    let xtask = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").context("not started by cargo: run `cargo xtask`")?);
    Ok(xtask.parent().context("xtask does not lie in the repository")?.to_owned())
}

/// The folder that cargo builds into.
pub(crate) fn target() -> Result<PathBuf> {
    let root = root()?;
    let metadata = program::output(program::cargo(&root).args(["metadata", "--no-deps", "--format-version=1"]))?;
    let folder = metadata.split_once("\"target_directory\":\"").and_then(|(_, rest)| rest.split_once('"'));
    Ok(PathBuf::from(folder.context("cargo metadata names no target_directory")?.0))
}

/// A text file of the repository.
#[derive(Debug)]
pub(crate) struct TextFile {
    /// From the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The text files that are, or are about to be, under version control; ordered by path.
pub(crate) fn text_files() -> Result<Vec<TextFile>> {
    let root = root()?;
    // A clone that belongs to somebody else (a container's mount) is read all the same: we only list its files.
    let listed = program::output(
        Command::new("git")
            .args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(&root),
    )?;
    let mut files = Vec::new();
    for path in listed.split_terminator('\0') {
        let file = root.join(path);
        // Listed, but deleted in the working folder; or a link, whose target is looked at by itself.
        if !file.is_file() || file.is_symlink() {
            continue;
        }
        let bytes = fs::read(&file).with_context(|| format!("reading {path}"))?;
        // Fuzz corpora, certificates and pictures are not text.
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(TextFile { path: path.to_owned(), text });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}
