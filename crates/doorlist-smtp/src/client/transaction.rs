//! Sends one message to one server: MAIL, RCPT for each recipient, DATA, the final dot (RFC 5321 §3.3), pipelined
//! where the server allows it (RFC 2920). Each recipient has its own result.

mod script;

use self::script::Script;
use super::capabilities::Capabilities;
use super::reply_parser::ServerReply;
use super::xforward::XForward;
use std::fmt;

/// What is to be sent.
#[derive(Clone, Copy, Debug)]
pub struct TransactionOffer<'a> {
    /// The sender's path as it was written; empty is the null sender.
    pub sender: &'a str,
    /// Octets of the message.
    pub size: u64,
    /// It was declared as BODY=8BITMIME, or its header section has UTF-8. It goes out unchanged to a server without
    /// 8BITMIME, too: a conversion would break DKIM signatures, and no server of today is in want of one.
    pub eight_bit: bool,
    /// What it needs of SMTPUTF8, whatever it was declared as.
    pub smtp_utf8: SmtpUtf8,
    /// Tell who the client was, where the server takes that.
    pub xforward: Option<XForward<'a>>,
    /// A transaction before this one was left open: RSET first.
    pub reset: bool,
}

/// What a message needs of SMTPUTF8 (RFC 6531).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpUtf8 {
    /// Its paths and its header section are ASCII: not asked for, so that no server further on can miss it.
    Unused,
    /// Its header section has UTF-8: asked for where it is offered (§3.6). Another server gets it with 8BITMIME, like the
    /// raw headers that it has always got; a bounce for want of a word would go to whomever the sender named.
    Preferred,
    /// A path has UTF-8: without the extension it cannot be sent (§3.5).
    Required,
}

/// Why a message cannot be offered to this server at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsendable {
    /// The message needs SMTPUTF8 (RFC 6531 §3.5).
    #[error("the message needs SMTPUTF8, which the server does not offer")]
    SmtpUtf8,
    /// The message exceeds the server's SIZE (RFC 1870 §6.1).
    #[error("the message has {size} octets, the server takes {limit}")]
    TooLarge {
        /// Octets of the message.
        size: u64,
        /// Octets that the server takes.
        limit: u64,
    },
    /// A path with a control character: it would be read as another command.
    #[error("a path has a control character")]
    Path,
}

/// The command that a reply answers, in Postfix's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// RSET or XFORWARD in front of a transaction.
    Preamble,
    Mail,
    Rcpt,
    Data,
    EndOfData,
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Command::Preamble => "RSET command",
            Command::Mail => "MAIL FROM command",
            Command::Rcpt => "RCPT TO command",
            Command::Data => "DATA command",
            Command::EndOfData => "end of DATA command",
        })
    }
}

/// What the caller does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send what was appended to `out`, if anything was, and wait for a reply.
    Continue,
    /// Send the body and its end, then wait for a reply.
    SendBody,
    /// The transaction is over; the next may follow, after RSET if said so.
    Done {
        /// The server may still hold the transaction open.
        reset: bool,
    },
    /// The server closes the connection (421), or has lost the thread: nothing more can be sent on it.
    Broken,
}

/// One transaction: an envelope and its message.
#[derive(Debug)]
pub struct Transaction {
    awaiting: Command,
    /// Replies still to come before MAIL's.
    preamble: u8,
    /// Commands that wait for their turn, one a line, because the server does not pipeline.
    unsent: Option<Box<[u8]>>,
    unsent_from: usize,
    mail_refused: Option<ServerReply>,
    /// A refusal for each recipient that was refused.
    refusals: Vec<Option<ServerReply>>,
    /// Recipients whose reply has come.
    answered: usize,
    accepted: usize,
    end: Option<(ServerReply, Command)>,
}

