//! What probes are counted as.

use doorlist_core::verification::ServerAnswer;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct AnswerLabel {
    answer: &'static str,
}

pub(super) struct CalloutMetrics {
    answers: Family<AnswerLabel, Counter>,
    sessions: Counter,
    nodes: Gauge,
}

impl CalloutMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let (answers, sessions) = (Family::<AnswerLabel, Counter>::default(), Counter::default());
        registry.register("probes", "Recipients that domains' servers were asked for", answers.clone());
        registry.register("probe_sessions", "Sessions in which domains' servers were asked", sessions.clone());
        let nodes = Gauge::default();
        registry.register("probe_nodes", "Nodes that share the limits of probes, this one among them", nodes.clone());
        Self { answers, sessions, nodes }
    }

    pub(super) fn nodes(&self, count: u32) {
        self.nodes.set(count.into());
    }

    pub(super) fn session(&self) {
        self.sessions.inc();
    }

    pub(super) fn answered(&self, answer: ServerAnswer) {
        let answer = match answer {
            ServerAnswer::Exists => "exists",
            ServerAnswer::NoSuchUser => "no_such_user",
            ServerAnswer::Undecided => "undecided",
        };
        self.answers.get_or_create(&AnswerLabel { answer }).inc();
    }
}
