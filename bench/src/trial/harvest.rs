//! The only module of the trial that knows harvest detection: what a source may hear, what is counted of it, and how its
//! sessions end. Another detection is put in here.

use doorlist_core::address::Address;
use doorlist_core::harvest::{AnswerKind, NameMatch, SessionGuard, SourceRecord};
use doorlist_core::network::SourceKey;
use doorlist_core::policy::{Decision, Reason, SourceStanding, of_unlisted};
use doorlist_core::time::Timestamp;
use doorlist_core::verification::SourceClass;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::net::IpAddr;
use std::time::Duration;

/// Who sends, and from where to whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecipientAttempt<'a> {
    pub(crate) client: IpAddr,
    /// The reverse path; empty for the null sender.
    #[expect(dead_code, reason = "whether an attempt is a retry is not looked at yet")]
    pub(crate) sender: &'a str,
    pub(crate) recipient: &'a Address,
}

/// What is remembered of all sources.
#[derive(Debug, Default)]
pub(crate) struct Defence {
    sources: HashMap<SourceKey, SourceRecord>,
    /// Flags that were raised.
    pub(crate) flags: u64,
}

impl Defence {
    /// What measures an attempt meets.
    pub(crate) fn standing(&mut self, attempt: RecipientAttempt<'_>, now: Timestamp) -> SourceStanding {
        let key = SourceKey::from(attempt.client);
        self.sources.get(&key).map_or(SourceStanding::Normal, |record| record.standing(now))
    }

    /// How much the source is trusted to name existing recipients; good records are not kept yet.
    pub(crate) fn class(&self, _client: IpAddr, _now: Timestamp) -> SourceClass {
        SourceClass::Ordinary
    }

    /// Counts an answer. True if it raised a flag.
    pub(crate) fn answered(&mut self, attempt: RecipientAttempt<'_>, decision: &Decision, now: Timestamp) -> bool {
        let named = match decision.matched.address_id() {
            Some(id) if decision.reason != Reason::Vetoed => NameMatch::Known(id.0),
            _ if decision.reason == Reason::Confirmed => NameMatch::Known(fingerprint(attempt.recipient)),
            _ if decision.reason.is_unknown() => NameMatch::Unknown(fingerprint(attempt.recipient)),
            _ => return false,
        };
        let record = self.sources.entry(SourceKey::from(attempt.client)).or_default();
        let is_flagged = record.note(named, now).is_some();
        self.flags += u64::from(is_flagged);
        is_flagged
    }

    /// A message of this source was delivered, and is clean; good records are not kept yet.
    pub(crate) fn delivered_clean(&mut self, _attempt: RecipientAttempt<'_>, _now: Timestamp) {}

    /// Forgets what matters no more.
    pub(crate) fn sweep(&mut self, now: Timestamp) {
        self.sources.retain(|_, record| !record.is_stale(now));
    }
}

fn fingerprint(address: &Address) -> u32 {
    (BuildHasherDefault::<DefaultHasher>::default().hash_one(address) >> 32) as u32
}

/// One session of an attacker.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GuardedSession(SessionGuard);

impl GuardedSession {
    /// Counts an answer; how long it is delayed.
    pub(crate) fn answered(&mut self, standing: SourceStanding, decision: &Decision, unlisted: AnswerKind) -> Duration {
        let answer = decision.reason.answer();
        let delay = self.0.delay(standing, answer, unlisted);
        self.0.answered(answer);
        delay.unwrap_or_default()
    }

    /// Whether it ends with 421 at the next recipient.
    pub(crate) fn is_over(&self) -> bool {
        self.0.is_over()
    }
}

/// The answer that an unlisted recipient gets in a domain of this mode.
pub(crate) fn answer_of_unlisted(mode: doorlist_core::domain::Mode, now: Timestamp) -> AnswerKind {
    of_unlisted(mode, now).answer()
}
