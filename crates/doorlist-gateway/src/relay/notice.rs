//! Sends notices to people, for example about a failed sync or a pending plan. They go into the spool with the null
//! sender, so that nothing answers them. Each recipient needs a permit of the contact book, which counts them.

mod message;

use super::RelayShared;
use super::report::{To, ours};
use crate::clock;
use crate::journal::Process;
use doorlist_core::queue_id::QueueId;
use doorlist_store::contact_book::MailPermit;
use doorlist_store::spool::SpoolError;
use message::Notice;
use std::sync::Arc;

pub const NOTICE_RECIPIENTS_MAX: usize = 100;
/// Maximum octets of a notice's text.
pub const NOTICE_TEXT_MAX: usize = 256 * 1024;

/// Why a notice was not accepted. Nothing of it was stored.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    /// The notice has no recipient.
    #[error("the notice has no recipient")]
    NoRecipient,
    /// More recipients than [`NOTICE_RECIPIENTS_MAX`].
    #[error("the notice has {0} recipients, more than {NOTICE_RECIPIENTS_MAX}")]
    Recipients(usize),
    /// More octets of text than [`NOTICE_TEXT_MAX`].
    #[error("the notice has {0} bytes, more than {NOTICE_TEXT_MAX}")]
    Text(usize),
    /// The spool did not accept it.
    #[error("{0}")]
    Spool(#[from] SpoolError),
}

/// Sends notices to people through the relay.
#[derive(Clone)]
pub struct NoticeHandle {
    pub(super) shared: Arc<RelayShared>,
}

impl NoticeHandle {
    /// Sends one message to the addresses of these permits. Returns when the message is on stable storage, without
    /// waiting for its delivery. Plain text with lines of any length and any line ends.
    ///
    /// # Errors
    ///
    /// [`NoticeError`]: no recipient, a limit is exceeded, or the spool does not accept it.
    pub async fn send(&self, to: Vec<MailPermit>, subject: &str, text: &str) -> Result<QueueId, NoticeError> {
        let shared = &self.shared;
        match to.len() {
            0 => return Err(NoticeError::NoRecipient),
            count if count > NOTICE_RECIPIENTS_MAX => return Err(NoticeError::Recipients(count)),
            _ if text.len() > NOTICE_TEXT_MAX => return Err(NoticeError::Text(text.len())),
            _ => {}
        }
        let (paths, id) = (To::People(&to).paths(), shared.spool.next_id());
        let notice = Notice {
            hostname: &shared.connector.hostname,
            reply_to: shared.postmaster.as_ref(),
            id,
            to: &paths.iter().map(String::as_str).collect::<Vec<_>>(),
            subject,
            text,
            now: clock::now(),
        };
        let (message, message_id) = notice.message();
        let mut writer = shared.spool.body(Some(message.len() as u64));
        writer.write(&message).await?;
        let utf8 = !paths.iter().all(|path| path.is_ascii());
        let envelope = ours(shared, &To::People(&to), writer.len(), utf8, Some(message_id.into()));
        let spooled = shared.spool.accept(id, envelope, writer).await?;
        shared.log_event(Process::Bounce, id, &format!("notice to {} recipients", paths.len()));
        shared.enqueue(spooled);
        Ok(id)
    }
}
