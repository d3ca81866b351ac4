//! The programs under test, from Debian's packages. Postfix is installed without a configuration; Exim, which
//! conflicts with it, is only unpacked. No service of the machine is started or changed.

use crate::machine::{project_root, target_folder};
use crate::server::must;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is installed: the peers' programs, and the libraries of the unpacked Exim.
const INSTALL: &[&str] = &[
    "postfix",
    "postfix-lmdb",
    "postfix-cdb",
    "strace",
    "libgnutls-dane0",
    "libidn12",
    "libldap-2.5-0",
    "libmariadb3",
    "libnsl2",
    "libpam0g",
    "libperl5.36",
    "libpq5",
    "libsasl2-2",
    "libspf2-2",
];
/// What judges mail beside Postfix; each package with the program that shows that it is installed.
const FILTERS: &[(&str, &str)] = &[
    ("opendkim", "opendkim"),
    ("opendmarc", "opendmarc"),
    ("postfix-policyd-spf-python", "policyd-spf"),
    ("rspamd", "rspamd"),
    ("openssl", "openssl"),
];
/// Gives the name server its address.
const IP: (&str, &str) = ("iproute2", "ip");
/// OpenDMARC wants its list, which no program shows.
const SUFFIXES: &str = "publicsuffix";
const UNPACK: &[&str] = &["exim4-base", "exim4-daemon-heavy"];
/// Debian asks this file whether an installation may start a service (invoke-rc.d(8)).
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Where the programs are.
#[derive(Clone, Debug)]
pub(crate) struct Packages {
    exim: PathBuf,
    exim_version: String,
    doorlist: PathBuf,
}

impl Packages {
    /// Installs what is missing; `cache` keeps what was unpacked. Without `doorlist`, that binary is the one that is built.
    pub(crate) fn provide(cache: &Path, doorlist: Option<&Path>) -> Result<Self> {
        if !nix::unistd::geteuid().is_root() {
            bail!("Postfix and Exim can only be started by root: run the same command with `sudo -E env PATH=$PATH`");
        }
        let exim = cache.join("packages/exim/usr/sbin/exim4");
        let installed = ["postfix", "strace"].iter().all(|program| find_program(program))
            && ["lmdb", "cdb"].iter().all(|kind| Path::new(&format!("/usr/lib/postfix/postfix-{kind}.so")).exists());
        if !installed || !exim.exists() {
            eprintln!("bench: installing Postfix, unpacking Exim");
            install(cache)?;
        }
        let exim_version = package_version(cache, "exim4-base").unwrap_or_else(|| "unknown".to_owned());
        // Its commands run in folders of their own.
        let doorlist = match doorlist {
            Some(binary) => std::path::absolute(binary)?,
            None => target_folder().join("release/doorlist"),
        };
        Ok(Self { exim, exim_version, doorlist })
    }

    pub(crate) fn exim(&self) -> &Path {
        &self.exim
    }

    /// Which Exim it is, as Debian counts.
    pub(crate) fn exim_version(&self) -> &str {
        &self.exim_version
    }

    /// The example of doorlist-core that measures the list in memory.
    pub(crate) fn list_lookup(&self) -> PathBuf {
        target_folder().join("release/examples/list_lookup")
    }

    /// The example of doorlist-store that writes days of decisions.
    pub(crate) fn asked_days(&self) -> PathBuf {
        target_folder().join("release/examples/asked_days")
    }

    pub(crate) fn doorlist(&self) -> &Path {
        &self.doorlist
    }
}

/// Builds Doorlist as it is released.
pub(crate) fn build_doorlist() -> Result<()> {
    build(&["--package", "doorlist"])
}

/// Builds the example that measures the list in memory.
pub(crate) fn build_list_lookup() -> Result<()> {
    build(&["--package", "doorlist-core", "--example", "list_lookup"])
}

/// Builds the example that writes days of decisions.
pub(crate) fn build_asked_days() -> Result<()> {
    build(&["--package", "doorlist-store", "--example", "asked_days"])
}

