//! Runs every figure of every server in rounds, so that a disturbance of the machine affects all alike.

use crate::figures::FIGURES;
use crate::load::Message;
use crate::measure::{LISTED, MESSAGE, STEPS, Step};
use crate::packages::{Packages, build_doorlist};
use crate::samples::Samples;
use crate::server::{Disk, Peer, Task, start};
use crate::sink::Sink;
use crate::{api, before, beside, big_list, bulk, harvest, machine, many, preview, report, results, verdict};
use anyhow::{Context as _, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Rounds of the results that are kept.
const RUNS: u32 = 3;
/// Seconds of each of their loads.
const SECONDS: u32 = 4;

/// What `table` is told.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Rounds; each server is started anew in each of them
    #[arg(long, default_value_t = RUNS, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// Seconds of each load
    #[arg(long, default_value_t = SECONDS, value_parser = clap::value_parser!(u32).range(1..=60))]
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
        Self { runs: RUNS, seconds: SECONDS, only, server: Vec::new(), work, doorlist, before, part: 1, out: None }
    }

    /// Whether all that is named is there: a round of an hour does not end with a word that was mistyped.
    pub(crate) fn check(&self) -> Result<()> {
        if let Some(only) = self.only.iter().find(|only| !FIGURES.iter().any(|f| f.id.starts_with(only.as_str()))) {
            let ids: Vec<&str> = FIGURES.iter().map(|figure| figure.id).collect();
            bail!("no figure begins with {only:?}; there are: {}", ids.join(", "));
        }
        for binary in self.before.iter().chain(&self.doorlist) {
            ensure!(binary.is_file(), "{} is not a file; nothing was measured", binary.display());
        }
        Ok(())
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
    let page = |samples: &Samples, facts: &[String]| report::page(samples, facts, options.is_whole());
    let (samples, facts) = measured(options, &|samples, facts| write(options, &page(samples, facts)))?;
    println!("{}", page(&samples, &facts));
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

/// Keeps what was measured so far, with what the machine is.
pub(crate) type Keep<'a> = &'a dyn Fn(&Samples, &[String]) -> Result<()>;

/// Measures what is wanted: the samples, and what the machine is. `keep` hears of them after each part: what is measured is
/// not lost with a part that fails.
pub(crate) fn measured(options: &Options, keep: Keep<'_>) -> Result<(Samples, Vec<String>)> {
    options.check()?;
    fs::create_dir_all(&options.work).with_context(|| format!("cannot make {}", options.work.display()))?;
    let packages = Packages::provide(&options.work, options.doorlist.as_deref())?;
    let with_doorlist = options.servers().any(|peer| peer == Peer::Doorlist);
    if with_doorlist && options.doorlist.is_none() {
        build_doorlist()?;
    }
    let mut samples = Samples::default();
    // Anew each time: what a part needs is installed by it.
    let facts = || machine::facts(&options.work, &packages);
    let keep = |samples: &Samples| keep(samples, &facts()?);
    rounds(options, &packages, &mut samples)?;
    keep(&samples)?;
    learning(options, &packages, &mut samples, &keep)?;
    if with_doorlist {
        many::measure(&packages, &options.work, options.runs, &|id| options.wants(id), &mut samples)?;
        beside::measure(&packages, &options.work, options.runs, &|id| options.wants(id), &mut samples)?;
        keep(&samples)?;
        bulk::measure(&packages, &options.work, options.runs, &|id| options.wants(id), &mut samples)?;
        keep(&samples)?;
        api::measure(&packages, &options.work, options.runs, &|id| options.wants(id), &mut samples)?;
        keep(&samples)?;
        big_list::measure(&packages, &options.work, options.runs, &|id| options.wants(id), &mut samples)?;
        keep(&samples)?;
    }
    Ok((samples, facts()?))
}

/// The rows of learning and enforcing.
fn learning(
    options: &Options,
    packages: &Packages,
    samples: &mut Samples,
    keep: &dyn Fn(&Samples) -> Result<()>,
) -> Result<()> {
    let servers: Vec<Peer> = options.servers().collect();
    let time = Duration::from_secs(u64::from(options.seconds));
    let (work, wanted) = (options.work.as_path(), |id: &str| options.wants(id));
    verdict::measure(packages, work, (options.runs, time), &servers, &wanted, samples)?;
    keep(samples)?;
    harvest::measure(packages, work, (options.runs, time, options.part), &servers, &wanted, samples)?;
    keep(samples)?;
    if servers.contains(&Peer::Doorlist) {
        preview::measure(packages, work, (options.runs, options.part), &wanted, samples)?;
        keep(samples)?;
        before::measure(packages, work, (options.before.as_deref(), time), &wanted, samples)?;
    }
    keep(samples)
}

/// Into the file that was asked for; a whole table goes into the project's own.
fn write(options: &Options, page: &str) -> Result<()> {
    let Some(out) = &options.out else {
        return if options.is_whole() { results::put_table(page) } else { Ok(()) };
    };
    fs::write(out, page).with_context(|| format!("cannot write {}", out.display()))?;
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
