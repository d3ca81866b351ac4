//! Relaying with a verdict on each message: SPF, DKIM and DMARC of signed mail, and the same with Rspamd. Beside Postfix
//! with the filters that administrators put there, with the same name server behind both.

mod filters;
mod name_address;
mod rspamd;
mod signed;

use crate::load::{Load, Message, Work};
use crate::measure::{LISTED, relay, settled};
use crate::packages::{self, Packages};
use crate::processes::Processes;
use crate::samples::{Samples, Subject};
use crate::server::{Disk, Doorlist, Peer, Running, Task, await_ready, free_address, fresh_folder};
use crate::sink::Sink;
use anyhow::{Context as _, Result};
use doorlist_testbed::name_server::NameServer;
use name_address::NameAddress;
use rspamd::Rspamd;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// The only port that resolv.conf(5) knows.
const NAME_SERVER_PORT: u16 = 53;
/// Sessions at once, as with the other rows of relaying.
const SESSIONS: usize = 20;
/// The same load before it is measured: the first messages fill the caches of all resolvers.
const WARM_UP: Duration = Duration::from_secs(1);
/// A message that got its 250 must arrive before nothing has arrived for this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who judges the mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judge {
    /// Doorlist's own engine; with Postfix, OpenDKIM, OpenDMARC and policyd-spf.
    BuiltIn,
    /// One Rspamd behind both servers.
    Rspamd,
}

impl Judge {
    const ALL: [Self; 2] = [Self::BuiltIn, Self::Rspamd];

    /// Where rate and CPU time go.
    fn figures(self) -> (&'static str, &'static str) {
        match self {
            Self::BuiltIn => ("verdict-builtin", "verdict-builtin-cpu"),
            Self::Rspamd => ("verdict-rspamd", "verdict-rspamd-cpu"),
        }
    }
}

/// What the rounds need.
struct Round<'a> {
    packages: &'a Packages,
    work: &'a Path,
    sink: Sink,
    message: Arc<Message>,
    names: NameServer,
    time: Duration,
}

/// Measures what is wanted of `verdict-*`, of these servers, in turn.
pub(crate) fn measure(
    packages: &Packages,
    work: &Path,
    rounds: (u32, Duration),
    servers: &[Peer],
    wanted: &dyn Fn(&str) -> bool,
    samples: &mut Samples,
) -> Result<()> {
    let any = |judge: &Judge| wanted(judge.figures().0) || wanted(judge.figures().1);
    let judges: Vec<Judge> = Judge::ALL.into_iter().filter(any).collect();
    if judges.is_empty() {
        return Ok(());
    }
    packages::provide_filters(work)?;
    let (message, records) = signed::message(work)?;
    let message = Arc::new(message);
    let sink = Sink::start("127.0.0.1:0".parse()?, Arc::clone(&message))?;
    let _address = NameAddress::add()?;
    let names = NameServer::start((NameAddress::IP, NAME_SERVER_PORT).into(), records)?;
    let round = Round { packages, work, sink, message, names, time: rounds.1 };
    for judge in judges {
        let scanner = match judge {
            Judge::BuiltIn => None,
            Judge::Rspamd => Some(Rspamd::start(work, round.names.address())?),
        };
        for number in 1..=rounds.0 {
            for peer in servers.iter().copied().filter(|peer| *peer != Peer::Exim) {
                eprintln!("bench: round {number}, {}, judged: {judge:?}", peer.name());
                round.measure(judge, peer, scanner.as_ref(), samples).with_context(|| peer.name())?;
            }
        }
    }
    Ok(())
}

impl Round<'_> {
    fn measure(&self, judge: Judge, peer: Peer, scanner: Option<&Rspamd>, samples: &mut Samples) -> Result<()> {
        let mut server = self.start(peer, scanner)?;
        let load = |time| Load {
            work: Work::Relay { message: Arc::clone(&self.message), per_connection: 1 },
            to: server.address,
            sessions: SESSIONS,
            time,
            listed: LISTED,
            goodbye: peer.goodbye(),
        };
        relay(&load(WARM_UP), Disk::AsIs, &self.sink, PATIENCE)?;
        let before = server.processes.cpu_seconds()?;
        let (per_second, messages) = relay(&load(self.time), Disk::AsIs, &self.sink, PATIENCE)?;
        let spent = settled(&server.processes)? - before;
        let (rate, cpu) = judge.figures();
        samples.add(rate, Subject::Server(peer), per_second);
        samples.add(cpu, Subject::Server(peer), spent * 1000.0 / messages);
        server.processes.assure_running()?;
        server.processes.stop()
    }

    fn start(&self, peer: Peer, scanner: Option<&Rspamd>) -> Result<Running> {
        let name = format!("{}-judged", peer.name().to_lowercase());
        let folder: PathBuf = self.work.join(&name);
        fresh_folder(&folder)?;
        let task = Task { folder, next_hop: self.sink.address(), listed: LISTED, disk: Disk::AsIs };
        let address = free_address()?;
        let command = match (peer, scanner) {
            (Peer::Doorlist, _) => self.doorlist(&task, address, scanner)?,
            (_, None) => filters::postfix(&task, address, self.names.address())?,
            (_, Some(rspamd)) => rspamd.postfix(&task, address)?,
        };
        let output = task.folder.join("output");
        let mut processes = Processes::start(&name, &command, &output)?;
        await_ready(address, &mut processes).with_context(|| {
            let said = fs::read_to_string(&output).unwrap_or_default();
            format!("starting {name}, which said:\n{said}")
        })?;
        Ok(Running { address, processes })
    }

    fn doorlist(&self, task: &Task, address: std::net::SocketAddr, scanner: Option<&Rspamd>) -> Result<Command> {
        let doorlist = Doorlist::new(self.packages, &task.folder);
        doorlist.fill(task.next_hop, 0..task.listed)?;
        let mut command = doorlist.serve(task, address);
        command.env("DOORLIST__DNS__SERVER", self.names.address().to_string());
        match scanner {
            None => command.env("DOORLIST__VERDICT__ENGINE", "builtin"),
            Some(rspamd) => {
                command.env("DOORLIST__VERDICT__ENGINE", "rspamd");
                command.env("DOORLIST__VERDICT__RSPAMD_URL", format!("http://{}", rspamd.normal()))
            }
        };
        Ok(command)
    }
}
