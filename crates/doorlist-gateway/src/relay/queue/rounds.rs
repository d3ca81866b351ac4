//! The end of a round of attempts: which recipients are retried and when, which are reported, and which are done.

use super::part::{AttemptVerdict, Part, RecipientOutcome};
use super::{DestinationId, Effects, FailureReport, Moment, Queue};
use crate::relay::route::DestinationKey;
use doorlist_core::queue_id::QueueId;
use doorlist_core::retry::NextAttempt;
use doorlist_core::time::Timestamp;
use doorlist_store::spool::{Envelope, Progress, RecipientState, Settlement};
use std::cmp::Reverse;
use std::sync::Arc;

/// Whether nothing more is tried for a recipient in this state.
pub(crate) fn is_final(state: &RecipientState) -> bool {
    match state {
        RecipientState::Pending | RecipientState::Deferred { .. } => false,
        RecipientState::Delivered | RecipientState::Failed { .. } | RecipientState::Reported { .. } => true,
    }
}

impl Queue {
    /// Ends a part; `outcomes` are in the order of its recipients, `rest` are the servers after the one that gave them.
    pub(crate) fn finish(
        &mut self,
        destination: DestinationId,
        part: &Part,
        outcomes: &[RecipientOutcome],
        rest: Option<&DestinationKey>,
        at: Moment,
    ) {
        let with = |verdict| {
            let outcomes = part.recipients.iter().zip(outcomes);
            outcomes.filter(move |(_, outcome)| outcome.verdict == verdict).map(|(&index, _)| index)
        };
        for (&index, outcome) in part.recipients.iter().zip(outcomes) {
            let state = match outcome.verdict {
                AttemptVerdict::Untried | AttemptVerdict::Stepwise => continue,
                AttemptVerdict::Delivered => RecipientState::Delivered,
                AttemptVerdict::Deferred | AttemptVerdict::NextServer => {
                    RecipientState::Deferred { reply: outcome.kept() }
                }
                AttemptVerdict::Failed => RecipientState::Failed { reply: outcome.kept() },
            };
            self.set_state(part.id, index, state);
        }
        let delivered = with(AttemptVerdict::Delivered).next().is_some();
        if delivered
            && let Some(line) = self.destinations.get_mut(&destination)
            && line.succeeded(self.settings.per_destination_max)
        {
            self.press_all(destination, at);
        }
        let Some(entry) = self.messages.get_mut(&part.id) else { return };
        entry.out = entry.out.saturating_sub(1);
        if !entry.hold && !entry.deleted {
            self.assign(part.id, with(AttemptVerdict::Untried).collect(), false, at);
            self.assign(part.id, with(AttemptVerdict::Stepwise).collect(), true, at);
            if let Some(rest) = rest {
                self.go_on((part, destination), with(AttemptVerdict::NextServer).collect(), rest, at);
            }
        }
        if delivered
            && let Some(entry) = self.messages.get(&part.id)
            && entry.waiting + entry.out > 0
        {
            // Others are still under way; a crash now must not deliver to these recipients twice.
            let progress = progress(entry, at.now);
            self.effects.settle.push((part.id, Settlement::Progress(progress)));
        }
        self.round_may_be_over(part.id, at);
    }

    /// Marks failed recipients as reported (or as failed without a report). The report of `again` failed and is
    /// retried.
    pub(crate) fn reported(&mut self, id: QueueId, reported: &[usize], again: &[usize], at: Moment) {
        let first_wait = self.settings.inbound.first;
        let Some(entry) = self.messages.get_mut(&id) else { return };
        for &index in again {
            if let Some(state) = entry.states.get_mut(index) {
                *state = RecipientState::Deferred { reply: reply(state).to_owned() };
                entry.next_attempt.get_or_insert(at.now + first_wait);
            }
        }
        for &index in reported {
            if let Some(state) = entry.states.get_mut(index)
                && let RecipientState::Failed { reply } = state
            {
                *state = RecipientState::Reported { reply: std::mem::take(reply) };
            }
        }
        entry.out = entry.out.saturating_sub(1);
        self.settle_round(id, at);
    }

    pub(super) fn set_state(&mut self, id: QueueId, index: usize, state: RecipientState) {
        let Some(entry) = self.messages.get_mut(&id) else { return };
        if matches!(state, RecipientState::Failed { .. }) {
            entry.failed.push(index);
        }
        if let Some(place) = entry.states.get_mut(index) {
            *place = state;
        }
    }

