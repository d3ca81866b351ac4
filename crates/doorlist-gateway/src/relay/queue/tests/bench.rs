//! A queue on a bench: domains with servers, a clock that the test moves, and what came out of the queue.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::super::*;
use crate::config::Outbound;
use doorlist_core::access::CustomerId;
use doorlist_core::change::{MailServer, NamedBy, ServerTls};
use doorlist_smtp::reply::EnhancedCode;
use doorlist_store::recipients::{DomainRoute, RouteTable};
use doorlist_store::spool::{ClientInfo, EnvelopeRecipient};
use std::time::Duration;

pub(super) const START: Timestamp = Timestamp::from_secs(1_800_000_000);

/// A queue whose domain `n` has the server `mx{n}`, at a time that the test moves.
pub(super) struct Bench {
    pub(super) queue: Queue,
    pub(super) now: Timestamp,
    pub(super) next: u64,
    pub(super) routes: RouteTable,
}

impl Bench {
    pub(super) fn new(domains: u32) -> Self {
        Self::of(settings(500), (0..domains).map(route))
    }

    /// Domain `n` has the `n`th of these routes.
    pub(super) fn of(settings: QueueSettings, routes: impl Iterator<Item = DomainRoute>) -> Self {
        let routes: RouteTable = (0..).map(DomainId).zip(routes.map(Arc::new)).collect();
        let router = Router::new(Arc::new(routes.clone()), Outbound::Direct);
        Self { queue: Queue::new(settings, router), now: START, next: 1, routes }
    }

    pub(super) fn at(&self) -> Moment {
        Moment { now: self.now, chance: 0.5 }
    }

    /// A message to these domains.
    pub(super) fn admit(&mut self, domains: &[u32]) -> (QueueId, Admission) {
        let id = QueueId::from_u64(self.next);
        self.next += 1;
        let recipients = domains.iter().map(|&n| EnvelopeRecipient {
            path: format!("r@d{n}.example.test").into(),
            domain: Some(DomainId(n)),
            address: None,
            system: false,
            unlisted: false,
        });
        let envelope = Envelope {
            sender: "s@example.test".into(),
            recipients: recipients.collect(),
            received_at: self.now,
            client: ClientInfo::default(),
            eight_bit: false,
            smtp_utf8: false,
            kind: MessageKind::Inbound,
            message_id: None,
            size: 10,
            assessment: doorlist_core::verdict::Assessment::default(),
        };
        let arrival = Arrival { id, envelope: Arc::new(envelope), progress: None, body: None };
        let admission = self.queue.admit(arrival, self.at());
        (id, admission)
    }

    /// How many of so many messages to a domain come into memory.
    pub(super) fn admitted(&mut self, domain: u32, times: usize) -> u64 {
        (0..times).map(|_| u64::from(self.admit(&[domain]).1 == Admission::Admitted)).sum()
    }

    /// The destination of domain `n`.
    pub(super) fn destination(&self, n: u32) -> DestinationId {
        self.queue.by_domain[&DomainId(n)].destination
    }

    /// Connections to open since the last time.
    pub(super) fn opened(&mut self) -> Vec<DestinationId> {
        let open = std::mem::take(&mut self.queue.effects.open);
        let mut open: Vec<DestinationId> = open.into_iter().map(|grant| grant.destination).collect();
        open.sort();
        open
    }

    /// The oldest connection of this destination.
    pub(super) fn connection(&self, destination: DestinationId) -> ConnectionId {
        let all = self.queue.pool.all().filter(|(_, of, _)| *of == destination);
        all.map(|(id, ..)| id).min().unwrap()
    }

    /// Closes the oldest connection of this destination.
    pub(super) fn close(&mut self, destination: DestinationId) {
        let connection = self.connection(destination);
        self.queue.closed(connection, self.at());
    }

    pub(super) fn settled(&mut self) -> Vec<(QueueId, Settlement)> {
        std::mem::take(&mut self.queue.effects.settle)
    }

    /// Carries out the next part of this destination with this verdict for all.
    pub(super) fn carry(&mut self, destination: DestinationId, verdict: AttemptVerdict) -> Option<QueueId> {
        let job = self.queue.next_part(destination)?;
        let outcome = RecipientOutcome { verdict, status: EnhancedCode::new(4, 0, 0), reply: "said".into() };
        let outcomes = vec![outcome; job.part.recipients.len()];
        self.queue.finish(destination, &job.part, &outcomes, None, self.at());
        Some(job.part.id)
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.queue.tick(self.at());
    }
}

pub(super) fn settings(connections_max: usize) -> QueueSettings {
    QueueSettings {
        active_max: ACTIVE_MAX,
        connections_max,
        per_destination_max: 20,
        inbound: RetrySchedule::inbound(),
        bounce: RetrySchedule::bounce(),
    }
}

/// The domain with the server `mx{n}`, of customer 1.
pub(super) fn route(n: u32) -> DomainRoute {
    let server = MailServer {
        host: format!("mx{n}.example.test"),
        port: 25,
        preference: 10,
        tls: ServerTls::Opportunistic,
        xforward: false,
        named_by: NamedBy::Machine,
    };
    let name = format!("d{n}.example.test").parse().unwrap();
    DomainRoute { name, servers: vec![server], hold: false, customer: Some(CustomerId(1)) }
}
