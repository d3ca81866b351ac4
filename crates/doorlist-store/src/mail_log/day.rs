//! A day of the mail log, in UTC, and the names of its file or partition.

use super::MailFilter;
use doorlist_core::time::Timestamp;
use jiff::civil::Date;

const MILLIS: i64 = 24 * 60 * 60 * 1000;

/// In days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Day(i64);

impl Day {
    pub(super) fn of(time: Timestamp) -> Self {
        Self(time.as_millis().div_euclid(MILLIS))
    }

    pub(super) fn today() -> Self {
        Self::of(Timestamp::from_millis(jiff::Timestamp::now().as_millisecond()))
    }

    /// So many days before.
    pub(super) fn before(self, days: u16) -> Self {
        Self(self.0 - i64::from(days))
    }

    /// Its first millisecond, and that of the next day.
    pub(super) fn bounds(self) -> (i64, i64) {
        (self.0 * MILLIS, (self.0 + 1) * MILLIS)
    }

    /// Whether a filter's times reach into it.
    pub(super) fn is_asked_for(self, filter: &MailFilter) -> bool {
        let (first, next) = self.bounds();
        filter.since.is_none_or(|since| since.as_millis() < next)
            && filter.until.is_none_or(|until| until.as_millis() > first)
    }

    fn date(self) -> Date {
        let millis = self.0.saturating_mul(MILLIS);
        let time = jiff::Timestamp::from_millisecond(millis).unwrap_or_default();
        time.to_zoned(jiff::tz::TimeZone::UTC).date()
    }

    /// A day like `2026-11-23`, UTC.
    pub(super) fn text(self) -> String {
        self.date().to_string()
    }

    /// A day like `20261123`, UTC.
    pub(super) fn digits(self) -> String {
        self.text().replace('-', "")
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let date: Date = text.parse().ok()?;
        let time = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        let day = Self(time.as_millisecond().div_euclid(MILLIS));
        (day.text() == text || day.digits() == text).then_some(day)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_day_has_one_name_in_each_form() {
        let day = Day::of(Timestamp::from_secs(1_795_000_000));
        assert_eq!((day.text().as_str(), day.digits().as_str()), ("2026-11-18", "20261118"));
        assert_eq!((Day::parse("2026-11-18"), Day::parse("20261118")), (Some(day), Some(day)));
        assert_eq!(day.before(20).text(), "2026-10-29");
        for wrong in ["2026-11-31", "2026-1-1", "../etc", "2026-11-18-wal", ""] {
            assert_eq!(Day::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_filter_reaches_into_the_days_between_its_times() {
        let day = Day::parse("2026-11-18").unwrap();
        let at = |millis| Some(Timestamp::from_millis(millis));
        let (first, next) = day.bounds();
        let filter = |since, until| MailFilter { since, until, ..MailFilter::default() };
        assert!(day.is_asked_for(&filter(None, None)) && day.is_asked_for(&filter(at(first), at(next))));
        assert!(day.is_asked_for(&filter(at(next - 1), None)) && !day.is_asked_for(&filter(at(next), None)));
        assert!(day.is_asked_for(&filter(None, at(first + 1))) && !day.is_asked_for(&filter(None, at(first))));
    }
}
