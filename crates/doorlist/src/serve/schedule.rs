//! Work whose time has come: directories are read, what is beyond its term is removed, the head of the audit is logged.
//! Of several nodes one does each, by a lease in the store. What is done is the office's.

use doorlist_actions::{AuditHead, Office};
use doorlist_gateway::journal::{Field, Journal, Line, Process};
use doorlist_store::source_book::RunOutcome;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::{info, warn};

/// How often it is looked whether something is due.
const LOOK: Duration = Duration::from_secs(5);
/// How often it is looked what is beyond its term or size.
const SWEEP: Duration = Duration::from_mins(15);
/// How often the log says where the audit stands.
const HEAD: Duration = Duration::from_hours(1);
/// Directories that are read at once: a slow one holds up no other.
const READINGS_MAX: usize = 4;

/// Runs until it is dropped.
pub(super) async fn run(office: Arc<Office>, journal: Journal) {
    let places = Arc::new(Semaphore::new(READINGS_MAX));
    let mut readings = JoinSet::new();
    let (mut swept, mut told): (Option<Instant>, Option<Instant>) = (None, None);
    loop {
        while readings.try_join_next().is_some() {}
        if swept.is_none_or(|at| at.elapsed() >= SWEEP) {
            swept = Some(Instant::now());
            match office.sweep().await {
                Ok(sentences) => sentences.iter().for_each(|sentence| info!("{sentence}")),
                Err(error) => warn!("what is beyond its term is not removed now: {error}"),
            }
        }
        if told.is_none_or(|at| at.elapsed() >= HEAD) {
            told = Some(Instant::now());
            log_head(&office, &journal).await;
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

/// Whoever keeps the log elsewhere can tell later whether the audit still has what it had.
async fn log_head(office: &Office, journal: &Journal) {
    match office.audit_head().await {
        Ok(AuditHead { node, number, head, .. }) => journal.write(&Line {
            process: Process::Master,
            queue: None,
            event: "audit:",
            fields: &[("node", Field::Num(node.into())), ("number", Field::Num(number)), ("head", Field::Str(&head))],
        }),
        Err(error) => warn!("where the audit stands cannot be told now: {error}"),
    }
}

async fn read(office: &Office, name: &str) {
    match office.scheduled_sync(name).await {
        Ok(report) if matches!(report.outcome, RunOutcome::Failed | RunOutcome::Held) => {
            let why = report.why.unwrap_or_default();
            warn!("source {name} of {}: {}: {why}", report.domain, report.outcome.word());
        }
        Ok(_) => {}
        Err(error) => warn!("source {name} is not read now: {error}"),
    }
}
