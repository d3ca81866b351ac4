use super::super::limits::{NAMES_PER_DOMAIN, NAMES_PER_SERVER, NAMES_PER_SOURCE, QUEUE_MAX};
use super::super::{ProbeLimits, RateWindow, SourceClass};
use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};

const START: Timestamp = Timestamp::from_secs(1_800_000_000);
const SECOND: Duration = Duration::from_secs(1);

/// Others, and this node itself, by the seconds for which they were not heard of. It has been there for a day.
fn heard(others: &[(u16, u64)], own: Option<u64>) -> Heartbeats {
    let at = |unheard: u64| START - Duration::from_secs(unheard);
    let others = others.iter().map(|(node, unheard)| (*node, at(*unheard))).collect();
    Heartbeats { own: own.map(|unheard| (at(unheard), at(24 * 60 * 60))), others, now: START }
}

/// The parts of these nodes, which have known each other for long.
fn settled(nodes: &[u16]) -> Vec<ProbeShare> {
    let part = |own: &u16| {
        let others: Vec<_> = nodes.iter().filter(|node| *node != own).map(|node| (*node, 2)).collect();
        ProbeShare::next(None, *own, &heard(&others, Some(3)), START)
    };
    nodes.iter().map(part).collect()
}

#[test]
fn a_node_alone_has_everything_and_two_have_half_each() {
    let alone = ProbeShare::next(None, 7, &heard(&[(3, 90)], None), START);
    assert_eq!(alone, ProbeShare::ALONE);
    assert_eq!((alone.of(QUEUE_MAX, START), alone.connections()), (QUEUE_MAX, CONNECTIONS_PER_SERVER));
    assert_eq!(alone.turn(START), ConnectionTurn::Now(None));
    for share in settled(&[3, 7]) {
        assert_eq!(
            (share.nodes(), share.of(NAMES_PER_SOURCE, START), share.connections()),
            (2, NAMES_PER_SOURCE / 2, 1)
        );
        assert_eq!(share.turn(START), ConnectionTurn::Now(None));
    }
}

#[test]
fn a_node_that_comes_to_others_waits_and_one_that_was_away_for_a_moment_does_not() {
    let comes = ProbeShare::next(None, 7, &heard(&[(3, 1)], None), START);
    assert_eq!(comes.of(NAMES_PER_SERVER, START + JOINING - SECOND), 0);
    assert_eq!(comes.of(NAMES_PER_SERVER, START + JOINING), NAMES_PER_SERVER / 2);
    assert_eq!(comes.turn(START), ConnectionTurn::Later(JOINING));
    let later = ProbeShare::next(Some(comes), 7, &heard(&[(3, 1)], Some(3)), START + SECOND);
    assert_eq!(later.of(NAMES_PER_SERVER, START + SECOND), 0, "another look makes it no shorter");
    for own in [1, 60] {
        let again = ProbeShare::next(None, 7, &heard(&[(3, 1)], Some(own)), START);
        assert_eq!(again.of(NAMES_PER_SERVER, START), NAMES_PER_SERVER / 2);
    }
    let long_away = ProbeShare::next(Some(later), 7, &heard(&[(3, 1)], Some(61)), START + JOINING);
    assert_eq!(long_away.of(NAMES_PER_SERVER, START + JOINING), 0, "the others may have its part");
    let joined = Heartbeats { own: Some((START - SECOND, START - 30 * SECOND)), ..heard(&[(3, 1)], None) };
    let restarted = ProbeShare::next(None, 7, &joined, START);
    assert_eq!(restarted.turn(START), ConnectionTurn::Later(JOINING - 30 * SECOND), "a restart is no way around");
}

#[test]
fn a_store_that_was_away_makes_nobody_gone() {
    let pair = settled(&[3, 7]);
    let back = ProbeShare::next(Some(pair[0]), 3, &heard(&[(7, 600)], Some(601)), START);
    assert_eq!(back.nodes(), 2, "both were away with it");
    let alone = ProbeShare::next(Some(back), 3, &heard(&[(7, 603)], Some(3)), START);
    assert_eq!(alone.nodes(), 1, "the other one did not come back");
}

