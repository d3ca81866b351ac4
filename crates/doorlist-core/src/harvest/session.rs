//! The misses of one session: how long its answers wait, and when it is closed.

#[cfg(test)]
mod tests;

use super::rating::SourceRating;
use crate::policy::SourceStanding;
use std::time::Duration;

/// Unknown recipients in a session before its answers are delayed.
pub const SESSION_FREE: u32 = 5;
/// Recipients refused for good after which a session is closed with 421.
pub const SESSION_MAX: u32 = 20;
/// Maximum delay of an answer.
pub const SESSION_DELAY_MAX: Duration = Duration::from_secs(10);
/// Maximum delay of a 4xx answer, and of an accepted recipient behind another accepted one.
pub const SHORT_DELAY_MAX: Duration = Duration::from_secs(1);
/// Delay of each reply inside a measure, the same for every recipient.
pub const MEASURE_DELAY: Duration = Duration::from_secs(2);

/// Counts the misses of one session.
#[derive(Clone, Copy, Debug, Default)]
pub struct SessionGuard {
    /// Recipients that were refused for good.
    refused: u32,
    /// Recipients that were deferred as unknown or undecided, or because of a measure.
    deferred: u32,
    has_accepted: bool,
}

/// An answer to a recipient, as the guard of the session sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerKind {
    Accepted,
    /// An unknown name or a relay, refused with a 5xx reply.
    Refused,
    /// An unknown or undecided name with a 4xx reply: a real sender comes again, with the same recipients.
    Deferred,
    /// A refusal that says nothing about which names are known.
    Other,
}

impl SessionGuard {
    /// The delay of the next answer, if it has one; `unlisted` is the answer that an unlisted recipient gets there.
    ///
    /// A real server sends one message to many recipients: what it is told to try again does not slow it down more than
    /// a little, who was accepted gets the message soon, and nobody who is listed waits longer than who is not.
    pub fn delay(
        &self,
        standing: SourceStanding,
        rating: SourceRating,
        answer: AnswerKind,
        unlisted: AnswerKind,
    ) -> Option<Duration> {
        if standing != SourceStanding::Normal {
            return Some(MEASURE_DELAY);
        }
        let free = SESSION_FREE * rating.factor();
        let after = |misses: u32| misses.checked_sub(free).map(|more| Duration::from_secs(u64::from(more) + 1));
        let short = |delay: Duration| delay.min(SHORT_DELAY_MAX);
        match answer {
            AnswerKind::Accepted if self.has_accepted || unlisted == AnswerKind::Deferred => {
                after(self.refused).map(short)
            }
            AnswerKind::Deferred => after(self.refused.saturating_add(self.deferred)).map(short),
            AnswerKind::Accepted | AnswerKind::Refused | AnswerKind::Other => {
                after(self.refused).map(|delay| delay.min(SESSION_DELAY_MAX))
            }
        }
    }

    /// Counts an answer that is sent.
    pub fn answered(&mut self, answer: AnswerKind) {
        match answer {
            AnswerKind::Accepted => self.has_accepted = true,
            AnswerKind::Refused => self.refused = self.refused.saturating_add(1),
            AnswerKind::Deferred => self.deferred = self.deferred.saturating_add(1),
            AnswerKind::Other => {}
        }
    }

    /// Whether the session ends at the next recipient, unless others wait for their DATA. Only refusals count: a sender
    /// with deferred recipients would meet the same end each time it comes again.
    pub fn is_over(&self, rating: SourceRating) -> bool {
        self.refused >= SESSION_MAX * rating.factor()
    }

    /// Whether refusals are delayed, so that the session may be closed where no more sessions can wait.
    pub fn is_slowed(&self, rating: SourceRating) -> bool {
        self.refused >= SESSION_FREE * rating.factor()
    }

    /// Whether the rating of the source matters by now; before, nobody needs to look it up.
    pub fn needs_rating(&self) -> bool {
        self.refused.saturating_add(self.deferred) >= SESSION_FREE
    }
}
