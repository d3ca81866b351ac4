//! A destination's mailbox: every received message, one per file.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::unistd::User;

use crate::folder::Folder;

/// The pause between two looks into the folder.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What a destination accepts, and how it is set up beyond the testbed's own settings.
#[derive(Debug, Clone, Copy)]
pub struct Setup<'a> {
    /// The domains that it takes mail for.
    pub domains: &'a [&'a str],
    /// The addresses that it knows, in lower case; None: every address of its domains.
    pub known: Option<&'a [&'a str]>,
    /// Further lines for the server's main settings, in its own language.
    pub settings: &'a str,
    /// Where it relays mail for other domains, from everybody on this machine; None: it relays for nobody.
    pub smarthost: Option<SocketAddr>,
}

impl Default for Setup<'_> {
    /// Takes everything for `example.test`.
    fn default() -> Self {
        Self { domains: &["example.test"], known: None, settings: "", smarthost: None }
    }
}

/// A maildir in `folder` that `owner` may write to, and the script that puts a message there: run by `sh` with the maildir,
/// the recipient and the sender.
pub(crate) fn add(folder: &Folder, owner: Option<&User>) -> Result<(Maildir, PathBuf)> {
    for name in ["mail", "mail/inbox", "mail/inbox/tmp", "mail/inbox/new"] {
        folder.add(name, 0o755, owner)?;
    }
    let script = folder.write("deliver.sh", include_str!("maildir/deliver.sh"))?;
    Ok((Maildir::at(folder.path().join("mail/inbox")), script))
}

/// How many files lie below a folder, such as the messages of a server's queue.
pub(crate) fn files_below(folder: &Path) -> Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let entry = entry?;
        count += if entry.file_type()?.is_dir() { files_below(&entry.path())? } else { 1 };
    }
    Ok(count)
}

/// One message as it came out at a destination.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The envelope's sender; empty for the null sender.
    pub sender: String,
    pub recipient: String,
    /// The whole message with the destination's trace headers on top and LF at the line ends.
    pub bytes: Vec<u8>,
}

/// The folder of delivered messages.
#[derive(Debug, Clone)]
pub struct Maildir(PathBuf);

impl Maildir {
    /// The maildir at `path`; it may not be there yet.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self(path)
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// How many messages have arrived.
    ///
    /// # Errors
    /// Fails if the folder cannot be read.
    pub fn count(&self) -> Result<usize> {
        Ok(self.files()?.len())
    }

    /// The messages that have arrived.
    ///
    /// # Errors
    /// Fails if one cannot be read.
    pub fn messages(&self) -> Result<Vec<Delivered>> {
        self.files()?.iter().map(|path| read(path)).collect()
    }

    /// Waits until `count` messages have arrived and hands back all of them.
    ///
    /// # Errors
    /// Fails if fewer have arrived after `longest`, or one cannot be read.
    pub fn wait_for(&self, count: usize, longest: Duration) -> Result<Vec<Delivered>> {
        let end = Instant::now() + longest;
        loop {
            let there = self.count()?;
            if there >= count {
                return self.messages();
            }
            if Instant::now() > end {
                bail!("{there} of {count} messages after {longest:?}");
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Removes the messages that have arrived.
    ///
    /// # Errors
    /// Fails if one cannot be removed.
    pub fn clear(&self) -> Result<()> {
        self.files()?.iter().try_for_each(|path| Ok(fs::remove_file(path)?))
    }

    /// Complete messages lie in `new`: a server renames them there, and nobody reads them on.
    fn files(&self) -> Result<Vec<PathBuf>> {
        let new = self.0.join("new");
        if !new.exists() {
            return Ok(Vec::new());
        }
        fs::read_dir(new)?.map(|entry| Ok(entry?.path())).collect()
    }
}

fn read(path: &Path) -> Result<Delivered> {
    let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    let header = |names: &[&str]| {
        let fields = bytes.split(|&byte| byte == b'\n').take_while(|line| !line.is_empty());
        let mut lines = fields.map(String::from_utf8_lossy);
        lines.find_map(|line| {
            let (name, value) = line.split_once(':')?;
            names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name)).then(|| value.trim().to_owned())
        })
    };
    let sender = header(&["Return-Path"]).context("a delivered message without Return-Path")?;
    let recipient = header(&["X-Original-To", "Envelope-To"]).context("a delivered message without its recipient")?;
    Ok(Delivered { sender: sender.trim_matches(['<', '>']).to_owned(), recipient, bytes })
}
