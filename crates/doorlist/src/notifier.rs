//! Sends the mails of the actions over the gateway's relay. Must not know what they say, or why.

use doorlist_actions::{Notifier, Waited};
use doorlist_gateway::relay::NoticeHandle;
use doorlist_store::contact_book::MailPermit;

/// Sends notices over the relay, like bounces.
pub(crate) struct MailNotifier(pub(crate) NoticeHandle);

impl Notifier for MailNotifier {
    fn tell<'a>(&'a self, to: Vec<MailPermit>, subject: &'a str, text: &'a str) -> Waited<'a, Result<(), String>> {
        Box::pin(async move { self.0.send(to, subject, text).await.map(drop).map_err(|error| error.to_string()) })
    }
}
