//! The log: one line an event, in Postfix's shape or as JSON, written by a thread of its own.
//!
//! Nothing here ever waits for the disk: lines go into a bounded buffer, and what does not fit is counted as dropped. A
//! session collects the lines of one batch of commands in a [`Batch`] and hands them over together. This module must not
//! know what the events mean.

mod line;
mod renderer;
mod writer;

pub use line::{Field, Line, Process};
pub use renderer::{JournalFormat, LineRenderer};

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use writer::Shared;

/// Bytes that wait for the writer at most; lines beyond are dropped and counted.
pub const BUFFER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Handle to the log. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    shared: Arc<Shared>,
    dropped: Arc<AtomicU64>,
}

impl Journal {
    /// Starts the writer thread. `host` is our name as it stands in each line.
    pub fn start(format: JournalFormat, host: &str, out: Box<dyn Write + Send>) -> std::io::Result<Journal> {
        let shared = Arc::new(Shared::new(LineRenderer::new(format, host)));
        writer::spawn(shared.clone(), out)?;
        Ok(Journal { shared, dropped: Arc::default() })
    }

    /// Writes one line.
    pub fn write(&self, line: &Line<'_>) {
        let mut batch = self.batch();
        batch.add(line);
        batch.send();
    }

    /// A collector for lines that belong together; they bear the time at which the batch was begun or last sent.
    pub fn batch(&self) -> Batch {
        Batch { journal: self.clone(), text: Vec::new(), stamp: String::new(), lines: 0 }
    }

    /// Lines that found the buffer full since the start.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until all that was handed over is written.
    pub fn flush(&self) {
        self.shared.wait_until_empty();
    }
}

/// Lines on their way to the journal.
pub struct Batch {
    journal: Journal,
    text: Vec<u8>,
    stamp: String,
    lines: u64,
}

impl Batch {
    /// Adds a line.
    pub fn add(&mut self, line: &Line<'_>) {
        if self.stamp.is_empty() {
            self.journal.shared.renderer.stamp(crate::clock::now(), &mut self.stamp);
        }
        self.lines += 1;
        self.journal.shared.renderer.render(&self.stamp, line, &mut self.text);
    }

    /// Hands the lines over; the batch can be used again.
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
