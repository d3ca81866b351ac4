//! Rate limits for bounces, so that mail with forged senders does not turn the gateway into a source of backscatter.
//! Time is a parameter.

use doorlist_core::address::DomainName;
use doorlist_core::time::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// The window of both limits.
const WINDOW: Duration = Duration::from_hours(1);

/// Bounces of the last hour; at most as many as allowed in total.
#[derive(Debug, Default)]
pub(crate) struct BounceLimits {
    all: VecDeque<(Timestamp, DomainName)>,
    by_domain: HashMap<DomainName, u32>,
}

impl BounceLimits {
    /// Whether one more bounce may go to a sender of this domain; if so, counts it.
    pub(crate) fn allow(&mut self, domain: &DomainName, now: Timestamp, domain_max: u32, all_max: u32) -> bool {
        while let Some((then, _)) = self.all.front()
            && now.since(*then) >= WINDOW
            && let Some((_, gone)) = self.all.pop_front()
        {
            if let Some(count) = self.by_domain.get_mut(&gone) {
                *count -= 1;
                if *count == 0 {
                    self.by_domain.remove(&gone);
                }
            }
        }
        let mine = self.by_domain.get(domain).copied().unwrap_or(0);
        let all_max = usize::try_from(all_max).unwrap_or(usize::MAX);
        if mine >= domain_max || self.all.len() >= all_max {
            return false;
        }
        self.all.push_back((now, domain.clone()));
        self.by_domain.insert(domain.clone(), mine + 1);
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ten_for_a_domain_a_hundred_in_all_then_an_hours_rest() {
        let mut limits = BounceLimits::default();
        let domain = |n: usize| format!("d{n}.example.test").parse::<DomainName>().unwrap();
        let start = Timestamp::from_secs(1_000_000);
        let allowed = (0..20).filter(|_| limits.allow(&domain(0), start, 10, 100)).count();
        assert_eq!(allowed, 10);
        let allowed = (0..200).filter(|n| limits.allow(&domain(*n + 1), start, 10, 100)).count();
        assert_eq!(allowed, 90);
        assert!(!limits.allow(&domain(999), start + WINDOW - Duration::from_millis(1), 10, 100));
        assert!(limits.allow(&domain(0), start + WINDOW, 10, 100));
        assert_eq!((limits.all.len(), limits.by_domain.len()), (1, 1), "what is over is forgotten");
    }
}
