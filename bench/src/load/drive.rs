//! The connections of a load: one thread polls all of them and passes replies to their dialogues.

use super::dialogue::{Dialogue, Next, Shared};
use super::{Goodbye, Load, Outcome};
use anyhow::{Context as _, Result, bail};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::Shutdown;
use std::time::{Duration, Instant};

/// What was begun must be finished so long after the end of the load's time.
const FINISH: Duration = Duration::from_secs(60);
/// Octets read at once.
const READ: usize = 64 * 1024;
/// Longest reply that is kept until its line end comes.
const REPLY_MAX: usize = 1024 * 1024;
/// Events taken at once.
const EVENTS: usize = 256;

/// Runs the load to its end. The first reply that is not the expected one, and every lost connection, is an error.
pub(crate) fn run(load: &Load) -> Result<Outcome> {
    let mut poll = Poll::new()?;
    let mut shared = Shared::new(load.work.clone(), load.listed);
    let begun = Instant::now();
    let mut connections = Vec::with_capacity(load.sessions);
    for index in 0..load.sessions {
        connections.push(Some(Connection::open(load, &poll, index)?));
    }
    let mut events = Events::with_capacity(EVENTS);
    let mut buffer = vec![0; READ];
    while connections.iter().any(Option::is_some) {
        poll.poll(&mut events, Some(Duration::from_millis(20))).or_else(ignore_interrupt)?;
        let elapsed = begun.elapsed();
        if !shared.is_over() && elapsed >= load.time {
            shared.stop(elapsed);
        }
        if elapsed > load.time + FINISH {
            bail!("{} did not finish its sessions within {FINISH:?} of the end of the load", load.to);
        }
        for event in &events {
            let index = event.token().0;
            let Some(slot) = connections.get_mut(index) else { continue };
            let Some(connection) = slot else { continue };
            let turn = connection.turn(load, &mut shared, &mut buffer);
            if turn.with_context(|| format!("session {index} with {}", load.to))? == Next::Close {
                *slot = if shared.is_over() { None } else { Some(Connection::open(load, &poll, index)?) };
            }
        }
    }
    Ok(shared.outcome())
}

fn ignore_interrupt(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == ErrorKind::Interrupted { Ok(()) } else { Err(error) }
}

struct Connection {
    stream: TcpStream,
    dialogue: Dialogue,
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
    out: Vec<u8>,
    written: usize,
}

impl Connection {
    fn open(load: &Load, poll: &Poll, index: usize) -> Result<Self> {
        let mut stream = TcpStream::connect(load.to).with_context(|| format!("cannot connect to {}", load.to))?;
        stream.set_nodelay(true)?;
        poll.registry().register(&mut stream, Token(index), Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { stream, dialogue: Dialogue::new(), partial: Vec::new(), out: Vec::new(), written: 0 })
    }

    /// Reads what there is, says what is to be said.
    fn turn(&mut self, load: &Load, shared: &mut Shared, buffer: &mut [u8]) -> Result<Next> {
        loop {
            self.flush(load)?;
            match self.stream.read(buffer) {
                Ok(0) if self.dialogue.said_goodbye() && load.goodbye == Goodbye::CloseOurSide => {
                    self.dialogue.ended(shared);
                    return Ok(Next::Close);
                }
                Ok(0) => bail!("the server closed the connection"),
                Ok(taken) => {
                    let arrived = buffer.get(..taken).unwrap_or_default();
                    if self.lines(arrived, shared)? == Next::Close {
                        return Ok(Next::Close);
                    }
                    if taken < buffer.len() {
                        // A short read has emptied the socket: no need to ask again (epoll(7)).
                        self.flush(load)?;
                        return Ok(Next::Converse);
                    }
                }
                Err(error) if would_wait(&error) => return Ok(Next::Converse),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("reading"),
            }
        }
    }

    fn lines(&mut self, mut arrived: &[u8], shared: &mut Shared) -> Result<Next> {
        while let Some(end) = memchr::memchr(b'\n', arrived) {
            let (line, rest) = arrived.split_at(end + 1);
            arrived = rest;
            let next = if self.partial.is_empty() {
                answer(&mut self.dialogue, line, shared, &mut self.out)
            } else {
                self.partial.extend_from_slice(line);
                let line = std::mem::take(&mut self.partial);
                answer(&mut self.dialogue, &line, shared, &mut self.out)
            };
            if next? == Next::Close {
                return Ok(Next::Close);
            }
        }
        self.partial.extend_from_slice(arrived);
        if self.partial.len() > REPLY_MAX {
            bail!("the server sent {REPLY_MAX} octets without a line end");
        }
        Ok(Next::Converse)
    }

    fn flush(&mut self, load: &Load) -> Result<()> {
        while self.written < self.out.len() {
            match self.stream.write(self.out.get(self.written..).unwrap_or_default()) {
                Ok(count) => self.written += count,
                Err(error) if would_wait(&error) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("writing"),
            }
        }
        if !self.out.is_empty() {
            self.out.clear();
            self.written = 0;
            if load.goodbye == Goodbye::CloseOurSide && self.dialogue.said_goodbye() {
                self.stream.shutdown(Shutdown::Write).context("closing our side")?;
            }
        }
        Ok(())
    }
}

/// Only the last line of a reply counts: `250-` announces another one (RFC 5321 §4.2.1).
fn answer(dialogue: &mut Dialogue, line: &[u8], shared: &mut Shared, out: &mut Vec<u8>) -> Result<Next> {
    if line.get(3) == Some(&b'-') {
        return Ok(Next::Converse);
    }
    dialogue.reply(line.trim_ascii_end(), shared, out).map_err(anyhow::Error::msg)
}

fn would_wait(error: &std::io::Error) -> bool {
    // A write before the connection stands: it will be announced.
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected)
}
