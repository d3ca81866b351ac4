//! The one task that writes the log: it lets entries gather for a moment, writes them together, and once a day ends the
//! old one and drops the oldest. This module must not know SQL.

use super::asked::{AskedDay, AskedTally};
use super::day::Day;
use super::query::MailEntryColumns;
use super::{Days, LoggedMail, MailLogConfig, MailLogMessage, MailLogShared, postgres, sqlite};
use crate::StoreError;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

const BATCH_MAX: usize = 1_024;
/// Entries gather for so long, so that each does not cost a commit.
const GATHER: Duration = Duration::from_millis(200);
/// Counted refusals are written so often.
const COUNTS_EVERY: Duration = Duration::from_secs(60);
/// What was asked for is summed up for so long, unless it becomes too much.
const ASKED_EVERY: Duration = Duration::from_secs(2);
/// How often it is looked whether the log is too large.
const MEASURE_EVERY: Duration = Duration::from_secs(60);

/// Writes until the last handle is gone.
pub(super) async fn run(shared: Arc<MailLogShared>, mut notes: mpsc::Receiver<MailLogMessage>, config: MailLogConfig) {
    let engine = match &shared.days {
        Days::Sqlite(files) => MailLogEngine::Sqlite(sqlite::SqliteLogWriter::new(files.clone())),
        Days::Postgres(partitions) => MailLogEngine::Postgres(postgres::PostgresLogWriter::new(partitions.clone())),
    };
    let (counted, asked, asked_written) = (Instant::now(), AskedTally::default(), Instant::now());
    let mut writer =
        MailLogWriter { shared, engine, counted, asked, asked_written, today: None, measured: None, config };
    while let Some(batch) = writer.gather(&mut notes).await {
        writer.keep_house();
        writer.take(batch).await;
    }
    writer.write_counts().await;
    writer.write_asked().await;
    writer.engine.close().await;
}

struct MailLogWriter {
    shared: Arc<MailLogShared>,
    engine: MailLogEngine,
    /// When counts were written last.
    counted: Instant,
    asked: AskedTally,
    /// When that was written last.
    asked_written: Instant,
    today: Option<Day>,
    /// When it was last looked how large the log is.
    measured: Option<Instant>,
    config: MailLogConfig,
}

impl MailLogWriter {
    /// What arrived, soon after the first of it; empty when nothing comes for a while; `None` at the end.
    async fn gather(&self, notes: &mut mpsc::Receiver<MailLogMessage>) -> Option<Vec<MailLogMessage>> {
        let mut batch = Vec::new();
        let patience = if self.asked.is_empty() { COUNTS_EVERY } else { ASKED_EVERY };
        match tokio::time::timeout(patience, notes.recv_many(&mut batch, BATCH_MAX)).await {
            Ok(0) => return None,
            Ok(_) => {}
            Err(_) => return Some(batch),
        }
        if batch.len() < BATCH_MAX && !batch.iter().any(|note| matches!(note, MailLogMessage::Flush(_))) {
            // Either way it is time to write.
            drop(tokio::time::timeout(GATHER, self.shared.hurry.notified()).await);
            while batch.len() < BATCH_MAX {
                let Ok(note) = notes.try_recv() else { break };
                batch.push(note);
            }
        }
        Some(batch)
    }

    async fn take(&mut self, notes: Vec<MailLogMessage>) {
        let mut entries = Vec::with_capacity(notes.len());
        let mut flushes: Vec<oneshot::Sender<()>> = Vec::new();
        for note in notes {
            match note {
                MailLogMessage::Entry(entry) => entries.push(LoggedMail { entry, times: 1 }),
                MailLogMessage::Asked(note) => self.asked.add(note),
                MailLogMessage::Flush(told) => flushes.push(told),
            }
        }
        self.write(entries).await;
        if !flushes.is_empty() || self.counted.elapsed() >= COUNTS_EVERY {
            self.write_counts().await;
        }
        if !flushes.is_empty() || self.asked.is_full() || self.asked_written.elapsed() >= ASKED_EVERY {
            self.write_asked().await;
        }
        for told in flushes {
            // Whoever does not wait any more need not be told.
            let _ = told.send(());
        }
    }

    async fn write_counts(&mut self) {
        self.counted = Instant::now();
        let counts = self.shared.flood().drain();
        self.write(counts).await;
    }

    async fn write_asked(&mut self) {
        self.asked_written = Instant::now();
        for (day, asked) in self.asked.take() {
            let notes = asked.notes;
            if self.shared.is_full.load(Ordering::Relaxed) || self.engine.write_asked(day, asked).await.is_err() {
                self.shared.dropped.fetch_add(notes, Ordering::Relaxed);
            }
        }
    }

    /// Writes entries, each in its day. What cannot be written is counted and dropped: mail does not wait for a diary.
    async fn write(&mut self, entries: Vec<LoggedMail>) {
        let mut days = BTreeMap::<Day, Vec<MailEntryColumns>>::new();
        for entry in entries {
            days.entry(Day::of(entry.entry.time)).or_default().push(entry.into());
        }
        for (day, entries) in days {
            let count = entries.len() as u64;
            if self.shared.is_full.load(Ordering::Relaxed) {
                self.shared.dropped.fetch_add(count, Ordering::Relaxed);
                continue;
            }
            if self.engine.write(day, entries).await.is_err() {
                self.shared.dropped.fetch_add(count, Ordering::Relaxed);
            }
        }
    }

    /// At the first sign of a new day: indexes for those that are over, an end for those that are too old. Every minute an
    /// end for what is too much.
    fn keep_house(&mut self) {
        let today = Day::today();
        if self.measured.is_none_or(|at| at.elapsed() >= MEASURE_EVERY) {
            self.measured = Some(Instant::now());
            let (shared, max) = (Arc::clone(&self.shared), self.config.size_max);
            tokio::spawn(async move { shared.keep_size(today, max).await });
        }
        if self.today.replace(today) == Some(today) {
            return;
        }
        // Beside the writer: an index over a million entries takes seconds.
        tokio::spawn(tidy(self.shared.days.clone(), today.before(self.config.days), today));
    }
}

/// What fails here is tried again tomorrow, and at the next start.
async fn tidy(days: Days, oldest: Day, today: Day) {
    for day in days.list().await.unwrap_or_default().into_iter().filter(|day| *day < today) {
        // One day that cannot be tidied is no reason to leave the others.
        drop(match &days {
            days if day < oldest => days.drop_day(day).await,
            Days::Sqlite(files) => files.finish(day).await,
            Days::Postgres(partitions) => partitions.finish(day).await,
        });
    }
}

/// The engine that writes.
enum MailLogEngine {
    Sqlite(sqlite::SqliteLogWriter),
    Postgres(postgres::PostgresLogWriter),
}

impl MailLogEngine {
    async fn write(&mut self, day: Day, entries: Vec<MailEntryColumns>) -> Result<(), StoreError> {
        match self {
            MailLogEngine::Sqlite(writer) => writer.write(day, entries).await,
            MailLogEngine::Postgres(writer) => writer.write(day, entries).await,
        }
    }

    async fn write_asked(&mut self, day: Day, asked: AskedDay) -> Result<(), StoreError> {
        match self {
            MailLogEngine::Sqlite(writer) => writer.write_asked(day, asked).await,
            MailLogEngine::Postgres(writer) => writer.write_asked(day, asked).await,
        }
    }

    async fn close(self) {
        if let MailLogEngine::Sqlite(writer) = self {
            writer.close().await;
        }
    }
}
