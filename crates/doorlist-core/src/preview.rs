//! Who would be refused if the list as it is now were enforced, and what speaks for each of them. What was asked of a
//! recipient is summed up in a [`RecipientHistory`]; [`preview`] puts it into one of five groups.
//!
//! How histories are kept, and who is told, does not belong here.

#[cfg(test)]
mod tests;

use crate::policy::{Decision, Reason, Verdict};
use crate::time::Timestamp;
use crate::verdict::ContentVerdict;
use serde::{Deserialize, Serialize};

/// The class of a source when it asked for a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskingSource {
    Ordinary,
    /// It named more unknown than known recipients.
    Guessing,
    /// It guessed so many that all its recipients are deferred.
    Flagged,
}

impl AskingSource {
    /// All of them, in the order of their numbers.
    pub const ALL: [AskingSource; 3] = [AskingSource::Ordinary, AskingSource::Guessing, AskingSource::Flagged];
}

/// What became of a recipient at one stage: the first four at RCPT, then at the end of DATA, then at delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskedOutcome {
    /// Accepted because the domain's server takes it.
    Confirmed,
    /// Refused, for good or for a time, because the domain's server knows no such user.
    Absent,
    /// Refused, for good or for a time, by the list or by a rule.
    Refused,
    /// Deferred: nobody knows whether it exists, or the source is flagged.
    Undecided,
    /// A message for it was received whole, and has a verdict.
    Received,
    /// The domain's server took the message.
    Taken,
    /// A message for a listed recipient was received whole, and has a verdict.
    Listed,
}

impl AskedOutcome {
    /// All of them, in the order of their numbers.
    pub const ALL: [AskedOutcome; 7] = [
        AskedOutcome::Confirmed,
        AskedOutcome::Absent,
        AskedOutcome::Refused,
        AskedOutcome::Undecided,
        AskedOutcome::Received,
        AskedOutcome::Taken,
        AskedOutcome::Listed,
    ];

    /// The outcome at RCPT of a recipient that is on no list.
    pub fn of_unlisted(decision: &Decision) -> Self {
        match (decision.reason, decision.verdict) {
            (Reason::Absent | Reason::AbsentSoft, _) => AskedOutcome::Absent,
            (Reason::Undecided | Reason::SourceFlagged, _) => AskedOutcome::Undecided,
            (_, Verdict::Accept) => AskedOutcome::Confirmed,
            (_, Verdict::Reject | Verdict::Defer) => AskedOutcome::Refused,
        }
    }
}

/// Messages by what their verdicts say of their recipient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageCounts {
    pub clean: u32,
    /// Neither clean nor surely bad: suspect, unchecked, not scanned whole.
    pub unsure: u32,
    /// Those that were spam or viruses.
    pub bad: u32,
}

impl MessageCounts {
    fn add(&mut self, verdict: ContentVerdict, times: u32) {
        let count = match verdict {
            ContentVerdict::Clean => &mut self.clean,
            ContentVerdict::Spam | ContentVerdict::Virus => &mut self.bad,
            ContentVerdict::Suspect | ContentVerdict::Unchecked | ContentVerdict::Limit => &mut self.unsure,
        };
        *count = count.saturating_add(times);
    }

    /// Those that may be real mail.
    pub fn good(self) -> u32 {
        self.clean.saturating_add(self.unsure)
    }
}

/// What was asked of one recipient that was on no list, summed up. Counts end at their largest value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipientHistory {
    /// RCPTs of sources that guess or are flagged.
    pub guessed: u32,
    /// RCPTs of other sources.
    pub asked: u32,
    /// RCPTs that were accepted because the domain's server takes it.
    pub confirmed: u32,
    /// RCPTs that were refused because the domain's server knows no such user.
    pub absent: u32,
    pub received: MessageCounts,
    /// Those that the domain's server took.
    pub taken: MessageCounts,
    /// When it was asked for, received or taken last.
    pub last: Timestamp,
}

impl RecipientHistory {
    /// Adds what came `times` times, the last time at `last`.
    pub fn add(
        &mut self,
        source: AskingSource,
        outcome: AskedOutcome,
        verdict: ContentVerdict,
        times: u64,
        last: Timestamp,
    ) {
        let times = u32::try_from(times).unwrap_or(u32::MAX);
        self.last = self.last.max(last);
        match outcome {
            AskedOutcome::Received | AskedOutcome::Listed => return self.received.add(verdict, times),
            AskedOutcome::Taken => return self.taken.add(verdict, times),
            AskedOutcome::Confirmed => self.confirmed = self.confirmed.saturating_add(times),
            AskedOutcome::Absent => self.absent = self.absent.saturating_add(times),
            AskedOutcome::Refused | AskedOutcome::Undecided => {}
        }
        let count = if source == AskingSource::Ordinary { &mut self.asked } else { &mut self.guessed };
        *count = count.saturating_add(times);
    }

    /// How often it was named in RCPT.
    pub fn times(&self) -> u64 {
        u64::from(self.asked) + u64::from(self.guessed)
    }

    /// What speaks for a recipient that is still on no list.
    fn group(&self) -> PreviewGroup {
        let waits = self.received.good() > 0;
        if self.taken.good() > 0 {
            PreviewGroup::LooksReal
        } else if !waits && self.asked == 0 && self.guessed > 0 {
            PreviewGroup::Guessing
        } else if !waits && (self.received.bad > 0 || self.taken.bad > 0) {
            PreviewGroup::SpamOnly
        } else if !waits && self.absent > 0 && self.confirmed == 0 {
            PreviewGroup::RefusedAnyway
        } else {
            PreviewGroup::Undecided
        }
    }
}

/// Why a recipient would be refused, by what is known of it. Whoever doubts names it: the first two are shown one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PreviewGroup {
    /// The domain's server took a message for it that is neither spam nor a virus.
    LooksReal,
    /// Nobody knows whether it exists.
    Undecided,
    /// All its messages were spam or viruses.
    SpamOnly,
    /// Only sources asked for it that were flagged, or named more unknown than known recipients.
    Guessing,
    /// It is refused in every mode: the domain's server knows no such user, or a person decided so.
    RefusedAnyway,
}

/// The group of a recipient by the decision on it as the list is now. `None`: it would not be refused.
pub fn preview(decision: &Decision, history: &RecipientHistory) -> Option<PreviewGroup> {
    if decision.in_enforce != Verdict::Reject {
        return None;
    }
    Some(if decision.reason.is_unlisted() { history.group() } else { PreviewGroup::RefusedAnyway })
}
