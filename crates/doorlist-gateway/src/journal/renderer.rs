//! Lines in the log's format, with time, host and process.

use super::line::{self, Line};
use doorlist_core::time::Timestamp;
use std::fmt::Write;

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalFormat {
    Text,
    /// One JSON object a line.
    Json,
}

/// Renders lines of this process.
#[derive(Debug)]
pub struct LineRenderer {
    format: JournalFormat,
    host: String,
    pid: u32,
    /// What stands before and behind the word of the process in a line of text.
    around: (String, String),
}

impl LineRenderer {
    /// `host` is our name as it stands in each line; `program` that of the program in lines of text, in front of the part
    /// of it that speaks, as Postfix's `syslog_name`.
    pub fn new(format: JournalFormat, host: &str, program: &str) -> Self {
        let pid = std::process::id();
        let around = (format!(" {host} {program}/"), format!("[{pid}]: "));
        Self { format, host: host.to_owned(), pid, around }
    }

    /// The line with the time of now and its line break.
    pub fn line(&self, line: &Line<'_>) -> Vec<u8> {
        let (mut stamp, mut out) = (String::new(), Vec::new());
        self.stamp(crate::clock::now(), &mut stamp);
        self.render(&stamp, line, &mut out);
        out
    }

    /// RFC 3339 in UTC with milliseconds.
    pub(super) fn stamp(&self, now: Timestamp, out: &mut String) {
        let time = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap_or_default();
        let _ = write!(out, "{time:.3}");
    }

    pub(super) fn render(&self, stamp: &str, line: &Line<'_>, out: &mut Vec<u8>) {
        match self.format {
            JournalFormat::Text => line::text(line, stamp, &self.around.0, &self.around.1, out),
            JournalFormat::Json => line::json(line, stamp, &self.host, self.pid, out),
        }
    }
}
