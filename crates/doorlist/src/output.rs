//! All output of the program: results on stdout, as text or JSON Lines, and messages on stderr. Untrusted text
//! (senders, replies, names) is escaped here; tidy lets no other module print.

use doorlist_core::visible::{is_hidden, visible, visible_lines};
use doorlist_store::json;
use serde::Serialize;
use std::io::{BufWriter, IsTerminal, Stdout, Write, stderr, stdout};

/// Prints to stderr like `eprintln!`, with hidden characters escaped.
macro_rules! say {
    ($($text:tt)*) => { $crate::output::tell(&format!($($text)*)) };
}

/// The output of one command.
pub(crate) struct Output {
    json: bool,
    stdout: BufWriter<Stdout>,
}

impl Output {
    /// Text, or JSON Lines.
    pub(crate) fn new(json: bool) -> Self {
        Self { json, stdout: BufWriter::new(stdout()) }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints a line of text with hidden characters escaped.
    pub(crate) fn line(&mut self, text: &str) -> std::io::Result<()> {
        writeln!(self.stdout, "{}", visible(text))
    }

    /// Prints an object on its own line.
    pub(crate) fn object(&mut self, value: &impl Serialize) -> std::io::Result<()> {
        json::to_writer(&mut self.stdout, value)?;
        self.stdout.write_all(b"\n")
    }

    /// Prints an entry of a list, or a result: as an object, or as a line of text.
    pub(crate) fn entry(&mut self, value: &impl Serialize, text: impl FnOnce() -> String) -> std::io::Result<()> {
        if self.json { self.object(value) } else { self.line(&text()) }
    }

    /// Prints the content of a file: unchanged, but escaped on a terminal.
    pub(crate) fn file(&mut self, text: &str) -> std::io::Result<()> {
        match self.stdout.get_ref().is_terminal() {
            true => self.stdout.write_all(on_a_terminal(text).as_bytes()),
            false => self.stdout.write_all(text.as_bytes()),
        }
    }

    pub(crate) fn flush(&mut self) -> std::io::Result<()> {
        self.stdout.flush()
    }
}

/// Escapes hidden characters except line ends and tabs.
fn on_a_terminal(text: &str) -> String {
    let is_kept = |c: char| matches!(c, '\n' | '\r' | '\t') || !is_hidden(c);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match is_kept(c) {
            true => out.push(c),
            false => out.push_str(&visible(c.encode_utf8(&mut [0; 4]))),
        }
    }
    out
}

/// Prints to stderr; see [`say`]. Ignores a closed stderr.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(stderr(), "{}", visible_lines(text));
}

/// Prints a usage error, escaped: its words may come from an untrusted file.
pub(crate) fn tell_usage(text: &str) {
    let _ = write!(stderr(), "{}", on_a_terminal(text));
}

/// Prints a prompt to stderr.
pub(crate) fn ask(question: &str) {
    let mut stderr = stderr();
    let _ = write!(stderr, "{}: ", visible(question));
    let _ = stderr.flush();
}

/// Overwrites the progress line on the terminal; an empty text clears it.
pub(crate) fn progress(text: &str) {
    let _ = write!(stderr(), "\r\x1b[K{}", visible(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_on_a_terminal_keeps_its_lines_alone() {
        assert_eq!(on_a_terminal("a\t1\r\nb\u{9b}31m\u{202e}\n"), "a\t1\r\nb\\u{9b}31m\\u{202e}\n");
    }
}
