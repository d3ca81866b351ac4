//! The Debian packages for the tests: installed, or unpacked into the cache folder.
//!
//! The list is in [`doorlist_testbed::packages`]. If nothing is missing, this step needs no privileges. It never
//! starts, enables or changes a service of the machine (`install.sh`).

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use doorlist_testbed::packages::{self, EXIM_ACCOUNT, FILES, INSTALLED, PROGRAMS};
use nix::unistd::User;

use crate::program::{self, as_root};

/// Installs what is missing as root, without touching a service.
const INSTALL: &str = include_str!("install.sh");
/// Debian's Python; the first one in the path may be another.
const PYTHON: &str = "/usr/bin/python3";

/// Makes sure that all of it is there.
pub(super) fn install() -> Result<()> {
    let missing: Vec<&str> = INSTALLED.iter().copied().filter(|package| !is_installed(package)).collect();
    let unpacked: Vec<&str> = PROGRAMS.iter().chain(FILES).copied().collect();
    let not_unpacked: Vec<&str> = unpacked.iter().copied().filter(|package| !is_unpacked(package)).collect();
    let has_account = User::from_name(EXIM_ACCOUNT)?.is_some();
    let has_python_tests = missing.is_empty() && is_unpacked(&python_tests()?);
    if missing.is_empty() && not_unpacked.is_empty() && has_account && has_python_tests {
        println!("all {} packages are there", INSTALLED.len() + unpacked.len() + 1);
        return Ok(());
    }
    ensure!(
        Path::new("/usr/bin/apt-get").exists(),
        "this machine has no apt-get; the tests need these of Debian's packages: {}, {}",
        INSTALLED.join(", "),
        unpacked.join(", ")
    );
    if !program::is_root() {
        println!("not root: packages are installed through sudo");
    }
    program::run(as_root("apt-get").args(["-o", "DPkg::Lock::Timeout=300", "--quiet", "update"]))?;
    let mut wanted = missing;
    let libraries = libraries_of(PROGRAMS)?;
    wanted.extend(libraries.iter().map(String::as_str).filter(|package| !is_installed(package)));
    if !wanted.is_empty() {
        program::run(as_root("/bin/sh").args(["-c", INSTALL, "install.sh"]).args(&wanted))?;
    }
    for package in unpacked {
        unpack(package)?;
    }
    unpack(&python_tests()?)?;
    add_exim_account()
}

fn is_installed(package: &str) -> bool {
    let query = ["--show", "--showformat=${db:Status-Status}", package];
    program::output(Command::new("dpkg-query").args(query)).is_ok_and(|status| status == "installed")
}

/// The package with Python's own tests, for the Python that is installed.
fn python_tests() -> Result<String> {
    let version = "import sys; print('%d.%d' % sys.version_info[:2])";
    Ok(packages::python_tests(program::output(Command::new(PYTHON).args(["-c", version]))?.trim()))
}

/// The libraries that unpacked programs link to; these do no harm installed.
fn libraries_of(programs: &[&str]) -> Result<Vec<String>> {
    let depends = program::output(
        Command::new("apt-cache")
            .args(["depends", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks", "--no-replaces"])
            .args(programs),
    )?;
    let names = depends.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    Ok(names.filter(|name| name.starts_with("lib")).map(str::to_owned).collect())
}

/// The file that says a package is unpacked.
fn stamp(package: &str) -> std::path::PathBuf {
    packages::unpacked().join(".unpacked").join(package)
}

fn is_unpacked(package: &str) -> bool {
    stamp(package).exists()
}

/// Downloads a package as a file and lays what it holds into the cache folder, without its set-user-id bits.
fn unpack(package: &str) -> Result<()> {
    if is_unpacked(package) {
        return Ok(());
    }
    let root = packages::unpacked();
    let downloads = root.join(".downloads");
    fs::create_dir_all(&downloads).with_context(|| format!("making {}", downloads.display()))?;
    program::run(
        Command::new("apt-get")
            // The account that apt downloads as cannot write into our folder.
            .args(["-o", "APT::Sandbox::User=root", "--quiet", "download", package])
            .current_dir(&downloads),
    )?;
    let Some(file) = fs::read_dir(&downloads)?
        .filter_map(Result::ok)
        .find(|entry| entry.file_name().to_string_lossy().starts_with(&format!("{package}_")))
    else {
        bail!("apt-get has downloaded {package}, but {} does not hold it", downloads.display());
    };
    program::run(Command::new("dpkg-deb").arg("--extract").arg(file.path()).arg(&root))?;
    program::run(Command::new("chmod").args(["-R", "ug-s"]).arg(&root))?;
    fs::remove_file(file.path())?;
    let stamp = stamp(package);
    fs::create_dir_all(stamp.parent().unwrap_or(&root))?;
    fs::write(stamp, "")?;
    Ok(())
}

/// The account that Exim's package, installed, would make.
fn add_exim_account() -> Result<()> {
    if User::from_name(EXIM_ACCOUNT)?.is_some() {
        return Ok(());
    }
    let options = ["--system", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin"];
    program::run(as_root("useradd").args(options).arg(EXIM_ACCOUNT))
}
