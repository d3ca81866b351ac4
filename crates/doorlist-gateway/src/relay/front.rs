//! The header fields in front of mail that is relayed: they say what was found at its reception. They are no part of the
//! stored message, so the octets behind them are those that the sender signed.

use super::authentication_results;
use doorlist_core::verdict::{Assessment, ContentVerdict};
use doorlist_store::spool::Envelope;

/// The field with the verdict, for mail servers that sort by it. One that came with the message was removed at reception.
const VERDICT: &str = "X-Doorlist-Verdict";
/// What mail servers and mail programs take for the word of a spam filter; the subject is never changed.
const SPAM_TAG: &str = "X-Spam-Flag: YES\r\n";

/// The fields with their line ends; empty for mail of which nothing is known.
pub(super) fn fields(hostname: &str, envelope: &Envelope) -> String {
    let Assessment { verdict, authentication: Some(_) } = envelope.assessment else { return String::new() };
    let tag = if verdict == ContentVerdict::Spam { SPAM_TAG } else { "" };
    let results = authentication_results::field(hostname, envelope);
    format!("{tag}{VERDICT}: {}\r\n{results}", verdict.word())
}
