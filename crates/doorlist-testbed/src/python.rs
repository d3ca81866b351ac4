//! Python as an independent peer: smtplib sends, aiosmtpd receives, and a test may run its own script. Programs from PyPI
//! come with pinned dependencies, each into its own environment in the cache folder; the first test on a machine installs it.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::folder::Folder;
use crate::maildir::Maildir;
use crate::packages;
use crate::ports;
use crate::process::{self, Program, Running};

/// Debian's Python, for which the packages are installed; the first one in the path may be another.
pub const PYTHON: &str = "/usr/bin/python3";

/// An envelope for [`send`].
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    /// Empty for the null sender.
    pub sender: &'a str,
    pub recipients: &'a [&'a str],
    /// Parameters of `MAIL FROM`, such as `SMTPUTF8` or `BODY=8BITMIME`.
    pub options: &'a [&'a str],
}

/// Sends messages, byte for byte but for dot-stuffing, in one session of Python's smtplib. Hands back a reply for each:
/// to the message, or the first refusal before it.
///
/// # Errors
/// Fails if the session breaks.
pub fn send<M: AsRef<[u8]>>(address: SocketAddr, envelope: Envelope<'_>, messages: &[M]) -> Result<Vec<String>> {
    /// More would not fit into one command line on every system.
    const MESSAGES_MAX: usize = 5_000;
    ensure!(messages.len() <= MESSAGES_MAX, "at most {MESSAGES_MAX} messages a session");
    let folder = Folder::new("smtplib")?;
    let mut command = Command::new(PYTHON);
    command.arg("-c").arg(include_str!("python/send.py")).current_dir(folder.path());
    command.arg(address.ip().to_string()).arg(address.port().to_string());
    command.arg(envelope.sender).arg(envelope.options.join(" ")).arg(envelope.recipients.join("\n"));
    for (number, message) in messages.iter().enumerate() {
        fs::write(folder.path().join(number.to_string()), message)?;
        command.arg(number.to_string());
    }
    Ok(String::from_utf8(process::run(&mut command)?)?.lines().map(str::to_owned).collect())
}

/// Runs a script to its end and hands back what it printed.
///
/// # Errors
/// Fails if the script fails; with what it wrote on stderr.
pub fn run(script: &str, arguments: &[&str]) -> Result<String> {
    Ok(String::from_utf8(process::run(Command::new(PYTHON).arg("-c").arg(script).args(arguments))?)?)
}

/// A program from PyPI, after installing it when no test on this machine has done so. `requirements` are exact versions, as
/// `pip freeze` lists them.
pub(crate) fn installed(program: &str, requirements: &str) -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    (requirements, process::run(Command::new(PYTHON).arg("--version"))?).hash(&mut hasher);
    let cache = packages::cache().join(program);
    fs::create_dir_all(&cache).with_context(|| format!("making {}", cache.display()))?;
    // Of several tests that begin at once, one installs it and the others wait for it.
    let lock = File::create(cache.join("lock"))?;
    lock.lock()?;
    let environment = cache.join(format!("{:016x}", hasher.finish()));
    // An environment knows its own path and cannot be moved; this file says that it is whole.
    let whole = environment.join("whole");
    if !whole.exists() {
        install(program, requirements, &environment)?;
        fs::write(whole, "")?;
    }
    Ok(environment.join("bin").join(program))
}

fn install(program: &str, requirements: &str, environment: &Path) -> Result<()> {
    let folder = Folder::new("pip")?;
    let requirements = folder.write("requirements.txt", requirements)?;
    let make = |command: &mut Command| process::run(command).map(drop);
    make(Command::new(PYTHON).args(["-m", "venv", "--clear"]).arg(environment))
        .context("python3-venv is missing; `cargo xtask check` installs it")?;
    make(
        Command::new(environment.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"])
            .arg(requirements),
    )
    .with_context(|| format!("{program} comes from PyPI the first time"))
}

/// A destination made of aiosmtpd, which keeps every byte as it came over the wire. Dropping it ends it.
#[derive(Debug)]
pub struct Aiosmtpd {
    /// Dropped first: the program ends before its folder goes.
    _running: Running,
    folder: Folder,
    address: SocketAddr,
}

impl Aiosmtpd {
    /// Starts one that takes everything.
    ///
    /// # Errors
    /// Fails if aiosmtpd is not installed or does not start.
    pub fn start() -> Result<Self> {
        Self::silent_about("")
    }

    /// Starts one that takes everything, but does not tell the null sender who exists in this domain.
    ///
    /// # Errors
    /// Fails if aiosmtpd is not installed or does not start.
    pub fn silent_about(domain: &str) -> Result<Self> {
        let folder = Folder::new("aiosmtpd")?;
        for name in ["inbox", "inbox/tmp", "inbox/new"] {
            folder.add(name, 0o755, None)?;
        }
        let address = SocketAddr::from(([127, 0, 0, 1], ports::free()?));
        let mut program = Program::new(PYTHON, None, folder.path().join("log"));
        program.command().args(["-c", include_str!("python/receive.py"), &address.port().to_string()]);
        program.command().arg(folder.path().join("inbox")).arg(domain);
        let mut running = program.start()?;
        running.wait_for_port(address)?;
        Ok(Self { _running: running, folder, address })
    }

    /// Where it takes mail.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has taken, with the line ends of the wire; a message for two recipients lies there twice.
    #[must_use]
    pub fn maildir(&self) -> Maildir {
        Maildir::at(self.folder.path().join("inbox"))
    }
}
