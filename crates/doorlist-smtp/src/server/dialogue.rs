//! Which command may come when (RFC 5321 §4.1.4), and the replies that need no event.
//!
//! Sequence is checked before syntax: a command out of order is not parsed further.

use super::line::LineFault;
use super::{DataEnd, Event, MailFrom, RcptTo, SessionConfig};
use crate::command::{self, Verb};
use crate::reply::Reply;
use memchr::memchr2;

/// The state of a session's dialogue.
#[derive(Clone, Debug)]
pub(super) struct Dialogue {
    pub(super) config: SessionConfig,
    greeted: bool,
    tls: bool,
    /// SMTPUTF8 of the MAIL that is being answered.
    smtp_utf8_asked: bool,
    transaction: Option<TransactionState>,
    junk: u32,
    verb: Option<Verb>,
}

/// The state between MAIL and the end of data.
#[derive(Clone, Copy, Debug)]
struct TransactionState {
    smtp_utf8: bool,
    recipients: usize,
    /// RCPT was received, whatever the reply.
    rcpt_seen: bool,
    /// Recipients beyond the maximum.
    overshoot: usize,
}

impl Dialogue {
    pub(super) fn new(config: SessionConfig) -> Self {
        Self { config, greeted: false, tls: false, smtp_utf8_asked: false, transaction: None, junk: 0, verb: None }
    }

    pub(super) fn mail_accepted(&mut self) {
        let smtp_utf8 = self.smtp_utf8_asked;
        self.transaction = Some(TransactionState { smtp_utf8, recipients: 0, rcpt_seen: false, overshoot: 0 });
    }

    pub(super) fn rcpt_accepted(&mut self) {
        if let Some(transaction) = &mut self.transaction {
            transaction.recipients += 1;
        }
    }

    pub(super) fn end_transaction(&mut self, end: DataEnd) {
        self.transaction = None;
        if end == DataEnd::Complete {
            self.junk = 0;
        }
    }

    pub(super) fn tls_started(&mut self) {
        *self = Self { tls: true, junk: self.junk, ..Self::new(self.config) };
    }

    pub(super) fn in_transaction(&self) -> bool {
        self.transaction.is_some()
    }

    pub(super) fn recipients(&self) -> usize {
        self.transaction.map_or(0, |transaction| transaction.recipients)
    }

