//! The settings of the threads for heavy work.

use super::api::above_zero;
use super::build::ConfigReader;
use doorlist_actions::JOBS_MAX;
use std::thread::available_parallelism;

/// Maximum number of threads.
const THREADS_MAX: usize = 256;

/// Number of threads and jobs for heavy work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WorkSettings {
    pub threads: usize,
    /// Maximum jobs, running and queued.
    pub jobs_max: usize,
}

impl Default for WorkSettings {
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self { threads: (cores / 2).max(1), jobs_max: JOBS_MAX }
    }
}

pub(super) fn read(reader: &mut ConfigReader<'_>) -> WorkSettings {
    let mut work = WorkSettings::default();
    if reader.given("work.threads").is_some() {
        reader.set(&mut work.threads, "work.threads", |text| match text.parse() {
            Ok(number @ 1..=THREADS_MAX) => Ok(number),
            _ => Err(format!("`{text}` is not a number from 1 to {THREADS_MAX}")),
        });
    }
    reader.set(&mut work.jobs_max, "work.jobs_max", |text| above_zero(text).map(|number| number as usize));
    work
}
