//! Decides which source may have one more session.

use crate::config::Limits;
use doorlist_core::network::SourceKey;
use std::collections::HashMap;

/// A tenth of all sessions is reserved for sources without a session.
const RESERVE_SHARE: usize = 10;

/// Why there is no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// All slots are taken, or all except the reserved ones.
    Full,
    /// The source has reached its limit.
    Source,
}

/// Number of sessions in total and per source.
#[derive(Debug, Default)]
pub(super) struct SessionCounts {
    sessions: usize,
    by_source: HashMap<SourceKey, usize>,
}

impl SessionCounts {
    pub(super) fn sessions(&self) -> usize {
        self.sessions
    }

    /// Adds a session of this source.
    pub(super) fn enter(&mut self, source: SourceKey, limits: &Limits) -> Result<(), Refused> {
        self.count(source, self.sessions, limits)?;
        self.sessions += 1;
        Ok(())
    }

    /// Adds a session whose source is not known yet.
    pub(super) fn enter_unnamed(&mut self, limits: &Limits) -> Result<(), Refused> {
        if self.sessions >= limits.sessions_max {
            return Err(Refused::Full);
        }
        self.sessions += 1;
        Ok(())
    }

    /// Sets the source of such a session. If that is refused, the session must still leave.
    pub(super) fn name(&mut self, source: SourceKey, limits: &Limits) -> Result<(), Refused> {
        self.count(source, self.sessions.saturating_sub(1), limits)
    }

    pub(super) fn leave(&mut self, source: Option<SourceKey>) {
        self.sessions = self.sessions.saturating_sub(1);
        let Some(source) = source else { return };
        if let Some(count) = self.by_source.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                self.by_source.remove(&source);
            }
        }
    }

    /// Counts one more for the source, if `others` leave room for it.
    fn count(&mut self, source: SourceKey, others: usize, limits: &Limits) -> Result<(), Refused> {
        let own = self.by_source.get(&source).copied().unwrap_or(0);
        if own >= limits.sessions_per_address_max {
            return Err(Refused::Source);
        }
        let reserve = if own == 0 { 0 } else { limits.sessions_max / RESERVE_SHARE };
        if others >= limits.sessions_max - reserve {
            return Err(Refused::Full);
        }
        self.by_source.insert(source, own + 1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    fn source(number: u32) -> SourceKey {
        IpAddr::from(Ipv4Addr::from(number)).into()
    }

    fn limits(sessions_max: usize, sessions_per_address_max: usize) -> Limits {
        Limits { sessions_max, sessions_per_address_max, ..Limits::default() }
    }

    #[test]
    fn s28_twenty_addresses_leave_the_last_tenth_to_those_who_have_none() {
        let (mut counts, limits) = (SessionCounts::default(), Limits::default());
        for round in 0..60 {
            for number in 0..20 {
                let entered = counts.enter(source(number), &limits);
                assert_eq!(entered.is_ok(), round < 45, "{round} {number}");
            }
        }
        assert_eq!(counts.sessions(), 900);
        for number in 20..120 {
            assert_eq!(counts.enter(source(number), &limits), Ok(()));
            assert_eq!(counts.enter(source(number), &limits), Err(Refused::Full), "its second");
        }
        assert_eq!(counts.enter(source(120), &limits), Err(Refused::Full));
    }

    #[test]
    fn s28_ipv6_counts_by_its_network() {
        let (mut counts, limits) = (SessionCounts::default(), limits(10, 1));
        let host = |host| IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, host)).into();
        assert_eq!(counts.enter(host(1), &limits), Ok(()));
        assert_eq!(counts.enter(host(2), &limits), Err(Refused::Source));
    }

    /// Something happens: a session of a source comes, one comes that will be named, the nth of the unnamed is named, the
    /// nth of all leaves.
    #[derive(Clone, Debug)]
    enum Event {
        Enter(u32),
        EnterUnnamed,
        Name(usize, u32),
        Leave(usize),
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let event = prop_oneof![
            4 => (0u32..30).prop_map(Event::Enter),
            2 => Just(Event::EnterUnnamed),
            2 => (any::<usize>(), 0u32..30).prop_map(|(nth, number)| Event::Name(nth, number)),
            3 => any::<usize>().prop_map(Event::Leave),
        ];
        prop::collection::vec(event, 0..400)
    }

    proptest! {
        #[test]
        fn limits_hold_and_whoever_has_none_gets_in(
            sessions_max in 0usize..40, per_source in 0usize..8, events in events()
        ) {
            let (mut counts, limits) = (SessionCounts::default(), limits(sessions_max, per_source));
            // Open sessions, with their sources.
            let mut open: Vec<Option<SourceKey>> = Vec::new();
            for event in events {
                let (all, own) = (open.len(), |of| open.iter().filter(|it| **it == Some(of)).count());
                match event {
                    Event::Enter(number) => {
                        let (key, own) = (source(number), own(source(number)));
                        let room = sessions_max - if own == 0 { 0 } else { sessions_max / RESERVE_SHARE };
                        let entered = counts.enter(key, &limits);
                        prop_assert_eq!(entered.is_ok(), all < room && own < per_source);
                        open.extend(entered.is_ok().then_some(Some(key)));
                    }
                    Event::EnterUnnamed => {
                        let entered = counts.enter_unnamed(&limits);
                        prop_assert_eq!(entered.is_ok(), all < sessions_max);
                        open.extend(entered.is_ok().then_some(None));
                    }
                    Event::Name(nth, number) => {
                        let unnamed: Vec<usize> = (0..all).filter(|&it| open[it].is_none()).collect();
                        let Some(&place) = unnamed.get(nth % unnamed.len().max(1)) else { continue };
                        let first = own(source(number)) == 0;
                        let named = counts.name(source(number), &limits);
                        prop_assert!(named.is_ok() || !first || per_source == 0, "it has none");
                        if named.is_ok() {
                            open[place] = Some(source(number));
                        }
                    }
                    Event::Leave(nth) if all > 0 => counts.leave(open.swap_remove(nth % all)),
                    Event::Leave(_) => {}
                }
                prop_assert!(open.len() <= sessions_max);
                prop_assert_eq!(counts.sessions(), open.len());
                prop_assert!(counts.by_source.values().all(|&count| count > 0 && count <= per_source));
                let named = open.iter().flatten().count();
                prop_assert_eq!(counts.by_source.values().sum::<usize>(), named);
            }
            for source in open {
                counts.leave(source);
            }
            prop_assert_eq!((counts.sessions(), counts.by_source.len()), (0, 0));
        }
    }
}
