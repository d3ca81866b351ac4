//! Messages of our own to people: a source that stands still, a plan that waits. They go into the spool like everything
//! else, without a sender, so that nothing answers them. This module must not know what is told, or why.

mod message;

use super::Shared;
use super::report::ours;
use crate::clock;
use crate::journal::Process;
use doorlist_core::address::Address;
use doorlist_core::queue_id::QueueId;
use doorlist_core::time::Timestamp;
use doorlist_store::spool::{MessageKind, SpoolError};
use message::Notice;
use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// Recipients of one notice.
pub const NOTICE_RECIPIENTS_MAX: usize = 100;
/// Octets of a notice's text.
pub const NOTICE_TEXT_MAX: usize = 256 * 1024;
/// Notices within an hour: whatever goes wrong again and again must not fill anybody's mailbox.
pub const NOTICES_PER_HOUR_MAX: usize = 60;

const HOUR: Duration = Duration::from_hours(1);

/// Why a notice was not taken. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    /// Nobody is told.
    #[error("the notice has no recipient")]
    NoRecipient,
    /// More than [`NOTICE_RECIPIENTS_MAX`].
    #[error("the notice has {0} recipients, more than {NOTICE_RECIPIENTS_MAX}")]
    Recipients(usize),
    /// More than [`NOTICE_TEXT_MAX`].
    #[error("the notice has {0} octets, more than {NOTICE_TEXT_MAX}")]
    Text(usize),
    /// More than [`NOTICES_PER_HOUR_MAX`].
    #[error("{NOTICES_PER_HOUR_MAX} notices were sent within an hour; this one was not")]
    TooMany,
    /// It could not be kept.
    #[error("{0}")]
    Spool(#[from] SpoolError),
}

/// Sends notices. Clones share the limit.
#[derive(Clone)]
pub struct NoticeHandle {
    shared: Arc<Shared>,
}

impl NoticeHandle {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Takes one message to all of `to`. When it returns, the message is on stable storage; its delivery is not waited
    /// for. Plain text, lines of any length, ends of lines of any kind.
    ///
    /// # Errors
    /// Beyond a limit, or when the spool does not take it.
    pub async fn send(&self, to: &[Address], subject: &str, text: &str) -> Result<QueueId, NoticeError> {
        let shared = &self.shared;
        let mut paths: Vec<String> = to.iter().map(ToString::to_string).collect();
        paths.sort_unstable();
        paths.dedup();
        match paths.len() {
            0 => return Err(NoticeError::NoRecipient),
            count if count > NOTICE_RECIPIENTS_MAX => return Err(NoticeError::Recipients(count)),
            _ if text.len() > NOTICE_TEXT_MAX => return Err(NoticeError::Text(text.len())),
            _ => {}
        }
        let now = clock::now();
        if !shared.notices.lock().unwrap_or_else(PoisonError::into_inner).allow(now) {
            return Err(NoticeError::TooMany);
        }
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let id = shared.spool.next_id();
        let notice = Notice {
            hostname: &shared.connector.hostname,
            reply_to: shared.postmaster.as_ref(),
            id,
            to: &paths,
            subject,
            text,
            now,
        };
        let (message, message_id) = notice.message();
        let mut writer = shared.spool.body(Some(message.len() as u64));
        writer.write(&message).await?;
        let utf8 = !paths.iter().all(|path| path.is_ascii());
        let envelope = ours(shared, MessageKind::Notice, &paths, writer.len(), utf8, Some(message_id.into()));
        let spooled = shared.spool.accept(id, envelope, writer).await?;
        shared.log_event(Process::Bounce, id, &format!("notice to {} recipients", paths.len()));
        shared.enqueue(spooled);
        Ok(id)
    }
}

/// When the notices of the last hour were sent. Holds at most [`NOTICES_PER_HOUR_MAX`] times.
#[derive(Debug, Default)]
pub(super) struct NoticeLimit(VecDeque<Timestamp>);

impl NoticeLimit {
    /// Whether one more may be sent; if so, it is counted.
    fn allow(&mut self, now: Timestamp) -> bool {
        while self.0.front().is_some_and(|then| now.since(*then) >= HOUR) {
            self.0.pop_front();
        }
        let may = self.0.len() < NOTICES_PER_HOUR_MAX;
        if may {
            self.0.push_back(now);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_an_hour_then_a_rest() {
        let mut limit = NoticeLimit::default();
        let start = Timestamp::from_secs(1_000_000);
        assert_eq!((0..1_000).filter(|_| limit.allow(start)).count(), NOTICES_PER_HOUR_MAX);
        assert!(!limit.allow(start + HOUR - Duration::from_millis(1)));
        assert!(limit.allow(start + HOUR));
        assert_eq!(limit.0.len(), 1, "what is over is forgotten");
    }
}
