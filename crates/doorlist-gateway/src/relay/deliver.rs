//! A running connection: opens, sends the messages of its destination one after the other, and closes when there are
//! no more.
//!
//! With PIPELINING, the commands of a transaction go out in one write. Nothing follows the final dot before its reply:
//! servers drop or misread what comes behind it.

mod carry;
mod connection_slot;
mod outcome;

pub(super) use self::outcome::advice;
use self::outcome::{cannot_be_sent, deferred, gave_way};
use super::RelayShared;
use super::connect::OpenedConnection;
use super::connection::Connection;
use super::front;
use super::header_section::smtp_utf8;
use super::queue::{AttemptVerdict, ConnectionTask, DestinationId, Job, Part, RecipientOutcome, SlotGrant};
use super::route::{DestinationKey, NoRoute};
use connection_slot::ConnectionSlot;
use doorlist_smtp::client::{Capabilities, QUIT, SmtpUtf8, Transaction, TransactionOffer, Unsendable, XForward};
use doorlist_smtp::reply::EnhancedCode;
use doorlist_store::spool::{MessageBody, SpoolError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// Maximum messages per connection; servers count, too.
const MESSAGES_PER_CONNECTION_MAX: u32 = 1_000;
/// Maximum age of a connection.
const CONNECTION_AGE_MAX: Duration = Duration::from_secs(100);
/// Maximum time to wait for the reply to QUIT, unless others need the connection.
const FAREWELL: Duration = Duration::from_secs(2);
/// Maximum time to send QUIT, for servers that no longer read.
const FAREWELL_SENT: Duration = Duration::from_millis(100);

/// The shutdown state of the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    No,
    /// Running transactions finish, no new ones start.
    Finish,
    /// Connections are dropped; their messages are in the spool.
    Now,
}

/// Waits until the relay reaches this shutdown state.
pub(crate) async fn reached(stop: &mut watch::Receiver<Stop>, stage: Stop) {
    // An error means that the relay is gone altogether.
    let _ = stop.wait_for(|stop| *stop >= stage).await;
}

/// Opens a connection to a destination and delivers messages until there are none left.
pub(crate) async fn run(shared: Arc<RelayShared>, grant: SlotGrant) {
    let mut stop = shared.stop.subscribe();
    let slot = ConnectionSlot::new(shared, grant);
    tokio::select! {
        () = Box::pin(connect_and_work(&slot)) => {}
        () = reached(&mut stop, Stop::Now) => {}
    }
}

async fn connect_and_work(slot: &ConnectionSlot) {
    let (shared, destination) = (&slot.shared, slot.destination);
    let Some(key) = shared.with_queue(|queue, _| queue.key(destination).cloned()) else { return };
    match open(slot, &key).await {
        Ok(OpenedConnection { connection, xforward, rest }) => {
            let worker = Worker {
                shared,
                slot,
                destination,
                key,
                connection,
                xforward,
                rest,
                stop: shared.stop.subscribe(),
                carried: 0,
                since: Instant::now(),
                reset: false,
                makes_way: false,
            };
            worker.work().await;
        }
        Err(no_route) => open_failed(slot, &key, &no_route),
    }
}

async fn open(slot: &ConnectionSlot, key: &DestinationKey) -> Result<OpenedConnection, NoRoute> {
    let (shared, config) = (&slot.shared, slot.shared.config.load_full());
    // All of it at once: a server that takes long for each of many steps holds the slot no longer than a silent one.
    let opening = slot.hold_while(true, &config, shared.connector.open(key, &config, shared.turn())).await;
    let opened = opening.unwrap_or_else(|| Err(gave_way(key, &config)))?;
    shared.with_queue(|queue, at| queue.opened(slot.destination, at));
    shared.note_smtp_utf8(key, &opened.connection);
    Ok(opened)
}

fn open_failed(slot: &ConnectionSlot, key: &DestinationKey, no_route: &NoRoute) {
    let why = format!("{} {}", no_route.status, no_route.why);
    slot.shared.log_destination(key.name(), &why, no_route.said.as_deref());
    slot.shared.with_queue(|queue, at| match no_route.status.class {
        5 => queue.refuse(slot.destination, &why, at),
        _ => queue.open_failed(slot.destination, &why, at),
    });
}

/// A message whose commands are sent or about to be.
struct Flight {
    part: Part,
    /// Header fields in front of the stored message.
    front: String,
    body: MessageBody,
    transaction: Transaction,
    /// Its commands went out in one write.
    pipelined: bool,
    /// Its final dot may have reached the server, so that a lost connection is ambiguous.
    dot_sent: bool,
}

/// The connection cannot be used any more.
struct Lost;

struct Worker<'a> {
    shared: &'a Arc<RelayShared>,
    slot: &'a ConnectionSlot,
    destination: DestinationId,
    key: DestinationKey,
    connection: Connection,
    xforward: bool,
    /// The servers after this one, if there are any.
    rest: Option<DestinationKey>,
    stop: watch::Receiver<Stop>,
    /// Transactions that ended on this connection.
    carried: u32,
    since: Instant,
    /// The last transaction was left open.
    reset: bool,
    /// A message needs another server of the route, which a new connection may reach.
    makes_way: bool,
}

