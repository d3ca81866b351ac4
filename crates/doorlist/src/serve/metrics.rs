//! Metrics of the whole process: version, list, lost log lines. Collected on request. No address, host or message is
//! ever a label.

use crate::command_target::Store;
use crate::refused_requests::{RefusedRequests, RefusedRequestsMetric};
use doorlist_gateway::journal::Journal;
use doorlist_store::{MailLog, RecipientStore};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;

pub(super) fn register(registry: &mut Registry, store: &Store, journal: &Journal, refused: &Arc<RefusedRequests>) {
    registry.register_collector(Box::new(RefusedRequestsMetric(Arc::clone(refused))));
    registry.register("build", "Version of this Doorlist", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
    registry.register_collector(Box::new(ProcessMetrics {
        recipients: store.recipients.clone(),
        mail_log: store.mail_log.clone(),
        journal: journal.clone(),
    }));
}

struct ProcessMetrics {
    recipients: RecipientStore,
    mail_log: MailLog,
    journal: Journal,
}

impl fmt::Debug for ProcessMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProcessMetrics")
    }
}

impl Collector for ProcessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let list = self.recipients.snapshot();
        for (name, help, value) in [
            (
                "list_addresses",
                "Addresses on the list, with those that were removed by a person",
                list.addresses() as u64,
            ),
            ("list_bytes", "Memory of the list", list.bytes() as u64),
            ("list_version", "Version of the list, which grows with every change", list.version()),
        ] {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        for (name, help, value) in [
            ("log_lines_dropped", "Log lines that found the buffer full", self.journal.dropped()),
            ("mail_log_entries_dropped", "Mail log entries that found the buffer full", self.mail_log.dropped()),
        ] {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        Ok(())
    }
}
