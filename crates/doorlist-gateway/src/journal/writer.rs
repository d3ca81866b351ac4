//! The buffer between those who speak and the thread that writes.

use super::renderer::LineRenderer;
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Lines gather for so long after the first, so that a busy gateway does not wake the thread for each.
const GATHER: Duration = Duration::from_millis(5);
/// So many octets are written at once without waiting for more.
const FULL: usize = 256 * 1024;
/// Room that the buffers keep when they are empty.
const KEPT: usize = 1024 * 1024;

/// What writer and speakers share.
pub(super) struct JournalShared {
    pub(super) renderer: LineRenderer,
    state: Mutex<WriterState>,
    pushed: Condvar,
    /// All of it was written.
    empty: Condvar,
}

#[derive(Default)]
struct WriterState {
    waiting: Vec<u8>,
    writing: bool,
    /// Somebody waits until all is written.
    hurry: bool,
}

impl WriterState {
    fn may_wait(&self) -> bool {
        !self.hurry && self.waiting.len() < FULL
    }
}

impl JournalShared {
    pub(super) fn new(renderer: LineRenderer) -> Self {
        Self { renderer, state: Mutex::default(), pushed: Condvar::new(), empty: Condvar::new() }
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

    /// A poisoned lock holds whole lines all the same: pushes are single calls.
    fn lock(&self) -> MutexGuard<'_, WriterState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread lives as long as the process; a write that fails is dropped, there is no better place to say so.
pub(super) fn spawn(shared: Arc<JournalShared>, mut out: Box<dyn Write + Send>) -> std::io::Result<()> {
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
