//! The load generator: one thread, many connections, every reply checked. [`dialogue`] decides on the commands.

mod dialogue;
mod drive;
mod message;
mod names;

pub(crate) use drive::run;
pub(crate) use message::Message;
pub(crate) use names::{DOMAIN, listed};

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// What every connection does.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// Transactions with one recipient and one message; so many on one connection, then QUIT.
    Relay {
        message: Arc<Message>,
        /// Messages on one connection.
        per_connection: u32,
    },
    /// RCPT after RCPT, mostly for names that are not on the list.
    Answers {
        /// RCPT commands sent before the answers are awaited.
        pipelined: u32,
        /// Of 100 recipients so many are on the list.
        listed_percent: u32,
    },
    /// Connect, EHLO, MAIL, RCPT of a listed name, QUIT, close.
    Sessions,
}

/// How a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goodbye {
    /// QUIT, then its reply is awaited.
    AwaitReply,
    /// QUIT, then nothing more is sent: Exim waits up to 200 ms for the client to close, before it says 221.
    CloseOurSide,
}

/// A load: what, how much of it at once, for how long.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// What every connection does.
    pub(crate) work: Work,
    pub(crate) to: SocketAddr,
    pub(crate) sessions: usize,
    /// Nothing new is begun after this time; what was begun is finished.
    pub(crate) time: Duration,
    /// Names `0..listed` are on the server's list.
    pub(crate) listed: u32,
    /// How a session ends.
    pub(crate) goodbye: Goodbye,
}

/// What came of a load.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// From the first connection to the end of the load's time.
    pub(crate) elapsed: Duration,
    /// RCPT answers in that time.
    pub(crate) answers: u64,
    /// Sessions that ended in that time.
    pub(crate) sessions: u64,
    /// Messages that got their 250, also those after that time.
    pub(crate) messages: u64,
    /// Shortest time of a message from MAIL to the 250 after its final dot.
    pub(crate) soonest: Option<Duration>,
}
