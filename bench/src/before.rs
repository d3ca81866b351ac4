//! RCPT for listed names, this build against an earlier one: pairs of loads in turn, so that what else the machine does
//! meets both.

use crate::load::{Goodbye, Load, Message, Work, run};
use crate::measure::{LISTED, MESSAGE, answers_per_second};
use crate::packages::Packages;
use crate::processes::Processes;
use crate::samples::{Samples, Subject};
use crate::server::{Disk, Doorlist, Peer, Running, Task, await_ready, free_address, fresh_folder};
use crate::sink::Sink;
use anyhow::{Context as _, Result};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Pairs whose ratios are compared.
const PAIRS: u32 = 10;
/// Sessions that run at once.
const SESSIONS: usize = 4;
/// The same load before anything is measured.
const WARM_UP: Duration = Duration::from_millis(500);
/// RCPT commands sent at once.
const LOADS: [(&str, u32); 2] = [("rcpt-before", 1), ("rcpt-before-pipelined", 50)];

/// Measures what is wanted of `rcpt-before` and `rcpt-before-pipelined` against that binary.
pub(crate) fn measure(
    packages: &Packages,
    work: &Path,
    (before, time): (Option<&Path>, Duration),
    wanted: &dyn Fn(&str) -> bool,
    samples: &mut Samples,
) -> Result<()> {
    let wanted: Vec<_> = LOADS.into_iter().filter(|(id, _)| wanted(id)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let Some(before) = before else {
        eprintln!("bench: rcpt-before is left out: no earlier binary was given (--before)");
        return Ok(());
    };
    let before = std::path::absolute(before)?;
    let next_hop = Sink::start("127.0.0.1:0".parse()?, Arc::new(Message::new(MESSAGE)))?;
    let start = |name: &str, binary: &Path, learns: bool| {
        start(&work.join(name), binary, learns, &next_hop).with_context(|| name.to_owned())
    };
    let mut ours = start("doorlist-now", packages.doorlist(), true)?;
    let mut theirs = start("doorlist-before", &before, false)?;
    for (id, pipelined) in wanted {
        eprintln!("bench: {PAIRS} pairs of RCPT, {pipelined} at once, beside {}", before.display());
        let load = |server: &Running, time| Load {
            work: Work::Answers { pipelined, listed_percent: 100 },
            to: server.address,
            sessions: SESSIONS,
            time,
            listed: LISTED,
            goodbye: Goodbye::AwaitReply,
        };
        for server in [&ours, &theirs] {
            run(&load(server, WARM_UP))?;
        }
        let mut ratios = Vec::new();
        for pair in 0..PAIRS {
            // Who comes first alternates, too.
            let rates = match pair % 2 {
                0 => (answers_per_second(&load(&ours, time))?, answers_per_second(&load(&theirs, time))?),
                _ => {
                    let theirs = answers_per_second(&load(&theirs, time))?;
                    (answers_per_second(&load(&ours, time))?, theirs)
                }
            };
            ratios.push(rates.0 / rates.1);
        }
        samples.extend(id, Subject::Server(Peer::Doorlist), ratios);
    }
    ours.processes.stop()?;
    theirs.processes.stop()
}

fn start(folder: &Path, binary: &Path, learns: bool, next_hop: &Sink) -> Result<Running> {
    fresh_folder(folder)?;
    let task = Task { folder: folder.to_path_buf(), next_hop: next_hop.address(), listed: LISTED, disk: Disk::AsIs };
    let address = free_address()?;
    let doorlist = Doorlist::of_binary(binary, folder);
    let command = doorlist.prepare(&task, address)?;
    if learns {
        doorlist.learn()?;
    }
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut processes = Processes::start(&name, &command, &folder.join("output"))?;
    await_ready(address, &mut processes)?;
    Ok(Running { address, processes })
}
