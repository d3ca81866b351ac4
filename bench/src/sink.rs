//! The next hop of every server under test: receives mail, recognises each message and counts it. The same loop is the
//! trivial server that shows the limit of loopback and the load generator.

mod dialogue;

use crate::load::Message;
use anyhow::{Context as _, Result, anyhow};
use dialogue::Dialogue;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const LISTENER: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);
const CONNECTIONS_MAX: usize = 4096;
/// Octets read at once.
const READ: usize = 128 * 1024;
/// Octets of one unfinished command or message.
const PENDING_MAX: usize = 64 * 1024 * 1024;
/// Numbers of messages that are kept apart.
const NUMBERS_MAX: u64 = 10_000_000;

/// What arrived since the last [`Sink::clear`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrived {
    pub(crate) messages: u64,
    /// Messages that had arrived before.
    pub(crate) duplicates: u64,
    /// Messages that were not what was sent.
    pub(crate) damaged: u64,
    /// When the last message came.
    pub(crate) last: Option<Instant>,
    seen: Vec<bool>,
}

impl Arrived {
    fn take(&mut self, number: Option<u64>) {
        self.last = Some(Instant::now());
        let Some(index) = number.filter(|n| *n < NUMBERS_MAX).and_then(|n| usize::try_from(n).ok()) else {
            self.damaged += 1;
            return;
        };
        if self.seen.len() <= index {
            self.seen.resize(index + 1, false);
        }
        match self.seen.get_mut(index) {
            Some(seen) if !*seen => {
                *seen = true;
                self.messages += 1;
            }
            _ => self.duplicates += 1,
        }
    }
}

/// What the connections write into.
#[derive(Debug)]
struct Book {
    message: Arc<Message>,
    arrived: Mutex<Arrived>,
    more: Condvar,
}

impl Book {
    fn lock(&self) -> MutexGuard<'_, Arrived> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a message down (as it stood between DATA and the final dot).
    fn take(&self, message: &[u8]) {
        let number = self.message.recognise(message);
        self.lock().take(number);
        self.more.notify_all();
    }
}

/// A running sink; ends when dropped.
pub(crate) struct Sink {
    address: SocketAddr,
    book: Arc<Book>,
    waker: Waker,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Sink {
    /// Listens there (port 0: any free one) and takes `message` in any number.
    pub(crate) fn start(listen: SocketAddr, message: Arc<Message>) -> Result<Self> {
        let mut listener = TcpListener::bind(listen).with_context(|| format!("cannot listen on {listen}"))?;
        let address = listener.local_addr()?;
        let poll = Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let book = Arc::new(Book { message, arrived: Mutex::default(), more: Condvar::new() });
        let mut room = Room { poll, listener, book: Arc::clone(&book), guests: Vec::new(), free: Vec::new() };
        let thread = std::thread::Builder::new().name("sink".to_owned()).spawn(move || room.serve())?;
        Ok(Self { address, book, waker, thread: Some(thread) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins to count anew.
    pub(crate) fn clear(&self) {
        *self.book.lock() = Arrived::default();
    }

    /// How many different messages have arrived.
    pub(crate) fn arrived(&self) -> u64 {
        self.book.lock().messages
    }

    /// Waits until `messages` different messages have arrived, or until nothing has come for `patience`.
    pub(crate) fn await_messages(&self, messages: u64, patience: Duration) -> Arrived {
        let mut arrived = self.book.lock();
        while arrived.messages < messages {
            let had = arrived.messages;
            let (now, waited) = self.book.more.wait_timeout(arrived, patience).unwrap_or_else(PoisonError::into_inner);
            arrived = now;
            if waited.timed_out() && arrived.messages == had {
                break;
            }
        }
        arrived.clone()
    }

    /// Serves until the process ends.
    pub(crate) fn serve_on(mut self) -> Result<()> {
        let thread = self.thread.take().ok_or_else(|| anyhow!("the sink is not running"))?;
        thread.join().map_err(|_| anyhow!("the sink broke down"))?
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let woken = self.waker.wake();
        if let (Ok(()), Some(thread)) = (woken, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

/// The sink's thread: its listener and its connections.
struct Room {
    poll: Poll,
    listener: TcpListener,
    book: Arc<Book>,
    guests: Vec<Option<Guest>>,
    free: Vec<usize>,
}

struct Guest {
    stream: TcpStream,
    dialogue: Dialogue,
    pending: Vec<u8>,
    out: Vec<u8>,
}

impl Room {
    fn serve(&mut self) -> Result<()> {
        let mut events = Events::with_capacity(256);
        let mut buffer = vec![0; READ];
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                other => other.context("the sink waits in vain")?,
            }
            for event in &events {
                match event.token() {
                    WAKER => return Ok(()),
                    LISTENER => self.accept()?,
                    Token(index) => {
                        let Some(slot) = self.guests.get_mut(index) else { continue };
                        let Some(guest) = slot else { continue };
                        if !guest.turn(&self.book, &mut buffer) {
                            *slot = None;
                            self.free.push(index);
                        }
                    }
                }
            }
        }
    }

    fn accept(&mut self) -> Result<()> {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("the sink cannot accept"),
            };
            let index = self.free.pop().unwrap_or(self.guests.len());
            if index >= CONNECTIONS_MAX {
                continue;
            }
            stream.set_nodelay(true)?;
            self.poll.registry().register(&mut stream, Token(index), Interest::READABLE | Interest::WRITABLE)?;
            let guest = Guest { stream, dialogue: Dialogue::default(), pending: Vec::new(), out: dialogue::greeting() };
            match self.guests.get_mut(index) {
                Some(slot) => *slot = Some(guest),
                None => self.guests.push(Some(guest)),
            }
        }
    }
}

impl Guest {
    /// Reads what there is and answers it; false: the connection is over.
    fn turn(&mut self, book: &Book, buffer: &mut [u8]) -> bool {
        loop {
            if !self.flush() {
                return false;
            }
            match self.stream.read(buffer) {
                Ok(0) => return false,
                Ok(taken) => {
                    self.pending.extend_from_slice(buffer.get(..taken).unwrap_or_default());
                    let used = self.dialogue.converse(&self.pending, &mut self.out, &mut |message| book.take(message));
                    self.pending.drain(..used);
                    if self.pending.len() > PENDING_MAX || !self.flush() || self.dialogue.is_over() {
                        return false;
                    }
                    if taken < buffer.len() {
                        // A short read has emptied the socket (epoll(7)).
                        return true;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
    }

    fn flush(&mut self) -> bool {
        while !self.out.is_empty() {
            match self.stream.write(&self.out) {
                Ok(count) if count == self.out.len() => self.out.clear(),
                Ok(count) => drop(self.out.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        true
    }
}
