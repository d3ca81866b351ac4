//! Names of the signals that the server handles.

use crate::exit::{Exit, Failure, OrExit};
use anyhow::Context;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// A request by signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// SIGHUP: reload configuration and certificates.
    Reload,
    /// SIGTERM or SIGINT: shut down.
    End,
}

/// The installed signal handlers.
pub(super) struct Signals {
    hangup: Stream,
    terminate: Stream,
    interrupt: Stream,
}

impl Signals {
    /// Installs the signal handlers.
    pub(super) fn catch() -> Result<Self, Failure> {
        let catch = |kind| signal(kind).context("cannot install signal handlers").or_exit(Exit::SYSTEM);
        Ok(Self {
            hangup: catch(SignalKind::hangup())?,
            terminate: catch(SignalKind::terminate())?,
            interrupt: catch(SignalKind::interrupt())?,
        })
    }

    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.hangup.recv() => Signal::Reload,
            _ = self.terminate.recv() => Signal::End,
            _ = self.interrupt.recv() => Signal::End,
        }
    }

    /// Waits for a request to shut down.
    pub(super) async fn end(&mut self) {
        while self.next().await != Signal::End {}
    }
}
