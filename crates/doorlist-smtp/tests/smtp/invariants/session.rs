//! A session with any client: the same events for any segmentation, nothing out of sequence, nothing after the end.

use super::segments;
use doorlist_smtp::reply::Reply;
use doorlist_smtp::server::{BareLf, DataEnd, Event, MailFrom, RcptTo, Session, SessionConfig};

/// What a session did, in values that outlive it. Body bytes of one message are one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    Reply(Reply),
    Close(Reply),
    Hello(bool, Vec<u8>),
    Mail(Vec<u8>, Option<u64>, bool, bool),
    Rcpt(Vec<u8>),
    Data,
    /// How it ended, and the body if it may be kept.
    Message(DataEnd, Vec<u8>),
    StartTls,
    Reset,
    Quit,
}

/// Runs a session over segments. Senders and recipients whose path begins with `no` are refused; STARTTLS is taken up
/// only if `start_tls` is set.
pub fn run<'a>(config: SessionConfig, segments: impl IntoIterator<Item = &'a [u8]>, start_tls: bool) -> Vec<Item> {
    let mut owner = Owner { session: Session::new(config), config, start_tls, body: Vec::new(), items: Vec::new() };
    for segment in segments {
        let mut input = segment;
        while owner.step(&mut input) {}
        assert!(input.is_empty(), "the machine stopped with input left");
    }
    owner.items
}

pub fn check(input: &[u8]) {
    let (choice, bytes) = segments::choice(input);
    let config = config(choice);
    let whole = run(config, [bytes], false);
    assert_eq!(whole, run(config, segments::bytewise(bytes), false), "byte by byte");
    assert_eq!(whole, run(config, segments::pieces(choice, bytes), false), "in pieces");
    // What is pipelined behind STARTTLS is judged by what has arrived, so here only the sequence is checked.
    run(SessionConfig { tls_offered: true, ..config }, [bytes], true);
}

/// Small limits for odd choices, so that short inputs reach them.
fn config(choice: u8) -> SessionConfig {
    let bare_lf = if choice & 2 == 0 { BareLf::Normalize } else { BareLf::Reject };
    if choice & 1 == 0 {
        return SessionConfig { bare_lf, ..SessionConfig::default() };
    }
    SessionConfig {
        bare_lf,
        size_max: 200,
        recipients_max: 2,
        recipients_overshoot_max: 2,
        tls_offered: false,
        junk_max: 5,
        command_line_max: 64,
        line_discard_max: 256,
    }
}

/// Plays the owner of the socket, and is strict about what it is asked.
struct Owner {
    session: Session,
    config: SessionConfig,
    start_tls: bool,
    body: Vec<u8>,
    items: Vec<Item>,
}

impl Owner {
    fn step(&mut self, input: &mut &[u8]) -> bool {
        let (before, in_data, in_transaction) = (input.len(), self.session.in_data(), self.session.in_transaction());
        let recipients = self.session.recipients();
        let Some(event) = self.session.next(input) else { return false };
        assert!(!matches!(self.items.last(), Some(Item::Close(_) | Item::Quit)), "{event:?} after the end");
        let again = event == Event::Reset || self.items.last() == Some(&Item::Reset);
        assert!(input.len() < before || before == 0 || again, "{event:?} took nothing");
        assert_eq!(in_data, matches!(event, Event::Body(_) | Event::EndOfData(_)), "{event:?}");
        match event {
            Event::Reply(reply) => self.items.push(Item::Reply(reply)),
            Event::Close(reply) => self.items.push(Item::Close(reply)),
            Event::Hello { extended, name } => {
                assert!(!in_transaction && !name.iter().any(u8::is_ascii_control));
                self.items.push(Item::Hello(extended, name.to_vec()));
            }
            Event::Mail(mail) => {
                assert!(!in_transaction, "nested MAIL");
                assert!(mail.size.is_none_or(|size| size <= self.config.size_max));
                if note_mail(&mut self.items, mail) {
                    self.session.mail_accepted();
                }
            }
            Event::Rcpt(rcpt) => {
                assert!(in_transaction && recipients < self.config.recipients_max);
                if note_rcpt(&mut self.items, rcpt) {
                    self.session.rcpt_accepted();
                }
            }
            Event::Data => {
                assert!(in_transaction && recipients > 0);
                self.items.push(Item::Data);
                self.session.data_accepted();
            }
            Event::Body(bytes) => {
                assert!(!bytes.is_empty());
                self.body.extend_from_slice(bytes);
                assert!(self.body.len() as u64 <= self.config.size_max);
            }
            Event::EndOfData(end) => {
                self.note_message(end);
                assert!(!self.session.in_transaction());
            }
            Event::StartTls => {
                assert!(input.is_empty(), "STARTTLS with something behind it");
                self.items.push(Item::StartTls);
                if self.start_tls {
                    self.session.tls_started();
                }
            }
            Event::Reset => {
                assert!(in_transaction);
                assert!(!self.session.in_transaction());
                self.items.push(Item::Reset);
            }
            Event::Quit => self.items.push(Item::Quit),
        }
        true
    }

    fn note_message(&mut self, end: DataEnd) {
        let body = std::mem::take(&mut self.body);
        if end != DataEnd::Complete {
            self.items.push(Item::Message(end, Vec::new()));
            return;
        }
        assert!(body.is_empty() || body.ends_with(b"\r\n"));
        for (at, byte) in body.iter().enumerate() {
            match byte {
                b'\r' => assert_eq!(body.get(at + 1), Some(&b'\n'), "bare CR at {at}"),
                b'\n' => assert!(at > 0 && body[at - 1] == b'\r', "bare LF at {at}"),
                _ => {}
            }
        }
        self.items.push(Item::Message(end, body));
    }
}

fn note_mail(items: &mut Vec<Item>, mail: MailFrom<'_>) -> bool {
    assert!(mail.path.is_ascii() || (mail.smtp_utf8 && std::str::from_utf8(mail.path).is_ok()));
    items.push(Item::Mail(mail.path.to_vec(), mail.size, mail.eight_bit, mail.smtp_utf8));
    !mail.path.starts_with(b"no")
}

fn note_rcpt(items: &mut Vec<Item>, rcpt: RcptTo<'_>) -> bool {
    let at: &[u8] = if rcpt.domain.is_empty() { b"" } else { b"@" };
    assert_eq!(rcpt.path, [rcpt.local, at, rcpt.domain].concat());
    items.push(Item::Rcpt(rcpt.path.to_vec()));
    !rcpt.path.starts_with(b"no")
}
