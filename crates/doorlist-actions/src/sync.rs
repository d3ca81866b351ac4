//! Reading a directory and taking over what it says: by hand, as a preview, or when its time has come. An error, a part
//! of an answer or an empty one never removes anybody.

use crate::connections::settings_of;
use crate::error::{ActionError, ErrorKind};
use crate::guarded::{PlanReport, Then, Wish, check_reason};
use crate::office::Office;
use crate::sync_report::{SyncReport, SyncTrigger};
use crate::world::{DirectoryReading, ReadWish, TestReport};
use doorlist_core::address::DomainName;
use doorlist_core::change::{Actor, Source, Via};
use doorlist_core::source_rows::settle;
use doorlist_core::time::Timestamp;
use doorlist_store::directory::{Coverage, PAGE_MAX};
use doorlist_store::source_book::{RunOutcome, RunRecord, StoredConnection};
use std::time::Duration;

/// Everything is read at least so often; in between only what has changed, where a directory can tell.
const FULL_READ_EVERY: Duration = Duration::from_hours(24);
/// A reading that takes longer is given up by whoever holds its lease; another node may begin then.
const LEASE: Duration = Duration::from_mins(15);

impl Office {
    /// Tries a connection step by step.
    pub(crate) async fn sync_test(&self, name: &str) -> Result<TestReport, ActionError> {
        let stored = self.stored_source(name).await?;
        let (settings, password) = (settings_of(&stored)?, self.password_of(&stored)?);
        let details = self.domain_show(&stored.domain).await?;
        let wish = ReadWish {
            connection: &settings.connection,
            password: password.as_deref(),
            domain: &details.summary.name,
            domain_aliases: &details.domain_aliases,
            since: None,
        };
        Ok(self.reader.test(&wish).await)
    }

