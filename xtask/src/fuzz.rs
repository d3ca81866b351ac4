//! `cargo xtask fuzz`: runs the fuzz targets of the parsers, each for a while.
//!
//! The corpus in the repository is only read: the fuzzer works on a copy in the build folder. `--keep` merges inputs
//! that reach new code into the corpus, for later runs and for the tests that replay it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::program::{self, cargo_of};
use crate::repository;

/// cargo-fuzz needs a compiler with sanitizers.
const TOOLCHAIN: &str = "nightly";
/// The version that is installed when there is none.
const CARGO_FUZZ: &str = "0.13.2";
/// An input that takes longer is a finding.
const SECONDS_MAX: u32 = 10;
/// A target that needs more memory is a finding.
const MEGABYTES_MAX: u32 = 2_048;

/// Which targets, and for how long.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only this target; all without it
    target: Option<String>,
    /// How long each target runs
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// Merge what reaches new code into the kept corpus
    #[arg(long)]
    keep: bool,
}

/// One target and where its things lie.
#[derive(Debug)]
struct Target {
    name: String,
    /// The fuzz package beside the parser: `crates/*/fuzz`.
    package: PathBuf,
    /// The fuzzer's own folder below the build folder.
    work: PathBuf,
}

/// Runs them one after another; all of them, also after a finding.
pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(options.minutes > 0.0, "--minutes must be more than 0");
    let root = repository::root()?;
    tools(&root)?;
    let work = repository::target()?.join("fuzz");
    let mut targets = Vec::new();
    for package in packages(&root)? {
        targets.extend(targets_of(&root, &package, &work)?);
    }
    let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
    let chosen: Vec<&Target> =
        targets.iter().filter(|target| options.target.as_ref().is_none_or(|name| *name == target.name)).collect();
    ensure!(!chosen.is_empty(), "no such target; there are: {}", names.join(", "));

    let mut findings = Vec::new();
    for (number, target) in chosen.iter().enumerate() {
        println!("\n== {}/{} {}: {} min", number + 1, chosen.len(), target.name, options.minutes);
        if let Err(error) = target.run(&root, options.minutes) {
            println!("== {}: {error:#}", target.name);
            findings.push(target.name.as_str());
        } else if options.keep {
            target.keep(&root)?;
        }
    }
    ensure!(findings.is_empty(), "\ncargo xtask fuzz: findings in {}; see above", findings.join(", "));
    let names: Vec<&str> = chosen.iter().map(|target| target.name.as_str()).collect();
    println!("\ncargo xtask fuzz: no finding in {} ({} min each)", names.join(", "), options.minutes);
    Ok(())
}

/// The fuzz packages of the repository.
pub(crate) fn packages(root: &Path) -> Result<Vec<PathBuf>> {
    let mut packages = Vec::new();
    for entry in fs::read_dir(root.join("crates"))? {
        let package = entry?.path().join("fuzz");
        if package.join("Cargo.toml").exists() {
            packages.push(package);
        }
    }
    packages.sort();
    Ok(packages)
}

fn tools(root: &Path) -> Result<()> {
    ensure!(
        program::succeeds(Command::new("rustup").args(["run", TOOLCHAIN, "rustc", "--version"])),
        "fuzzing needs a compiler with sanitizers: rustup toolchain install {TOOLCHAIN} --profile minimal"
    );
    if !program::succeeds(cargo_of(TOOLCHAIN, root).args(["fuzz", "--version"])) {
        program::run(cargo_of(TOOLCHAIN, root).args(["install", "--locked", "cargo-fuzz", "--version", CARGO_FUZZ]))?;
    }
    Ok(())
}

fn targets_of(root: &Path, package: &Path, work: &Path) -> Result<Vec<Target>> {
    let names = program::output(cargo_of(TOOLCHAIN, root).args(["fuzz", "list", "--fuzz-dir"]).arg(package))?;
    let beside = package.parent().and_then(Path::file_name).context("a fuzz package without a crate beside it")?;
    let target =
        |name: &str| Target { name: name.to_owned(), package: package.to_owned(), work: work.join(beside).join(name) };
    Ok(names.split_whitespace().map(target).collect())
}

