//! The verdict on the content of a message, and the authentication of its sender by SPF, DKIM and DMARC: what they mean
//! for learning and for bounces. Scanners and DNS do not belong here; what they found is a parameter.

mod refusal;
#[cfg(test)]
mod tests;

pub use refusal::{ContentRefusal, UncheckedMail, content_refusal};

use crate::address::DomainName;
use serde::{Deserialize, Serialize};

/// What a scanner found out about the content of a message. Only [`ContentVerdict::Clean`] teaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentVerdict {
    Clean,
    /// Probably spam, but not surely enough to refuse it.
    Suspect,
    Spam,
    Virus,
    /// Nobody looked, or no scanner could tell: it failed, was late, or is switched off.
    #[default]
    Unchecked,
    /// Too large, too deep or too many parts to be scanned whole.
    Limit,
}

impl ContentVerdict {
    /// All of them, in the order of their numbers.
    pub const ALL: [ContentVerdict; 6] = [
        ContentVerdict::Clean,
        ContentVerdict::Suspect,
        ContentVerdict::Spam,
        ContentVerdict::Virus,
        ContentVerdict::Unchecked,
        ContentVerdict::Limit,
    ];

    /// The word in log, metrics and the queue.
    pub fn word(self) -> &'static str {
        match self {
            ContentVerdict::Clean => "clean",
            ContentVerdict::Suspect => "suspect",
            ContentVerdict::Spam => "spam",
            ContentVerdict::Virus => "virus",
            ContentVerdict::Unchecked => "unchecked",
            ContentVerdict::Limit => "limit",
        }
    }

    /// Whether the content is such that its sender is probably forged, or does not deserve an answer.
    pub fn is_bad(self) -> bool {
        matches!(self, ContentVerdict::Suspect | ContentVerdict::Spam | ContentVerdict::Virus)
    }
}

/// The result of an authentication method, in the words of RFC 8601 §2.7.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthenticationResult {
    Pass,
    Fail,
    SoftFail,
    Neutral,
    /// No record, no signature: there was nothing to evaluate.
    #[default]
    None,
    TempError,
    PermError,
}

impl AuthenticationResult {
    /// The keyword in header fields and in the log.
    pub fn word(self) -> &'static str {
        match self {
            AuthenticationResult::Pass => "pass",
            AuthenticationResult::Fail => "fail",
            AuthenticationResult::SoftFail => "softfail",
            AuthenticationResult::Neutral => "neutral",
            AuthenticationResult::None => "none",
            AuthenticationResult::TempError => "temperror",
            AuthenticationResult::PermError => "permerror",
        }
    }
}

/// Whose domain SPF was evaluated for (RFC 7208 §2.3, §2.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpfIdentity {
    #[default]
    MailFrom,
    /// The host in HELO, for the null sender.
    Helo,
}

/// The result of SPF for one identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpfCheck {
    pub result: AuthenticationResult,
    pub identity: SpfIdentity,
    /// `None`: it is no domain name.
    pub domain: Option<DomainName>,
}

/// The result of one DKIM signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DkimCheck {
    pub result: AuthenticationResult,
    /// The signing domain (`d=`); `None`: it is no domain name.
    pub domain: Option<DomainName>,
}

/// What SPF, DKIM and DMARC say of a message at reception.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    pub spf: SpfCheck,
    /// In the order of the signatures, up to the limit of the evaluation.
    pub dkim: Vec<DkimCheck>,
    pub dmarc: AuthenticationResult,
    /// The chain of those who forwarded the message: pass, fail or none (RFC 8617 §4.4). It vouches for nobody: whoever seals
    /// a chain may be anybody.
    #[serde(default)]
    pub arc: AuthenticationResult,
    /// The domain of the `From:` field; `None`: there is none, or more than one.
    pub from: Option<DomainName>,
}

impl Authentication {
    /// One result for all signatures: a valid one counts, whatever the others are.
    pub fn dkim_result(&self) -> AuthenticationResult {
        let results = || self.dkim.iter().map(|signature| signature.result);
        match results().any(|result| result == AuthenticationResult::Pass) {
            true => AuthenticationResult::Pass,
            false => results().next().unwrap_or_default(),
        }
    }