    /// What came of earlier readings.
    pub(crate) async fn sync_history(
        &self,
        name: &str,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<RunRecord>, ActionError> {
        let source = Source::Directory(name.to_owned()).to_string();
        Ok(self.book.runs(&source, before, limit.clamp(1, PAGE_MAX)).await?)
    }

    /// Reads a directory and takes over what it says. One reading of a source at a time, over all nodes.
    pub(crate) async fn sync(
        &self,
        name: &str,
        trigger: SyncTrigger,
        actor: &Actor,
    ) -> Result<SyncReport, ActionError> {
        if let SyncTrigger::Override(reason) = &trigger {
            check_reason(reason)?;
        }
        let stored = self.stored_source(name).await?;
        let (lease, holder) = (format!("sync:{name}"), self.lease_holder());
        if !self.book.take_lease(&lease, &holder, (self.clock)(), LEASE).await? {
            let message = format!("source {name} is already being synced; see `sync history {name}` in a moment");
            return Err(ActionError::new(ErrorKind::Busy, message));
        }
        let report = self.sync_alone(&stored, &trigger, actor).await;
        // It runs out by itself if the store is away.
        let _ = self.book.end_lease(&lease, &holder).await;
        report
    }

    async fn sync_alone(
        &self,
        stored: &StoredConnection,
        trigger: &SyncTrigger,
        actor: &Actor,
    ) -> Result<SyncReport, ActionError> {
        let settings = settings_of(stored)?;
        let began = (self.clock)();
        let report = match self.read_source(stored, trigger, began).await {
            Ok(reading) => self.take_over_by_pool(stored, reading, trigger, began, actor).await?,
            Err(why) => SyncReport::failed(stored, began, why),
        };
        if report.outcome == RunOutcome::Failed && *trigger != SyncTrigger::Preview {
            self.note_failure(stored, began, &report).await?;
        }
        if *trigger != SyncTrigger::Preview {
            self.tell_of(&settings, &report).await;
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
        let settings = settings_of(stored).map_err(|e| e.message)?;
        let password = self.password_of(stored).map_err(|e| e.message)?;
        let details = self.domain_show(&stored.domain).await.map_err(|e| e.message)?;
        let fresh = stored.full_read.is_some_and(|at| now.since(at) < FULL_READ_EVERY);
        let since = stored.marker.as_deref().filter(|_| fresh && *trigger == SyncTrigger::Schedule);
        let wish = ReadWish {
            connection: &settings.connection,
            password: password.as_deref(),
            domain: &details.summary.name,
            domain_aliases: &details.domain_aliases,
            since,
        };
        let reading = self.reader.read(&wish).await.map_err(|failure| failure.message)?;
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
        actor: &Actor,
    ) -> Result<SyncReport, ActionError> {
        let (office, stored, trigger, actor) = (self.clone(), stored.clone(), trigger.clone(), actor.clone());
        let job = async move { Box::pin(office.take_over(&stored, reading, &trigger, began, &actor)).await };
        self.work.run(job).await?
    }

    async fn take_over(
        &self,
        stored: &StoredConnection,
        mut reading: DirectoryReading,
        trigger: &SyncTrigger,
        began: Timestamp,
        actor: &Actor,
    ) -> Result<SyncReport, ActionError> {
        let settings = settings_of(stored)?;
        let list = settle(std::mem::take(&mut reading.rows));
        let mut report = SyncReport::of(stored, began, &reading, &list);
        let coverage = match &reading.changed {
            None => Coverage::Whole,
            Some(keys) => Coverage::Entries(keys),
        };
        let source = Source::Directory(stored.name.clone());
        let summary = format!("{} addresses of {} from {source}", list.rows.len(), stored.domain);
        let told = serde_json::to_string(&report).map_err(|e| ActionError::new(ErrorKind::Store, e.to_string()))?;
        let wish = Wish {
            domain: &stored.domain,
            source: &source,
            coverage,
            file: None,
            summary: &summary,
            limits: settings.limits,
            report: &told,
            then: match trigger {
                SyncTrigger::Preview => Then::Show,
                SyncTrigger::Override(reason) => Then::Override(reason),
                SyncTrigger::Command | SyncTrigger::Schedule => Then::Apply,
            },
        };
        let actor = Actor { name: actor.name.clone(), via: Via::Sync };
        let plan = self.bring_in(&wish, list, &actor).await?;
        report.finish(&plan, (self.clock)());
        if *trigger != SyncTrigger::Preview {
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
            self.book.keep_marker(&stored.name, reading.marker.as_deref(), full).await?;
        }
        Ok(())
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
            ended: (self.clock)(),
            outcome: RunOutcome::Failed,
            lost: 0,
            size: 0,
            plan: None,
            change_id: None,
            report: serde_json::to_string(report).unwrap_or_default(),
        };
        Ok(self.book.add_run(&run).await?)
    }

    /// Sources whose time has come; each is put off to its next time before it is read, so that a broken one is not read
    /// over and over.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn due_sources(&self) -> Result<Vec<String>, ActionError> {
        let now = (self.clock)();
        let mut names = Vec::new();
        for stored in self.book.due(now).await? {
            let minutes = settings_of(&stored).map_or(crate::connections::EVERY_MINUTES, |s| s.every_minutes);
            self.book.schedule(&stored.name, now + with_jitter(minutes, &stored.name, now)).await?;
            names.push(stored.name);
        }
        Ok(names)
    }

    /// Reads a source because its time has come. What came of it stands in its history.
    ///
    /// # Errors
    /// When the store fails, or another node reads it.
    pub async fn scheduled_sync(&self, name: &str) -> Result<SyncReport, ActionError> {
        let actor = Actor { name: "schedule".to_owned(), via: Via::Sync };
        self.sync(name, SyncTrigger::Schedule, &actor).await
    }
}

fn empty(reading: &DirectoryReading, domain: &DomainName) -> String {
    format!(
        "{} returned {} entries, but no address of {domain}; an empty answer never removes recipients, and nothing \
         was changed. Check base, filter, attributes and the read permissions of the bind account",
        reading.server, reading.entries
    )
}

/// A tenth earlier or later, so that many sources do not come at once. The same for the same moment and name.
fn with_jitter(minutes: u32, name: &str, now: Timestamp) -> Duration {
    let every = u64::from(minutes) * 60;
    let mixed = name.bytes().fold(now.as_millis().unsigned_abs(), |mix, byte| {
        (mix ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(17)
    });
    Duration::from_secs(every - every / 10 + mixed % (every / 5).max(1))
}