impl Transaction {
    /// Begins: appends the first command to `out`, or all up to DATA where the server pipelines. `out` is untouched
    /// when the message cannot be offered.
    pub fn start<'a>(
        server: &Capabilities,
        offer: &TransactionOffer<'_>,
        recipients: impl Iterator<Item = &'a str>,
        out: &mut Vec<u8>,
    ) -> Result<Self, Unsendable> {
        if offer.smtp_utf8 == SmtpUtf8::Required && !server.smtp_utf8 {
            return Err(Unsendable::SmtpUtf8);
        }
        if let Some(limit) = server.size.and_then(|size| size.limit)
            && offer.size > limit
        {
            return Err(Unsendable::TooLarge { size: offer.size, limit });
        }
        let mut script = Script::default();
        let preamble = script.preamble(server, offer);
        script.mail(server, offer);
        let refusals = recipients.map(|recipient| script.rcpt(recipient)).map(|()| None).collect();
        let script = script.data().ok_or(Unsendable::Path)?;
        let mut transaction = Self {
            awaiting: if preamble > 0 { Command::Preamble } else { Command::Mail },
            preamble,
            unsent: None,
            unsent_from: 0,
            mail_refused: None,
            refusals,
            answered: 0,
            accepted: 0,
            end: None,
        };
        if server.pipelining {
            out.extend_from_slice(&script);
        } else {
            transaction.unsent = Some(script.into_boxed_slice());
            transaction.send_next(out);
        }
        Ok(transaction)
    }

    /// Takes the next reply; a command that follows from it is appended to `out`.
    pub fn reply(&mut self, reply: ServerReply, out: &mut Vec<u8>) -> Step {
        if reply.is_closing() {
            self.end = Some((reply, self.awaiting));
            return Step::Broken;
        }
        match self.awaiting {
            Command::Preamble => {
                // A server that does not like XFORWARD still gets the mail, as with Postfix.
                self.preamble = self.preamble.saturating_sub(1);
                self.await_next(if self.preamble > 0 { Command::Preamble } else { Command::Mail }, out)
            }
            Command::Mail => {
                if !reply.is_positive() {
                    self.mail_refused = Some(reply);
                    if self.unsent.is_some() {
                        return Step::Done { reset: false };
                    }
                }
                let first = if self.refusals.is_empty() { Command::Data } else { Command::Rcpt };
                self.await_next(first, out)
            }
            Command::Rcpt => self.rcpt_answered(reply, out),
            Command::Data => self.data_answered(reply, out),
            Command::EndOfData => {
                self.end.get_or_insert((reply, Command::EndOfData));
                Step::Done { reset: false }
            }
        }
    }

    /// What the server said of the recipient at `index`: a refusal of its own, or the reply that all accepted ones
    /// share. `None`: the connection ended before that was known.
    pub fn result(&self, index: usize) -> Option<(&ServerReply, Command)> {
        if let Some(refusal) = &self.mail_refused {
            return Some((refusal, Command::Mail));
        }
        if let Some(Some(refusal)) = self.refusals.get(index) {
            return Some((refusal, Command::Rcpt));
        }
        self.end.as_ref().map(|(reply, command)| (reply, *command))
    }

    /// Whether the server has said nothing yet of any recipient, or of the sender: if the connection ends here, this
    /// message has not been tried.
    pub fn is_untouched(&self) -> bool {
        let before_rcpt = matches!(self.awaiting, Command::Preamble | Command::Mail | Command::Rcpt);
        before_rcpt && self.answered == 0 && self.mail_refused.is_none()
    }

    /// The command whose reply is awaited: where a lost connection was lost.
    pub fn command(&self) -> Command {
        self.awaiting
    }

    fn rcpt_answered(&mut self, reply: ServerReply, out: &mut Vec<u8>) -> Step {
        if !reply.is_positive() {
            if let Some(refusal) = self.refusals.get_mut(self.answered) {
                *refusal = Some(reply);
            }
        } else if self.mail_refused.is_none() {
            self.accepted += 1;
        }
        self.answered += 1;
        if self.answered < self.refusals.len() {
            return self.await_next(Command::Rcpt, out);
        }
        if self.accepted == 0 && self.unsent.is_some() {
            return Step::Done { reset: true };
        }
        self.await_next(Command::Data, out)
    }

    fn data_answered(&mut self, reply: ServerReply, out: &mut Vec<u8>) -> Step {
        match (reply.code(), self.accepted) {
            // RFC 2920 §3.1: DATA was pipelined, no recipient is left, yet the server waits: an empty message for nobody.
            (354, 0) => {
                out.extend_from_slice(b".\r\n");
                self.awaiting = Command::EndOfData;
                Step::Continue
            }
            (354, _) => {
                self.awaiting = Command::EndOfData;
                Step::SendBody
            }
            (400..=599, _) => {
                self.end = Some((reply, Command::Data));
                Step::Done { reset: true }
            }
            // Neither "go on" nor a refusal: what the server takes the next octets for is anybody's guess.
            _ => Step::Broken,
        }
    }

    fn await_next(&mut self, awaiting: Command, out: &mut Vec<u8>) -> Step {
        self.awaiting = awaiting;
        self.send_next(out);
        Step::Continue
    }

    fn send_next(&mut self, out: &mut Vec<u8>) {
        let Some(rest) = self.unsent.as_ref().and_then(|script| script.get(self.unsent_from..)) else { return };
        let line = rest.split_inclusive(|&byte| byte == b'\n').next().unwrap_or_default();
        out.extend_from_slice(line);
        self.unsent_from += line.len();
    }
}

#[cfg(test)]
mod tests;
