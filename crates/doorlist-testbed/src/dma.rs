//! The real DragonFly Mail Agent, which sends each message to a smart host, once for each recipient: unpacked, with its own
//! folders in the place of the machine's.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

use crate::folder::Folder;
use crate::mounts::Mounts;
use crate::process::{self, Running};
use crate::{maildir, packages};

/// An agent with its queue. Dropping it ends what still tries, and removes its mail.
#[derive(Debug)]
pub struct Dma {
    /// Those that send, or wait to try again. Dropped first: they end before their folder goes.
    running: Mutex<Vec<Running>>,
    mounts: Mounts,
    folder: Folder,
}

impl Dma {
    /// Sets it up; it has no daemon.
    ///
    /// # Errors
    /// Fails if there is no account for it.
    pub fn new(smarthost: SocketAddr) -> Result<Self> {
        let mail = process::account("mail")?.context("no account mail")?;
        let folder = Folder::new("dma")?;
        let mounts = Mounts::new(&folder, "dma.example.test")?;
        folder.add("etc/dma", 0o755, None)?;
        folder.add("spool/dma", 0o770, Some(&mail))?;
        let (host, port) = (smarthost.ip(), smarthost.port());
        folder.write("etc/dma/dma.conf", format!("SMARTHOST {host}\nPORT {port}\nMAILNAME dma.example.test\n"))?;
        Ok(Self { running: Mutex::default(), mounts, folder })
    }

    /// Gives it one message, as a program of its machine would; with LF at the line ends.
    ///
    /// # Errors
    /// Fails if it is not unpacked or the test is not root.
    pub fn send(&self, sender: &str, recipients: &[String], message: &[u8]) -> Result<()> {
        // A file of its own: it is read behind this call.
        let number = self.running.lock().unwrap_or_else(PoisonError::into_inner).len();
        let file = self.folder.write(&format!("message-{number}"), message)?;
        let mut words = vec!["-i".to_owned(), "-f".to_owned(), sender.to_owned()];
        words.extend_from_slice(recipients);
        self.start(&words, Stdio::from(std::fs::File::open(file)?))
    }

    /// How many recipients wait in its queue.
    ///
    /// # Errors
    /// Fails if the queue cannot be read.
    pub fn waiting(&self) -> Result<usize> {
        /// The files of each of them: an envelope and a message.
        const FILES: usize = 2;
        let flush = usize::from(self.folder.path().join("spool/dma/flush").exists());
        Ok((maildir::files_below(&self.folder.path().join("spool/dma"))? - flush) / FILES)
    }

    /// Tries all of them again, as the first run after a start of the machine does.
    ///
    /// # Errors
    /// Fails if it cannot be run.
    pub fn retry(&self) -> Result<()> {
        // These sleep for minutes with their messages locked.
        self.running.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.start(&["-q".to_owned()], Stdio::null())
    }

    fn start(&self, words: &[String], input: Stdio) -> Result<()> {
        let mut program = self.mounts.program(&packages::unpacked_program("usr/sbin/dma")?);
        // Not as a daemon: it is ended with the test.
        program.command().arg("-D").args(words).stdin(input);
        self.running.lock().unwrap_or_else(PoisonError::into_inner).push(program.start()?);
        Ok(())
    }
}
