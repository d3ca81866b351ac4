//! Lines of the audit on their way into the store: a bounded queue and one task that writes what has gathered. A request
//! never waits for it. What was changed stands in the change log with its login, too, in the same transaction.

use crate::door::clock;
use doorlist_actions::{AuditEvent, Office};
use doorlist_web::{AuditLine, Trail};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Lines that wait at most; beyond, they are counted and said, not kept.
const WAITING_MAX: usize = 10_000;
/// Lines that are written at once.
const BATCH: usize = 1_000;

/// Where requests leave their lines.
pub(crate) struct AuditTrail {
    sender: Sender<AuditEvent>,
    receiver: Mutex<Option<Receiver<AuditEvent>>>,
    lost: AtomicU64,
}

impl AuditTrail {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = channel(WAITING_MAX);
        Self { sender, receiver: Mutex::new(Some(receiver)), lost: AtomicU64::new(0) }
    }

    /// Writes lines until the process ends.
    pub(crate) async fn write(&self, office: &Office) {
        let receiver = self.receiver.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let Some(mut receiver) = receiver else { return };
        let mut events = Vec::new();
        while receiver.recv_many(&mut events, BATCH).await > 0 {
            if let Err(error) = office.audit_append(&events).await {
                say!("doorlist: {} lines of the audit could not be written: {error}", events.len());
            }
            events.clear();
            let lost = self.lost.swap(0, Ordering::Relaxed);
            if lost > 0 {
                say!("doorlist: {lost} lines of the audit were lost: the store is too slow for them");
            }
        }
    }
}

impl Trail for AuditTrail {
    fn note(&self, line: AuditLine) {
        let (login, key) = line.caller.unzip();
        let event = AuditEvent {
            time: clock()(),
            client: line.client,
            login,
            key,
            method: line.method,
            path: line.path,
            status: line.status,
        };
        if self.sender.try_send(event).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}