    /// Fails a part that no connection has taken.
    pub(super) fn fail_waiting(&mut self, part: &Part, why: &str, at: Moment) {
        if !self.is_current(part) {
            return;
        }
        for &index in &part.recipients {
            self.set_state(part.id, index, RecipientState::Failed { reply: why.to_owned() });
        }
        if let Some(entry) = self.messages.get_mut(&part.id) {
            entry.waiting = entry.waiting.saturating_sub(1);
        }
        self.round_may_be_over(part.id, at);
    }

    /// When no part is being delivered: schedules the next attempt and reports failures.
    pub(super) fn round_may_be_over(&mut self, id: QueueId, at: Moment) {
        let Some(entry) = self.messages.get_mut(&id) else { return };
        if entry.waiting + entry.out > 0 {
            return;
        }
        let unfinished = entry.unfinished();
        if !unfinished.is_empty() && !entry.hold {
            let schedule = self.settings.schedule(entry.envelope.kind);
            let planned = entry.planned.take().filter(|planned| *planned > at.now);
            let next = match planned {
                // An attempt that an administrator asked for does not put off the planned one.
                Some(planned) => NextAttempt::At(planned),
                None => {
                    entry.attempts = entry.attempts.saturating_add(1);
                    schedule.next(entry.envelope.received_at, entry.attempts, at.now, at.chance)
                }
            };
            match next {
                NextAttempt::At(next) => entry.next_attempt = Some(next),
                NextAttempt::GiveUp => {
                    for index in unfinished {
                        give_up(&mut entry.states[index]);
                        entry.failed.push(index);
                    }
                }
            }
        }
        if entry.failed.is_empty() || entry.deleted {
            return self.settle_round(id, at);
        }
        entry.out = 1;
        let failed = std::mem::take(&mut entry.failed).into_iter();
        let failed = failed.map(|index| (index, reply(&entry.states[index]).to_owned())).collect();
        self.effects.reports.push(FailureReport { id, envelope: Arc::clone(&entry.envelope), failed });
    }

    fn settle_round(&mut self, id: QueueId, at: Moment) {
        let Some(entry) = self.messages.get_mut(&id) else { return };
        let Effects { settle, removed, .. } = &mut self.effects;
        let unfinished = entry.states.iter().any(|state| !is_final(state));
        if entry.deleted {
            settle.push((id, Settlement::Done));
            self.forget(id);
        } else if entry.hold {
            let progress = progress(entry, at.now);
            settle.push((id, Settlement::Progress(progress)));
            self.drop_body(id);
        } else if unfinished {
            let next = entry.next_attempt.take().unwrap_or(at.now);
            settle.push((id, Settlement::Progress(progress(entry, next))));
            self.defer(id, next);
        } else if entry.states.iter().any(|state| matches!(state, RecipientState::Failed { .. })) {
            // Nobody was told: it stays in the spool for the admin, but needs no memory.
            settle.push((id, Settlement::Progress(progress(entry, at.now))));
            self.forget(id);
        } else {
            settle.push((id, Settlement::Done));
            removed.push(id);
            self.forget(id);
        }
    }

    /// Waits for the next attempt.
    pub(super) fn defer(&mut self, id: QueueId, until: Timestamp) {
        self.drop_body(id);
        if let Some(entry) = self.messages.get_mut(&id) {
            entry.next_attempt = Some(until);
            entry.told = true;
            self.deferred.push(Reverse((until, id)));
        }
    }
}

/// The progress to store in the spool.
pub(super) fn progress(entry: &super::QueuedMessage, next_attempt: Timestamp) -> Progress {
    Progress { attempts: entry.attempts, next_attempt, hold: entry.hold, recipients: entry.states.clone() }
}

/// The progress of a message before its first attempt.
pub(crate) fn untouched(envelope: &Envelope, now: Timestamp) -> Progress {
    let recipients = vec![RecipientState::Pending; envelope.recipients.len()];
    Progress { attempts: 0, next_attempt: now, hold: false, recipients }
}

/// Fails a recipient whose lifetime is over.
fn give_up(state: &mut RecipientState) {
    let last = reply(state);
    let reply = if last.is_empty() { "4.4.7 it was tried for too long".to_owned() } else { last.to_owned() };
    *state = RecipientState::Failed { reply };
}

pub(super) fn reply(state: &RecipientState) -> &str {
    match state {
        RecipientState::Pending | RecipientState::Delivered => "",
        RecipientState::Deferred { reply } | RecipientState::Failed { reply } | RecipientState::Reported { reply } => {
            reply
        }
    }
}
