//! The steps of `cargo xtask check`: quick ones first, the tests last, so that their summary is at the end.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Result, bail};
use doorlist_testbed::packages;

use super::debian;
use crate::program::{self, cargo};
use crate::{repository, tidy};

/// How a step ended that did not fail.
pub(super) enum Outcome {
    /// All that it looks at is fine.
    Passed,
    /// It could not be done on this machine, and why; said again in the closing line.
    NotHere(&'static str),
}

pub(super) struct Step {
    pub(super) name: &'static str,
    /// What it does, for people.
    pub(super) about: &'static str,
    pub(super) run: fn() -> Result<Outcome>,
}

impl Step {
    const fn new(name: &'static str, about: &'static str, run: fn() -> Result<Outcome>) -> Self {
        Self { name, about, run }
    }
}

/// All of them, in their order.
pub(super) const STEPS: &[Step] = &[
    Step::new("packages", "what the tests need from Debian is there", || passed(debian::install())),
    Step::new("tools", "cargo-nextest and cargo-deny are there", || passed(tools())),
    Step::new("format", "the code is formatted", || passed(format())),
    Step::new("tidy", "the house rules hold", || passed(tidy::run())),
    Step::new("deny", "licences, sources and owners of dependencies are fine", || passed(deny())),
    Step::new("advisories", "no dependency has a known weakness", advisories),
    Step::new("clippy", "no warning in any target", || passed(clippy())),
    Step::new("docs", "the documentation builds and its examples run", || passed(docs())),
    Step::new("tests", "all tests", || passed(tests())),
];

fn passed(done: Result<()>) -> Result<Outcome> {
    done.map(|()| Outcome::Passed)
}

/// Cargo's tools: the subcommand, its crate and the version that is installed when there is none.
const TOOLS: &[(&str, &str, &str)] = &[("nextest", "cargo-nextest", "0.9.143"), ("deny", "cargo-deny", "0.20.2")];

fn tools() -> Result<()> {
    let root = repository::root()?;
    for (subcommand, package, version) in TOOLS {
        if program::succeeds(cargo(&root).args([subcommand, "--version"])) {
            println!("{package} is there");
        } else {
            program::run(cargo(&root).args(["install", "--locked", package, "--version", version]))?;
        }
    }
    Ok(())
}

fn format() -> Result<()> {
    let root = repository::root()?;
    program::run(cargo(&root).args(["fmt", "--all", "--check"]))?;
    // The fuzz targets are no members of the workspace: they build with another toolchain.
    for package in crate::fuzz::packages(&root)? {
        let manifest = package.join("Cargo.toml");
        program::run(cargo(&root).args(["fmt", "--check", "--manifest-path"]).arg(manifest))?;
    }
    Ok(())
}

fn deny() -> Result<()> {
    program::run(cargo(&repository::root()?).args(["deny", "--workspace", "check", "bans", "licenses", "sources"]))
}

/// The database of advisories lies on GitHub. Where that cannot be reached the last copy counts; without one this is
/// the only step that the rest does not wait for.
fn advisories() -> Result<Outcome> {
    let root = repository::root()?;
    let mut check = cargo(&root);
    check.args(["deny", "--workspace"]);
    if !program::succeeds(cargo(&root).args(["deny", "fetch", "db"])) {
        println!("the database of advisories cannot be reached; looking for an earlier copy");
        check.arg("--offline");
        if !has_advisories()? {
            return Ok(Outcome::NotHere("the database of advisories cannot be reached"));
        }
    }
    passed(program::run(check.args(["check", "advisories"])))
}

/// Is there a copy of the database, from an earlier run?
fn has_advisories() -> Result<bool> {
    let home = || env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
    let Some(cargo_home) = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home) else { return Ok(false) };
    let copies = cargo_home.join("advisory-dbs");
    if !copies.is_dir() {
        return Ok(false);
    }
    let mut has = false;
    for copy in fs::read_dir(copies)? {
        has |= copy?.path().join("crates").is_dir();
    }
    Ok(has)
}

fn clippy() -> Result<()> {
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    program::run(cargo(&repository::root()?).args(clippy))
}

fn docs() -> Result<()> {
    let root = repository::root()?;
    // For those who build it, not for those who use a library: modules may link to what is private in them.
    let flags = "--deny warnings --allow rustdoc::private-intra-doc-links";
    let doc = ["doc", "--workspace", "--no-deps", "--document-private-items"];
    program::run(cargo(&root).args(doc).env("RUSTDOCFLAGS", flags))?;
    program::run(cargo(&root).args(["test", "--workspace", "--doc", "--quiet"]))
}

fn tests() -> Result<()> {
    let root = repository::root()?;
    let mut command = cargo(&root);
    command.args(["nextest", "run", "--workspace"]);
    if !program::is_root() {
        through_sudo(&root, &mut command)?;
    }
    program::run(&mut command)
}

/// Postfix and Exim, the real destinations, only start as root: so the built tests are run by sudo.
fn through_sudo(root: &Path, command: &mut Command) -> Result<()> {
    println!("not root: the tests run through sudo, because Postfix and Exim only start as root");
    if !Command::new("sudo").arg("--validate").status().is_ok_and(|status| status.success()) {
        bail!("sudo does not let us; run `cargo xtask check` as root");
    }
    let version = program::output(Command::new("rustc").arg("-vV").current_dir(root))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let runner = format!("CARGO_TARGET_{}_RUNNER", host.to_uppercase().replace('-', "_"));
    command.env(runner, "sudo --preserve-env").env("DOORLIST_CACHE", packages::cache());
    Ok(())
}
