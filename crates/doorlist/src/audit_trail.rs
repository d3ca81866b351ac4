//! Lines of the audit on their way into the store: a bounded queue and one task that writes what has gathered. A request
//! never waits for it. What was changed stands in the change log with its login, too, in the same transaction.

use crate::door::clock;
use doorlist_actions::{AuditEvent, AuditNews, AuditWriter, Office};
use doorlist_web::{AuditLine, Trail};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::timeout;
use tracing::error;

/// Lines that wait at most; beyond, they are counted and said, not kept.
const WAITING_MAX: usize = 10_000;
/// Lines that are written at once.
const BATCH: usize = 1_000;
/// When nothing comes for so long, it is looked whether a count is due.
const LOOK: Duration = Duration::from_mins(5);
/// A store that does not answer holds the end of the process no longer than this.
const END_MAX: Duration = Duration::from_secs(5);

/// Where requests leave their lines.
pub(crate) struct AuditTrail {
    sender: Sender<AuditNews>,
    receiver: Mutex<Option<Receiver<AuditNews>>>,
    lost: AtomicU64,
    end: Notify,
    ended: Notify,
}

impl AuditTrail {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = channel(WAITING_MAX);
        let (end, ended) = (Notify::new(), Notify::new());
        Self { sender, receiver: Mutex::new(Some(receiver)), lost: AtomicU64::new(0), end, ended }
    }

    /// Writes lines until it is told to end.
    pub(crate) async fn write(&self, office: &Office) {
        let receiver = self.receiver.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let Some(mut receiver) = receiver else { return };
        let mut writer = AuditWriter::new(office);
        if let Err(error) = writer.begin().await {
            error!("the audit cannot be written: {error}");
        }
        let mut news = Vec::new();
        let mut ends = false;
        while !ends {
            tokio::select! {
                // An end of the time means that nothing came.
                _ = timeout(LOOK, receiver.recv_many(&mut news, BATCH)) => {}
                () = self.end.notified() => {
                    ends = true;
                    news.extend(std::iter::from_fn(|| receiver.try_recv().ok()));
                }
            }
            let number = news.len();
            if let Err(error) = writer.write(std::mem::take(&mut news)).await {
                error!("{number} lines of the audit could not be written: {error}");
            }
            let lost = self.lost.swap(0, Ordering::Relaxed);
            if lost > 0 {
                error!("{lost} lines of the audit were lost: the store is too slow for them");
            }
        }
        if let Err(error) = writer.end().await {
            error!("what the audit counted could not be written: {error}");
        }
        self.ended.notify_one();
    }

    /// Writes what waits, and ends.
    pub(crate) async fn end(&self) {
        self.end.notify_one();
        if timeout(END_MAX, self.ended.notified()).await.is_err() {
            error!("the last lines of the audit may be missing: the store does not answer");
        }
    }
}

impl Trail for AuditTrail {
    fn note(&self, line: AuditLine) {
        let event = AuditEvent {
            time: clock()(),
            client: line.client,
            login: Some(line.login),
            key: Some(line.key),
            method: line.method,
            path: line.path,
            status: line.status,
        };
        if self.sender.try_send(AuditNews { event, scopes: line.scopes }).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}
