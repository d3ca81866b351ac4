//! What follows for a candidate that may be added: the conditions of an addition, one after the other.

use super::{Candidate, EVIDENCE_WAITS_FOR};
use crate::address::{LocalPart, SubAddressing};
use crate::time::Timestamp;
use crate::verification::{Route, RouteTrust, ServerAnswer};

/// Letters that often part a person's name from what is put behind it.
const SEPARATORS: [char; 4] = ['-', '.', '_', '+'];

/// What an address is on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListStanding {
    /// On no list, and nobody removed it.
    Unlisted,
    /// On the list, or accepted by one that is.
    Listed,
    /// Somebody removed it: it is never learned.
    Vetoed,
}

/// What else decides about a candidate.
pub trait LearningContext {
    /// What an address is on the list as it is now.
    fn standing(&self, local: &LocalPart) -> ListStanding;
    /// Whether this very local part is on the list.
    fn is_listed(&self, local: &LocalPart) -> bool;
    /// What is known of the server that took the message.
    fn route(&self) -> Option<Route>;
    /// What that server said of an address of late; `None`: nobody asked.
    fn answer(&self, local: &LocalPart) -> Option<ServerAnswer>;
    /// A local part that surely does not exist: this base with this separator and a random rest. The same each time, as
    /// long as its answer is remembered.
    fn random_rest(&self, base: &LocalPart, separator: char) -> LocalPart;
}

/// What is to be done next for a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LearningStep {
    /// It needs no place any more: it is on the list, or was removed from it by a person.
    Forget,
    /// This address is added: the candidate's own, or the base of its sub-address.
    Add(LocalPart, Timestamp),
    /// The server is asked for its controls.
    AskControls,
    /// The server is asked for this address.
    Ask(LocalPart),
    /// It stays a candidate, for a person to decide on: why.
    Leave(&'static str),
}

/// Decides on a candidate that waits.
pub fn next_step(
    candidate: &Candidate,
    sub_addressing: SubAddressing,
    context: &impl LearningContext,
    now: Timestamp,
) -> LearningStep {
    let evidence = &candidate.evidence;
    match context.standing(&candidate.local) {
        ListStanding::Unlisted => {}
        ListStanding::Listed | ListStanding::Vetoed => return LearningStep::Forget,
    }
    let is_over = now.since(evidence.at) > EVIDENCE_WAITS_FOR;
    let control = match (evidence.control, context.route()) {
        // It was found out before; only the day was over.
        (Some(control), _) => control,
        (None, Some(route)) => match control_behind(&route, evidence.at, now) {
            ControlState::Refused(control) => control,
            ControlState::AcceptsAll => return LearningStep::Leave("its server takes every name"),
            ControlState::Missing if is_over => return LearningStep::Leave("its server could not be proven in time"),
            ControlState::Missing => return LearningStep::AskControls,
        },
        (None, None) if is_over => return LearningStep::Leave("its server could not be proven in time"),
        (None, None) => return LearningStep::AskControls,
    };
    if let Some(base) = base_of_sub_address(&candidate.local, sub_addressing) {
        return match (context.standing(&base), context.answer(&base)) {
            (ListStanding::Listed | ListStanding::Vetoed, _) => LearningStep::Leave("its base is known already"),
            (_, Some(ServerAnswer::Exists)) => LearningStep::Add(base, control),
            (_, Some(ServerAnswer::NoSuchUser)) => LearningStep::Leave("its server does not know its base"),
            _ if is_over => LearningStep::Leave("its base could not be asked for in time"),
            _ => LearningStep::Ask(base),
        };
    }
    if let Some((base, separator)) = listed_base(&candidate.local, context) {
        let random = context.random_rest(&base, separator);
        return match context.answer(&random) {
            Some(ServerAnswer::NoSuchUser) => LearningStep::Add(candidate.local.clone(), control),
            Some(ServerAnswer::Exists) => LearningStep::Leave("its server takes anything behind a known name"),
            _ if is_over => LearningStep::Leave("its server could not be asked for a random rest in time"),
            _ => LearningStep::Ask(random),
        };
    }
    LearningStep::Add(candidate.local.clone(), control)
}

/// What is known of a server at the time of a delivery.
enum ControlState {
    /// It refused a random name behind the delivery, and is trusted.
    Refused(Timestamp),
    AcceptsAll,
    Missing,
}

/// A control from before the delivery proves too little: the server may take every name since. The delivery itself must lie
/// before one that was refused.
fn control_behind(route: &Route, delivered: Timestamp, now: Timestamp) -> ControlState {
    match (route.trust(now), route.random) {
        (RouteTrust::AcceptsAll, _) => ControlState::AcceptsAll,
        (RouteTrust::Trusted, Some(random)) if !random.taken && random.at >= delivered => {
            ControlState::Refused(random.at)
        }
        _ => ControlState::Missing,
    }
}

/// The base of `base+tag`, where the domain has such addresses.
fn base_of_sub_address(local: &LocalPart, sub_addressing: SubAddressing) -> Option<LocalPart> {
    let text = local.as_str();
    let is_separator = |c: char| (c == '+' && sub_addressing.plus) || (c == '-' && sub_addressing.minus);
    let at = text.find(is_separator).filter(|at| *at > 0)?;
    LocalPart::parse(text.get(..at)?.as_bytes()).ok()
}

/// The longest listed address that this one begins with, before a separator.
fn listed_base(local: &LocalPart, context: &impl LearningContext) -> Option<(LocalPart, char)> {
    let text = local.as_str();
    text.char_indices().rev().filter(|(at, c)| *at > 0 && SEPARATORS.contains(c)).find_map(|(at, separator)| {
        let base = LocalPart::parse(text.get(..at)?.as_bytes()).ok()?;
        context.is_listed(&base).then_some((base, separator))
    })
}
