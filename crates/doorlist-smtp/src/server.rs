//! The server session: bytes in, events out, independent of segmentation.
//!
//! The machine itself replies to what needs no knowledge of the world (syntax, sequence, limits) and returns the rest
//! as events. The owner of the socket replies and informs the machine ([`Session::mail_accepted`] and others) before
//! it continues. A recipient costs no allocation.

mod config;
mod dialogue;
mod line;
#[cfg(test)]
mod tests;

pub use crate::command::{MailFrom, RcptTo, Verb};
pub use crate::data::{BareLf, DataEnd};
pub use config::SessionConfig;

use crate::data::{Chunk, DataReader};
use crate::reply::Reply;
use dialogue::Dialogue;
use line::{LineBuffer, LineScan};

/// What the owner of the socket must handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The machine answered a command itself: write it.
    Reply(Reply),
    /// Write it and close the connection; nothing more will be read.
    Close(Reply),
    /// HELO or EHLO (`extended`) with a usable name: answer it.
    Hello {
        extended: bool,
        /// The name that the client gives itself, without control characters; may have blanks and any octets.
        name: &'a [u8],
    },
    /// MAIL, well formed and in sequence: answer it, then [`Session::mail_accepted`] or nothing.
    Mail(MailFrom<'a>),
    /// RCPT, well formed and in sequence: answer it, then [`Session::rcpt_accepted`] or nothing.
    Rcpt(RcptTo<'a>),
    /// DATA with at least one recipient: write 354 and call [`Session::data_accepted`], or refuse.
    Data,
    /// Message bytes to store. After a fault no more follow, and the earlier ones are void.
    Body(&'a [u8]),
    /// CRLF.CRLF. The transaction ends, whatever the reply.
    EndOfData(DataEnd),
    /// STARTTLS with nothing after it: reply, do the handshake, then call [`Session::tls_started`].
    StartTls,
    /// The transaction is dropped: forget sender and recipients. The reply to the command is the next event.
    Reset,
    /// QUIT: reply and close; nothing more is read.
    Quit,
}

/// One session with a client.
#[derive(Clone, Debug)]
pub struct Session {
    lines: LineBuffer,
    dialogue: Dialogue,
    data: Option<DataReader>,
    closed: bool,
}

impl Session {
    /// A session whose client has connected and said nothing.
    pub fn new(config: SessionConfig) -> Self {
        let lines = LineBuffer::new(config.command_line_max, config.line_discard_max);
        Self { lines, dialogue: Dialogue::new(config), data: None, closed: false }
    }

    /// Consumes the front of `input` until the next event. `None`: all of it is consumed, wait for more.
    pub fn next<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Option<Event<'s>> {
        if self.closed {
            *input = &[];
            return None;
        }
        if let Some(reader) = &mut self.data {
            return match reader.next(input)? {
                Chunk::Body(bytes) => Some(Event::Body(bytes)),
                Chunk::End(end) => {
                    self.data = None;
                    self.dialogue.end_transaction(end);
                    Some(Event::EndOfData(end))
                }
            };
        }
        let found = self.lines.find(input)?;
        let (line, rest) = match found {
            LineScan::InInput { len } => {
                let (line, rest) = input.split_at(len);
                (Ok(line), rest)
            }
            LineScan::Collected => (Ok(&self.lines.partial[..]), *input),
            LineScan::Fault(fault) => (Err(fault), *input),
        };
        let event = match line {
            Ok(line) => self.dialogue.command(line, !rest.is_empty()),
            Err(fault) => self.dialogue.line_fault(fault),
        };
        // A dropped transaction is told first; the same line is found again by the next call and answered then.
        if event != Event::Reset {
            *input = rest;
            self.lines.answered = true;
        }
        if matches!(event, Event::Close(_) | Event::Quit) {
            self.closed = true;
            *input = &[];
        }
        Some(event)
    }

    /// MAIL was answered with 250: a transaction begins.
    pub fn mail_accepted(&mut self) {
        self.dialogue.mail_accepted();
    }

    /// RCPT was answered with 250.
    pub fn rcpt_accepted(&mut self) {
        self.dialogue.rcpt_accepted();
    }

    /// DATA was answered with 354: from now on the bytes are the message.
    pub fn data_accepted(&mut self) {
        let config = &self.dialogue.config;
        self.data = Some(DataReader::new(config.bare_lf, config.size_max));
    }

    /// The handshake is done. All earlier state is dropped (RFC 3207 §4.2), except error counts of the client.
    pub fn tls_started(&mut self) {
        self.lines.forget();
        self.dialogue.tls_started();
    }

    /// Whether MAIL was accepted, and neither finished nor dropped.
    pub fn in_transaction(&self) -> bool {
        self.dialogue.in_transaction()
    }

    /// Whether message bytes are being read.
    pub fn in_data(&self) -> bool {
        self.data.is_some()
    }

    /// The verb of the last command line; `None` before the first.
    pub fn last_verb(&self) -> Option<Verb> {
        self.dialogue.last_verb()
    }

    /// Whether the message that is being read is refused at its end, whatever still comes.
    pub fn is_message_void(&self) -> bool {
        self.data.as_ref().is_some_and(DataReader::is_void)
    }

    /// Recipients accepted in this transaction.
    pub fn recipients(&self) -> usize {
        self.dialogue.recipients()
    }
}
