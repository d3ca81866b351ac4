//! Work whose time has come: directories are read, old plans swept. Of several nodes one does each, by a lease in the
//! store. What is done is the office's.

use doorlist_actions::Office;
use doorlist_store::source_book::RunOutcome;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How often it is looked whether something is due.
const LOOK: Duration = Duration::from_secs(5);
/// How often old plans are swept.
const SWEEP: Duration = Duration::from_hours(1);
/// Directories that are read at once: a slow one holds up no other.
const READINGS_MAX: usize = 4;

/// Runs until it is dropped.
pub(super) async fn run(office: Arc<Office>) {
    let places = Arc::new(Semaphore::new(READINGS_MAX));
    let mut readings = JoinSet::new();
    let mut swept: Option<Instant> = None;
    loop {
        while readings.try_join_next().is_some() {}
        if swept.is_none_or(|at| at.elapsed() >= SWEEP) {
            swept = Some(Instant::now());
            if let Err(error) = office.sweep().await {
                say!("doorlist: old plans are not swept now: {error}");
            }
        }
        // While the store is away nothing is due; that is told elsewhere.
        for name in office.due_sources().await.unwrap_or_default() {
            let (office, places) = (Arc::clone(&office), Arc::clone(&places));
            readings.spawn(async move {
                let Ok(_place) = places.acquire().await else { return };
                read(&office, &name).await;
            });
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn read(office: &Office, name: &str) {
    match office.scheduled_sync(name).await {
        Ok(report) if matches!(report.outcome, RunOutcome::Failed | RunOutcome::Held) => {
            let why = report.why.unwrap_or_default();
            say!("doorlist: source {name} of {}: {}: {why}", report.domain, report.outcome.word());
        }
        Ok(_) => {}
        Err(error) => say!("doorlist: source {name} is not read now: {error}"),
    }
}
