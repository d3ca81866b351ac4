//! A dialogue file, read. A file that cannot be read fails the test with its line.

use std::path::Path;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Script {
    pub(super) name: String,
    /// Its `# list:` lines, without that word.
    pub(super) lists: Vec<String>,
    /// What is said and heard.
    pub(super) lines: Vec<Line>,
}

/// A step and where it stands.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) number: usize,
    pub(super) step: Step,
}

/// One thing that happens.
#[derive(Debug)]
pub(super) enum Step {
    /// The client writes these bytes.
    Say(Vec<u8>),
    /// The server must say this.
    Hear(Expected),
    Tls,
    /// Another session from the same address, behind greeting and EHLO.
    NewSession,
    /// The operator's command, without the program's name.
    Command(String),
}

/// A line of the server.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    /// As in the file; `...` stands for any words.
    pub(super) text: String,
    /// Not before this time has passed since the client spoke, or since the last delayed reply.
    pub(super) after: Option<Duration>,
}

impl Expected {
    pub(super) fn matches(&self, got: &str) -> bool {
        let Some((begin, rest)) = self.text.split_once("...") else { return self.text == got };
        let Some(mut left) = got.strip_prefix(begin) else { return false };
        let mut parts = rest.split("...").peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return left.ends_with(part);
            }
            match left.find(part) {
                Some(at) => left = &left[at + part.len()..],
                None => return false,
            }
        }
        true
    }
}

impl Script {
    pub(super) fn read(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(path).unwrap();
        Self::parse(name, &text)
    }

    fn parse(name: String, text: &str) -> Self {
        let mut script = Self { name, lists: Vec::new(), lines: Vec::new() };
        for (at, line) in text.lines().enumerate() {
            let number = at + 1;
            if let Some(list) = line.strip_prefix("# list:") {
                script.lists.push(list.trim().to_owned());
            } else if !line.is_empty() && !line.starts_with('#') {
                script.add(number, line);
            }
        }
        assert!(text.starts_with("# "), "{}: begins with a comment that says what it shows", script.name);
        script
    }

    fn add(&mut self, number: usize, line: &str) {
        let unreadable = || panic!("{}:{number}: not a line of a dialogue: {line}", self.name);
        let alone = match line {
            "TLS" => Some(Step::Tls),
            "NEW SESSION" => Some(Step::NewSession),
            _ => line.strip_prefix("$ ").map(|command| Step::Command(command.to_owned())),
        };
        if let Some(step) = alone {
            return self.lines.push(Line { number, step });
        }
        let Some((head, text)) = line.split_once(':') else { unreadable() };
        let text = text.strip_prefix(' ').unwrap_or(text);
        let (who, times) = match head.split_once('*') {
            Some((who, times)) => (who, times.parse().unwrap_or_else(|_| unreadable())),
            None => (head, 1),
        };
        match who {
            "C" => (1..=times).for_each(|n| self.say(number, &format!("{text}\\r\\n"), n)),
            "C~" => (1..=times).for_each(|n| self.say(number, text, n)),
            "S" => (0..times).for_each(|_| self.hear(number, text, None)),
            _ => {
                let seconds = who.strip_prefix("S after ").and_then(|rest| rest.strip_suffix(" s"));
                let seconds = seconds.and_then(|seconds| seconds.parse().ok()).unwrap_or_else(|| unreadable());
                self.hear(number, text, Some(Duration::from_secs(seconds)));
            }
        }
    }

    /// Bytes that follow bytes go out with them.
    fn say(&mut self, number: usize, text: &str, n: usize) {
        let bytes = bytes(&text.replace("{n}", &n.to_string()));
        match self.lines.last_mut() {
            Some(Line { step: Step::Say(said), .. }) => said.extend(bytes),
            _ => self.lines.push(Line { number, step: Step::Say(bytes) }),
        }
    }

    fn hear(&mut self, number: usize, text: &str, after: Option<Duration>) {
        self.lines.push(Line { number, step: Step::Hear(Expected { text: text.to_owned(), after }) });
    }

    /// How long it waits for delayed replies.
    pub(super) fn waits(&self) -> Duration {
        let delays = self.lines.iter().filter_map(|line| match &line.step {
            Step::Hear(expected) => expected.after,
            _ => None,
        });
        delays.sum()
    }

    pub(super) fn begins_with_greeting(&self) -> bool {
        matches!(self.lines.first(), Some(Line { step: Step::Hear(expected), .. }) if expected.text.starts_with("220 "))
    }

    pub(super) fn ends_with_connection(&self) -> bool {
        matches!(self.lines.last(), Some(Line { step: Step::Hear(expected), .. }) if expected.text == "(closed)")
    }
}

/// The client's text with its repetitions and escapes.
fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['{', '\\']) {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at..];
        let (special, len) = repetition(rest).or_else(|| escape(rest)).unwrap_or_else(|| (vec![rest.as_bytes()[0]], 1));
        bytes.extend(special);
        rest = &rest[len..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// `{x*65}`, with the length that it has in the file.
fn repetition(text: &str) -> Option<(Vec<u8>, usize)> {
    let (inner, _) = text.strip_prefix('{')?.split_once('}')?;
    let (what, times) = inner.rsplit_once('*')?;
    Some((what.repeat(times.parse().ok()?).into_bytes(), inner.len() + 2))
}

fn escape(text: &str) -> Option<(Vec<u8>, usize)> {
    let code = *text.strip_prefix('\\')?.as_bytes().first()?;
    let byte = match code {
        b'r' => b'\r',
        b'n' => b'\n',
        b't' => b'\t',
        b'0' => 0,
        b'\\' => b'\\',
        b'x' => return Some((vec![u8::from_str_radix(text.get(2..4)?, 16).ok()?], 4)),
        _ => return None,
    };
    Some((vec![byte], 2))
}

#[test]
fn dots_stand_for_any_words() {
    let matches = |text: &str, got: &str| Expected { text: text.to_owned(), after: None }.matches(got);
    assert!(matches("250 2.1.5 ...", "250 2.1.5 Ok"));
    assert!(matches("250 ... queued as ...", "250 2.0.0 Ok: queued as 0F3K"));
    assert!(matches("250 2.1.5 Ok", "250 2.1.5 Ok"));
    assert!(!matches("250 2.1.5 Ok", "250 2.1.5 Ok."));
    assert!(!matches("250 ...", "550 5.1.1 no"));
    assert!(!matches("250 ... queued", "250 2.0.0 queued as 0F3K"));
}

#[test]
fn the_clients_text_may_be_any_bytes() {
    assert_eq!(bytes(r"a{x*3}\r\n\0\xff\\{n}"), b"axxx\r\n\0\xff\\{n}");
    assert_eq!(bytes(r#""q\"uote""#), br#""q\"uote""#);
}
