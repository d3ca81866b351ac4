//! Reading a directory and taking over what it says: by hand, as a preview, or when its time has come. An error, a part
//! of an answer or an empty one never removes anybody.

mod report;

pub use report::{SyncReport, UNPAGED};

use report::SyncTrigger;

use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::apply_source::{PlanReport, SourceInput, Then, check_reason};
use crate::caller::Caller;
use crate::error::{ActionError, ErrorKind};
use crate::imports::examples_max;
use crate::ports::{DirectoryReading, ReadWish, TestReport};
use crate::services::Services;
use crate::sources::settings_of;
use doorlist_core::address::DomainName;
use doorlist_core::change::{Actor, Source, Via};
use doorlist_core::counted::counted;
use doorlist_core::source_rows::normalize;
use doorlist_core::time::Timestamp;
use doorlist_store::recipients::{Coverage, EXAMPLES_MAX, PAGE_MAX};
use doorlist_store::source_book::{RunOutcome, RunRecord, StoredConnection};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Everything is read at least so often; in between only what has changed, where a directory can tell.
const FULL_READ_EVERY: Duration = Duration::from_hours(24);
/// A reading that takes longer is given up by whoever holds its lease; another node may begin then.
const LEASE: Duration = Duration::from_mins(15);

/// Tries a connection to a directory step by step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SyncTest {
    pub name: String,
}

impl Action for SyncTest {
    type Answer = TestReport;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<TestReport, ActionError> {
        let services = &actions.services;
        let stored = services.stored_source(&self.name).await?;
        let (settings, password) = (settings_of(&stored)?, services.password_of(&stored)?);
        let details = services.domain_details(&stored.domain).await?;
        let wish = ReadWish {
            connection: &settings.connection,
            password: password.as_deref(),
            domain: &details.summary.name,
            domain_aliases: &details.domain_aliases,
            since: None,
        };
        Ok(services.reader.test(&wish).await)
    }
}

/// Reads a directory and shows what would change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SyncPreview {
    pub name: String,
    /// Rows that the plan shows; at most a hundred thousand.
    #[serde(default = "examples_max")]
    pub examples_max: usize,
}

impl Action for SyncPreview {
    type Answer = Box<SyncReport>;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Box<SyncReport>, ActionError> {
        actions.sync(&self.name, SyncTrigger::Preview(self.examples_max)).await.map(Box::new)
    }
}

/// Reads a directory now and applies what changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SyncRun {
    pub name: String,
    /// Why the limits are overridden.
    pub reason: Option<String>,
    /// Only what has changed since the last reading, where the directory can tell.
    #[serde(default)]
    pub changes: bool,
}

impl Action for SyncRun {
    type Answer = Box<SyncReport>;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Box<SyncReport>, ActionError> {
        let trigger = match self.reason {
            Some(reason) => SyncTrigger::Override(reason),
            None if self.changes => SyncTrigger::Schedule,
            None => SyncTrigger::Command,
        };
        actions.sync(&self.name, trigger).await.map(Box::new)
    }
}

/// Lists earlier readings of a directory, newest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SyncHistory {
    pub name: String,
    pub before: Option<u64>,
    /// Readings of the page, at most [`PAGE_MAX`].
    pub limit: u32,
}

impl Action for SyncHistory {
    type Answer = Vec<RunRecord>;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Vec<RunRecord>, ActionError> {
        let source = Source::Directory(self.name).to_string();
        Ok(actions.services.book.runs(&source, self.before, self.limit.clamp(1, PAGE_MAX)).await?)
    }
}

impl Actions {
    /// Reads a directory and takes over what it says. One reading of a source at a time, over all nodes.
    pub(crate) async fn sync(&self, name: &str, trigger: SyncTrigger) -> Result<SyncReport, ActionError> {
        if let SyncTrigger::Override(reason) = &trigger {
            check_reason(reason)?;
        }
        let stored = self.services.stored_source(name).await?;
        let (lease, holder) = (format!("sync:{name}"), self.services.lease_holder());
        if !self.services.book.take_lease(&lease, &holder, self.now(), LEASE).await? {
            let message = format!("source {name} is already being synced; see `sync history {name}` in a moment");
            return Err(ActionError::new(ErrorKind::Busy, message));
        }
        let began = self.now();
        let report = self.sync_alone(&stored, &trigger).await;
        if !matches!(trigger, SyncTrigger::Preview(_)) {
            self.note_health(name, began, &report).await;
        }
        // It runs out by itself if the store is away.
        let _ = self.services.book.end_lease(&lease, &holder).await;
        report
    }

