//! Writes audit entries to the store: a bounded queue and one task. Requests never wait for it. The change log records
//! each change with its login, too, in the transaction of the change.

use crate::command_target::clock;
use doorlist_actions::{AuditEvent, AuditNews, AuditWriter, Services};
use doorlist_web::{AuditLine, Trail};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::timeout;
use tracing::error;

/// Maximum entries in the queue; further ones are only counted and reported.
const WAITING_MAX: usize = 10_000;
/// Maximum entries per write.
const BATCH: usize = 1_000;
/// Time without entries after which pending counts are checked.
const LOOK: Duration = Duration::from_mins(5);
/// Maximum time to write the last entries at shutdown.
const END_MAX: Duration = Duration::from_secs(5);

/// The queue of audit entries.
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

    /// Writes entries until it is stopped.
    pub(crate) async fn write(&self, services: &Services) {
        let receiver = self.receiver.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let Some(mut receiver) = receiver else { return };
        let mut writer = AuditWriter::new(services);
        if let Err(error) = writer.begin().await {
            error!("cannot write the audit log: {error}");
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
                error!("could not write {number} entries of the audit log: {error}");
            }
            let lost = self.lost.swap(0, Ordering::Relaxed);
            if lost > 0 {
                error!("lost {lost} entries of the audit log: the store is too slow");
            }
        }
        if let Err(error) = writer.end().await {
            error!("could not write the counts of the audit log: {error}");
        }
        self.ended.notify_one();
    }

    /// Writes the remaining entries and stops.
    pub(crate) async fn end(&self) {
        self.end.notify_one();
        if timeout(END_MAX, self.ended.notified()).await.is_err() {
            error!("the last entries of the audit log may be missing: the store does not answer");
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
