//! One connection's side of the dialogue, without the connection: replies in, commands out. An unexpected reply ends
//! the run.

use super::names::{DOMAIN, Recipients};
use super::{Outcome, Work};
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// RCPT commands in one transaction of [`Work::Answers`].
const RECIPIENTS_PER_TRANSACTION: u32 = 500;
/// Transactions in one session of it: servers close a session that says RSET too often.
const TRANSACTIONS_PER_SESSION: u32 = 50;

/// A reply that is still owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Greeting,
    Hello,
    Mail,
    Recipient { listed: bool },
    Data,
    Body,
    Reset,
    Quit,
}

/// What to do after a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Write what was put out, if anything, and read on.
    Converse,
    /// The session is over.
    Close,
}

/// What all connections of a load share.
pub(super) struct Shared {
    work: Work,
    recipients: Recipients,
    next_number: u64,
    /// The time is up: nothing new is begun.
    over: bool,
    outcome: Outcome,
}

impl Shared {
    /// At the beginning of a load against a server that lists names `0..listed`.
    pub(super) fn new(work: Work, listed: u32) -> Self {
        let percent = if let Work::Answers { listed_percent, .. } = work { listed_percent } else { 100 };
        Self {
            recipients: Recipients::new(listed, percent),
            work,
            next_number: 0,
            over: false,
            outcome: Outcome::default(),
        }
    }

    /// The time is up.
    pub(super) fn stop(&mut self, elapsed: Duration) {
        self.over = true;
        self.outcome.elapsed = elapsed;
    }

    /// Whether the time is up.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// What came of it, once all connections are done.
    pub(super) fn outcome(self) -> Outcome {
        self.outcome
    }
}

pub(super) struct Dialogue {
    awaited: VecDeque<Awaited>,
    transactions: u32,
    /// RCPT commands sent in this transaction.
    recipients: u32,
    /// When the present transaction began.
    begun: Instant,
}

impl Dialogue {
    /// A session whose connection has just been asked for.
    pub(super) fn new() -> Self {
        Self { awaited: VecDeque::from([Awaited::Greeting]), transactions: 0, recipients: 0, begun: Instant::now() }
    }

    /// Whether only the reply to QUIT is owed.
    pub(super) fn said_goodbye(&self) -> bool {
        self.awaited.front() == Some(&Awaited::Quit)
    }

    /// The session ended as it should.
    pub(super) fn ended(&self, shared: &mut Shared) {
        if !shared.over {
            shared.outcome.sessions += 1;
        }
    }

    /// Takes the last line of a reply; `Err` says what was awaited instead.
    pub(super) fn reply(&mut self, line: &[u8], shared: &mut Shared, out: &mut Vec<u8>) -> Result<Next, String> {
        let awaited = self.awaited.pop_front();
        match (awaited, line.get(..3)) {
            (Some(Awaited::Greeting), Some(b"220")) => self.say(Awaited::Hello, b"EHLO load.test\r\n", out),
            (Some(Awaited::Hello | Awaited::Reset), Some(b"250")) => self.begin(shared, out),
            (Some(Awaited::Mail), Some(b"250")) => self.name_recipients(shared, out),
            (Some(Awaited::Recipient { listed: true }), Some(b"250"))
            | (Some(Awaited::Recipient { listed: false }), Some(b"550")) => self.recipient_answered(shared, out),
            (Some(Awaited::Data), Some(b"354")) => {
                if let Work::Relay { message, .. } = &shared.work {
                    message.write(shared.next_number, out);
                    shared.next_number += 1;
                    self.awaited.push_back(Awaited::Body);
                }
            }
            (Some(Awaited::Body), Some(b"250")) => {
                let took = self.begun.elapsed();
                shared.outcome.soonest = Some(shared.outcome.soonest.map_or(took, |soonest| soonest.min(took)));
                shared.outcome.messages += 1;
                self.transactions += 1;
                self.begin(shared, out);
            }
            (Some(Awaited::Quit), Some(b"221")) => {
                self.ended(shared);
                return Ok(Next::Close);
            }
            (awaited, _) => return Err(unexpected(awaited, line)),
        }
        Ok(Next::Converse)
    }

    fn say(&mut self, awaited: Awaited, command: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(command);
        self.awaited.push_back(awaited);
    }

    /// The next transaction, or QUIT.
    fn begin(&mut self, shared: &Shared, out: &mut Vec<u8>) {
        let enough = match shared.work {
            Work::Relay { per_connection, .. } => self.transactions >= per_connection,
            Work::Answers { .. } => self.transactions >= TRANSACTIONS_PER_SESSION,
            Work::Sessions => self.transactions >= 1,
        };
        // Every session does at least one unit of work, however short the load's time is.
        if enough || (shared.over && self.transactions > 0) {
            return self.say(Awaited::Quit, b"QUIT\r\n", out);
        }
        self.recipients = 0;
        self.begun = Instant::now();
        self.say(Awaited::Mail, b"MAIL FROM:<sender@src.example>\r\n", out);
    }