    async fn sync_alone(&self, stored: &StoredConnection, trigger: &SyncTrigger) -> Result<SyncReport, ActionError> {
        let settings = settings_of(stored)?;
        let began = self.now();
        let report = match self.read_source(stored, trigger, began).await {
            Ok(reading) => self.take_over_by_pool(stored, reading, trigger, began).await?,
            Err(why) => SyncReport::failed(stored, began, why),
        };
        let is_preview = matches!(trigger, SyncTrigger::Preview(_));
        if report.outcome == RunOutcome::Failed && !is_preview {
            self.note_failure(stored, began, &report).await?;
        }
        if !is_preview {
            self.services.tell_of(&settings, &report).await;
        }
        Ok(report)
    }

    /// What the directory says, or a sentence that says why nobody knows.
    async fn read_source(
        &self,
        stored: &StoredConnection,
        trigger: &SyncTrigger,
        now: Timestamp,
    ) -> Result<DirectoryReading, String> {
        let settings = settings_of(stored).map_err(|e| e.to_string())?;
        let password = self.services.password_of(stored).map_err(|e| e.to_string())?;
        let details = self.services.domain_details(&stored.domain).await.map_err(|e| e.to_string())?;
        let fresh = stored.full_read.is_some_and(|at| now.since(at) < FULL_READ_EVERY);
        let since = stored.marker.as_deref().filter(|_| fresh && *trigger == SyncTrigger::Schedule);
        let wish = ReadWish {
            connection: &settings.connection,
            password: password.as_deref(),
            domain: &details.summary.name,
            domain_aliases: &details.domain_aliases,
            since,
        };
        let reading = self.services.reader.read(&wish).await.map_err(|failure| failure.message)?;
        if reading.changed.is_none() && reading.rows.is_empty() {
            return Err(empty(&reading, &stored.domain));
        }
        Ok(reading)
    }

    /// What was read is settled, planned and applied on the threads for heavy work.
    async fn take_over_by_pool(
        &self,
        stored: &StoredConnection,
        reading: DirectoryReading,
        trigger: &SyncTrigger,
        began: Timestamp,
    ) -> Result<SyncReport, ActionError> {
        let (actions, stored, trigger) = (self.clone(), stored.clone(), trigger.clone());
        let job = async move { Box::pin(actions.take_over(&stored, reading, &trigger, began)).await };
        self.services.work.run(job).await?
    }

    async fn take_over(
        &self,
        stored: &StoredConnection,
        mut reading: DirectoryReading,
        trigger: &SyncTrigger,
        began: Timestamp,
    ) -> Result<SyncReport, ActionError> {
        let settings = settings_of(stored)?;
        let list = normalize(std::mem::take(&mut reading.rows));
        let mut report = SyncReport::of(stored, began, &reading, &list);
        let coverage = match &reading.changed {
            None => Coverage::Whole,
            Some(keys) => Coverage::Entries(keys),
        };
        let source = Source::Directory(stored.name.clone());
        let addresses = counted(list.rows.len() as u64, "address");
        let summary = format!("{addresses} of {} from {source}", stored.domain);
        let told = serde_json::to_string(&report).map_err(|e| ActionError::new(ErrorKind::Store, e.to_string()))?;
        let wish = SourceInput {
            domain: &stored.domain,
            source: &source,
            coverage,
            file: None,
            only_own_file: false,
            examples_max: match trigger {
                SyncTrigger::Preview(examples_max) => *examples_max,
                _ => EXAMPLES_MAX,
            },
            summary: &summary,
            limits: settings.limits,
            report: &told,
            then: match trigger {
                SyncTrigger::Preview(_) => Then::Show,
                SyncTrigger::Override(reason) => Then::Override(reason),
                SyncTrigger::Command | SyncTrigger::Schedule => Then::Apply,
            },
        };
        let actor = Actor { via: Via::Sync, ..self.actor() };
        let plan = self.apply_source(&wish, list, &actor).await?;
        report.finish(&plan, self.now());
        if !matches!(trigger, SyncTrigger::Preview(_)) {
            let told = serde_json::to_string(&report).map_err(|e| ActionError::new(ErrorKind::Store, e.to_string()))?;
            self.note_run(&wish, began, &plan, told).await?;
            self.keep_marker(stored, &reading, &plan, began).await?;
        }
        report.plan = Some(plan);
        Ok(report)
    }

