//! Long lists: memory, start time, and one address added to a running server.

use crate::load::{Message, listed};
use crate::packages::{Packages, build_list_lookup};
use crate::processes::{Memory, Processes};
use crate::samples::{Samples, Subject};
use crate::server::{Disk, Doorlist, Peer, Task, ask, await_ready, free_address, fresh_folder, must};
use crate::sink::Sink;
use anyhow::{Context as _, Result, bail};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Addresses added one after the other on each list, once to be timed and once again for what they cost.
const ADDITIONS: u32 = 20;
/// An added address must be effective within this time.
const EFFECTIVE: Duration = Duration::from_secs(30);
/// Between two questions for the added address.
const QUESTION: Duration = Duration::from_millis(1);
/// Number of the first added name, behind all that are on the list.
const ADDED: u32 = 90_000_000;

const US: Subject = Subject::Server(Peer::Doorlist);

/// A list and the figures measured on it.
struct Length {
    names: u32,
    effective: &'static str,
    cpu: &'static str,
}

const LENGTHS: &[Length] = &[
    Length { names: 10_000, effective: "add-10k", cpu: "add-cpu-10k" },
    Length { names: 1_000_000, effective: "add-1m", cpu: "add-cpu-1m" },
    Length { names: LONGEST, effective: "add-10m", cpu: "add-cpu-10m" },
];
/// The list of the memory and start figures.
const LONGEST: u32 = 10_000_000;

/// Measures what is wanted of: `list-*`, `add-*`.
pub(crate) fn measure(
    packages: &Packages,
    work: &Path,
    runs: u32,
    wanted: &dyn Fn(&str) -> bool,
    samples: &mut Samples,
) -> Result<()> {
    if wanted("list-lookup") || wanted("list-bytes") {
        build_list_lookup()?;
        for _ in 0..runs {
            in_process(packages, samples)?;
        }
    }
    let next_hop = Sink::start("127.0.0.1:0".parse()?, Arc::new(Message::new(100)))?;
    let mut empty = Memory::default();
    for length in LENGTHS {
        let whole = length.names == LONGEST && (wanted("list-start") || wanted("list-pss"));
        if !whole && !wanted(length.effective) && !wanted(length.cpu) {
            continue;
        }
        let folder = work.join("doorlist-list");
        fresh_folder(&folder)?;
        let task = Task { folder: folder.clone(), next_hop: next_hop.address(), listed: 1, disk: Disk::AsIs };
        let doorlist = Doorlist::new(packages, &folder);
        doorlist.fill(task.next_hop, 0..1)?;
        if length.names == LONGEST {
            empty = Server::start(&doorlist, &task)?.processes.memory()?;
        }
        eprintln!("bench: importing {} addresses", length.names);
        let begun = Instant::now();
        doorlist.import(1..length.names)?;
        eprintln!("bench:   took {:.1} s", begun.elapsed().as_secs_f64());
        for run in 0..runs {
            let mut server = Server::start(&doorlist, &task)?;
            if length.names == LONGEST {
                samples.add("list-start", US, server.started_in.as_secs_f64());
            }
            additions(&doorlist, &mut server, run, length, samples)?;
            if length.names == LONGEST {
                let full = server.processes.memory()?;
                samples.add("list-pss", US, full.pss.saturating_sub(empty.pss) as f64 / f64::from(LONGEST));
                eprintln!("bench:   anonymous memory: {} MiB", full.anonymous >> 20);
            }
        }
    }
    Ok(())
}

struct Server {
    address: SocketAddr,
    processes: Processes,
    started_in: Duration,
}

impl Server {
    fn start(doorlist: &Doorlist, task: &Task) -> Result<Self> {
        let address = free_address()?;
        let begun = Instant::now();
        let command = doorlist.serve(task, address);
        let mut processes = Processes::start("doorlist-list", &command, &task.folder.join("output"))?;
        await_ready(address, &mut processes)?;
        Ok(Self { address, processes, started_in: begun.elapsed() })
    }
}

/// Adds addresses by the command: one half timed until they are effective, the other half for what they cost.
fn additions(doorlist: &Doorlist, server: &mut Server, run: u32, length: &Length, samples: &mut Samples) -> Result<()> {
    let first = ADDED + run * 2 * ADDITIONS;
    let mut took = Vec::new();
    for number in first..first + ADDITIONS {
        took.push(effective_after(doorlist, server.address, &listed(number))?.as_secs_f64() * 1e3);
    }
    samples.extend(length.effective, US, took);
    let before = server.processes.cpu_seconds()?;
    for number in first + ADDITIONS..first + 2 * ADDITIONS {
        finish(doorlist.add_account(&listed(number))?)?;
    }
    let spent = server.processes.cpu_seconds()? - before;
    samples.add(length.cpu, US, spent * 1e3 / f64::from(ADDITIONS));
    Ok(())
}

/// From the start of the command to the first 250. Each question has a session of its own: a transaction is judged
/// by the list as it was at MAIL.
fn effective_after(doorlist: &Doorlist, server: SocketAddr, address: &str) -> Result<Duration> {
    let begun = Instant::now();
    let command = doorlist.add_account(address)?;
    loop {
        let reply = ask(server, address)?;
        if reply.starts_with("250") {
            let took = begun.elapsed();
            finish(command)?;
            return Ok(took);
        }
        if !reply.starts_with("550") || begun.elapsed() > EFFECTIVE {
            bail!("{address} was added and is answered: {reply}");
        }
        std::thread::sleep(QUESTION);
    }
}

fn finish(mut command: Child) -> Result<()> {
    let status = command.wait()?;
    if status.success() { Ok(()) } else { bail!("`doorlist account add` failed: {status}") }
}

/// The list alone, in a program of its own.
fn in_process(packages: &Packages, samples: &mut Samples) -> Result<()> {
    let said = must(Command::new(packages.list_lookup()).arg(LONGEST.to_string()))?;
    let value = |key: &str| -> Result<f64> {
        let field = said.split_whitespace().find_map(|field| field.strip_prefix(key)?.strip_prefix('='));
        Ok(field.with_context(|| format!("list_lookup does not tell {key}: {said}"))?.parse()?)
    };
    samples.add("list-bytes", US, value("bytes_per_address")?);
    samples.add("list-lookup", US, value("hit_ns_p50")?.max(value("miss_ns_p50")?) / 1e3);
    Ok(())
}