    fn name_recipients(&mut self, shared: &mut Shared, out: &mut Vec<u8>) {
        let batch = match shared.work {
            Work::Answers { pipelined, .. } => pipelined.clamp(1, RECIPIENTS_PER_TRANSACTION),
            Work::Relay { .. } | Work::Sessions => 1,
        };
        for _ in 0..batch {
            out.extend_from_slice(b"RCPT TO:<");
            let listed = shared.recipients.draw(out);
            self.say(Awaited::Recipient { listed }, b">\r\n", out);
        }
        self.recipients += batch;
    }

    fn recipient_answered(&mut self, shared: &mut Shared, out: &mut Vec<u8>) {
        if !shared.over {
            shared.outcome.answers += 1;
        }
        if !self.awaited.is_empty() {
            return;
        }
        match shared.work {
            Work::Relay { .. } => self.say(Awaited::Data, b"DATA\r\n", out),
            Work::Sessions => {
                self.transactions += 1;
                self.begin(shared, out);
            }
            Work::Answers { .. } => {
                if shared.over || self.recipients >= RECIPIENTS_PER_TRANSACTION {
                    self.transactions += 1;
                    self.say(Awaited::Reset, b"RSET\r\n", out);
                } else {
                    self.name_recipients(shared, out);
                }
            }
        }
    }
}

fn unexpected(awaited: Option<Awaited>, line: &[u8]) -> String {
    let mut text = String::new();
    let _ = match awaited {
        None => write!(text, "nothing was awaited"),
        Some(Awaited::Recipient { listed: true }) => write!(text, "250 for a listed recipient was awaited"),
        Some(Awaited::Recipient { listed: false }) => {
            write!(text, "550 for a recipient of {DOMAIN} that is not listed was awaited")
        }
        Some(other) => write!(text, "success for {other:?} was awaited"),
    };
    let _ = write!(text, ", the server said: {}", line.escape_ascii());
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::Message;
    use super::*;
    use std::sync::Arc;

    /// Feeds replies and shows each answer's first word, or how often it is said.
    fn talk(work: Work, replies: &[&str]) -> Result<Vec<String>, String> {
        let mut shared = Shared::new(work, 1_000);
        let mut dialogue = Dialogue::new();
        let mut said = Vec::new();
        for reply in replies {
            let mut out = Vec::new();
            let next = dialogue.reply(reply.as_bytes(), &mut shared, &mut out)?;
            let text = String::from_utf8(out).unwrap();
            let word = text.split([' ', ':', '\r']).next().unwrap().to_owned();
            said.push(if next == Next::Close { "close".to_owned() } else { word });
        }
        Ok(said)
    }

    fn relay(per_connection: u32) -> Work {
        Work::Relay { message: Arc::new(Message::new(512)), per_connection }
    }

    #[test]
    fn relays_so_many_messages_and_quits() {
        let transaction = ["250 ok", "250 ok", "354 go", "250 queued"];
        let mut replies = vec!["220 hi", "250 gw"];
        replies.extend(transaction.repeat(2));
        replies.push("221 bye");
        let said = talk(relay(2), &replies).unwrap();
        let expected = "EHLO MAIL RCPT DATA X-Load-Number MAIL RCPT DATA X-Load-Number QUIT close";
        assert_eq!(said.join(" "), expected);
    }

    #[test]
    fn a_session_is_over_after_one_recipient() {
        let said = talk(Work::Sessions, &["220 hi", "250 gw", "250 ok", "250 ok", "221 bye"]).unwrap();
        assert_eq!(said.join(" "), "EHLO MAIL RCPT QUIT close");
    }

    #[test]
    fn a_batch_is_answered_whole_before_the_next_one_goes_out() {
        let work = Work::Answers { pipelined: 3, listed_percent: 0 };
        let said = talk(work, &["220 hi", "250 gw", "250 ok", "550 no", "550 no", "550 no"]).unwrap();
        assert_eq!(said, ["EHLO", "MAIL", "RCPT", "", "", "RCPT"]);
    }

    #[test]
    fn every_wrong_answer_is_an_error() {
        let listed = Work::Answers { pipelined: 1, listed_percent: 100 };
        let unlisted = Work::Answers { pipelined: 1, listed_percent: 0 };
        let table: &[(Work, &[&str], &str)] = &[
            (relay(1), &["421 busy"], "Greeting"),
            (relay(1), &["220 hi", "502 no"], "Hello"),
            (relay(1), &["220 hi", "250 gw", "452 full"], "Mail"),
            (relay(1), &["220 hi", "250 gw", "250 ok", "550 no"], "listed recipient"),
            (relay(1), &["220 hi", "250 gw", "250 ok", "250 ok", "451 no"], "Data"),
            (relay(1), &["220 hi", "250 gw", "250 ok", "250 ok", "354 go", "451 no"], "Body"),
            (listed, &["220 hi", "250 gw", "250 ok", "450 later"], "listed recipient"),
            (unlisted.clone(), &["220 hi", "250 gw", "250 ok", "250 ok"], "not listed"),
            (unlisted, &["220 hi", "250 gw", "250 ok", "450 later"], "not listed"),
        ];
        for (work, replies, part) in table {
            let fault = talk(work.clone(), replies).unwrap_err();
            assert!(fault.contains(part), "{fault}");
        }
    }
}
