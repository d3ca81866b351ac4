//! Accepted mail on its way to the organisations' own servers: clean mail for who is on no list goes through the spool, and
//! leaves its outcome there, as the relay does.

use super::message::TrialMessage;
use super::own_server::OwnServer;
use super::world::{World, server_of};
use anyhow::Result;
use doorlist_core::address::{Address, DomainName};
use doorlist_core::domain::DomainId;
use doorlist_core::queue_id::QueueId;
use doorlist_core::retry::{NextAttempt, RetrySchedule};
use doorlist_core::time::Timestamp;
use doorlist_core::verdict::{Assessment, ContentVerdict};
use doorlist_core::verification::ServerAnswer;
use doorlist_store::Spool;
use doorlist_store::spool::{
    ClientInfo, DeliveryOutcome, Envelope, EnvelopeRecipient, MessageKind, Settlement, SpoolError,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// From the 250 to the own server's answer.
const RELAYED_AFTER: Duration = Duration::from_secs(1);

/// A message for who is on no list, accepted because its server takes the name.
#[derive(Debug)]
pub(crate) struct UnlistedDelivery {
    pub(crate) message: TrialMessage,
    pub(crate) domain: DomainId,
    /// In the spool; `None`: not yet, or it teaches nothing.
    id: Option<QueueId>,
    attempts: u32,
    next: Timestamp,
}

/// What became of some deliveries.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DeliveryCounts {
    pub(crate) taken: u64,
    /// The server refused what was accepted for it.
    pub(crate) refused: u64,
}

/// Everything that is on its way.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    waiting: Vec<UnlistedDelivery>,
}

impl Deliveries {
    /// Takes a message that was accepted just now.
    pub(crate) fn add(&mut self, message: TrialMessage, domain: DomainId) {
        let next = message.at + RELAYED_AFTER;
        self.waiting.push(UnlistedDelivery { message, domain, id: None, attempts: 0, next });
    }

    /// Tries everything that is due, each at its own time. The counts are by organisation.
    pub(crate) async fn run(
        &mut self,
        world: &World,
        servers: &[(DomainName, Arc<OwnServer>)],
        until: Timestamp,
    ) -> Result<Vec<DeliveryCounts>> {
        self.put_into_spool(&world.spool, servers).await?;
        let mut counts = vec![DeliveryCounts::default(); servers.len()];
        let (mut due, waiting) =
            std::mem::take(&mut self.waiting).into_iter().partition::<Vec<_>, _>(|one| one.next <= until);
        self.waiting = waiting;
        due.sort_by_key(|one| one.next);
        for mut one in due {
            let (Some((name, server)), Some(count)) =
                (servers.get(one.message.organisation), counts.get_mut(one.message.organisation))
            else {
                continue;
            };
            match server.answer(&one.message.local, one.next) {
                ServerAnswer::Undecided => {
                    one.attempts += 1;
                    let next = RetrySchedule::inbound().next(one.message.at, one.attempts, one.next, 0.5);
                    if let NextAttempt::At(next) = next {
                        one.next = next;
                        self.waiting.push(one);
                    }
                    continue;
                }
                ServerAnswer::NoSuchUser => count.refused += 1,
                ServerAnswer::Exists => {
                    count.taken += 1;
                    if let Some(asked) = world.callout().name(one.domain) {
                        asked.delivered(&one.message.local, one.next);
                    }
                    if let Some(outcome) = outcome(&one, name) {
                        world.spool.teach(outcome);
                    }
                }
            }
            if let Some(id) = one.id {
                world.spool.settle(id, Settlement::Done);
            }
        }
        if counts.iter().any(|count| count.taken + count.refused > 0) {
            world.spool.flush().await?;
        }
        Ok(counts)
    }

    async fn put_into_spool(&mut self, spool: &Spool, servers: &[(DomainName, Arc<OwnServer>)]) -> Result<()> {
        let mut accepted = Vec::new();
        for one in &mut self.waiting {
            if one.id.is_none() && one.message.kind.verdict() == ContentVerdict::Clean {
                let id = spool.next_id();
                one.id = Some(id);
                let name = servers.get(one.message.organisation).map(|(name, _)| name);
                accepted.extend(name.map(|name| (id, envelope(one, name))));
            }
        }
        let mut accepted: JoinSet<_> =
            accepted.into_iter().map(|(id, envelope)| accept(spool.clone(), id, envelope)).collect();
        while let Some(done) = accepted.join_next().await {
            done??;
        }
        Ok(())
    }
}

async fn accept(spool: Spool, id: QueueId, envelope: Envelope) -> Result<(), SpoolError> {
    let mut body = spool.body(None);
    body.write(b"\r\n").await?;
    spool.accept(id, envelope, body).await?;
    Ok(())
}

fn envelope(one: &UnlistedDelivery, name: &DomainName) -> Envelope {
    let TrialMessage { local, client, sender, kind, at, .. } = &one.message;
    let recipient = EnvelopeRecipient {
        path: format!("{local}@{name}").into(),
        domain: Some(one.domain),
        address: None,
        system: false,
        unlisted: true,
    };
    Envelope {
        sender: sender.as_ref().into(),
        recipients: vec![recipient],
        received_at: *at,
        client: ClientInfo { address: Some(client.address), ..ClientInfo::default() },
        eight_bit: false,
        smtp_utf8: false,
        kind: MessageKind::Inbound,
        message_id: None,
        size: 2,
        assessment: Assessment { verdict: kind.verdict(), ..Assessment::default() },
    }
}

/// What the relay notes of a delivery, if it notes something.
fn outcome(one: &UnlistedDelivery, name: &DomainName) -> Option<DeliveryOutcome> {
    let message = &one.message;
    Some(DeliveryOutcome {
        id: one.id?,
        recipient: 0,
        domain: one.domain,
        address: Address::new(message.local.clone(), name.clone()),
        sender: message.sender.as_ref().into(),
        server: server_of(name).into(),
        status: "2.0.0".into(),
        at: one.next,
        verdict: message.kind.verdict(),
    })
}
