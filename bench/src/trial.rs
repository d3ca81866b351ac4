//! A trial of thirty days, played in minutes: lists, learning, callouts and harvest detection are the real pieces; SMTP,
//! DNS and scanners are left out, and the clock is a parameter. See `bench/trials/README.md`.
//!
//! | module | what it is |
//! |---|---|
//! | `mix` | organisations and what happens to them, read from files |
//! | `chance` | chance that a seed repeats |
//! | `names`, `people` | who truly has which address, and when |
//! | `message`, `mail`, `attack` | what is sent, and how it comes again |
//! | `own_server`, `callout` | the organisations' own servers, and how they are asked |
//! | `harvest` | the adapter to harvest detection |
//! | `ports`, `world` | the real store, spool and learner |
//! | `days`, `answers`, `deliveries` | what happens, in the order of time |
//! | `tally`, `review`, `report` | what is counted, compared with the truth, and shown |

mod answers;
mod attack;
mod callout;
mod chance;
mod days;
mod deliveries;
mod harvest;
mod mail;
mod message;
mod mix;
mod names;
mod own_server;
mod people;
mod ports;
mod report;
mod review;
mod tally;
mod world;

use crate::machine::project_root;
use crate::results;
use anyhow::{Result, ensure};
use days::Trial;
use mix::TrialMix;
use std::path::PathBuf;
use std::time::Instant;

/// The seed of the results that are kept.
const SEED: u64 = 1;
/// The length of a trial in days.
const DAYS: u32 = 30;

/// What `trial` is told.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Play these mixes only, all behind one installation
    #[arg(long, value_name = "FILE")]
    mix: Vec<PathBuf>,
    /// Play every mix of this folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "mix")]
    mixes: Option<PathBuf>,
    /// Everything that is left to chance follows from it
    #[arg(long, default_value_t = SEED, value_name = "NUMBER")]
    seed: u64,
    /// Length of the trial in days
    #[arg(long, default_value_t = DAYS, value_parser = clap::value_parser!(u32).range(1..=60))]
    days: u32,
    /// Put the result into bench/RESULTS.md, in place of the last one
    #[arg(long)]
    write: bool,
}

impl Options {
    /// Every mix of the project, as the results of it are to be compared.
    pub(crate) fn usual() -> Self {
        Self { mix: Vec::new(), mixes: None, seed: SEED, days: DAYS, write: true }
    }
}

/// Plays a trial and prints what it showed.
pub(crate) fn run(options: &Options) -> Result<()> {
    let section = played(options)?;
    println!("{section}");
    if options.write { results::put(&section) } else { Ok(()) }
}

/// Plays a trial: its section of `bench/RESULTS.md`.
pub(crate) fn played(options: &Options) -> Result<String> {
    let mixes = if options.mix.is_empty() {
        let folder = options.mixes.clone().unwrap_or_else(|| project_root().join("bench/trials"));
        TrialMix::of_folder(&folder)?
    } else {
        options.mix.iter().map(|file| TrialMix::of_file(file)).collect::<Result<_>>()?
    };
    ensure!(!mixes.is_empty(), "there is no mix to play");
    let begun = Instant::now();
    let page = tokio::runtime::Runtime::new()?.block_on(async {
        let mut trial = Trial::of(&mixes, options.days, options.seed).await?;
        trial.run().await?;
        anyhow::Ok(report::page(&trial, trial.start + people::DAY * trial.days))
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    let (seed, days) = (options.seed, options.days);
    let head = format!(
        "## A trial of thirty days\n\nWritten by `cargo run --release -p doorlist-bench -- learning` (`trial` plays it alone), \
         seed {seed}, {days} days; see [trials](trials/README.md). Played in {seconds:.0} s.\n\n",
    );
    Ok(head + page.trim_end() + "\n")
}
