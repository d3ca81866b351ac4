//! What came of reading a directory: for the screen, the history and a mail. Must not know how it was read.

use crate::apply_source::PlanReport;
use crate::ports::DirectoryReading;
use crate::services::Services;
use crate::sources::{SourceSettings, Tell};
use doorlist_core::address::DomainName;
use doorlist_core::source_rows::{NormalizedRows, RowProblem};
use doorlist_core::time::Timestamp;
use doorlist_store::source_book::{RunOutcome, StoredConnection};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// Problems that a report carries; more are counted.
const PROBLEMS_MAX: usize = 100;

/// Why a directory is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SyncTrigger {
    /// A person looks what would come of it, and is shown so many rows.
    Preview(usize),
    /// A person wants it now.
    Command,
    /// A person wants it over the limits, for this reason.
    Override(String),
    /// Its time has come: once a day everything is read, otherwise what has changed.
    Schedule,
}

/// What came of reading a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncReport {
    pub source: String,
    pub domain: DomainName,
    pub began: Timestamp,
    /// How long it took.
    pub millis: u64,
    pub outcome: RunOutcome,
    /// Why, if nothing was changed: what happened and what to do.
    pub why: Option<String>,
    /// Everything was read, not only what has changed.
    pub whole: bool,
    pub server: String,
    pub entries: u64,
    /// Addresses that they have in the domain.
    pub addresses: u64,
    /// What was rightly left out, by kind.
    pub skipped: Vec<(String, u64)>,
    /// Values that are no addresses, and where the directory contradicts itself.
    pub problems: Vec<RowProblem>,
    pub problems_total: u64,
    /// References to other servers; never followed.
    pub references: u64,
    pub reference_urls: Vec<String>,
    /// Newly listed, differing, no longer listed, newly missing: as it was written.
    pub counts: [u64; 4],
    /// The plan; not in the history, which names its change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanReport>,
}

impl SyncReport {
    pub(crate) fn failed(stored: &StoredConnection, began: Timestamp, why: String) -> Self {
        Self {
            source: stored.name.clone(),
            domain: stored.domain.clone(),
            began,
            millis: 0,
            outcome: RunOutcome::Failed,
            why: Some(why),
            whole: true,
            server: String::new(),
            entries: 0,
            addresses: 0,
            skipped: Vec::new(),
            problems: Vec::new(),
            problems_total: 0,
            references: 0,
            reference_urls: Vec::new(),
            counts: [0; 4],
            plan: None,
        }
    }

    pub(crate) fn of(
        stored: &StoredConnection,
        began: Timestamp,
        reading: &DirectoryReading,
        list: &NormalizedRows,
    ) -> Self {
        let problems = reading.problems.iter().chain(&list.conflicts).take(PROBLEMS_MAX);
        Self {
            outcome: RunOutcome::Same,
            why: None,
            whole: reading.changed.is_none(),
            server: reading.server.clone(),
            entries: reading.entries,
            addresses: list.rows.len() as u64,
            skipped: reading.skipped.clone(),
            problems: problems.cloned().collect(),
            problems_total: reading.problems_total + list.conflicts_total,
            references: reading.references,
            reference_urls: reading.reference_urls.clone(),
            ..Self::failed(stored, began, String::new())
        }
    }

    pub(crate) fn finish(&mut self, plan: &PlanReport, now: Timestamp) {
        let applied = &plan.applied;
        self.millis = u64::try_from(now.since(self.began).as_millis()).unwrap_or(u64::MAX);
        self.counts = [applied.added, applied.changed, applied.removed, applied.missing];
        self.outcome = match (plan.written, &plan.held) {
            (_, Some(_)) => RunOutcome::Held,
            (_, None) if applied.changes_something() => RunOutcome::Applied,
            _ => RunOutcome::Same,
        };
        if let Some(held) = &plan.held {
            let next = match plan.plan {
                Some(id) => format!("; pending as plan {}: review it, then apply or discard it", id.0),
                None => String::new(),
            };
            self.why = Some(format!("{held}{next}"));
        }
    }

    /// 0 done, 1 failed, 2 a preview that would change something, 4 stopped by a limit.
    pub fn exit_code(&self) -> u8 {
        match (self.outcome, &self.plan) {
            (RunOutcome::Failed, _) => 1,
            (RunOutcome::Held, _) => 4,
            (_, Some(plan)) => plan.exit_code(),
            _ => 0,
        }
    }

    /// The report as a mail.
    fn text(&self) -> String {
        let [added, changed, removed, missing] = self.counts;
        let mut text = format!("Source {} of {}: {}\n\n", self.source, self.domain, self.outcome.word());
        if let Some(why) = &self.why {
            let _ = writeln!(text, "{why}\n");
        }
        let _ = writeln!(text, "{} entries, {} addresses read from {}", self.entries, self.addresses, self.server);
        let _ = writeln!(text, "{added} added, {changed} changed, {removed} removed, {missing} newly missing");
        if missing > 0 {
            let _ = writeln!(text, "What is missing stays accepted for 7 days.");
        }
        for (what, count) in &self.skipped {
            let _ = writeln!(text, "skipped: {count} {what}");
        }
        for problem in &self.problems {
            let _ = writeln!(text, "{}: {}: {}", problem.place, problem.value, problem.why);
        }
        text
    }
}

impl Services {
    /// Tells the people who want to know. That they could not be told changes nothing: the history has it all.
    pub(crate) async fn tell_of(&self, settings: &SourceSettings, report: &SyncReport) {
        let trouble = matches!(report.outcome, RunOutcome::Failed | RunOutcome::Held);
        let wanted = match settings.tell {
            Tell::Always => true,
            Tell::Changes => trouble || report.outcome == RunOutcome::Applied,
            Tell::Trouble => trouble,
        };
        if wanted && !settings.recipients.is_empty() {
            let subject = format!("{}: source {} {}", report.domain, report.source, report.outcome.word());
            // Connections are set by the operator's command alone.
            self.tell_named_by_operator(&settings.recipients, &subject, &report.text()).await;
        }
    }
}
