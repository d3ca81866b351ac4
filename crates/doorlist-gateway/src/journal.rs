//! The log: one line per event, in the format of Postfix or as JSON, written by its own thread.
//!
//! Nothing here waits for the disk: lines go into a bounded buffer, and lines that do not fit are counted as dropped.
//! A session collects the lines of one batch of commands in a [`Batch`].

mod line;
mod renderer;
mod writer;

pub use line::{FieldValue, Line, Process};
pub use renderer::{JournalFormat, LineRenderer};

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use writer::JournalShared;

/// Maximum bytes in the buffer; further lines are dropped and counted.
pub const BUFFER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Handle to the log. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    shared: Arc<JournalShared>,
    dropped: Arc<AtomicU64>,
}

impl Journal {
    /// Starts the writer thread.
    pub fn start(renderer: LineRenderer, out: Box<dyn Write + Send>) -> std::io::Result<Journal> {
        let shared = Arc::new(JournalShared::new(renderer));
        writer::spawn(shared.clone(), out)?;
        Ok(Journal { shared, dropped: Arc::default() })
    }

    pub fn write(&self, line: &Line<'_>) {
        let mut batch = self.batch();
        batch.add(line);
        batch.send();
    }

    /// A collector for lines that belong together; their time is that of the start or last send of the batch.
    pub fn batch(&self) -> Batch {
        Batch { journal: self.clone(), text: Vec::new(), stamp: String::new(), lines: 0 }
    }

    /// Lines that found the buffer full since the start.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until all lines so far are written.
    pub fn flush(&self) {
        self.shared.wait_until_empty();
    }
}

/// Lines that are sent to the journal together.
pub struct Batch {
    journal: Journal,
    text: Vec<u8>,
    stamp: String,
    lines: u64,
}

impl Batch {
    pub fn add(&mut self, line: &Line<'_>) {
        if self.stamp.is_empty() {
            self.journal.shared.renderer.stamp(crate::clock::now(), &mut self.stamp);
        }
        self.lines += 1;
        self.journal.shared.renderer.render(&self.stamp, line, &mut self.text);
    }

    /// Sends the lines; the batch can be used again.
    pub fn send(&mut self) {
        if self.lines > 0 && !self.journal.shared.push(&self.text, BUFFER_BYTES_MAX) {
            self.journal.dropped.fetch_add(self.lines, Ordering::Relaxed);
        }
        self.text.clear();
        self.stamp.clear();
        self.lines = 0;
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.send();
    }
}

#[cfg(test)]
mod tests;
