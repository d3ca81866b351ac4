//! Times in sentences for people, in UTC.

use doorlist_core::time::Timestamp;

/// To the minute, as `2026-11-30 08:15 UTC`.
pub(crate) fn minute(at: Timestamp) -> String {
    written(at, "%Y-%m-%d %H:%M UTC")
}

/// The day alone, as `2026-11-30`.
pub(crate) fn day(at: Timestamp) -> String {
    written(at, "%Y-%m-%d")
}

fn written(at: Timestamp, format: &str) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default().strftime(format).to_string()
}
