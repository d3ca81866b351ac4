//! Samples and their statistics: medians, spreads, ratios, targets met or missed.

use crate::figures::{Figure, Floor};
use crate::server::Peer;
use std::collections::BTreeMap;

/// Who a sample belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    Server(Peer),
    /// The trivial server: what loopback and the load generator allow.
    Limit,
}

/// All samples of a run.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    values: BTreeMap<(&'static str, Subject), Vec<f64>>,
}

/// One figure of one subject.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// How many there are.
    pub(crate) count: usize,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (count, upper) = (values.len(), values.get(values.len() / 2).copied()?);
        let lower = values.get((count - 1) / 2).copied()?;
        let (min, max) = (values.first().copied()?, values.last().copied()?);
        Some(Self { median: f64::midpoint(lower, upper), min, max, count })
    }
}

/// Whether a floor is reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Reached, or not; with the ratio if the floor is one.
    Judged {
        /// Whether the target was reached.
        met: bool,
        /// Ours to theirs, or theirs to ours where less is better.
        ratio: Option<f64>,
    },
    /// Something that the floor needs was not measured.
    Unknown,
    /// There is no floor.
    None,
}

impl Samples {
    /// Writes a value down.
    pub(crate) fn add(&mut self, id: &'static str, subject: Subject, value: f64) {
        self.extend(id, subject, vec![value]);
    }

    /// Writes values down and tells how they lie.
    pub(crate) fn extend(&mut self, id: &'static str, subject: Subject, values: Vec<f64>) {
        if let Some(spread) = Spread::of(values.clone()) {
            let who = match subject {
                Subject::Server(peer) => peer.name(),
                Subject::Limit => "limit",
            };
            eprintln!("bench:   {id}, {who}: {:.3} ({:.3} to {:.3})", spread.median, spread.min, spread.max);
        }
        self.values.entry((id, subject)).or_default().extend(values);
    }

    /// Median and spread; none if nothing was measured.
    pub(crate) fn spread(&self, id: &'static str, subject: Subject) -> Option<Spread> {
        Spread::of(self.values.get(&(id, subject))?.clone())
    }

    /// Whether ours reaches its floor.
    pub(crate) fn judge(&self, figure: &Figure) -> Verdict {
        let median = |id, subject| self.spread(id, subject).map(|spread| spread.median);
        let ours = median(figure.id, Subject::Server(Peer::Doorlist));
        let theirs = |peer| median(figure.id, Subject::Server(peer));
        let to_another_of_ours = |id| {
            let other = median(id, Subject::Server(Peer::Doorlist));
            ours.zip(other).map(|(ours, other)| (ours, ours / other))
        };
        let (ratio, floor) = match figure.floor {
            Floor::Shown => return Verdict::None,
            Floor::AtMost(most) => {
                return ours.map_or(Verdict::Unknown, |ours| Verdict::Judged { met: ours <= most, ratio: None });
            }
            Floor::AtLeast(least) => {
                return ours.map_or(Verdict::Unknown, |ours| Verdict::Judged { met: ours >= least, ratio: None });
            }
            Floor::TimesOf(peer, times) => (ours.zip(theirs(peer)).map(|(ours, theirs)| ours / theirs), times),
            Floor::PartOf(peer, parts) => (ours.zip(theirs(peer)).map(|(ours, theirs)| theirs / ours), parts),
            Floor::TimesOurs(id, times) => return judged(to_another_of_ours(id), |_, ratio| ratio <= times),
            Floor::TimesOursOr(id, times, most) => {
                return judged(to_another_of_ours(id), |ours, ratio| ratio <= times || ours <= most);
            }
            Floor::PartOfOurs(id, part) => return judged(to_another_of_ours(id), |_, ratio| ratio >= part),
        };
        ratio.map_or(Verdict::Unknown, |ratio| Verdict::Judged { met: ratio >= floor, ratio: Some(ratio) })
    }
}

/// The verdict on a figure and its ratio to another one.
fn judged(measured: Option<(f64, f64)>, meets: impl FnOnce(f64, f64) -> bool) -> Verdict {
    measured.map_or(Verdict::Unknown, |(ours, ratio)| Verdict::Judged { met: meets(ours, ratio), ratio: Some(ratio) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const OURS: Subject = Subject::Server(Peer::Doorlist);
    const POSTFIX: Subject = Subject::Server(Peer::Postfix);

    fn figure(floor: Floor) -> Figure {
        Figure { id: "a", title: "", decimals: 0, floor }
    }

    fn samples(values: &[(&'static str, Subject, f64)]) -> Samples {
        let mut samples = Samples::default();
        for (id, subject, value) in values {
            samples.add(id, *subject, *value);
        }
        samples
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        let samples = samples(&[("a", OURS, 4.0), ("a", OURS, 1.0), ("a", OURS, 2.0), ("a", OURS, 9.0)]);
        assert_eq!(samples.spread("a", OURS), Some(Spread { median: 3.0, min: 1.0, max: 9.0, count: 4 }));
        assert_eq!(samples.spread("b", OURS), None);
    }

    #[test]
    fn floors() {
        let measured = samples(&[("a", OURS, 12.0), ("a", POSTFIX, 3.0), ("b", OURS, 10.0)]);
        let table = [
            (Floor::TimesOf(Peer::Postfix, 4.0), Some(true)),
            (Floor::TimesOf(Peer::Postfix, 4.1), Some(false)),
            (Floor::PartOf(Peer::Postfix, 0.25), Some(true)),
            (Floor::PartOf(Peer::Postfix, 6.0), Some(false)),
            (Floor::AtMost(12.0), Some(true)),
            (Floor::AtMost(11.9), Some(false)),
            (Floor::AtLeast(12.0), Some(true)),
            (Floor::AtLeast(12.1), Some(false)),
            (Floor::TimesOurs("b", 1.2), Some(true)),
            (Floor::TimesOurs("b", 1.1), Some(false)),
            (Floor::TimesOurs("c", 1.1), None),
            (Floor::TimesOursOr("b", 1.1, 11.9), Some(false)),
            (Floor::TimesOursOr("b", 1.2, 11.9), Some(true)),
            (Floor::TimesOursOr("b", 1.1, 12.0), Some(true)),
            (Floor::PartOfOurs("b", 1.2), Some(true)),
            (Floor::PartOfOurs("b", 1.3), Some(false)),
            (Floor::TimesOf(Peer::Exim, 1.0), None),
        ];
        for (floor, expected) in table {
            let met = match measured.judge(&figure(floor)) {
                Verdict::Judged { met, .. } => Some(met),
                Verdict::Unknown | Verdict::None => None,
            };
            assert_eq!(met, expected, "{floor:?}");
        }
        assert_eq!(measured.judge(&figure(Floor::Shown)), Verdict::None);
    }
}
