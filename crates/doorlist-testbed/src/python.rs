//! Python as an independent peer: smtplib sends, aiosmtpd receives, and a test may run its own script.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::folder::Folder;
use crate::maildir::Maildir;
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
