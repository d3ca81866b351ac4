//! A running connection: opens, sends the messages of its destination one after the other, and closes when there are
//! no more.
//!
//! With PIPELINING, the commands of the next message go out in the same write as the body of the current one (RFC 2920
//! §3.1), so that a busy connection needs one write and about one read per message.

mod connection_slot;
mod outcome;

use self::outcome::{cannot_be_sent, deferred, gave_way, leave_rest_untried, outcomes};
use super::RelayShared;
use super::connect::OpenedConnection;
use super::connection::{Connection, ConnectionFault};
use super::header_section::smtp_utf8;
use super::queue::{ConnectionTask, DestinationId, Job, Part, RecipientOutcome, SlotGrant};
use super::route::DestinationKey;
use crate::config::RelayConfig;
use connection_slot::ConnectionSlot;
use doorlist_smtp::client::{
    Command, DotStuffer, QUIT, ServerReply, SmtpUtf8, Step, Transaction, TransactionOffer, Unsendable, XForward,
};
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
/// Approximate size of the pieces in which a body is sent.
const BODY_PIECE: usize = 64 * 1024;
/// Time to read the reply of a server that closes in the middle of a body.
const LAST_WORDS: Duration = Duration::from_secs(1);
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
    let config = shared.config.load_full();
    // All of it at once: a server that takes long for each of many steps holds the slot no longer than a silent one.
    let opening = slot.hold_while(true, &config, shared.connector.open(&key, &config, shared.turn())).await;
    match opening.unwrap_or_else(|| Err(gave_way(&key, &config))) {
        Ok(OpenedConnection { connection, xforward }) => {
            shared.with_queue(|queue, at| queue.opened(destination, at));
            shared.note_smtp_utf8(&key, &connection);
            let worker = Worker {
                shared,
                slot,
                destination,
                key,
                connection,
                xforward,
                stop: shared.stop.subscribe(),
                carried: 0,
                since: Instant::now(),
                reset: false,
                makes_way: false,
            };
            worker.work().await;
        }
        Err(no_route) => {
            let why = format!("{} {}", no_route.status, no_route.why);
            shared.log_destination(key.name(), &why, no_route.said.as_deref());
            if no_route.status.class == 5 {
                shared.with_queue(|queue, at| queue.refuse(destination, &why, at));
            } else {
                shared.with_queue(|queue, at| queue.open_failed(destination, &why, at));
            }
        }
    }
}

/// A message whose commands are sent or about to be.
struct Flight {
    part: Part,
    body: MessageBody,
    transaction: Transaction,
    /// Its final dot may have reached the server, so that a lost connection is ambiguous.
    dot_sent: bool,
}

/// The connection cannot be used any more.
struct Lost;

/// The result of a message: the connection continues, perhaps with the next message already started.
type Carried = Result<Option<Flight>, Lost>;

struct Worker<'a> {
    shared: &'a Arc<RelayShared>,
    slot: &'a ConnectionSlot,
    destination: DestinationId,
    key: DestinationKey,
    connection: Connection,
    xforward: bool,
    stop: watch::Receiver<Stop>,
    carried: u32,
    since: Instant,
    /// The last transaction was left open.
    reset: bool,
    /// A message needs another server of the route, which a new connection may reach.
    makes_way: bool,
}