    /// Whether a valid signature is by this organisation.
    fn is_signed_by(&self, domain: &DomainName) -> bool {
        self.dkim.iter().any(|signature| {
            signature.result == AuthenticationResult::Pass
                && signature.domain.as_ref().is_some_and(|signer| is_aligned(signer, domain))
        })
    }

    /// Whether the organisation in `From:` has sent or signed the message.
    fn is_from_its_author(&self) -> bool {
        // RFC 9989 §5.3.6: with a temporary error, DMARC neither passes nor fails. Doubt is not clean.
        let refused = matches!(self.dmarc, AuthenticationResult::Fail | AuthenticationResult::TempError);
        self.is_vouched_for() && !refused
    }

    fn is_vouched_for(&self) -> bool {
        let Some(from) = &self.from else { return false };
        let sent = self.spf.result == AuthenticationResult::Pass
            && self.spf.domain.as_ref().is_some_and(|sender| is_aligned(sender, from));
        sent || self.is_signed_by(from)
    }

    /// Whether it is for a name server that does not answer that the organisation in `From:` vouches for nothing: it may do
    /// so later. Name servers of others count for nothing.
    pub fn may_be_from_its_author(&self) -> bool {
        let Some(from) = &self.from else { return false };
        // Signatures that nobody had the time for have no domain.
        let is_open = |result: AuthenticationResult, domain: Option<&DomainName>| {
            result == AuthenticationResult::TempError && domain.is_none_or(|domain| is_aligned(domain, from))
        };
        is_open(self.spf.result, self.spf.domain.as_ref())
            || self.dkim.iter().any(|signature| is_open(signature.result, signature.domain.as_ref()))
            || (self.is_vouched_for() && self.dmarc == AuthenticationResult::TempError)
    }
}

/// What is known of an accepted message: its verdict, and who sent it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    pub verdict: ContentVerdict,
    /// `None`: nothing was evaluated.
    pub authentication: Option<Authentication>,
}

impl Assessment {
    /// Whether nothing is known, as of messages that no scanner has seen.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the sender may get a bounce. SPF must have passed for the domain of MAIL FROM, or a valid signature must be
    /// by its organisation. The domain in `From:` does not count: whoever forges MAIL FROM signs as himself. Content that
    /// is bad is never answered.
    pub fn may_bounce(&self, sender: &DomainName) -> bool {
        let Some(authentication) = &self.authentication else { return false };
        let spf = &authentication.spf;
        let is_sent_by_it = spf.result == AuthenticationResult::Pass
            && spf.identity == SpfIdentity::MailFrom
            && spf.domain.as_ref() == Some(sender);
        !self.verdict.is_bad() && (is_sent_by_it || authentication.is_signed_by(sender))
    }
}

/// What looking at the bytes of a message found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentFinding {
    /// The test virus of EICAR.
    TestVirus,
    /// The test message for spam filters (GTUBE).
    TestSpam,
    /// More than the structural limits allow: not all of it was looked at.
    OverLimit,
    Nothing,
}

/// The verdict of the scanner that is built in. It knows no spam: clean is what its author's organisation vouches for.
pub fn builtin_verdict(finding: ContentFinding, authentication: &Authentication) -> ContentVerdict {
    match finding {
        ContentFinding::TestVirus => ContentVerdict::Virus,
        ContentFinding::TestSpam => ContentVerdict::Spam,
        ContentFinding::OverLimit => ContentVerdict::Limit,
        ContentFinding::Nothing if authentication.is_from_its_author() => ContentVerdict::Clean,
        ContentFinding::Nothing => ContentVerdict::Unchecked,
    }
}

/// Whether two domains belong to one organisation: relaxed alignment (RFC 7489 §3.1), by the Public Suffix List. A public
/// suffix is aligned with itself only.
pub fn is_aligned(one: &DomainName, other: &DomainName) -> bool {
    let organisation = |domain: &DomainName| psl::domain_str(domain.as_str()).map(str::to_owned);
    one == other || organisation(one).is_some_and(|found| Some(found) == organisation(other))
}
