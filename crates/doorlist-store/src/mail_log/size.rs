//! How large the log may be: beyond, its oldest days go, and when today alone is larger nothing more is written today. Must
//! not know SQL.

use super::MailLogShared;
use super::day::Day;
use std::sync::atomic::Ordering;

/// Which days go so that the rest is not larger than `max`, and whether that is not enough. Days are given oldest first;
/// today never goes.
fn too_large(sizes: &[(Day, u64)], today: Day, max: u64) -> (Vec<Day>, bool) {
    let mut total = sizes.iter().fold(0_u64, |sum, (_, size)| sum.saturating_add(*size));
    let mut days = Vec::new();
    for (day, size) in sizes.iter().filter(|(day, _)| *day < today) {
        if total <= max {
            break;
        }
        total = total.saturating_sub(*size);
        days.push(*day);
    }
    (days, total > max)
}

impl MailLogShared {
    /// Drops what is too much. What cannot be measured or dropped now is tried again a minute later.
    pub(super) async fn keep_size(&self, today: Day, max: u64) {
        let Ok(sizes) = self.days.sizes().await else { return };
        let (days, is_full) = too_large(&sizes, today, max);
        for day in days {
            drop(self.days.drop_day(day).await);
        }
        self.is_full.store(is_full, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::mail_log::{MailAction, MailEntry, MailLog, MailLogConfig};
    use crate::{StoreUrl, mail_log};
    use doorlist_core::time::Timestamp;
    use doorlist_testbed::postgres::Cluster;
    use std::time::Duration;

    #[test]
    fn the_oldest_days_go_until_the_rest_fits_and_today_stays() {
        let day = |text| Day::parse(text).unwrap();
        let [first, second, today] = ["2026-11-01", "2026-11-02", "2026-11-03"].map(day);
        let sizes = [(first, 10), (second, 20), (today, 30)];
        for (max, gone, is_full) in [
            (60, vec![], false),
            (59, vec![first], false),
            (49, vec![first, second], false),
            (29, vec![first, second], true),
        ] {
            assert_eq!(too_large(&sizes, today, max), (gone, is_full), "{max}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_that_is_too_large_loses_its_oldest_days_on_sqlite() {
        let folder = tempfile::tempdir().unwrap();
        loses_its_oldest_days(StoreUrl::Sqlite(folder.path().to_owned())).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_that_is_too_large_loses_its_oldest_days_on_postgresql() {
        let cluster = Cluster::start().unwrap();
        loses_its_oldest_days(StoreUrl::Postgres(cluster.url("log").unwrap())).await;
    }

    async fn loses_its_oldest_days(url: StoreUrl) {
        let log = MailLog::open(&url, MailLogConfig::default()).await.unwrap();
        let now = Timestamp::from_millis(jiff::Timestamp::now().as_millisecond());
        for days in [3_u64, 2, 0] {
            log.record(entry(now - Duration::from_hours(24 * days)));
        }
        log.flush().await;
        let shared = &log.shared;
        let sizes = shared.days.sizes().await.unwrap();
        assert_eq!(sizes.len(), 3);
        assert!(sizes.iter().all(|(_, size)| *size > 0), "{sizes:?}");
        shared.keep_size(Day::of(now), sizes[1].1 + sizes[2].1).await;
        assert_eq!(shared.days.list().await.unwrap(), [sizes[1].0, sizes[2].0]);
        // Today stays, but nothing is added to it; what is lost is counted.
        shared.keep_size(Day::of(now), 1).await;
        assert_eq!(shared.days.list().await.unwrap(), [sizes[2].0]);
        log.record(entry(now));
        log.flush().await;
        assert_eq!(log.dropped(), 1);
        assert_eq!(log.search(&mail_log::MailFilter { limit: 10, ..Default::default() }).await.unwrap().len(), 1);
    }

    fn entry(time: Timestamp) -> MailEntry {
        MailEntry {
            time,
            action: MailAction::Refused,
            queue_id: None,
            sender: "s@example.test".into(),
            recipient: "r@example.test".into(),
            domain: None,
            client: None,
            reason: "unknown".into(),
            reply: "550".into(),
            message_id: None,
            size: 0,
        }
    }
}