fn build(what: &[&str]) -> Result<()> {
    eprintln!("bench: cargo build --release {}", what.join(" "));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--quiet"]).args(what).current_dir(project_root());
    let built = command.env("CARGO_TARGET_DIR", target_folder()).status().context("cannot run cargo")?;
    if !built.success() {
        bail!("{} does not build", what.join(" "));
    }
    Ok(())
}

fn find_program(name: &str) -> bool {
    ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].iter().any(|folder| Path::new(folder).join(name).exists())
}

fn install(cache: &Path) -> Result<()> {
    let unpacked = cache.join("packages/exim");
    let downloads = cache.join("packages");
    fs::create_dir_all(&downloads)?;
    apt(&["update"], &downloads)?;
    install_all(INSTALL.iter().copied(), &downloads)?;
    for package in UNPACK {
        apt(&["download", package], &downloads)?;
        let file = downloaded(cache, package).with_context(|| format!("apt-get download {package} left no file"))?;
        let file = downloads.join(file);
        must(Command::new("dpkg-deb").arg("--extract").arg(file).arg(&unpacked))?;
    }
    Ok(())
}

/// Installs these, and starts nothing.
fn install_all(packages: impl Iterator<Item = &'static str>, folder: &Path) -> Result<()> {
    let _guard = NoServices::declare()?;
    preseed()?;
    // Rather fail than take the machine's own mail server away.
    let mut arguments = vec!["install", "--yes", "--no-install-recommends", "--no-remove"];
    arguments.extend(packages);
    apt(&arguments, folder)
}

/// Installs the filters beside Postfix that are missing; `cache` is where apt works.
pub(crate) fn provide_filters(cache: &Path) -> Result<()> {
    let programs = || FILTERS.iter().chain([&IP]);
    if programs().all(|(_, program)| find_program(program)) {
        return Ok(());
    }
    eprintln!("bench: installing OpenDKIM, OpenDMARC, policyd-spf and Rspamd");
    apt(&["update"], cache)?;
    install_all(programs().map(|(package, _)| *package).chain([SUFFIXES]), cache)
}

/// The filters with their versions, as far as they are installed.
pub(crate) fn filter_versions() -> Vec<String> {
    let version = |package: &str| {
        let output = Command::new("dpkg-query").args(["-W", "-f", "${Version}", package]).output().ok()?;
        let version = String::from_utf8(output.stdout).ok().filter(|version| !version.is_empty())?;
        Some(format!("{package} {version}"))
    };
    FILTERS.iter().filter_map(|(package, _)| version(package)).collect()
}

/// The file name `PACKAGE_VERSION_ARCHITECTURE.deb` of a downloaded package.
fn downloaded(cache: &Path, package: &str) -> Option<String> {
    let entries = fs::read_dir(cache.join("packages")).ok()?;
    let mut names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.find(|name| name.split('_').next() == Some(package))
}

fn package_version(cache: &Path, package: &str) -> Option<String> {
    Some(downloaded(cache, package)?.split('_').nth(1)?.to_owned())
}

fn apt(arguments: &[&str], folder: &Path) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.args(["--quiet", "-o", "DPkg::Lock::Timeout=300"]).args(arguments).current_dir(folder);
    must(command.env("DEBIAN_FRONTEND", "noninteractive")).map(|_| ())
}

/// Postfix is to come without a configuration, so that it cannot run by itself.
fn preseed() -> Result<()> {
    let answer = "postfix postfix/main_mailer_type select No configuration";
    must(Command::new("sh").args(["-c", "echo \"$0\" | debconf-set-selections", answer])).map(|_| ())
}

/// While it lives, no installation starts a service; a policy that the machine already has stays as it is.
struct NoServices {
    ours: bool,
}

impl NoServices {
    fn declare() -> Result<Self> {
        let ours = !Path::new(POLICY).exists();
        if ours {
            fs::write(POLICY, "#!/bin/sh\nexit 101\n")?;
            must(Command::new("chmod").args(["755", POLICY]))?;
        }
        Ok(Self { ours })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours {
            let _ = fs::remove_file(POLICY);
        }
    }
}
