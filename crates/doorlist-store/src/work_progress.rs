//! How far a long piece of work is, for whoever waits for it.

use std::sync::atomic::{AtomicU64, Ordering};

/// A count of what is done, beside how much there is. The worker counts, others look.
#[derive(Debug, Default)]
pub struct WorkProgress {
    done: AtomicU64,
    total: AtomicU64,
}

impl WorkProgress {
    /// Work of so many units begins; with 0 nobody knows how many there are.
    pub fn begin(&self, total: u64) {
        self.done.store(0, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }

    /// So many more units are done.
    pub fn add(&self, units: u64) {
        self.done.fetch_add(units, Ordering::Relaxed);
    }

    /// What is done of the work, 0 to 99: it is over when its answer is there. `None`: nobody knows.
    pub fn percent(&self) -> Option<u8> {
        let (done, total) = (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed));
        let share = done.saturating_mul(100).checked_div(total)?;
        Some(u8::try_from(share.min(99)).unwrap_or(99))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_is_told_where_the_total_is_known() {
        let progress = WorkProgress::default();
        progress.add(7);
        assert_eq!(progress.percent(), None);
        progress.begin(3);
        let seen: Vec<_> = (0..4)
            .map(|_| {
                let percent = progress.percent();
                progress.add(1);
                percent
            })
            .collect();
        assert_eq!(seen, [Some(0), Some(33), Some(66), Some(99)]);
        progress.begin(u64::MAX);
        progress.add(u64::MAX / 2);
        assert!(progress.percent().is_some(), "no overflow");
        progress.begin(0);
        assert_eq!(progress.percent(), None);
    }
}
