//! The HTTP API of Doorlist: a running server with a list of a million addresses, over kept connections on loopback.

mod client;
mod lists;
mod mixed;
mod tenants;
mod writes;

use crate::load::Message;
use crate::packages::Packages;
use crate::samples::{Samples, Subject};
use crate::server::{Doorlist, Peer};
use crate::sink::Sink;
use anyhow::Result;
pub(crate) use client::Client;
pub(crate) use lists::percentile;
use mixed::Until;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tenants::Filled;
use writes::Coming;

/// Requests in a second that are asked for, and for how long.
const RATE: u32 = 500;
const TIME: Duration = Duration::from_secs(10);
/// Requests over which the memory is watched, and those before, in parts of this many: the store's page caches fill slowly.
const WATCHED: u32 = 100_000;
const WARM_UP: u32 = 500_000;
const PART: u32 = 50_000;
/// The server has one core, the load the other.
const CORES: (usize, usize) = (0, 1);
const MIB: f64 = 1024.0 * 1024.0;

const US: Subject = Subject::Server(Peer::Doorlist);

/// Measures what is wanted of `api-*`.
pub(crate) fn measure(
    packages: &Packages,
    work: &Path,
    runs: u32,
    wanted: &dyn Fn(&str) -> bool,
    samples: &mut Samples,
) -> Result<()> {
    let any = |ids: &[&str]| ids.iter().any(|id| wanted(id));
    let mixed = any(&["api-mixed", "api-mixed-p50", "api-mixed-p95", "api-mixed-p99", "api-mixed-most"]);
    let memory = wanted("api-memory");
    let ids = crate::figures::FIGURES.iter().map(|figure| figure.id).filter(|id| id.starts_with("api-"));
    let others = ids.clone().filter(|id| !id.starts_with("api-mixed") && *id != "api-memory").any(wanted);
    if !mixed && !memory && !others {
        return Ok(());
    }
    eprintln!("bench: the list of the API");
    let next_hop = Sink::start("127.0.0.1:0".parse()?, Arc::new(Message::new(100)))?;
    let folder = work.join("doorlist-api");
    let filled = Filled::make(Doorlist::new(packages, &folder), folder, next_hop.address())?;
    for round in 1..=runs {
        eprintln!("bench: round {round}, the API");
        if others {
            alone(&filled, round, wanted, samples)?;
        }
        if mixed || (memory && round == 1) {
            on_one_core(&filled, round, mixed, memory && round == 1, samples)?;
        }
    }
    Ok(())
}

/// One request at a time.
fn alone(filled: &Filled, round: u32, wanted: &dyn Fn(&str) -> bool, samples: &mut Samples) -> Result<()> {
    let any = |ids: &[&str]| ids.iter().any(|id| wanted(id));
    let mut server = filled.start(None)?;
    let mut operator = Client::new(server.address, &filled.operator);
    let mut admin = Client::new(server.address, &filled.admin);
    if any(&["api-next", "api-offset", "api-all", "api-admin", "api-domains"]) {
        lists::pages(&mut operator, &mut admin, samples)?;
    }
    if any(&["api-q-first", "api-q-memory"]) {
        let before = server.processes.memory()?;
        samples.add("api-q-first", US, lists::first_search(&mut operator)?);
        let more = server.processes.memory()?.pss.saturating_sub(before.pss);
        samples.add("api-q-memory", US, more as f64 / MIB);
    }
    lists::finds(&mut operator, None, wanted, samples)?;
    if lists::busy().any(wanted) {
        let coming = Coming::begin(Client::new(server.address, &filled.operator), round);
        let mut found = lists::finds(&mut operator, Some(writes::COMING_MAX), wanted, samples);
        if found.is_ok() && lists::BUSY_OFFSETS.into_iter().any(wanted) {
            found = lists::busy_offsets(&mut operator, writes::COMING_MAX, samples);
        }
        coming.end()?;
        found?;
    }
    if any(&["api-mass-add", "api-mass-delete"]) {
        writes::many(&mut operator, round, samples)?;
    }
    server.processes.stop()
}

/// Many requests over several connections, to a server with one core.
fn on_one_core(filled: &Filled, round: u32, mixed: bool, memory: bool, samples: &mut Samples) -> Result<()> {
    let cores = std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1).then_some(CORES);
    let mut server = filled.start(Some(CORES.0))?;
    let run = |until, name: &str| {
        let name = format!("{name}{round}");
        mixed::run(server.address, &filled.operator, until, &name, cores.map(|cores| cores.1))
    };
    if mixed {
        run(Until::Most(Duration::from_secs(2)), "warm")?;
        let mut came = run(Until::Paced(TIME, RATE), "paced")?;
        samples.add("api-mixed", US, came.per_second());
        samples.add("api-mixed-p50", US, came.percentile(50));
        samples.add("api-mixed-p95", US, came.percentile(95));
        samples.add("api-mixed-p99", US, came.percentile(99));
        samples.add("api-mixed-most", US, run(Until::Most(TIME), "most")?.per_second());
    }
    if memory {
        let pss = || -> Result<f64> { Ok(server.processes.memory()?.pss as f64 / MIB) };
        let mut after = Vec::new();
        for part in 1..=(WARM_UP + WATCHED) / PART {
            run(Until::Count(PART), &format!("part{part}."))?;
            after.push(pss()?);
        }
        eprintln!("bench:   PSS in MiB, each after {PART} requests: {after:.1?}");
        let warm = after.get((WARM_UP / PART) as usize - 1).copied().unwrap_or_default();
        let grown = after.last().copied().unwrap_or_default() - warm;
        samples.add("api-memory", US, grown);
    }
    server.processes.stop()
}
