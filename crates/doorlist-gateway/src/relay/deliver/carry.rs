//! Sends one message over an open connection, and decides what its end means.

use super::outcome::{Circumstances, deferred, leave_rest_untried, outcomes};
use super::{Flight, Lost, Worker};
use crate::config::RelayConfig;
use crate::relay::connection::ConnectionFault;
use crate::relay::queue::{AttemptVerdict, RecipientOutcome};
use doorlist_smtp::client::{Command, DotStuffer, ServerReply, Step};
use doorlist_smtp::reply::EnhancedCode;
use std::time::Duration;

/// Approximate size of the pieces in which a body is sent.
const BODY_PIECE: usize = 64 * 1024;
/// Time to read the reply of a server that closes in the middle of a body.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl Worker<'_> {
    /// Carries a message whose first commands are in the buffer. `Ok`: the connection takes another one.
    pub(super) async fn carry(&mut self, mut flight: Flight) -> Result<(), Lost> {
        let config = self.shared.config.load_full();
        if let Err(fault) = self.send(&config).await {
            return Err(self.lost(flight, Some(&fault)));
        }
        loop {
            let reply = match self.reply(flight.transaction.command(), &config).await {
                Ok(reply) => reply,
                Err(fault) => return Err(self.lost(flight, Some(&fault))),
            };
            match flight.transaction.reply(reply, &mut self.connection.out) {
                Step::Continue => {
                    if let Err(fault) = self.send(&config).await {
                        return Err(self.lost(flight, Some(&fault)));
                    }
                }
                Step::SendBody => {
                    if let Err(fault) = self.send_body(&mut flight, &config).await {
                        return Err(self.body_lost(flight, &fault).await);
                    }
                }
                Step::Done { reset } => {
                    self.finish(&flight);
                    self.reset = reset;
                    self.carried += 1;
                    return Ok(());
                }
                Step::Broken => return Err(self.lost(flight, None)),
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

    /// Sends the body and its end.
    async fn send_body(&mut self, flight: &mut Flight, config: &RelayConfig) -> Result<(), ConnectionFault> {
        let mut dots = DotStuffer::default();
        dots.push(flight.front.as_bytes(), &mut self.connection.out);
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
        let sending = self.connection.send(config.reply);
        self.slot.hold_while(false, config, sending).await.unwrap_or(Err(ConnectionFault::GaveWay))
    }

    /// Ends the transaction: every recipient has its result.
    fn finish(&self, flight: &Flight) {
        let unanswered = deferred(EnhancedCode::new(4, 5, 0), "the server lost the thread".to_owned());
        let mut outcomes = self.outcomes(flight, &unanswered);
        leave_rest_untried(&mut outcomes, &flight.transaction);
        self.conclude(&flight.part, &outcomes);
    }

    fn outcomes(&self, flight: &Flight, unanswered: &RecipientOutcome) -> Vec<RecipientOutcome> {
        let circumstances = Circumstances {
            used: self.carried > 0,
            pipelined: flight.pipelined,
            next_server: self.rest.is_some(),
            dot_sent: flight.dot_sent,
        };
        let recipients = flight.part.recipients.len();
        outcomes(&self.connection.peer, &flight.transaction, recipients, unanswered, circumstances)
    }

    /// Handles a connection lost during a body: reads the server's last reply, if any.
    async fn body_lost(&mut self, mut flight: Flight, fault: &ConnectionFault) -> Lost {
        if let Ok(reply) = self.connection.reply(LAST_WORDS).await
            && let Step::Done { .. } = flight.transaction.reply(reply, &mut self.connection.out)
        {
            self.finish(&flight);
            return Lost;
        }
        self.lost(flight, Some(fault))
    }

    /// Handles a lost connection: recipients without a result are retried. `None`: the server said 421, or lost the
    /// thread.
    fn lost(&self, flight: Flight, fault: Option<&ConnectionFault>) -> Lost {
        let closed = matches!(fault, None | Some(ConnectionFault::Closed | ConnectionFault::Io(_)));
        // A server may end a connection between two messages at any time: that is no failure of the next one. On a
        // fresh connection it is, so that a server which ends every one is not tried without a pause.
        if self.carried > 0 && closed && flight.transaction.is_untouched() {
            self.shared.with_queue(|queue, at| queue.give_back(self.destination, flight.part, at));
            return Lost;
        }
        let peer = self.connection.peer.short();
        if let Some(said) = fault.and_then(ConnectionFault::said) {
            self.shared.log_destination(&peer, "protocol error", Some(&said));
        }
        let command = flight.transaction.command();
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
        let mut unanswered = deferred(status, format!("{why}{ambiguous}"));
        if self.rest.is_some() && !flight.dot_sent {
            unanswered.verdict = AttemptVerdict::NextServer;
        }
        self.conclude(&flight.part, &self.outcomes(&flight, &unanswered));
        let why = format!("{status} {why}");
        self.shared.with_queue(|queue, at| queue.broke(self.destination, &why, self.rest.as_ref(), at));
        Lost
    }
}
