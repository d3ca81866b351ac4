//! The steps of `cargo xtask check`: the quick ones first, the tests last, so that their summary is what a person sees.

use std::path::Path;

use anyhow::{Result, bail};
use doorlist_testbed::packages;

use super::debian;
use crate::program::{self, cargo};
use crate::{repository, tidy};

/// One step.
pub(super) struct Step {
    /// For `--only`.
    pub(super) name: &'static str,
    /// What it does, for people.
    pub(super) about: &'static str,
    /// Does it.
    pub(super) run: fn() -> Result<()>,
}

/// All of them, in their order.
pub(super) const STEPS: &[Step] = &[
    Step { name: "packages", about: "what the tests need from Debian is there", run: debian::install },
    Step { name: "tools", about: "cargo-nextest and cargo-deny are there", run: tools },
    Step { name: "format", about: "the code is formatted", run: format },
    Step { name: "tidy", about: "the house rules hold", run: tidy::run },
    Step { name: "deny", about: "licences, advisories and sources of dependencies are fine", run: deny },
    Step { name: "clippy", about: "no warning in any target", run: clippy },
    Step { name: "docs", about: "the documentation builds and its examples run", run: docs },
    Step { name: "tests", about: "all tests", run: tests },
];

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
    program::run(cargo(&repository::root()?).args(["deny", "--workspace", "check"]))
}

fn clippy() -> Result<()> {
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    program::run(cargo(&repository::root()?).args(clippy))
}

fn docs() -> Result<()> {
    let root = repository::root()?;
    let doc = ["doc", "--workspace", "--no-deps", "--document-private-items"];
    program::run(cargo(&root).args(doc).env("RUSTDOCFLAGS", "--deny warnings"))?;
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
fn through_sudo(root: &Path, command: &mut std::process::Command) -> Result<()> {
    println!("not root: the tests run through sudo, because Postfix and Exim only start as root");
    if !std::process::Command::new("sudo").arg("--validate").status().is_ok_and(|status| status.success()) {
        bail!("sudo does not let us; run `cargo xtask check` as root");
    }
    let version = program::output(std::process::Command::new("rustc").arg("-vV").current_dir(root))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let runner = format!("CARGO_TARGET_{}_RUNNER", host.to_uppercase().replace('-', "_"));
    command.env(runner, "sudo --preserve-env").env("DOORLIST_CACHE", packages::cache());
    Ok(())
}
