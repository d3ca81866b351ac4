//! The header fields in front of mail that is relayed: they say what was found at its reception. They are no part of the
//! stored message, so the octets behind them are those that the sender signed.

use super::authentication_results;
use doorlist_core::verdict::ContentVerdict;
use doorlist_store::spool::Envelope;

/// What mail servers and mail programs take for the word of a spam filter; the subject is never changed.
const SPAM_TAG: &str = "X-Spam-Flag: YES\r\n";

/// The fields with their line ends; empty for mail of which nothing is known.
pub(super) fn fields(hostname: &str, envelope: &Envelope) -> String {
    let mut fields = authentication_results::field(hostname, envelope);
    if envelope.assessment.verdict == ContentVerdict::Spam {
        fields.insert_str(0, SPAM_TAG);
    }
    fields
}
