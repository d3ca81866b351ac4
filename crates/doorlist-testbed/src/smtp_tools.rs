//! SMTP tools of administrators: Postfix's `smtp-source` and `smtp-sink`, swaks and msmtp.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::folder::Folder;
use crate::ports;
use crate::process::{self, Program, Running};

/// Where Debian keeps Postfix's programs.
const SMTP_SINK: &str = "/usr/sbin/smtp-sink";
const SMTP_SOURCE: &str = "/usr/sbin/smtp-source";
/// How many connections may wait to be accepted by smtp-sink.
const BACKLOG: &str = "1000";

/// A running `smtp-sink`, which takes all mail and keeps none. Dropping it ends it.
#[derive(Debug)]
pub struct SmtpSink {
    /// Dropped first: the program ends before its folder goes.
    _running: Running,
    _folder: Folder,
    address: SocketAddr,
}

impl SmtpSink {
    /// Starts one; `options` are its own, such as `-f rcpt` (answer with a 4xx) or `-q data` (hang up).
    ///
    /// # Errors
    /// Fails if it is not installed or does not start.
    pub fn start(options: &[&str]) -> Result<Self> {
        let folder = Folder::new("smtp-sink")?;
        let address = SocketAddr::from(([127, 0, 0, 1], ports::free()?));
        let mut program = Program::new(SMTP_SINK, None, folder.path().join("log"));
        if let Some(nobody) = process::account("nobody")? {
            // As root it insists on an account to change to.
            program.command().args(["-u", &nobody.name]);
        }
        program.command().current_dir(folder.path()).args(options).arg(format!("inet:{address}")).arg(BACKLOG);
        let mut running = program.start()?;
        running.wait_for_port(address)?;
        Ok(Self { _running: running, _folder: folder, address })
    }

    /// Where it takes mail.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Mail that `smtp-source` makes and sends.
#[derive(Debug, Clone)]
pub struct Load<'a> {
    /// Sessions side by side.
    pub sessions: usize,
    pub messages: usize,
    /// Octets of each message.
    pub length: usize,
    pub sender: &'a str,
    pub recipient: &'a str,
    /// Further options of its own, such as `-d` (keep connections open) or `-r 10` (ten recipients each).
    pub options: &'a [&'a str],
}

impl Load<'_> {
    /// Sends it and hands back how long that took.
    ///
    /// # Errors
    /// Fails if any command was refused.
    pub fn send(&self, address: SocketAddr) -> Result<Duration> {
        let begin = Instant::now();
        process::run(
            Command::new(SMTP_SOURCE)
                .args(["-s", &self.sessions.to_string(), "-m", &self.messages.to_string()])
                .args(["-l", &self.length.to_string(), "-f", self.sender, "-t", self.recipient])
                .args(self.options)
                .arg(format!("inet:{address}")),
        )?;
        Ok(begin.elapsed())
    }
}

/// One dialogue that swaks or msmtp had.
#[derive(Debug, Clone)]
pub struct Dialogue {
    /// What was said, with swaks's arrows: `->` it said, `<-` a good answer, `<**` a refusal. msmtp tells only of a refusal.
    pub transcript: String,
    /// Exit code: 0 when all went well; swaks's 24 when no recipient was accepted; msmtp's are those of sysexits.h.
    pub code: i32,
}

/// Has swaks talk to `address`; `options` are its own, such as `--to` and `--quit-after`.
///
/// # Errors
/// Fails if swaks is not installed.
pub fn swaks(address: SocketAddr, options: &[&str]) -> Result<Dialogue> {
    let output = Command::new("swaks")
        .args(["--server", &address.ip().to_string(), "--port", &address.port().to_string()])
        .args(options)
        .output()
        .context("running swaks; `cargo xtask check` installs it")?;
    let transcript = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    Ok(Dialogue { transcript, code: output.status.code().unwrap_or(-1) })
}

/// Has msmtp send one message to all of these recipients, in one session without TLS.
///
/// # Errors
/// Fails if msmtp is not installed.
pub fn msmtp(address: SocketAddr, sender: &str, recipients: &[&str], message: &[u8]) -> Result<Dialogue> {
    let folder = Folder::new("msmtp")?;
    let file = folder.write("message", message)?;
    let output = Command::new("msmtp")
        .args(["--file=/dev/null", "--auth=off", "--tls=off", "--domain=msmtp.example.test"])
        .args([format!("--host={}", address.ip()), format!("--port={}", address.port())])
        .args(["--from", sender, "--"])
        .args(recipients)
        .stdin(std::fs::File::open(file)?)
        .output()
        .context("running msmtp; `cargo xtask check` installs it")?;
    let transcript = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(Dialogue { transcript, code: output.status.code().unwrap_or(-1) })
}