impl Target {
    fn kept(&self) -> PathBuf {
        self.package.join("corpus").join(&self.name)
    }

    fn corpus(&self) -> PathBuf {
        self.work.join("corpus")
    }

    fn findings(&self) -> PathBuf {
        self.work.join("findings")
    }

    /// cargo-fuzz on this target, its first corpus folder being the one that is written to.
    fn command(&self, root: &Path, corpora: &[PathBuf]) -> Command {
        let mut command = cargo_of(TOOLCHAIN, root);
        command.args(["fuzz", "run", "--fuzz-dir"]).arg(&self.package).arg("--target-dir");
        command.arg(self.work.with_file_name("build")).arg(&self.name).args(corpora).arg("--");
        command
    }

    fn run(&self, root: &Path, minutes: f64) -> Result<()> {
        fs::create_dir_all(self.findings())?;
        copy_new(&self.kept(), &self.corpus())?;
        let ran = program::run(
            self.command(root, &[self.corpus()])
                .arg(format!("-max_total_time={}", (minutes * 60.0).ceil()))
                .arg(format!("-timeout={SECONDS_MAX}"))
                .arg(format!("-rss_limit_mb={MEGABYTES_MAX}"))
                .arg("-print_final_stats=1")
                .arg(format!("-artifact_prefix={}/", self.findings().display())),
        );
        let Err(error) = ran else { return Ok(()) };
        let newest = newest_file(&self.findings())?;
        match newest {
            Some(input) => bail!("FINDING: the input lies in {}; {error:#}", input.display()),
            None => Err(error),
        }
    }

    /// libFuzzer copies only what reaches code that the kept corpus does not. How often it is reached does not count: a
    /// corpus of thousands of files would be nobody's.
    fn keep(&self, root: &Path) -> Result<()> {
        fs::create_dir_all(self.kept())?;
        let merge = ["-set_cover_merge=1", "-use_counters=0"];
        program::run(self.command(root, &[self.kept(), self.corpus()]).args(merge))
    }
}

/// Copies the files that are not there yet.
fn copy_new(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    if !from.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let copy = to.join(entry.file_name());
        if entry.path().is_file() && !copy.exists() {
            fs::copy(entry.path(), copy)?;
        }
    }
    Ok(())
}

fn newest_file(folder: &Path) -> Result<Option<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files.push((entry.metadata()?.modified()?, entry.path()));
    }
    Ok(files.into_iter().max().map(|(_, path)| path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    #[test]
    fn the_kept_corpus_is_copied_and_what_was_found_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (kept, work) = (folder.path().join("kept"), folder.path().join("work"));
        copy_new(&kept, &work).unwrap();
        fs::create_dir(&kept).unwrap();
        fs::write(kept.join("a"), "kept").unwrap();
        fs::write(work.join("b"), "found").unwrap();
        copy_new(&kept, &work).unwrap();
        assert_eq!(fs::read_to_string(work.join("a")).unwrap(), "kept");
        assert_eq!(fs::read_to_string(work.join("b")).unwrap(), "found");
        assert!(!kept.join("b").exists());
    }

    #[test]
    fn the_newest_finding_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(newest_file(folder.path()).unwrap(), None);
        fs::write(folder.path().join("crash-1"), "").unwrap();
        assert_eq!(newest_file(folder.path()).unwrap(), Some(folder.path().join("crash-1")));
    }

    #[test]
    fn every_fuzz_package_of_the_repository_is_found() {
        let root = repository::root().unwrap();
        let packages = packages(&root).unwrap();
        assert!(packages.contains(&root.join("crates/doorlist-smtp/fuzz")), "{packages:?}");
    }
}