    pub(super) fn line_fault(&mut self, fault: LineFault) -> Event<'static> {
        self.verb.get_or_insert(Verb::Unknown);
        match fault {
            LineFault::TooLong => self.junk(Reply::LineTooLong),
            LineFault::Endless => Event::Close(Reply::EndlessLine),
            LineFault::TlsRecord => Event::Close(Reply::NotSmtp),
        }
    }

    pub(super) fn last_verb(&self) -> Option<Verb> {
        self.verb
    }

    /// Handles a line with its line end. `more`: the client has already sent more.
    pub(super) fn command<'a>(&mut self, line: &'a [u8], more: bool) -> Event<'a> {
        self.verb = Some(Verb::Unknown);
        let Some(line) = line.strip_suffix(b"\r\n") else { return self.junk(Reply::BareLfCommand) };
        if memchr2(0, b'\r', line).is_some() {
            return self.junk(Reply::ControlInCommand);
        }
        let (verb, arguments) = command::split(line);
        self.verb = Some(verb);
        let event = match verb {
            Verb::Rcpt => self.rcpt(arguments),
            Verb::Mail => self.mail(arguments),
            Verb::Data => self.data(arguments),
            Verb::Ehlo => self.hello(true, arguments),
            Verb::Helo => self.hello(false, arguments),
            Verb::Rset => self.rset(arguments),
            Verb::Quit => no_arguments(arguments).map(|()| Event::Quit),
            Verb::StartTls => self.start_tls(arguments, more),
            Verb::Http => Ok(Event::Close(Reply::NotSmtp)),
            Verb::Noop => Err(Reply::Ok),
            Verb::Help => Err(Reply::Help),
            Verb::Vrfy if arguments.trim_ascii().is_empty() => Err(Reply::BadArguments),
            Verb::Vrfy => Err(Reply::NotVerified),
            Verb::NotImplemented => Err(Reply::NotImplemented),
            Verb::Unknown => Err(Reply::UnknownCommand),
        };
        event.unwrap_or_else(|reply| self.junk(reply))
    }

    fn hello<'a>(&mut self, extended: bool, arguments: &'a [u8]) -> Result<Event<'a>, Reply> {
        let name = command::helo_name(arguments)?;
        if self.transaction.take().is_some() {
            return Ok(Event::Reset);
        }
        if self.greeted && self.is_junk_full() {
            return Ok(Event::Close(Reply::TooManyErrors));
        }
        self.greeted = true;
        Ok(Event::Hello { extended, name })
    }

    fn mail<'a>(&mut self, arguments: &'a [u8]) -> Result<Event<'a>, Reply> {
        if !self.greeted {
            return Err(Reply::HelloFirst);
        }
        if self.transaction.is_some() {
            return Err(Reply::NestedMail);
        }
        let mail = MailFrom::parse(arguments)?;
        if mail.size.is_some_and(|size| size > self.config.size_max) {
            return Err(Reply::MessageTooLarge);
        }
        self.smtp_utf8_asked = mail.smtp_utf8;
        Ok(Event::Mail(mail))
    }

    fn rcpt<'a>(&mut self, arguments: &'a [u8]) -> Result<Event<'a>, Reply> {
        let Some(transaction) = &mut self.transaction else { return Err(self.out_of_transaction()) };
        transaction.rcpt_seen = true;
        if transaction.recipients >= self.config.recipients_max {
            transaction.overshoot += 1;
            if transaction.overshoot > self.config.recipients_overshoot_max {
                return Err(Reply::TooManyRecipients);
            }
            return Ok(Event::Reply(Reply::TooManyRecipients));
        }
        RcptTo::parse(arguments, transaction.smtp_utf8).map(Event::Rcpt)
    }

    fn data(&self, arguments: &[u8]) -> Result<Event<'static>, Reply> {
        no_arguments(arguments)?;
        match &self.transaction {
            None => Err(self.out_of_transaction()),
            Some(transaction) if transaction.recipients > 0 => Ok(Event::Data),
            Some(transaction) if transaction.rcpt_seen => Err(Reply::NoValidRecipients),
            Some(_) => Err(Reply::RcptFirst),
        }
    }

    fn rset(&mut self, arguments: &[u8]) -> Result<Event<'static>, Reply> {
        no_arguments(arguments)?;
        if self.transaction.take().is_some() { Ok(Event::Reset) } else { Err(Reply::Ok) }
    }

    fn start_tls(&self, arguments: &[u8], more: bool) -> Result<Event<'static>, Reply> {
        no_arguments(arguments)?;
        if self.tls {
            return Err(Reply::AlreadyTls);
        }
        if !self.config.tls_offered {
            return Err(Reply::NotImplemented);
        }
        if !self.greeted {
            return Err(Reply::HelloFirst);
        }
        // RFC 3207 §5: what stands behind it was sent in the clear, and would be taken for part of the TLS session.
        Ok(if more { Event::Close(Reply::PipelinedStartTls) } else { Event::StartTls })
    }

    fn out_of_transaction(&self) -> Reply {
        if self.greeted { Reply::MailFirst } else { Reply::HelloFirst }
    }

    /// Counts an unproductive command. Too many of them end the session.
    fn junk(&mut self, reply: Reply) -> Event<'static> {
        if self.is_junk_full() { Event::Close(Reply::TooManyErrors) } else { Event::Reply(reply) }
    }

    fn is_junk_full(&mut self) -> bool {
        self.junk = self.junk.saturating_add(1);
        self.junk > self.config.junk_max
    }
}

fn no_arguments(arguments: &[u8]) -> Result<(), Reply> {
    if arguments.trim_ascii().is_empty() { Ok(()) } else { Err(Reply::BadArguments) }
}
