//! Where data goes: stdout, as text for people or as JSON Lines. What came from outside (senders, replies) cannot reach
//! the terminal as control characters.

use serde::Serialize;
use std::fmt::Write as _;
use std::io::{BufWriter, Stdout, Write, stdout};

/// The output of one command.
pub(crate) struct Out {
    json: bool,
    stdout: BufWriter<Stdout>,
}

impl Out {
    /// Text, or JSON Lines.
    pub(crate) fn new(json: bool) -> Self {
        Self { json, stdout: BufWriter::new(stdout()) }
    }

    /// Whether JSON Lines are wanted.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// One line of text, with control characters made visible.
    pub(crate) fn line(&mut self, text: &str) -> std::io::Result<()> {
        writeln!(self.stdout, "{}", visible(text))
    }

    /// One object on a line of its own. JSON escapes control characters itself.
    pub(crate) fn object(&mut self, value: &impl Serialize) -> std::io::Result<()> {
        serde_json::to_writer(&mut self.stdout, value)?;
        self.stdout.write_all(b"\n")
    }

    /// Text that is a file's content, as it is.
    pub(crate) fn raw(&mut self, text: &str) -> std::io::Result<()> {
        self.stdout.write_all(text.as_bytes())
    }

    /// What was written reaches the reader now.
    pub(crate) fn flush(&mut self) -> std::io::Result<()> {
        self.stdout.flush()
    }
}

/// Text with control characters made visible.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            let _ = write!(out, "{}", c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_control_character_reaches_a_terminal() {
        assert_eq!(super::visible("a\x1b[31mb\r\n\u{9b}é"), "a\\u{1b}[31mb\\r\\n\\u{9b}é");
    }
}
