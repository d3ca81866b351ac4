//! The servers under test. Each one has the same list, logs, and relays to the same next hop.

mod doorlist;
mod exim;
pub(crate) mod postfix;

pub(crate) use doorlist::Doorlist;
pub(crate) use postfix::PostfixMore;

use crate::load::{Goodbye, listed};
use crate::packages::Packages;
use crate::processes::Processes;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// A server answers within this time of its start, or the run fails.
const READY: Duration = Duration::from_secs(120);
/// Between two attempts to reach a starting server.
const ATTEMPT: Duration = Duration::from_millis(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Peer {
    /// Postfix as Debian has it.
    Postfix,
    /// Exim as Debian has it (exim4-daemon-heavy).
    Exim,
    Doorlist,
}

impl Peer {
    /// All, in the order in which they are measured.
    pub(crate) const ALL: [Self; 3] = [Self::Postfix, Self::Exim, Self::Doorlist];

    /// Its name in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Postfix => "Postfix",
            Self::Exim => "Exim",
            Self::Doorlist => "Doorlist",
        }
    }

    /// How its sessions end soonest.
    pub(crate) fn goodbye(self) -> Goodbye {
        match self {
            Self::Exim => Goodbye::CloseOurSide,
            Self::Postfix | Self::Doorlist => Goodbye::AwaitReply,
        }
    }
}

/// How the disk behaves for the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disk {
    AsIs,
    /// Every fsync and fdatasync takes 5 ms longer.
    SlowSync,
}

impl Disk {
    /// No 250 for a message can come sooner, if the message is on stable storage by then.
    pub(crate) fn soonest(self) -> Duration {
        match self {
            Self::AsIs => Duration::ZERO,
            Self::SlowSync => Duration::from_millis(5),
        }
    }

    /// The command behind which a server is started.
    fn prefix(self) -> &'static [&'static str] {
        match self {
            Self::AsIs => &[],
            Self::SlowSync => &[
                "strace",
                "-f",
                "--seccomp-bpf",
                "-qqq",
                "-o",
                "/dev/null",
                // strace takes a thread for one without a filter, and stops it at every system call, until it sees the
                // first of these: with the two that each new thread begins with, only fsyncs cost anything.
                "-e",
                "trace=fsync,fdatasync,set_robust_list,rseq",
                "-e",
                "inject=fsync,fdatasync:delay_exit=5000",
                // A server does not outlive strace, as strace does not outlive the bench.
                "setpriv",
                "--pdeathsig",
                "TERM",
            ],
        }
    }

    /// `program` so that it finds such a disk.
    fn command(self, program: &Path) -> Command {
        match self.prefix() {
            [] => Command::new(program),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        }
    }
}

/// What a server is to do.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// Its folder: wiped before each start, on a disk that stands for the mail server's own.
    pub(crate) folder: PathBuf,
    /// Where the mail goes.
    pub(crate) next_hop: SocketAddr,
    /// Names `0..listed` are on the list.
    pub(crate) listed: u32,
    /// How the disk behaves.
    pub(crate) disk: Disk,
}

/// A server that answers.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) processes: Processes,
}

/// Starts that server; it answers when this returns.
pub(crate) fn start(peer: Peer, packages: &Packages, task: &Task) -> Result<Running> {
    let address = free_address()?;
    fresh_folder(&task.folder)?;
    let command = match peer {
        Peer::Postfix => postfix::prepare(task, address, &PostfixMore::default()),
        Peer::Exim => exim::prepare(packages, task, address),
        Peer::Doorlist => Doorlist::new(packages, &task.folder).prepare(task, address),
    };
    let name = peer.name().to_lowercase();
    let output = task.folder.join("output");
    let mut processes = Processes::start(&name, &command?, &output)?;
    await_ready(address, &mut processes).with_context(|| {
        let said = fs::read_to_string(&output).unwrap_or_default();
        format!("starting {}, which said:\n{said}", peer.name())
    })?;
    Ok(Running { address, processes })
}

/// Waits until a listed name gets its 250.
pub(crate) fn await_ready(address: SocketAddr, processes: &mut Processes) -> Result<()> {
    let begun = Instant::now();
    loop {
        if ask(address, &listed(0)).is_ok_and(|reply| reply.starts_with("250")) {
            return Ok(());
        }
        processes.assure_running()?;
        if begun.elapsed() > READY {
            bail!("no 250 from {address} for {} within {READY:?}", listed(0));
        }
        std::thread::sleep(ATTEMPT);
    }
}

/// The reply to RCPT for this recipient, in a session of its own.
pub(crate) fn ask(address: SocketAddr, recipient: &str) -> Result<String> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(READY))?;
    let mut stream = BufReader::new(stream);
    last_line(&mut stream)?;
    let mut say = |command: String| -> Result<String> {
        stream.get_mut().write_all(format!("{command}\r\n").as_bytes())?;
        last_line(&mut stream)
    };
    say("EHLO load.test".to_owned())?;
    say("MAIL FROM:<sender@src.example>".to_owned())?;
    let reply = say(format!("RCPT TO:<{recipient}>"))?;
    say("QUIT".to_owned())?;
    Ok(reply)
}

/// The last line of a reply.
fn last_line(stream: &mut impl BufRead) -> Result<String> {
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            bail!("the server closed the connection");
        }
        if line.as_bytes().get(3) != Some(&b'-') {
            return Ok(line);
        }
    }
}

/// Writes the list in the form `ADDRESS OK`, as postmap reads it.
fn write_map(path: &Path, names: u32) -> Result<()> {
    let mut text = String::new();
    for number in 0..names {
        text.push_str(&listed(number));
        text.push_str(" OK\n");
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Runs a command to its end; an error shows what it said.
pub(crate) fn must(command: &mut Command) -> Result<String> {
    let shown = format!("{command:?}");
    let output = command.output().with_context(|| format!("cannot run {shown}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("{shown}: {}\n{said}{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(said)
}

/// A port of loopback that nobody listens on.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on loopback")?;
    Ok(listener.local_addr()?)
}

pub(crate) fn fresh_folder(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}
