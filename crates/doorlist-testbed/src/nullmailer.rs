//! A real nullmailer, which sends everything to a smart host: unpacked, with its own folders in the place of the machine's.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Result;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::folder::Folder;
use crate::mounts::{self, Mounts};
use crate::packages;
use crate::process::{self, Running};

/// A running nullmailer-send. Dropping it ends it and removes its mail.
#[derive(Debug)]
pub struct Nullmailer {
    /// Dropped first: the program ends before its folder goes.
    daemon: Running,
    folder: Folder,
}

impl Nullmailer {
    /// Starts one of its own.
    ///
    /// # Errors
    /// Fails if nullmailer is not unpacked, the test is not root, or the program does not start.
    pub fn start(smarthost: SocketAddr) -> Result<Self> {
        let folder = Folder::new("nullmailer")?;
        let libraries = packages::unpacked().join("usr/lib/nullmailer");
        // It makes its bounces by a program at this very place.
        let mounts = Mounts::new(&folder, "nullmailer.example.test")?
            .put("/usr/lib/nullmailer", libraries)
            .put("/usr/bin/nullmailer-dsn", packages::unpacked_program("usr/bin/nullmailer-dsn")?);
        folder.add("etc/nullmailer", 0o755, None)?;
        for name in ["", "/queue", "/tmp", "/failed"] {
            folder.add(&format!("spool/nullmailer{name}"), 0o755, None)?;
        }
        mkfifo(&folder.path().join("spool/nullmailer/trigger"), Mode::from_bits_truncate(0o600))?;
        let remote = format!("{} smtp --port={}\n", smarthost.ip(), smarthost.port());
        folder.write("etc/nullmailer/remotes", remote)?;
        // The seconds until it tries again, which double each time.
        folder.write("etc/nullmailer/pausetime", "3600\n")?;
        let mut program = mounts.program(&packages::unpacked_program("usr/sbin/nullmailer-send")?);
        program.command().env("NULLMAILER_QUEUE", queue_program()?);
        let mut daemon = program.start()?;
        let log = folder.path().join("log");
        daemon.wait_until("looks into its queue", || {
            fs::read_to_string(&log).is_ok_and(|log| log.contains("Rescanning queue"))
        })?;
        Ok(Self { daemon, folder })
    }

    /// Gives it one message, as a program of its machine would; with LF at the line ends.
    ///
    /// # Errors
    /// Fails if it does not take it.
    pub fn send(&self, sender: &str, recipients: &[String], message: &[u8]) -> Result<()> {
        let file = self.folder.write("message", message)?;
        let mut inject = mounts::beside(self.daemon.pid(), &packages::unpacked_program("usr/bin/nullmailer-inject")?);
        inject.args(["-f", sender, "--"]).args(recipients).env("NULLMAILER_QUEUE", queue_program()?);
        inject.stdin(Stdio::from(fs::File::open(file)?));
        process::run(&mut inject).map(drop)
    }

    /// How many messages wait in its queue.
    ///
    /// # Errors
    /// Fails if the queue cannot be read.
    pub fn waiting(&self) -> Result<usize> {
        crate::maildir::files_below(&self.folder.path().join("spool/nullmailer/queue"))
    }

    /// Makes it try all of them again, now.
    ///
    /// # Errors
    /// Fails if it does not run.
    pub fn retry(&self) -> Result<()> {
        Ok(fs::write(self.folder.path().join("spool/nullmailer/trigger"), "x")?)
    }

    /// What it has logged.
    ///
    /// # Errors
    /// Fails if the log cannot be read.
    pub fn log(&self) -> Result<String> {
        self.daemon.log()
    }
}

fn queue_program() -> Result<PathBuf> {
    packages::unpacked_program("usr/sbin/nullmailer-queue")
}
