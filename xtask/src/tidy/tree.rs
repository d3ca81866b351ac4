//! The files of the repository, with every Rust file parsed once.

use anyhow::{Context, Result};

use super::source::{self, Facts};
use crate::repository::{self, TextFile};

/// The text files of the repository, or of a test.
pub(super) struct Tree {
    files: Vec<TextFile>,
    rust: Vec<RustFile>,
}

pub(super) struct RustFile {
    pub(super) path: String,
    pub(super) lines: usize,
    pub(super) facts: Facts,
}

impl RustFile {
    /// The crate of the product whose `src` holds it; None for tests, fuzz targets, the bench and the caretaker.
    pub(super) fn crate_name(&self) -> Option<&str> {
        let (folder, rest) = self.path.strip_prefix("crates/")?.split_once('/')?;
        rest.starts_with("src/").then_some(folder)
    }

    /// Is the whole file there for tests only?
    pub(super) fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs")
            || ["/tests/", "/benches/", "/examples/", "/fuzz/"].iter().any(|folder| self.path.contains(folder))
    }
}

impl Tree {
    /// What is under version control.
    pub(super) fn of_repository() -> Result<Self> {
        Self::from_files(repository::text_files()?)
    }

    /// A tree of a test's own.
    #[cfg(test)]
    #[allow(clippy::unwrap_used)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let file = |&(path, text): &(&str, &str)| TextFile { path: path.to_owned(), text: text.to_owned() };
        Self::from_files(files.iter().map(file).collect()).unwrap()
    }

    fn from_files(files: Vec<TextFile>) -> Result<Self> {
        let mut rust = Vec::new();
        for file in files.iter().filter(|file| file.path.ends_with(".rs")) {
            let facts = source::read(&file.text).with_context(|| format!("reading {} as Rust", file.path))?;
            rust.push(RustFile { path: file.path.clone(), lines: file.text.lines().count(), facts });
        }
        Ok(Self { files, rust })
    }

    pub(super) fn file_count(&self) -> usize {
        self.files.len()
    }

    pub(super) fn files(&self) -> &[TextFile] {
        &self.files
    }

    /// The files whose name ends so.
    pub(super) fn ending<'a>(&'a self, end: &'a str) -> impl Iterator<Item = &'a TextFile> {
        self.files.iter().filter(move |file| file.path.ends_with(end))
    }

    pub(super) fn file(&self, path: &str) -> Option<&TextFile> {
        self.files.iter().find(|file| file.path == path)
    }

    pub(super) fn rust(&self) -> &[RustFile] {
        &self.rust
    }

    /// Is there a file or a folder of this path?
    pub(super) fn holds(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let below = format!("{path}/");
        path.is_empty() || self.files.iter().any(|file| file.path == path || file.path.starts_with(&below))
    }
}
