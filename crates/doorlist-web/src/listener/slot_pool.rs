//! The connections of a listener: limits in total and per source. When all slots are taken, the connection that has
//! waited for its client longest without progress is closed for the next one.

use super::activity::Activity;
use doorlist_core::network::SourceKey;
use std::sync::Arc;

/// Slots of one kind.
#[derive(Debug)]
pub(super) struct SlotPool {
    all_max: usize,
    per_source_max: usize,
    held: Vec<HeldSlot>,
    /// Of the next one.
    number: u64,
}

#[derive(Debug)]
struct HeldSlot {
    number: u64,
    source: Option<SourceKey>,
    activity: Arc<Activity>,
}

impl SlotPool {
    pub(super) fn new(all_max: usize, per_source_max: usize) -> Self {
        Self { all_max, per_source_max, held: Vec::new(), number: 0 }
    }

    /// Takes a slot. `source`: `None` for no limit per source. Returns `None` if no connection can be closed for it.
    pub(super) fn take(&mut self, source: Option<SourceKey>, activity: &Arc<Activity>) -> Option<u64> {
        let own = self.held.iter().filter(|held| held.source == source).count();
        if source.is_some() && own >= self.per_source_max {
            self.make_room(|held| held.source == source)?;
        }
        if self.held.len() >= self.all_max {
            self.make_room(|_| true)?;
        }
        self.number += 1;
        self.held.push(HeldSlot { number: self.number, source, activity: Arc::clone(activity) });
        Some(self.number)
    }

    /// Releases a slot; ignored if it went to another connection.
    pub(super) fn leave(&mut self, number: u64) {
        if let Some(index) = self.held.iter().position(|held| held.number == number) {
            self.held.swap_remove(index);
        }
    }

    fn make_room(&mut self, among: impl Fn(&HeldSlot) -> bool) -> Option<()> {
        loop {
            let candidates = self.held.iter().enumerate().filter(|(_, held)| among(held));
            let waiting =
                candidates.filter_map(|(index, held)| Some((held.activity.waits_since()?, held.number, index)));
            let (_, _, index) = waiting.min()?;
            // It may have begun to work a moment ago.
            if self.held.get(index)?.activity.give_way() {
                self.held.swap_remove(index);
                return Some(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;
    use tokio::time::Instant;

    fn source(number: u32) -> SourceKey {
        IpAddr::from(Ipv4Addr::from(number)).into()
    }

    /// What happens to the nth of the connections, a second after what was before.
    #[derive(Clone, Copy, Debug)]
    enum Event {
        Come(Option<u32>),
        Ask(usize),
        Answer(usize),
        Leave(usize),
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let nth = 0usize..64;
        let event = prop_oneof![
            5 => prop::option::weighted(0.9, 0u32..12).prop_map(Event::Come),
            3 => nth.clone().prop_map(Event::Ask),
            2 => nth.clone().prop_map(Event::Answer),
            2 => nth.prop_map(Event::Leave),
        ];
        prop::collection::vec(event, 0..300)
    }

    struct Connection {
        number: u64,
        source: Option<SourceKey>,
        activity: Arc<Activity>,
    }

    proptest! {
        #[test]
        fn limits_hold_and_the_longest_without_progress_gives_way(
            all_max in 0usize..20, per_source_max in 1usize..6, events in events()
        ) {
            let mut places = SlotPool::new(all_max, per_source_max);
            let mut open: Vec<Connection> = Vec::new();
            let mut now = Instant::now();
            for event in events {
                now += Duration::from_secs(1);
                match event {
                    Event::Come(number) => {
                        let source = number.map(source);
                        let activity = Arc::new(Activity::new(now));
                        let own = open.iter().filter(|it| source.is_some() && it.source == source).count();
                        let at_limit = own >= per_source_max;
                        let free = !at_limit && open.len() < all_max;
                        let rivals = open.iter().filter(|it| !at_limit || it.source == source);
                        let longest = rivals.filter_map(|it| Some((it.activity.waits_since()?, it.number))).min();
                        let taken = places.take(source, &activity);
                        prop_assert_eq!(taken.is_some(), free || longest.is_some());
                        let held = |number| places.held.iter().any(|held| held.number == number);
                        if let (false, Some((_, number))) = (free, longest) {
                            prop_assert!(!held(number));
                        }
                        open.retain(|it| held(it.number));
                        open.extend(taken.map(|number| Connection { number, source, activity }));
                    }
                    Event::Ask(nth) => {
                        prop_assert!(open.get(nth).is_none_or(|it| it.activity.asked(now)));
                    }
                    Event::Answer(nth) => {
                        if let Some(it) = open.get(nth) {
                            it.activity.answered(now);
                        }
                    }
                    Event::Leave(nth) if nth < open.len() => places.leave(open.swap_remove(nth).number),
                    Event::Leave(_) => {}
                }
                prop_assert!(open.len() <= all_max);
                prop_assert_eq!(places.held.len(), open.len());
                for it in open.iter().filter(|it| it.source.is_some()) {
                    prop_assert!(open.iter().filter(|other| other.source == it.source).count() <= per_source_max);
                }
            }
        }
    }
}
