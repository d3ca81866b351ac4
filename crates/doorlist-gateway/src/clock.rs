//! The only module of the gateway that reads the wall clock, and dates as mail has them. Waits and deadlines use the
//! monotonic clock of the runtime.

use doorlist_core::time::Timestamp;
use std::time::SystemTime;

/// Now, for dates in logs, headers and the queue.
pub(crate) fn now() -> Timestamp {
    let millis = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_millis());
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// The date of a header field (RFC 5322 §3.3), in UTC.
pub(crate) fn header_date(at: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
    jiff::fmt::rfc2822::to_string(&time.to_zoned(jiff::tz::TimeZone::UTC)).unwrap_or_default()
}
