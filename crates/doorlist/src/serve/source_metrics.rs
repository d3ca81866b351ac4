//! Metrics of sources and of plans that wait, read from the store every now and then: a scrape does not wait for it. The
//! name of a source is a label, which the operator chose; no address ever is.

use doorlist_actions::Services;
use doorlist_store::source_book::SourceHealth;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often the store is asked.
const EVERY: Duration = Duration::from_secs(15);

/// What the store said last; nothing before it answered for the first time.
#[derive(Clone, Debug, Default)]
pub(super) struct SourceMetrics(Arc<Mutex<Option<SourceFigures>>>);

#[derive(Debug)]
struct SourceFigures {
    /// By the name of the source.
    sources: Vec<(String, SourceHealth)>,
    plans_waiting: u64,
}

impl SourceMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register_collector(Box::new(metrics.clone()));
        metrics
    }

    /// Runs until it is dropped. While the store is away, what it said last stays.
    pub(super) async fn follow(self, services: Arc<Services>) {
        loop {
            let asked = tokio::try_join!(services.book.connections(), services.recipients.plans_waiting());
            if let Ok((connections, plans_waiting)) = asked {
                let sources = connections.into_iter().map(|one| (one.name, one.health)).collect();
                let figures = SourceFigures { sources, plans_waiting };
                *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(figures);
            }
            tokio::time::sleep(EVERY).await;
        }
    }
}

impl Collector for SourceMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let figures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(SourceFigures { sources, plans_waiting }) = &*figures else { return Ok(()) };
        let waiting = ConstGauge::new(i64::try_from(*plans_waiting).unwrap_or(i64::MAX));
        let help = "Plans that wait for a person";
        waiting.encode(encoder.encode_descriptor("plans_waiting", help, None, waiting.metric_type())?)?;
        let label = |name: &String| [("source", name.clone())];
        let help = "When the last reading of a source began that was taken over, in Unix time; 0: none was";
        let name = "source_last_success_timestamp";
        let mut family = encoder.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Gauge)?;
        for (name, health) in sources {
            let gauge = ConstGauge::new(health.last_good.map_or(0, |at| at.as_secs()));
            gauge.encode(family.encode_family(&label(name))?)?;
        }
        let help = "Readings of a source that failed, since it was added";
        let mut family = encoder.encode_descriptor("source_failures", help, None, MetricType::Counter)?;
        for (name, health) in sources {
            ConstCounter::new(health.failures).encode(family.encode_family(&label(name))?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use doorlist_core::time::Timestamp;

    #[test]
    fn each_source_says_its_last_success_and_its_failures() {
        let mut registry = Registry::with_prefix("doorlist");
        let metrics = SourceMetrics::register(&mut registry);
        let text = || {
            let mut text = String::new();
            prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
            text
        };
        assert_eq!(text(), "# EOF\n", "nothing is made up before the store has answered");
        let good = SourceHealth { last_good: Some(Timestamp::from_secs(1_800_000_000)), ..SourceHealth::default() };
        let bad = SourceHealth { failures: 3, why: Some("secret".to_owned()), ..SourceHealth::default() };
        let sources = vec![("lab".to_owned(), bad), ("office".to_owned(), good)];
        *metrics.0.lock().unwrap() = Some(SourceFigures { sources, plans_waiting: 2 });
        let lines = text();
        let values: Vec<&str> = lines.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            values,
            [
                "doorlist_plans_waiting 2",
                "doorlist_source_last_success_timestamp_seconds{source=\"lab\"} 0",
                "doorlist_source_last_success_timestamp_seconds{source=\"office\"} 1800000000",
                "doorlist_source_failures_total{source=\"lab\"} 3",
                "doorlist_source_failures_total{source=\"office\"} 0",
            ]
        );
    }
}