    /// Only what was taken over counts as read.
    async fn keep_marker(
        &self,
        stored: &StoredConnection,
        reading: &DirectoryReading,
        plan: &PlanReport,
        began: Timestamp,
    ) -> Result<(), ActionError> {
        if plan.written {
            let full = reading.changed.is_none().then_some(began);
            self.services.book.keep_marker(&stored.name, reading.marker.as_deref(), full).await?;
        }
        Ok(())
    }

    /// A reading that could not be taken over has failed as well. If the store is away, the next reading is noted.
    async fn note_health(&self, name: &str, began: Timestamp, report: &Result<SyncReport, ActionError>) {
        let (outcome, why) = match report {
            Ok(report) => (report.outcome, report.why.clone().unwrap_or_default()),
            Err(error) => (RunOutcome::Failed, error.to_string()),
        };
        let _ = self.services.book.note_health(name, began, outcome, &why).await;
    }

    async fn note_failure(
        &self,
        stored: &StoredConnection,
        began: Timestamp,
        report: &SyncReport,
    ) -> Result<(), ActionError> {
        let run = RunRecord {
            id: 0,
            source: Source::Directory(stored.name.clone()).to_string(),
            domain: stored.domain.clone(),
            began,
            ended: self.now(),
            outcome: RunOutcome::Failed,
            lost: 0,
            size: 0,
            plan: None,
            change_id: None,
            report: serde_json::to_string(report).unwrap_or_default(),
        };
        Ok(self.services.book.add_run(&run).await?)
    }
}

impl Services {
    /// Sources whose time has come; each is put off to its next time before it is read, so that a broken one is not read
    /// over and over.
    pub async fn due_sources(&self) -> Result<Vec<String>, ActionError> {
        let now = self.now();
        let mut names = Vec::new();
        for stored in self.book.due(now).await? {
            let minutes = settings_of(&stored).map_or(crate::sources::EVERY_MINUTES, |s| s.every_minutes);
            self.book.schedule(&stored.name, now + with_jitter(minutes, &stored.name, now)).await?;
            names.push(stored.name);
        }
        Ok(names)
    }

    /// Reads a source because its time has come. What came of it stands in its history.
    ///
    /// # Errors
    /// When the store fails, or another node reads it.
    pub async fn scheduled_sync(self: &Arc<Self>, name: &str) -> Result<SyncReport, ActionError> {
        Actions::of(self, Caller::schedule()).sync(name, SyncTrigger::Schedule).await
    }
}

fn empty(reading: &DirectoryReading, domain: &DomainName) -> String {
    let returned = returned_nothing(&reading.server, reading.entries, domain);
    format!(
        "{returned}; an empty answer never removes recipients, and nothing was changed. Check base, filter, attributes \
         and the read permissions of the bind account"
    )
}

/// `ldaps://... returned 3 entries, but no address of example.test`: an answer without an address.
pub fn returned_nothing(server: &str, entries: u64, domain: &DomainName) -> String {
    match entries {
        0 => format!("{server} returned no entries"),
        _ => format!("{server} returned {}, but no address of {domain}", counted(entries, "entry")),
    }
}

/// A tenth earlier or later, so that many sources do not come at once. The same for the same moment and name.
fn with_jitter(minutes: u32, name: &str, now: Timestamp) -> Duration {
    let every = u64::from(minutes) * 60;
    let mixed = name.bytes().fold(now.as_millis().unsigned_abs(), |mix, byte| {
        (mix ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(17)
    });
    Duration::from_secs(every - every / 10 + mixed % (every / 5).max(1))
}
