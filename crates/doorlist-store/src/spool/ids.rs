//! Draws queue ids: later ones sort behind earlier ones, whatever the clock does.

use doorlist_core::queue_id::QueueId;
use doorlist_core::time::Timestamp;
use std::sync::{Mutex, PoisonError};

/// The source of names for messages and for bodies that lie apart.
#[derive(Debug)]
pub(super) struct Ids {
    node: u16,
    /// Millisecond and sequence number of the last one.
    last: Mutex<(i64, u16)>,
}

impl Ids {
    pub(super) fn new(node: u16) -> Self {
        Self { node, last: Mutex::new((0, 0)) }
    }

    /// Names drawn from now on sort behind this one: it is in use, and the clock may have been set back.
    pub(super) fn skip(&self, used: QueueId) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = (*last).max((used.time().as_millis(), QueueId::PER_MILLISECOND - 1));
    }

    /// The name of the row that shows whether rows can be written: of a time that no message has.
    pub(super) fn of_write_check(&self) -> QueueId {
        QueueId::new(Timestamp::from_millis(0), self.node, 0)
    }

    pub(super) fn next(&self) -> QueueId {
        let now = jiff::Timestamp::now().as_millisecond();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = match *last {
            (millis, _) if now > millis => (now, 0),
            (millis, sequence) if sequence + 1 < QueueId::PER_MILLISECOND => (millis, sequence + 1),
            (millis, _) => (millis + 1, 0),
        };
        QueueId::new(Timestamp::from_millis(last.0), self.node, last.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_new_and_sorted_also_behind_one_from_the_future() {
        let ids = Ids::new(7);
        let future = QueueId::new(Timestamp::from_secs(9_000_000_000), 3, 5);
        ids.skip(future);
        let drawn: Vec<_> = (0..5_000).map(|_| ids.next()).collect();
        assert!(drawn[0] > future && drawn.is_sorted_by(|a, b| a < b));
    }
}
