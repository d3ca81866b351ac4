//! The buffer between the sessions and the thread that writes the log.

use super::line::{self, Line};
use doorlist_core::time::Timestamp;
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Time to collect lines after the first one, so that a busy gateway does not wake the thread for each.
const GATHER: Duration = Duration::from_millis(5);
/// Octets that are written without waiting for more.
const FULL: usize = 256 * 1024;
/// Capacity that empty buffers keep.
const KEPT: usize = 1024 * 1024;

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalFormat {
    /// The format of Postfix's log lines.
    Text,
    /// One JSON object per line.
    Json,
}

/// The state that writer and loggers share.
pub(super) struct Shared {
    format: JournalFormat,
    host: String,
    pid: u32,
    /// Text before and after the process name in a line.
    around: (String, String),
    state: Mutex<State>,
    pushed: Condvar,
    /// Signalled when the buffer is written.
    empty: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    writing: bool,
    /// Somebody waits for the buffer to be written.
    hurry: bool,
}

impl State {
    fn may_wait(&self) -> bool {
        !self.hurry && self.waiting.len() < FULL
    }
}

impl Shared {
    pub(super) fn new(format: JournalFormat, host: &str) -> Self {
        let (state, pid) = (Mutex::default(), std::process::id());
        Self {
            format,
            host: host.to_owned(),
            pid,
            around: (format!(" {host} doorlist/"), format!("[{pid}]: ")),
            state,
            pushed: Condvar::new(),
            empty: Condvar::new(),
        }
    }

    /// RFC 3339 in UTC with milliseconds.
    pub(super) fn stamp(&self, now: Timestamp, out: &mut String) {
        use std::fmt::Write;
        let time = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap_or_default();
        let _ = write!(out, "{time:.3}");
    }

    pub(super) fn render(&self, stamp: &str, line: &Line<'_>, out: &mut Vec<u8>) {
        match self.format {
            JournalFormat::Text => line::text(line, stamp, &self.around.0, &self.around.1, out),
            JournalFormat::Json => line::json(line, stamp, &self.host, self.pid, out),
        }
    }

    /// False if there is no room.
    pub(super) fn push(&self, text: &[u8], max: usize) -> bool {
        let mut state = self.lock();
        if state.waiting.len() + text.len() > max {
            return false;
        }
        let before = state.waiting.len();
        state.waiting.extend_from_slice(text);
        let wake = before == 0 || (before < FULL && before + text.len() >= FULL);
        drop(state);
        if wake {
            self.pushed.notify_one();
        }
        true
    }

    pub(super) fn wait_until_empty(&self) {
        let mut state = self.lock();
        state.hurry = true;
        self.pushed.notify_one();
        drop(self.empty.wait_while(state, |s| s.writing || !s.waiting.is_empty()));
    }

    /// A poisoned lock still has complete lines: a push is a single call.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread runs as long as the process; a failed write is dropped.
pub(super) fn spawn(shared: Arc<Shared>, mut out: Box<dyn Write + Send>) -> std::io::Result<()> {
    std::thread::Builder::new().name("journal".into()).spawn(move || {
        let mut spare = Vec::new();
        loop {
            let state = shared.lock();
            let Ok(state) = shared.pushed.wait_while(state, |s| s.waiting.is_empty()) else { return };
            let gathered = shared.pushed.wait_timeout_while(state, GATHER, |s| s.may_wait());
            let Ok((mut state, _)) = gathered else { return };
            std::mem::swap(&mut state.waiting, &mut spare);
            (state.writing, state.hurry) = (true, false);
            drop(state);
            let _ = out.write_all(&spare).and_then(|()| out.flush());
            spare.clear();
            spare.shrink_to(KEPT);
            shared.lock().writing = false;
            shared.empty.notify_all();
        }
    })?;
    Ok(())
}
