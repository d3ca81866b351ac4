//! `learning`: all that is measured of learning and enforcing, by one command.

use crate::samples::Samples;
use crate::{report, results, table, trial};
use anyhow::Result;
use std::fmt::Write as _;
use std::path::PathBuf;

/// What `learning` is told.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// A doorlist binary of before learning, for rcpt-before
    #[arg(long, value_name = "FILE")]
    before: PathBuf,
    /// Measure this doorlist binary, which is not built
    #[arg(long, value_name = "FILE")]
    doorlist: Option<PathBuf>,
    /// Folder for queues, lists and what is unpacked; on the disk that is to be measured, open to other users
    #[arg(long, default_value = "/var/cache/doorlist-bench", value_name = "FOLDER")]
    work: PathBuf,
}

/// The rows of the table.
const FIGURES: &[&str] = &["verdict", "harvest", "preview", "rcpt-before"];

/// Plays the trial, measures the rows, and puts both into `bench/RESULTS.md`.
pub(crate) fn run(options: &Options) -> Result<()> {
    let only = FIGURES.iter().map(ToString::to_string).collect();
    let table = table::Options::of_figures(only, &options.work, &options.before, options.doorlist.as_deref());
    table.check()?;
    results::put(&trial::played(&trial::Options::usual())?)?;
    let (samples, facts) = table::measured(&table, &|samples, facts| results::put(&section(samples, facts)))?;
    println!("{}", section(&samples, &facts));
    table::tell_unmet(&samples);
    Ok(())
}

fn section(samples: &Samples, facts: &[String]) -> String {
    let mut section = String::from(
        "## Learning and enforcing\n\nWritten by `cargo run --release -p doorlist-bench -- learning --before FILE`; see \
         [README](README.md). The columns are those of the table above.\n\n",
    );
    for fact in facts {
        let _ = writeln!(section, "- {fact}");
    }
    section.push('\n');
    section.push_str(&report::rows(samples, false));
    section
}
