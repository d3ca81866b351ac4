//! Metrics of how complete the lists are, read from the mail log every now and then. No domain is a label: the lowest share
//! says that there is something to do, `doorlist domain completeness` where.

use doorlist_actions::{CompletenessOfAll, ENFORCE_LOOK_DAYS, Services};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often the mail log is read.
const EVERY: Duration = Duration::from_mins(10);

/// What the mail log said last; nothing before it was read for the first time.
#[derive(Clone, Debug, Default)]
pub(super) struct CompletenessMetrics(Arc<Mutex<Option<CompletenessOfAll>>>);

impl CompletenessMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register_collector(Box::new(metrics.clone()));
        metrics
    }

    /// Runs until it is dropped. What cannot be read leaves what was read last.
    pub(super) async fn follow(self, services: Arc<Services>) {
        loop {
            if let Ok(read) = services.completeness_of_all(ENFORCE_LOOK_DAYS).await {
                *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(read);
            }
            tokio::time::sleep(EVERY).await;
        }
    }
}

impl Collector for CompletenessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let read = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(CompletenessOfAll { domains, incomplete, lowest }) = read else { return Ok(()) };
        let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        for (name, help, value) in [
            ("completeness_domains", "Domains with at least 100 clean messages in the last 14 days", count(domains)),
            (
                "completeness_domains_incomplete",
                "Those of them where less than 99 % of the clean mail went to listed addresses",
                count(incomplete),
            ),
        ] {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        let Some(lowest) = lowest else { return Ok(()) };
        let help = "The lowest share of clean mail that went to listed addresses, from 0 to 1";
        let gauge = ConstGauge::new(f64::from(u32::try_from(lowest).unwrap_or(u32::MAX)) / 1_000.0);
        gauge.encode(encoder.encode_descriptor("completeness_lowest_ratio", help, None, gauge.metric_type())?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_lowest_share_is_a_ratio_and_no_domain_is_named() {
        let mut registry = Registry::with_prefix("doorlist");
        let metrics = CompletenessMetrics::register(&mut registry);
        let text = || {
            let mut text = String::new();
            prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
            text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
        };
        assert!(text().is_empty(), "nothing is made up before the mail log was read");
        *metrics.0.lock().unwrap() = Some(CompletenessOfAll { domains: 3, incomplete: 1, lowest: Some(912) });
        assert_eq!(
            text(),
            [
                "doorlist_completeness_domains 3",
                "doorlist_completeness_domains_incomplete 1",
                "doorlist_completeness_lowest_ratio 0.912"
            ]
        );
    }
}
