//! One session on one stream: reads bytes, runs the protocol machine, gets replies from dialogue and data, writes
//! them, and enforces the deadlines. Replies to recipients are written without a pause after the read, unless harvest
//! detection delays them.

use super::data::Incoming;
use super::deadline::{Deadlines, Patience, SessionStage};
use super::dialogue::{AcceptedRecipient, SessionDialogue};
use super::{Inbound, Stopping, stage};
use doorlist_core::verification::Knowledge;
use doorlist_smtp::reply::{self, Reply};
use doorlist_smtp::server::{Event, RcptTo, Session, SessionConfig};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

/// Octets per read; enough for the batch of a pipelining client.
const READ_BYTES: usize = 16 * 1024;

/// How a session leaves its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionExit {
    /// QUIT, or the client disconnected.
    Close,
    /// The server closes: drain the input, so that the client reads the reply.
    Linger,
    /// 220 was sent, the handshake follows.
    StartTls,
}

/// A session on any kind of stream.
pub(super) struct ClientSession {
    inbound: Arc<Inbound>,
    machine: Session,
    pub(super) dialogue: SessionDialogue,
    incoming: Option<Incoming>,
    deadlines: Deadlines,
    stopping: Stopping,
    tls_offered: bool,
}

/// The result of a read.
enum ReadResult {
    Bytes(usize),
    Gone,
    Say(Reply),
}

impl ClientSession {
    pub(super) fn new(inbound: Arc<Inbound>, machine: SessionConfig, dialogue: SessionDialogue) -> Self {
        Self {
            tls_offered: machine.tls_offered,
            machine: Session::new(machine),
            incoming: None,
            deadlines: Deadlines::new(&dialogue.config.limits, Instant::now()),
            stopping: inbound.stopping.clone(),
            dialogue,
            inbound,
        }
    }

    pub(super) async fn greet<S: AsyncWrite + Unpin>(&mut self, stream: &mut S) -> io::Result<()> {
        reply::greeting(&self.dialogue.config.hostname, &mut self.dialogue.out);
        flush(&mut self.dialogue, stream).await
    }

    /// The handshake is done.
    pub(super) fn tls_started(&mut self, tls: String) {
        self.machine.tls_started();
        self.dialogue.tls_started(tls);
        self.tls_offered = false;
        self.deadlines.tls_started(Instant::now());
    }

    /// Runs until the session ends or wants TLS.
    pub(super) async fn run<S>(&mut self, stream: &mut S) -> io::Result<SessionExit>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let input = match self.read(stream, &mut buffer).await? {
                ReadResult::Bytes(got) => buffer.get(..got).unwrap_or_default(),
                ReadResult::Gone => {
                    self.tell_lost();
                    return Ok(SessionExit::Close);
                }
                ReadResult::Say(reply) => {
                    self.dialogue.reply_to(stage::of(self.machine.last_verb()), reply);
                    flush(&mut self.dialogue, stream).await?;
                    return Ok(SessionExit::Linger);
                }
            };
            let next = self.take(input, stream).await?;
            flush(&mut self.dialogue, stream).await?;
            if let Some(next) = next {
                return Ok(next);
            }
        }
    }

    /// Handles all input; `Some` if the session leaves its stream.
    async fn take<S: AsyncWrite + Unpin>(
        &mut self,
        mut input: &[u8],
        stream: &mut S,
    ) -> io::Result<Option<SessionExit>> {
        while let Some(event) = self.machine.next(&mut input) {
            match event {
                Event::Reply(reply) => self.dialogue.reply_to(stage::of(self.machine.last_verb()), reply),
                Event::Close(reply) => {
                    self.dialogue.reply_to(stage::of(self.machine.last_verb()), reply);
                    return Ok(Some(SessionExit::Linger));
                }
                Event::Hello { extended, name } => {
                    self.dialogue.hello(extended, name, self.tls_offered);
                    self.deadlines.reached(SessionStage::Hello, Instant::now());
                }
                Event::Mail(mail) => {
                    if self.dialogue.mail(&mail) {
                        self.machine.mail_accepted();
                        self.deadlines.reached(SessionStage::Mail, Instant::now());
                    }
                }
                Event::Rcpt(rcpt) => {
                    let answered = answer_rcpt(&self.inbound, &mut self.dialogue, stream, &rcpt).await?;
                    let Some((accepted, waited)) = answered else {
                        self.dialogue.reply_to("RCPT", Reply::TooManyUnknown);
                        return Ok(Some(SessionExit::Linger));
                    };
                    self.deadlines.waited(waited);
                    if accepted == AcceptedRecipient::New {
                        self.machine.rcpt_accepted();
                        self.deadlines.reached(SessionStage::Rcpt(self.dialogue.recipients()), Instant::now());
                    }
                }
                Event::Data => {
                    self.incoming = Some(Incoming::begin(&self.inbound, &mut self.dialogue).await);
                    self.dialogue.reply_to("DATA", Reply::StartMail);
                    self.machine.data_accepted();
                    self.deadlines.data(Instant::now());
                }
                Event::Body(chunk) => {
                    if let Some(incoming) = &mut self.incoming {
                        let began = Instant::now();
                        incoming.push(chunk).await;
                        self.deadlines.waited(began.elapsed());
                    }
                }
                Event::EndOfData(end) => {
                    if let Some(incoming) = self.incoming.take() {
                        incoming.end(end, &self.inbound, &mut self.dialogue).await;
                    }
                    self.deadlines.message_ended(Instant::now());
                }
                Event::Reset => self.dialogue.transaction = None,
                Event::StartTls if self.inbound.certificate.is_there() => {
                    self.dialogue.reply_to("STARTTLS", Reply::ReadyForTls);
                    return Ok(Some(SessionExit::StartTls));
                }
                Event::StartTls => self.dialogue.reply_to("STARTTLS", Reply::TlsNotAvailable),
                Event::Quit => {
                    self.dialogue.reply_to("QUIT", Reply::Bye);
                    return Ok(Some(SessionExit::Close));
                }
            }
        }
        if self.machine.is_message_void()
            && let Some(incoming) = &mut self.incoming
        {
            incoming.forget();
        }
        Ok(None)
    }

    async fn read<S: AsyncRead + Unpin>(&mut self, stream: &mut S, buffer: &mut [u8]) -> io::Result<ReadResult> {
        loop {
            let in_data = self.incoming.is_some();
            let read = tokio::select! {
                biased;
                _ = self.stopping.wait_for(|stopping| *stopping), if !in_data => return Ok(ReadResult::Say(Reply::ShuttingDown)),
                read = timeout_at(self.deadlines.next(Instant::now()), stream.read(buffer)) => read,
            };
            let late = match read {
                Ok(got) => match got? {
                    0 => return Ok(ReadResult::Gone),
                    got => match self.deadlines.received(got, Instant::now(), self.dialogue.crowded()) {
                        Some(reply) => Some(reply),
                        None => return Ok(ReadResult::Bytes(got)),
                    },
                },
                Err(_elapsed) => self.deadlines.expired(Instant::now(), self.dialogue.crowded()),
            };
            if let Some(reply) = late {
                return Ok(ReadResult::Say(reply));
            }
        }
    }

    fn tell_lost(&mut self) {
        let name = &self.dialogue.name;
        let event = match (&self.incoming, self.machine.in_transaction()) {
            (Some(incoming), _) => format!("lost connection after DATA ({} bytes) from {name}", incoming.received),
            (None, true) => format!("lost connection after MAIL from {name}"),
            (None, false) => return,
        };
        self.dialogue.event(&event, &[]);
    }
}

