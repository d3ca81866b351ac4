//! The queue by recipient domain and age, as Postfix's qshape shows it: where it grows, and since when.

use super::{QueueEntry, QueueState, pages};
use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::ActionError;
use doorlist_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};

/// Upper ends of the ages, in minutes; one more age is above the last.
pub const AGES_MINUTES: [u32; 9] = [5, 10, 20, 40, 80, 160, 320, 640, 1_280];
/// Domains of one answer, those with the most messages; bounces go to domains of strangers.
const DOMAINS_MAX: usize = 1_000;

/// Counts the messages of the queue by domain and age.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QueueSummary;

/// Messages by age: up to each of [`AGES_MINUTES`], and above.
pub type QueueAges = [u64; AGES_MINUTES.len() + 1];

/// The queue by domain and age.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueShape {
    /// All messages, each once.
    pub total: QueueAges,
    /// Domains of unfinished recipients, those with the most messages first; a message counts in each of its domains.
    pub domains: Vec<(String, QueueAges)>,
}

impl Action for QueueSummary {
    type Answer = QueueShape;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    fn is_heavy(&self) -> bool {
        true
    }

    async fn run(self, actions: &Actions) -> Result<QueueShape, ActionError> {
        let (mut total, mut domains) = (QueueAges::default(), HashMap::<String, QueueAges>::new());
        let now = actions.now();
        pages(actions, None, |entries| {
            for entry in entries {
                let age = age_of(entry, now);
                total[age] += 1;
                for domain in domains_of(entry) {
                    domains.entry(domain).or_default()[age] += 1;
                }
            }
        })
        .await?;
        let mut domains: Vec<_> = domains.into_iter().collect();
        let sum = |ages: &QueueAges| ages.iter().sum::<u64>();
        domains.sort_by(|(a, of_a), (b, of_b)| sum(of_b).cmp(&sum(of_a)).then_with(|| a.cmp(b)));
        domains.truncate(DOMAINS_MAX);
        Ok(QueueShape { total, domains })
    }
}

/// The index of its age.
fn age_of(entry: &QueueEntry, now: Timestamp) -> usize {
    let minutes = now.since(entry.received_at).as_secs() / 60;
    AGES_MINUTES.iter().position(|end| minutes < u64::from(*end)).unwrap_or(AGES_MINUTES.len())
}

fn domains_of(entry: &QueueEntry) -> BTreeSet<String> {
    let unfinished = entry.recipients.iter().filter(|recipient| recipient.state != QueueState::Delivered);
    let domain = |address: &str| address.rsplit_once('@').map_or("", |(_, domain)| domain).to_lowercase();
    unfinished.map(|recipient| domain(&recipient.address)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_message_has_one_age() {
        let entry = |secs| QueueEntry {
            id: "0F3K7ZQ4M8T2A".parse().unwrap(),
            sender: String::new(),
            received_at: Timestamp::from_secs(secs),
            size: 0,
            attempts: 0,
            next_attempt: None,
            hold: false,
            recipients: Vec::new(),
        };
        let now = Timestamp::from_secs(1_000_000);
        for (minutes, age) in [(0, 0), (4, 0), (5, 1), (79, 4), (1_279, 8), (1_280, 9), (15_000, 9)] {
            assert_eq!(age_of(&entry(1_000_000 - minutes * 60), now), age, "{minutes}");
        }
        assert_eq!(age_of(&entry(2_000_000), now), 0, "a clock that was set back");
    }
}
