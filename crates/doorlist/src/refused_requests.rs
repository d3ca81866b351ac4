//! Counts rejected HTTP requests: by status for the metrics, and by source for one log line per minute and source.
//! Stores nothing, so that strangers fill neither memory nor disk.

use doorlist_core::network::SourceKey;
use doorlist_gateway::journal::{FieldValue, Journal, Line, Process};
use doorlist_web::Refusals;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Maximum sources with their own log line per minute; later ones share one.
const SOURCES_MAX: usize = 1_000;
/// How often lines are written.
const EVERY: Duration = Duration::from_secs(60);
/// First status of rejections; they have 100 values.
const FIRST_STATUS: u16 = 400;
const STATUSES: usize = 100;

/// Counts since the start, and of the current minute.
pub(crate) struct RefusedRequests {
    by_status: [AtomicU64; STATUSES],
    minute: Mutex<Minute>,
}

/// Counts by source and status. `None`: sources beyond the limit.
#[derive(Default)]
struct Minute {
    sources: HashMap<Option<SourceKey>, BTreeMap<u16, u64>>,
}

impl Minute {
    fn count(&mut self, client: IpAddr, status: u16) {
        let source = Some(SourceKey::from(client));
        let has_room = self.sources.len() < SOURCES_MAX || self.sources.contains_key(&source);
        let counts = self.sources.entry(source.filter(|_| has_room)).or_default();
        *counts.entry(status).or_default() += 1;
    }
}

impl Default for RefusedRequests {
    fn default() -> Self {
        Self { by_status: std::array::from_fn(|_| AtomicU64::new(0)), minute: Mutex::default() }
    }
}

impl RefusedRequests {
    /// Writes the log lines of each minute until it is dropped.
    pub(crate) async fn log(&self, journal: &Journal) {
        loop {
            tokio::time::sleep(EVERY).await;
            self.write(journal);
        }
    }

    fn write(&self, journal: &Journal) {
        let minute = std::mem::take(&mut *self.minute.lock().unwrap_or_else(PoisonError::into_inner));
        let mut batch = journal.batch();
        for (source, counts) in minute.sources {
            let statuses: Vec<String> = counts.iter().map(|(status, number)| format!("{status}:{number}")).collect();
            let fields = [
                ("client", FieldValue::Str(&source.map_or_else(|| "others".to_owned(), |source| source.to_string()))),
                ("requests", FieldValue::Num(counts.values().sum())),
                ("statuses", FieldValue::Str(&statuses.join(","))),
            ];
            batch.add(&Line { process: Process::Master, queue: None, event: "web requests refused:", fields: &fields });
        }
        batch.send();
    }
}

impl Refusals for RefusedRequests {
    fn count(&self, client: IpAddr, status: u16) {
        let place = usize::from(status.saturating_sub(FIRST_STATUS));
        if let Some(count) = self.by_status.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.minute.lock().unwrap_or_else(PoisonError::into_inner).count(client, status);
    }
}

/// The metric of rejected requests.
pub(crate) struct RefusedRequestsMetric(pub(crate) Arc<RefusedRequests>);

impl fmt::Debug for RefusedRequestsMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefusedRequestsMetric")
    }
}

impl Collector for RefusedRequestsMetric {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let help = "HTTP requests that were refused, by status";
        let mut family = encoder.encode_descriptor("web_requests_refused", help, None, MetricType::Counter)?;
        for (status, count) in (FIRST_STATUS..).zip(&self.0.by_status) {
            let count = count.load(Ordering::Relaxed);
            if count > 0 {
                ConstCounter::new(count).encode(family.encode_family(&[("status", status.to_string())])?)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn sources_are_bounded_and_an_ipv6_network_is_one() {
        let mut minute = Minute::default();
        for host in 0..100_u16 {
            minute.count(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, host)), 401);
        }
        assert_eq!(minute.sources.len(), 1);
        for number in 0..100_000_u32 {
            minute.count(IpAddr::V4(Ipv4Addr::from_bits(number)), 404);
        }
        assert_eq!(minute.sources.len(), SOURCES_MAX + 1, "and one for all others");
        assert_eq!(minute.sources.values().flat_map(BTreeMap::values).sum::<u64>(), 100_100);
        let known = SourceKey::from(IpAddr::V4(Ipv4Addr::from_bits(7)));
        minute.count(IpAddr::V4(Ipv4Addr::from_bits(7)), 404);
        assert_eq!(minute.sources[&Some(known)][&404], 2, "who has a line keeps it");
    }
}