/// Writes pending replies and their log lines.
async fn flush<S: AsyncWrite + Unpin>(dialogue: &mut SessionDialogue, stream: &mut S) -> io::Result<()> {
    dialogue.log.send();
    if dialogue.out.is_empty() {
        return Ok(());
    }
    let result = write(dialogue, stream).await;
    dialogue.out.clear();
    result
}

/// Writes with the idle limit: a client that does not read is idle.
async fn write<S: AsyncWrite + Unpin>(dialogue: &SessionDialogue, stream: &mut S) -> io::Result<()> {
    let (patience, since) = (Patience::of(&dialogue.config.limits), Instant::now());
    let mut written = std::pin::pin!(async {
        stream.write_all(&dialogue.out).await?;
        stream.flush().await
    });
    loop {
        match timeout_at(patience.next(since, Instant::now()), &mut written).await {
            Ok(written) => return written,
            Err(_elapsed) if patience.is_over(since, Instant::now(), dialogue.crowded()) => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(_elapsed) => {}
        }
    }
}

/// Answers a recipient, perhaps after a delay, which is returned. `None`: the session was refused too many recipients and
/// ends.
async fn answer_rcpt<S: AsyncWrite + Unpin>(
    inbound: &Inbound,
    dialogue: &mut SessionDialogue,
    stream: &mut S,
    rcpt: &RcptTo<'_>,
) -> io::Result<Option<(AcceptedRecipient, Duration)>> {
    if dialogue.has_guessed_enough() {
        return Ok(None);
    }
    let before = dialogue.out.len();
    let Some(undecided) = dialogue.rcpt(rcpt) else { return Ok(Some((AcceptedRecipient::No, Duration::ZERO))) };
    let (known, asked) = match dialogue.ask(&undecided) {
        None => (Knowledge::Undecided, Duration::ZERO),
        Some(Ok(known)) => (known, Duration::ZERO),
        Some(Err(pending)) => {
            // The replies before this one are not kept back.
            flush(dialogue, stream).await?;
            let began = Instant::now();
            (pending.wait().await, began.elapsed())
        }
    };
    let before = if asked.is_zero() { before } else { dialogue.out.len() };
    let (accepted, delay) = dialogue.answer_rcpt(rcpt, undecided, known);
    let Some(delay) = delay else { return Ok(Some((accepted, asked))) };
    let answer = dialogue.out.split_off(before);
    let has_waited = wait(inbound, dialogue, stream, delay).await?;
    if !has_waited && dialogue.may_be_closed() {
        return Ok(None);
    }
    dialogue.out.extend_from_slice(&answer);
    Ok(Some((accepted, if has_waited { asked + delay } else { asked })))
}

/// Delays the next reply as a penalty, after earlier ones are written. False if too many sessions are delayed already.
async fn wait<S: AsyncWrite + Unpin>(
    inbound: &Inbound,
    dialogue: &mut SessionDialogue,
    stream: &mut S,
    time: Duration,
) -> io::Result<bool> {
    flush(dialogue, stream).await?;
    let Some(_place) = inbound.slots.wait(dialogue.config.limits.sessions_max) else { return Ok(false) };
    let mut stopping = inbound.stopping.clone();
    tokio::select! {
        _ = stopping.wait_for(|stopping| *stopping) => {}
        () = tokio::time::sleep(time) => {}
    }
    Ok(true)
}