proptest! {
    /// However many nodes there are, their parts of a limit are at most the limit together.
    #[test]
    fn parts_are_no_more_than_the_whole(
        nodes in prop::collection::btree_set(0_u16..2000, 1..60),
        limit in prop::sample::select(vec![1, NAMES_PER_SOURCE, NAMES_PER_DOMAIN, QUEUE_MAX, NAMES_PER_SERVER]),
    ) {
        let shares = settled(&nodes.iter().copied().collect::<Vec<_>>());
        let parts: Vec<u32> = shares.iter().map(|share| share.of(limit, START)).collect();
        prop_assert!(parts.iter().sum::<u32>() <= limit, "{parts:?}");
        prop_assert!(nodes.len() as u32 > limit || parts.iter().all(|part| *part >= limit / nodes.len() as u32));
    }

    /// At any time at most two connections are open, also where the clocks of the nodes differ, and each node comes on
    /// turn in each round.
    #[test]
    fn connections_go_round(
        clocks in prop::collection::vec(-3_600_000_i64..3_600_000, 1..12),
        begin in 0_u64..10_000_000,
    ) {
        let count = clocks.len() as u32;
        let share = |(rank, ahead): (usize, &i64)| {
            let rank = u32::try_from(rank).unwrap();
            (ProbeShare { nodes: count, rank, from: Timestamp::default(), store_ahead: -ahead }, *ahead)
        };
        let shares: Vec<_> = clocks.iter().enumerate().map(share).collect();
        let mut ends = vec![None; shares.len()];
        let mut turns = vec![0; shares.len()];
        // Each opens a connection whenever it may, and keeps it as long as it may.
        for step in 0..u64::from(count) * 2 * TURN.as_secs() {
            let now = START + Duration::from_millis(begin + step * 1000);
            for (at, (share, ahead)) in shares.iter().enumerate() {
                let here = Timestamp::from_millis(now.as_millis() + ahead);
                if ends[at].is_some_and(|end| end <= here) {
                    ends[at] = None;
                }
                match share.turn(here) {
                    ConnectionTurn::Now(Some(left)) => {
                        let end = ends[at].get_or_insert(here + left);
                        prop_assert_eq!(*end, here + left, "the end of a turn stands still");
                        turns[at] += 1;
                    }
                    ConnectionTurn::Now(None) => (ends[at], turns[at]) = (Some(here + SECOND), turns[at] + 1),
                    ConnectionTurn::Later(wait) => prop_assert!(!wait.is_zero()),
                }
            }
            let open = ends.iter().flatten().count() as u32 * share((0, &0)).0.connections();
            prop_assert!(open <= CONNECTIONS_PER_SERVER, "{} open", open);
        }
        prop_assert!(turns.iter().all(|turns| *turns > 0), "{:?}", turns);
    }

    /// Nodes come and go as they like, each asks for all that it may: no minute has more than the limit.
    #[test]
    fn no_minute_has_more_than_the_limit(
        steps in prop::collection::vec((0_usize..4, 1_u64..200), 1..24),
        limit in prop::sample::select(vec![NAMES_PER_SOURCE, NAMES_PER_DOMAIN]),
    ) {
        let mut store: BTreeMap<u16, (Timestamp, Timestamp)> = BTreeMap::new();
        let mut nodes = [(false, None::<ProbeShare>, RateWindow::default()); 4];
        let mut minute: VecDeque<Timestamp> = VecDeque::new();
        let mut now = START;
        for (turned, seconds) in steps {
            nodes[turned].0 = !nodes[turned].0;
            nodes[turned].1 = None;
            for _ in 0..seconds {
                now = now + SECOND;
                minute.retain(|asked| now.since(*asked) < Duration::from_mins(1));
                for (own, (_, share, window)) in nodes.iter_mut().enumerate().filter(|(_, node)| node.0) {
                    let own = own as u16;
                    let is_due = store.get(&own).is_none_or(|(heard, _)| now.since(*heard) >= HEARTBEAT_EVERY);
                    if is_due || share.is_none() {
                        let others = store.iter().filter(|(node, _)| **node != own);
                        let others = others.map(|(node, (heard, _))| (*node, *heard)).collect();
                        let beats = Heartbeats { own: store.get(&own).copied(), others, now };
                        *share = Some(ProbeShare::next(*share, own, &beats, now));
                        store.insert(own, (now, beats.joined()));
                    }
                    let share = share.unwrap_or(ProbeShare::ALONE);
                    let (mut server, mut source) = (RateWindow::default(), RateWindow::default());
                    let (domain, source) = match limit {
                        NAMES_PER_SOURCE => (&mut source, window),
                        _ => (window, &mut source),
                    };
                    let class = if limit == NAMES_PER_SOURCE { SourceClass::Ordinary } else { SourceClass::Good };
                    let limits = ProbeLimits { domain, server: &mut server, source };
                    // One after the other, so that they spread over the seconds.
                    if limits.take(false, class, &share, now) {
                        minute.push_back(now);
                    }
                }
                prop_assert!(minute.len() <= limit as usize, "{} of {limit}", minute.len());
            }
        }
    }
}
