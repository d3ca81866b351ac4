//! Which messages are not accepted for what is in them. Nothing is accepted first and bounced later for its content.

use super::ContentVerdict;
use crate::mail_policy::SpamTreatment;

/// What becomes of mail that could not be checked, where another attempt may succeed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UncheckedMail {
    /// It is accepted and delivered.
    #[default]
    Deliver,
    /// It is deferred at the end of DATA.
    Defer,
}

/// Why a message is not accepted for what was found in it, or could not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentRefusal {
    Virus,
    Spam,
    /// It could not be checked now.
    Unchecked,
}

impl ContentRefusal {
    /// The word in the mail log.
    pub fn word(self) -> &'static str {
        match self {
            ContentRefusal::Virus => "virus",
            ContentRefusal::Spam => "spam",
            ContentRefusal::Unchecked => "unchecked",
        }
    }
}

/// Whether a message is accepted at the end of DATA. `may_be_checked_later`: the verdict is missing for a reason that may
/// pass. Without one, the message would be deferred until its sender gives up.
pub fn content_refusal(
    verdict: ContentVerdict,
    may_be_checked_later: bool,
    spam: SpamTreatment,
    unchecked: UncheckedMail,
) -> Option<ContentRefusal> {
    match (verdict, spam, unchecked) {
        (ContentVerdict::Virus, _, _) => Some(ContentRefusal::Virus),
        (ContentVerdict::Spam, SpamTreatment::Refuse, _) => Some(ContentRefusal::Spam),
        (ContentVerdict::Unchecked, _, UncheckedMail::Defer) if may_be_checked_later => Some(ContentRefusal::Unchecked),
        _ => None,
    }
}
