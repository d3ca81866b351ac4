//! Metrics of incoming mail. No address, IP or message id is ever a label.

use doorlist_core::policy::{Decision, Reason, Verdict};
use doorlist_smtp::reply::Reply;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Metric, Registry};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RcptLabels {
    verdict: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReplyLabels {
    code: u16,
    status: String,
}

/// Metrics of incoming mail.
pub(crate) struct InboundMetrics {
    pub(crate) sessions: Gauge,
    /// Sessions since the start.
    pub(crate) sessions_total: Counter,
    /// Sessions rejected by a limit or a listener.
    pub(crate) sessions_refused: Counter,
    /// Messages that got a 250 reply.
    pub(crate) accepted: Counter,
    pub(crate) accepted_bytes: Counter,
    /// Lines of mailbox files (`From ann@example.test ...`) in front of messages.
    pub(crate) mbox_lines: Counter,
    /// Flags raised by harvest detection.
    pub(crate) flags: Counter,
    /// Sessions that ended by a panic.
    pub(crate) panics: Counter,
    /// One counter per reason, looked up in advance for speed.
    rcpt: [Counter; Reason::ALL.len()],
    refused: Family<ReplyLabels, Counter>,
}

impl InboundMetrics {
    /// Creates and registers the metrics.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let rcpt: Family<RcptLabels, Counter> = registered(registry, "rcpt", "Recipients answered, by decision");
        Self {
            sessions: registered(registry, "smtp_sessions", "Sessions open now"),
            sessions_total: registered(registry, "smtp_sessions_opened", "Sessions since the start"),
            sessions_refused: registered(registry, "smtp_sessions_refused", "Sessions rejected by a limit"),
            accepted: registered(registry, "messages_accepted", "Messages on stable storage that got 250"),
            accepted_bytes: registered(registry, "messages_accepted_bytes", "Octets of accepted messages"),
            refused: registered(registry, "messages_refused", "Messages refused at DATA or its end"),
            mbox_lines: registered(
                registry,
                "mbox_lines_dropped",
                "Lines of mailbox files dropped from message starts",
            ),
            flags: registered(registry, "sources_flagged", "Flags raised against guessing sources"),
            panics: registered(registry, "smtp_panics", "Sessions ended by an internal error"),
            rcpt: Reason::ALL.map(|reason| rcpt.get_or_create_owned(&labels(reason))),
        }
    }

    pub(crate) fn decided(&self, decision: &Decision) {
        if let Some(counter) = self.rcpt.get(decision.reason as usize) {
            counter.inc();
        }
    }

    /// Counts a rejected message.
    pub(crate) fn refused(&self, reply: Reply) {
        let status = reply.enhanced().map_or_else(String::new, |status| status.to_string());
        self.refused.get_or_create(&ReplyLabels { code: reply.code(), status }).inc();
    }
}

/// A new metric under this name.
fn registered<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

fn labels(reason: Reason) -> RcptLabels {
    let verdict = match reason.verdict() {
        Verdict::Accept => "accept",
        Verdict::Reject => "reject",
        Verdict::Defer => "defer",
    };
    RcptLabels { verdict, reason: reason.word() }
}
