//! The only module of the gateway that reads the wall clock. Waits and deadlines use the monotonic clock of the
//! runtime.

use doorlist_core::time::Timestamp;
use std::time::SystemTime;

/// Now, for dates in logs, headers and the queue.
pub(crate) fn now() -> Timestamp {
    let millis = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_millis());
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}