impl Worker<'_> {
    async fn work(mut self) {
        while let Some(flight) = self.next_flight().await {
            if let Err(Lost) = self.carry(flight).await {
                return;
            }
        }
        self.slot.retire();
        self.connection.out.extend_from_slice(QUIT);
        if self.connection.send(FAREWELL_SENT).await.is_ok() {
            tokio::select! {
                // Whatever it answers, this is the end.
                _ = self.connection.reply(FAREWELL) => {}
                () = self.slot.must_leave() => {}
            }
        }
    }

    /// Waits for the next message while the connection is kept open, and writes its commands to the buffer.
    async fn next_flight(&mut self) -> Option<Flight> {
        while self.may_go_on() {
            let connection = self.slot.connection;
            match self.shared.with_queue(|queue, at| queue.work(connection, at)) {
                ConnectionTask::Leave => return None,
                ConnectionTask::Carry(job) => {
                    if job.part.stepwise && self.carried > 0 && !self.reconnect(&job).await {
                        return None;
                    }
                    match self.begin(job).await {
                        Some(flight) => return Some(flight),
                        None => continue,
                    }
                }
                ConnectionTask::Wait => {}
            }
            let keep_open = self.shared.config.load().keep_open;
            let rung = tokio::select! {
                () = self.slot.bell.notified() => true,
                () = self.connection.unasked() => false,
                () = sleep(keep_open) => false,
                () = reached(&mut self.stop, Stop::Finish) => false,
            };
            if !rung && self.shared.with_queue(|queue, _| queue.stop_waiting(connection)) {
                return None;
            }
        }
        None
    }

    fn may_go_on(&self) -> bool {
        self.carried < MESSAGES_PER_CONNECTION_MAX
            && self.since.elapsed() < CONNECTION_AGE_MAX
            && *self.stop.borrow() == Stop::No
            && !self.makes_way
    }

    /// Replaces the connection by a fresh one, in the same slot. False: none could be opened, and the message is back in
    /// the queue.
    async fn reconnect(&mut self, job: &Job) -> bool {
        self.connection.out.extend_from_slice(QUIT);
        // Whatever it answers, this is the end.
        let _ = self.connection.send(FAREWELL_SENT).await;
        self.shared.with_queue(|queue, _| queue.reopening(self.destination));
        match open(self.slot, &self.key).await {
            Ok(OpenedConnection { connection, xforward, rest }) => {
                (self.connection, self.xforward, self.rest) = (connection, xforward, rest);
                (self.carried, self.since, self.reset, self.makes_way) = (0, Instant::now(), false, false);
                true
            }
            Err(no_route) => {
                self.shared.with_queue(|queue, at| queue.give_back(self.destination, job.part.clone(), at));
                open_failed(self.slot, &self.key, &no_route);
                false
            }
        }
    }

    /// Writes the commands of a message to the buffer. `None`: it cannot be sent here, and its result is recorded.
    async fn begin(&mut self, job: Job) -> Option<Flight> {
        let Job { part, body } = job;
        let body = match body {
            Some(body) => body,
            None => match self.shared.spool.body_of(part.id).await {
                Ok(body) => body,
                Err(error) => {
                    self.unreadable(&part, &error);
                    return None;
                }
            },
        };
        let envelope = Arc::clone(&part.envelope);
        let offers = self.connection.offers;
        let offers = Capabilities { pipelining: offers.pipelining && !part.stepwise, ..offers };
        let ident = part.id.to_string();
        let client = &envelope.client;
        let xforward = XForward { addr: client.address, port: client.port, helo: &client.helo, ident: &ident };
        let smtp_utf8 = smtp_utf8(&part, &body).await;
        let front = front::fields(&self.shared.connector.hostname, &envelope);
        let offer = TransactionOffer {
            sender: &envelope.sender,
            size: envelope.size.saturating_add(front.len() as u64),
            eight_bit: envelope.eight_bit || smtp_utf8 == SmtpUtf8::Preferred,
            smtp_utf8,
            xforward: self.xforward.then_some(xforward),
            reset: self.reset,
        };
        match Transaction::start(&offers, &offer, part.paths(), &mut self.connection.out) {
            Ok(transaction) => {
                self.reset = false;
                Some(Flight { part, front, body, transaction, pipelined: offers.pipelining, dot_sent: false })
            }
            Err(unsendable) => {
                // Of the servers before these, nothing is known here.
                let another = part.primary.is_some() || self.shared.another_may_have_smtp_utf8(&self.key);
                let retry = match unsendable {
                    Unsendable::SmtpUtf8 if another && self.rest.is_some() => Some(AttemptVerdict::NextServer),
                    Unsendable::SmtpUtf8 if another => Some(AttemptVerdict::Deferred),
                    _ => None,
                };
                self.makes_way |= retry == Some(AttemptVerdict::Deferred);
                let outcomes = cannot_be_sent(&self.connection.peer, &part, unsendable, retry);
                self.conclude(&part, &outcomes);
                None
            }
        }
    }

    /// Handles a message that the spool cannot return: deleted meanwhile, damaged, or temporarily unavailable.
    fn unreadable(&self, part: &Part, error: &SpoolError) {
        self.shared.with_queue(|queue, at| match error {
            SpoolError::NotFound(_) => drop(queue.delete(part.id)),
            SpoolError::Corrupt { .. } => drop(queue.hold(part.id, at)),
            _ => {}
        });
        let outcome = deferred(EnhancedCode::new(4, 3, 0), error.to_string());
        self.shared.conclude(self.destination, part, &vec![outcome; part.recipients.len()], None, None);
    }

    /// Records the results of a message at this server.
    fn conclude(&self, part: &Part, outcomes: &[RecipientOutcome]) {
        self.shared.conclude(self.destination, part, outcomes, Some(&self.connection.peer), self.rest.as_ref());
    }
}
