//! The buffer between those who speak and the thread that writes.

use super::line::{self, Line};
use doorlist_core::time::Timestamp;
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalFormat {
    /// Postfix's shape.
    Text,
    /// One JSON object a line.
    Json,
}

/// What writer and speakers share.
pub(super) struct Shared {
    format: JournalFormat,
    host: String,
    pid: u32,
    state: Mutex<State>,
    /// Something was pushed.
    pushed: Condvar,
    /// All of it was written.
    empty: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    writing: bool,
}

impl Shared {
    pub(super) fn new(format: JournalFormat, host: &str) -> Self {
        let state = Mutex::default();
        Self {
            format,
            host: host.to_owned(),
            pid: std::process::id(),
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
            JournalFormat::Text => line::text(line, stamp, &self.host, self.pid, out),
            JournalFormat::Json => line::json(line, stamp, &self.host, self.pid, out),
        }
    }

    /// False if there is no room.
    pub(super) fn push(&self, text: &[u8], max: usize) -> bool {
        let mut state = self.lock();
        if state.waiting.len() + text.len() > max {
            return false;
        }
        let idle = state.waiting.is_empty() && !state.writing;
        state.waiting.extend_from_slice(text);
        drop(state);
        if idle {
            self.pushed.notify_one();
        }
        true
    }

    pub(super) fn wait_until_empty(&self) {
        let state = self.lock();
        drop(self.empty.wait_while(state, |s| s.writing || !s.waiting.is_empty()));
    }

    /// A poisoned lock holds whole lines all the same: pushes are single calls.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread lives as long as the process; a write that fails is dropped, there is no better place to say so.
pub(super) fn spawn(shared: Arc<Shared>, mut out: Box<dyn Write + Send>) -> std::io::Result<()> {
    std::thread::Builder::new().name("journal".into()).spawn(move || {
        let mut spare = Vec::new();
        loop {
            let state = shared.lock();
            let Ok(mut state) = shared.pushed.wait_while(state, |s| s.waiting.is_empty()) else { return };
            std::mem::swap(&mut state.waiting, &mut spare);
            state.writing = true;
            drop(state);
            let _ = out.write_all(&spare).and_then(|()| out.flush());
            spare.clear();
            shared.lock().writing = false;
            shared.empty.notify_all();
        }
    })?;
    Ok(())
}
