//! Metrics of the harvest defence. No address, network or domain is ever a label.

use super::{HarvestDefence, lock};
use doorlist_core::harvest::AttackState;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::{Arc, Weak};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

pub(super) struct HarvestMetrics {
    changes: Family<StateLabel, Counter>,
    slow_attacks: Counter,
}

impl HarvestMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let changes = Family::<StateLabel, Counter>::default();
        registry.register("harvest_state_changes", "Domains that entered a state", changes.clone());
        let slow_attacks = Counter::default();
        let help = "Slow attacks that people were told of";
        registry.register("harvest_slow_attacks", help, slow_attacks.clone());
        Self { changes, slow_attacks }
    }

    pub(super) fn slow_attack(&self) {
        self.slow_attacks.inc();
    }

    pub(super) fn changed(&self, state: AttackState) {
        self.changes.get_or_create(&StateLabel { state: state.word() }).inc();
    }
}

/// Collects on each scrape what the tables hold. The registry may outlive the defence.
struct HarvestCollector(Weak<HarvestDefence>);

impl fmt::Debug for HarvestCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HarvestCollector")
    }
}

pub(super) fn register_collected(defence: &Arc<HarvestDefence>, registry: &mut Registry) {
    registry.register_collector(Box::new(HarvestCollector(Arc::downgrade(defence))));
}

impl Collector for HarvestCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let Some(defence) = self.0.upgrade() else { return Ok(()) };
        let now = crate::clock::now();
        let domains = |state| defence.domains.count(state);
        // A lock that is taken within the table would be held until its end.
        let networks = lock(&defence.networks).flagged(now);
        for (name, help, value) in [
            ("harvest_sources", "Sources that are remembered", defence.sources.len() as u64),
            ("harvest_sources_flagged", "Sources that are flagged now", defence.sources.flagged(now)),
            ("harvest_networks_flagged", "Networks that are flagged now", networks),
            ("harvest_good_records", "Sources with a good record", defence.good_records.good(now)),
            ("harvest_blocks", "Networks that are blocked by hand", defence.blocks.load().len() as u64),
            ("harvest_domains_elevated", "Domains in the state elevated", domains(AttackState::Elevated)),
            ("harvest_domains_attacked", "Domains in the state attack", domains(AttackState::Attack)),
            ("harvest_domains_slow_attack", "Domains that show the sign of a slow attack", defence.domains.slow()),
            ("harvest_bytes", "Memory of the harvest defence", defence.octets() as u64),
        ] {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}
