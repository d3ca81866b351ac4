//! Metrics of the relay. No address, host or message is ever a label.

use super::RelayShared;
use super::queue::AttemptVerdict;
use doorlist_store::Spool;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::{Arc, Weak};

/// The label of results: `result="..."`.
type Labels = [(&'static str, &'static str); 1];

/// Counters of the relay.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    sent: Counter,
    deferred: Counter,
    refused: Counter,
    pub(crate) bounced: Counter,
    pub(crate) failed: Counter,
}

impl Metrics {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let family = Family::<Labels, Counter>::default();
        registry.register(
            "relay_messages",
            "Recipients by what became of them: sent, deferred, refused at an attempt; bounced, failed in the end",
            family.clone(),
        );
        let counter = |result| family.get_or_create(&[("result", result)]).clone();
        Self {
            sent: counter("sent"),
            deferred: counter("deferred"),
            refused: counter("refused"),
            bounced: counter("bounced"),
            failed: counter("failed"),
        }
    }

    pub(crate) fn attempt(&self, verdict: AttemptVerdict) {
        match verdict {
            AttemptVerdict::Delivered => self.sent.inc(),
            AttemptVerdict::Deferred => self.deferred.inc(),
            AttemptVerdict::Failed => self.refused.inc(),
            AttemptVerdict::Untried | AttemptVerdict::Stepwise | AttemptVerdict::NextServer => 0,
        };
    }
}

/// Collects queue metrics on each scrape.
struct QueueCollector {
    shared: Weak<RelayShared>,
    spool: Spool,
}

impl fmt::Debug for QueueCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueueCollector")
    }
}

/// Registers the metrics that are collected on each scrape. The registry may outlive the relay.
pub(crate) fn register_queue(shared: &Arc<RelayShared>, registry: &mut Registry) {
    let spool = shared.spool.clone();
    registry.register_collector(Box::new(QueueCollector { shared: Arc::downgrade(shared), spool }));
}

impl Collector for QueueCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let now = crate::clock::now();
        let oldest = self.spool.oldest().map_or(0, |id| now.since(id.time()).as_secs());
        let connections = self.shared.upgrade().map_or(0, |shared| shared.lock_queue().connections());
        let connections = u64::try_from(connections).unwrap_or(u64::MAX);
        for (name, help, value) in [
            ("queue_messages", "Messages in the queue", self.spool.count()),
            ("queue_oldest_seconds", "Age of the oldest message in the queue", oldest),
            ("relay_connections", "Connections to other servers, with those being opened", connections),
        ] {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}
