//! Runs every figure of every server in rounds, so that a disturbance of the machine affects all alike.

use crate::figures::FIGURES;
use crate::load::Message;
use crate::measure::{LISTED, MESSAGE, STEPS, Step};
use crate::packages::{Packages, build_doorlist};
use crate::samples::Samples;
use crate::server::{Disk, Peer, Task, start};
use crate::sink::Sink;
use crate::{api, before, beside, big_list, bulk, harvest, machine, many, preview, report, verdict};
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What `table` is told.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Rounds; each server is started anew in each of them
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// Seconds of each load
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,
    /// Measure these figures only, and write no page: an id of the list in README.md, or its beginning
    #[arg(long, value_name = "FIGURE")]
    only: Vec<String>,
    /// Measure these servers only, and write no page
    #[arg(long, value_name = "SERVER", value_enum)]
    server: Vec<Peer>,
    /// Folder for queues, lists and what is unpacked; on the disk that is to be measured, open to other users
    #[arg(long, default_value = "/var/cache/doorlist-bench", value_name = "FOLDER")]
    work: PathBuf,
    /// Measure this doorlist binary, which is not built
    #[arg(long, value_name = "FILE")]
    doorlist: Option<PathBuf>,
    /// A doorlist binary of before learning, for rcpt-before; without it, that row is left out
    #[arg(long, value_name = "FILE")]
    before: Option<PathBuf>,
    /// One part in so many of the counts of harvest and preview, to try them, and write no page
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    part: u32,
    /// Where the page goes
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Options {
    /// Some figures of all servers, in the usual rounds.
    pub(crate) fn of_figures(only: Vec<String>, work: &Path, before: &Path, doorlist: Option<&Path>) -> Self {
        let (work, before, doorlist) = (work.to_owned(), Some(before.to_owned()), doorlist.map(Path::to_owned));
        Self { runs: 3, seconds: 4, only, server: Vec::new(), work, doorlist, before, part: 1, out: None }
    }

    fn wants(&self, figure: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| figure.starts_with(only.as_str()))
    }

    fn servers(&self) -> impl Iterator<Item = Peer> {
        Peer::ALL.into_iter().filter(|peer| self.server.is_empty() || self.server.contains(peer))
    }

    fn is_whole(&self) -> bool {
        self.only.is_empty() && self.server.is_empty() && self.part == 1 && self.doorlist.is_none()
    }
}

/// Measures and writes the page.
pub(crate) fn run(options: &Options) -> Result<()> {
    let (samples, facts) = measured(options)?;
    let page = report::page(&samples, &facts, options.is_whole());
    println!("{page}");
    write(options, &page)?;
    tell_unmet(&samples);
    Ok(())
}

/// Says which floors are not met.
pub(crate) fn tell_unmet(samples: &Samples) {
    let unmet = report::unmet(samples);
    if !unmet.is_empty() {
        eprintln!("bench: floors not met: {}", unmet.join(", "));
    }
}

/// Measures what is wanted: the samples, and what the machine is.
pub(crate) fn measured(options: &Options) -> Result<(Samples, Vec<String>)> {
    if let Some(only) = options.only.iter().find(|only| !FIGURES.iter().any(|f| f.id.starts_with(only.as_str()))) {
        let ids: Vec<&str> = FIGURES.iter().map(|figure| figure.id).collect();
        bail!("no figure begins with {only:?}; there are: {}", ids.join(", "));
    }
    fs::create_dir_all(&options.work).with_context(|| format!("cannot make {}", options.work.display()))?;
    let packages = Packages::provide(&options.work, options.doorlist.as_deref())?;
    let with_doorlist = options.servers().any(|peer| peer == Peer::Doorlist);
    if with_doorlist && options.doorlist.is_none() {
        build_doorlist()?;
    }
    let mut samples = Samples::default();
    rounds(options, &packages, &mut samples)?;
    learning(options, &packages, &mut samples)?;
    let facts = machine::facts(&options.work, &packages)?;
    // Written before the long lists too: what is measured is not lost with them.
    write(options, &report::page(&samples, &facts, options.is_whole()))?;
    if with_doorlist {
        many::measure(&packages, &options.work, options.runs, &|id| options.wants(id), &mut samples)?;
        beside::measure(&packages, &options.work, options.runs, &|id| options.wants(id), &mut samples)?;
        write(options, &report::page(&samples, &facts, options.is_whole()))?;
        bulk::measure(&packages, &options.work, options.runs, &|id| options.wants(id), &mut samples)?;
        write(options, &report::page(&samples, &facts, options.is_whole()))?;
        api::measure(&packages, &options.work, options.runs, &|id| options.wants(id), &mut samples)?;
        write(options, &report::page(&samples, &facts, options.is_whole()))?;
        big_list::measure(&packages, &options.work, options.runs, &|id| options.wants(id), &mut samples)?;
    }
    Ok((samples, facts))
}

/// The rows of learning and enforcing.
fn learning(options: &Options, packages: &Packages, samples: &mut Samples) -> Result<()> {
    let servers: Vec<Peer> = options.servers().collect();
    let time = Duration::from_secs(u64::from(options.seconds));
    let (work, wanted) = (options.work.as_path(), |id: &str| options.wants(id));
    verdict::measure(packages, work, (options.runs, time), &servers, &wanted, samples)?;
    harvest::measure(packages, work, (options.runs, time, options.part), &servers, &wanted, samples)?;
    if servers.contains(&Peer::Doorlist) {
        preview::measure(packages, work, (options.runs, options.part), &wanted, samples)?;
        before::measure(packages, work, (options.before.as_deref(), time), &wanted, samples)?;
    }
    Ok(())
}

/// Into the file that was asked for; a whole table goes into the project's own.
fn write(options: &Options, page: &str) -> Result<()> {
    let own = || options.is_whole().then(|| machine::project_root().join("bench/RESULTS.md"));
    let Some(out) = options.out.clone().or_else(own) else { return Ok(()) };
    fs::write(&out, page).with_context(|| format!("cannot write {}", out.display()))?;
    eprintln!("bench: written to {}", out.display());
    Ok(())
}

fn rounds(options: &Options, packages: &Packages, samples: &mut Samples) -> Result<()> {
    let message = Arc::new(Message::new(MESSAGE));
    let sink = Sink::start("127.0.0.1:0".parse()?, Arc::clone(&message))?;
    let time = Duration::from_secs(u64::from(options.seconds));
    let wanted: Vec<Step> =
        STEPS.iter().copied().filter(|step| step.figures().any(|figure| options.wants(figure))).collect();
    for round in 1..=options.runs {
        eprintln!("bench: round {round}, limit");
        for step in &wanted {
            step.measure_limit(&sink, time, samples)?;
        }
        for peer in options.servers() {
            for disk in [Disk::AsIs, Disk::SlowSync] {
                let mut steps = wanted.iter().filter(|step| step.disk() == disk).peekable();
                if steps.peek().is_none() {
                    continue;
                }
                eprintln!("bench: round {round}, {}, {disk:?}", peer.name());
                let folder = options.work.join(peer.name().to_lowercase());
                let task = Task { folder, next_hop: sink.address(), listed: LISTED, disk };
                let mut server = start(peer, packages, &task)?;
                for step in steps {
                    step.measure(peer, &mut server, &sink, time, samples)
                        .with_context(|| format!("{}, {step:?}", peer.name()))?;
                }
                server.processes.stop()?;
            }
        }
    }
    Ok(())
}