impl Worker<'_> {
    async fn work(mut self) {
        let mut begun = None;
        loop {
            let flight = match begun.take() {
                Some(flight) => flight,
                None => match self.next_flight().await {
                    Some(flight) => flight,
                    None => break,
                },
            };
            match self.carry(flight).await {
                Ok(next) => begun = next,
                Err(Lost) => return,
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
                ConnectionTask::Carry(job) => match self.begin(job).await {
                    Some(flight) => return Some(flight),
                    None => continue,
                },
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
        let ident = part.id.to_string();
        let client = &envelope.client;
        let xforward = XForward { addr: client.address, port: client.port, helo: &client.helo, ident: &ident };
        let smtp_utf8 = smtp_utf8(&part, &body).await;
        let offer = TransactionOffer {
            sender: &envelope.sender,
            size: envelope.size,
            eight_bit: envelope.eight_bit || smtp_utf8 == SmtpUtf8::Preferred,
            smtp_utf8,
            xforward: self.xforward.then_some(xforward),
            reset: self.reset,
        };
        match Transaction::start(&offers, &offer, part.paths(), &mut self.connection.out) {
            Ok(transaction) => {
                self.reset = false;
                Some(Flight { part, body, transaction, dot_sent: false })
            }
            Err(unsendable) => {
                let retry = unsendable == Unsendable::SmtpUtf8 && self.shared.another_may_have_smtp_utf8(&self.key);
                self.makes_way |= retry;
                let outcomes = cannot_be_sent(&self.connection.peer, &part, unsendable, retry);
                self.shared.conclude(self.destination, &part, &outcomes, Some(&self.connection.peer));
                None
            }
        }
    }

    async fn carry(&mut self, mut flight: Flight) -> Carried {
        let config = self.shared.config.load_full();
        let mut next = None;
        if let Err(fault) = self.send(&config).await {
            return self.lost(flight, next, Some(&fault));
        }
        loop {
            let reply = match self.reply(flight.transaction.command(), &config).await {
                Ok(reply) => reply,
                Err(fault) => return self.lost(flight, next, Some(&fault)),
            };
            match flight.transaction.reply(reply, &mut self.connection.out) {
                Step::Continue => {
                    if let Err(fault) = self.send(&config).await {
                        return self.lost(flight, next, Some(&fault));
                    }
                }
                Step::SendBody => {
                    if let Err(fault) = self.send_body(&mut flight, &mut next, &config).await {
                        return self.body_lost(flight, next, &fault).await;
                    }
                }
                Step::Done { reset } => {
                    self.reset = reset;
                    self.carried += 1;
                    self.finish(&flight);
                    return Ok(next);
                }
                Step::Broken => return self.lost(flight, next, None),
            }
        }
    }

    /// Sends the buffer at a point where closing the connection costs nothing but time.
    async fn send(&mut self, config: &RelayConfig) -> Result<(), ConnectionFault> {
        let sending = self.connection.send(config.reply);
        self.slot.hold_while(true, config, sending).await.unwrap_or(Err(ConnectionFault::GaveWay))
    }

    /// Reads the reply to a command. After the final dot the connection is never closed for others: the server may
    /// have accepted the message, and a retry would duplicate it (RFC 5321 §4.5.3.2.6).
    async fn reply(&mut self, command: Command, config: &RelayConfig) -> Result<ServerReply, ConnectionFault> {
        let is_last = command == Command::EndOfData;
        let reply = self.connection.reply(if is_last { config.final_reply } else { config.reply });
        self.slot.hold_while(!is_last, config, reply).await.unwrap_or(Err(ConnectionFault::GaveWay))
    }

    /// Sends the body and its end, if possible with the commands of the next message in the same write.
    async fn send_body(
        &mut self,
        flight: &mut Flight,
        next: &mut Option<Flight>,
        config: &RelayConfig,
    ) -> Result<(), ConnectionFault> {
        let mut dots = DotStuffer::default();
        if let Some(whole) = flight.body.in_memory() {
            dots.push(whole, &mut self.connection.out);
        } else {
            let mut reader = flight.body.reader().await.map_err(std::io::Error::other)?;
            while let Some(chunk) = reader.chunk().await.map_err(std::io::Error::other)? {
                for piece in chunk.chunks(BODY_PIECE) {
                    dots.push(piece, &mut self.connection.out);
                    if self.connection.out.len() >= BODY_PIECE {
                        self.send(config).await?;
                    }
                }
            }
        }
        dots.finish(&mut self.connection.out);
        flight.dot_sent = true;
        self.carried += 1;
        if self.connection.offers.pipelining && self.may_go_on() {
            while let Some(job) = self.shared.with_queue(|queue, at| queue.take(self.slot.connection, at)) {
                *next = self.begin(job).await;
                if next.is_some() {
                    break;
                }
            }
        }
        self.carried -= 1;
        let sending = self.connection.send(config.reply);
        self.slot.hold_while(false, config, sending).await.unwrap_or(Err(ConnectionFault::GaveWay))
    }

    /// Ends the transaction: every recipient has its result.
    fn finish(&self, flight: &Flight) {
        let unanswered = deferred(EnhancedCode::new(4, 5, 0), "the server lost the thread".to_owned());
        let mut outcomes = self.outcomes(flight, &unanswered);
        leave_rest_untried(&mut outcomes, &flight.transaction);
        self.shared.conclude(self.destination, &flight.part, &outcomes, Some(&self.connection.peer));
    }

    fn outcomes(&self, flight: &Flight, unanswered: &RecipientOutcome) -> Vec<RecipientOutcome> {
        outcomes(&self.connection.peer, &flight.transaction, flight.part.recipients.len(), unanswered)
    }

    /// Handles a connection lost during a body: reads the server's last reply, if any.
    async fn body_lost(&mut self, mut flight: Flight, next: Option<Flight>, fault: &ConnectionFault) -> Carried {
        if let Ok(reply) = self.connection.reply(LAST_WORDS).await
            && let Step::Done { .. } = flight.transaction.reply(reply, &mut self.connection.out)
        {
            self.finish(&flight);
            self.give_back(next);
            return Err(Lost);
        }
        self.lost(flight, next, Some(fault))
    }

    /// Handles a lost connection: recipients without a result are retried.
    fn lost(&self, flight: Flight, next: Option<Flight>, fault: Option<&ConnectionFault>) -> Carried {
        self.give_back(next);
        let command = flight.transaction.command();
        // A server may close an idle connection at any time; that is no failure of anything.
        let untouched = matches!(command, Command::Preamble | Command::Mail) && flight.transaction.result(0).is_none();
        let closed = matches!(fault, Some(ConnectionFault::Closed | ConnectionFault::Io(_)));
        if self.carried > 0 && untouched && closed {
            self.give_back(Some(flight));
            return Err(Lost);
        }
        let peer = self.connection.peer.short();
        if let Some(said) = fault.and_then(ConnectionFault::said) {
            self.shared.log_destination(&peer, "protocol error", Some(&said));
        }
        let why = match fault {
            Some(fault) => {
                format!("conversation with {peer} broke off ({fault}) while waiting for the reply to {command}")
            }
            None => format!("host {peer} closed the conversation at {command}"),
        };
        let status = match fault {
            Some(ConnectionFault::Protocol(_)) => EnhancedCode::new(4, 5, 0),
            _ => EnhancedCode::new(4, 4, 2),
        };
        let ambiguous = if flight.dot_sent { ": possible duplicate" } else { "" };
        let outcomes = self.outcomes(&flight, &deferred(status, format!("{why}{ambiguous}")));
        self.shared.conclude(self.destination, &flight.part, &outcomes, Some(&self.connection.peer));
        let why = format!("{status} {why}");
        self.shared.with_queue(|queue, at| queue.broke(self.destination, &why, at));
        Err(Lost)
    }

    fn give_back(&self, flight: Option<Flight>) {
        if let Some(flight) = flight {
            self.shared.with_queue(|queue, at| queue.give_back(self.destination, flight.part, at));
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
        self.shared.conclude(self.destination, part, &vec![outcome; part.recipients.len()], None);
    }
}
