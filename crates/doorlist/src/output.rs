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

/// The colour of a word on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    Green,
    Yellow,
    Red,
}

/// The output of one command.
pub(crate) struct Output {
    json: bool,
    coloured: bool,
    stdout: BufWriter<Stdout>,
}

impl Output {
    /// Text, or JSON Lines.
    pub(crate) fn new(json: bool) -> Self {
        // <https://no-color.org>: any value but an empty one.
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { json, coloured: stdout().is_terminal() && !unwanted, stdout: BufWriter::new(stdout()) }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints a line of text with hidden characters escaped.
    pub(crate) fn line(&mut self, text: &str) -> std::io::Result<()> {
        writeln!(self.stdout, "{}", visible(text))
    }

    /// Prints a line whose first word has a colour on a terminal.
    pub(crate) fn coloured_line(&mut self, (word, colour): (&str, Colour), rest: &str) -> std::io::Result<()> {
        if !self.coloured {
            return self.line(&format!("{word}{rest}"));
        }
        let code = match colour {
            Colour::Green => 32,
            Colour::Yellow => 33,
            Colour::Red => 31,
        };
        writeln!(self.stdout, "\x1b[{code}m{}\x1b[0m{}", visible(word), visible(rest))
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

/// Prints help or the version, styled on a terminal. Ignores a closed stdout.
pub(crate) fn help(asked: &clap::Error) {
    let rendered = asked.render();
    let text = if Output::new(false).coloured { rendered.ansi().to_string() } else { rendered.to_string() };
    let _ = stdout().write_all(crate::cli::help_text(&text).as_bytes());
}

/// Prints a prompt to stderr.
pub(crate) fn ask(question: &str) {
    let mut stderr = stderr();
    let _ = write!(stderr, "{}: ", visible(question));
    let _ = stderr.flush();
}

/// Whether somebody sees what goes to stderr.
pub(crate) fn has_terminal() -> bool {
    stderr().is_terminal()
}

/// Overwrites the progress line on the terminal; an empty text clears it.
pub(crate) fn progress_line(text: &str) {
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
