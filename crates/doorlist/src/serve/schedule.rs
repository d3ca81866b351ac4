//! Work whose time has come: directories are read, what is beyond its term is removed, the head of the audit is logged.
//! Of several nodes one does each, by a lease in the store. What is done is the services's.

use doorlist_actions::{AuditHead, Services};
use doorlist_gateway::journal::{FieldValue, Journal, Line, Process};
use doorlist_store::source_book::RunOutcome;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::{info, warn};

/// How often due syncs are checked.
const LOOK: Duration = Duration::from_secs(5);
/// How often expired data is removed.
const SWEEP: Duration = Duration::from_mins(15);
/// How often the head of the audit log is logged.
const HEAD: Duration = Duration::from_hours(1);
/// Maximum concurrent syncs, so that a slow one does not delay others.
const READINGS_MAX: usize = 4;

/// Runs until it is dropped.
pub(super) async fn run(services: Arc<Services>, journal: Journal) {
    let places = Arc::new(Semaphore::new(READINGS_MAX));
    let mut readings = JoinSet::new();
    let (mut swept, mut told): (Option<Instant>, Option<Instant>) = (None, None);
    loop {
        while readings.try_join_next().is_some() {}
        if swept.is_none_or(|at| at.elapsed() >= SWEEP) {
            swept = Some(Instant::now());
            match services.sweep().await {
                Ok(sentences) => sentences.iter().for_each(|sentence| info!("{sentence}")),
                Err(error) => warn!("cannot remove expired data now: {error}"),
            }
        }
        if told.is_none_or(|at| at.elapsed() >= HEAD) {
            told = Some(Instant::now());
            log_head(&services, &journal).await;
        }
        // While the store is away nothing is due; that is told elsewhere.
        for name in services.due_sources().await.unwrap_or_default() {
            let (services, places) = (Arc::clone(&services), Arc::clone(&places));
            readings.spawn(async move {
                let Ok(_place) = places.acquire().await else { return };
                read(&services, &name).await;
            });
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Logs the head of the audit log, so that a copy of the log elsewhere can reveal a truncated audit.
async fn log_head(services: &Services, journal: &Journal) {
    match services.audit_head().await {
        Ok(AuditHead { node, number, head, .. }) => journal.write(&Line {
            process: Process::Master,
            queue: None,
            event: "audit:",
            fields: &[
                ("node", FieldValue::Num(node.into())),
                ("number", FieldValue::Num(number)),
                ("head", FieldValue::Str(&head)),
            ],
        }),
        Err(error) => warn!("cannot log the head of the audit log now: {error}"),
    }
}

async fn read(services: &Arc<Services>, name: &str) {
    match services.scheduled_sync(name).await {
        Ok(report) if matches!(report.outcome, RunOutcome::Failed | RunOutcome::Held) => {
            let why = report.why.unwrap_or_default();
            warn!("source {name} of {}: {}: {why}", report.domain, report.outcome.word());
        }
        Ok(_) => {}
        Err(error) => warn!("source {name} is not synced now: {error}"),
    }
}
