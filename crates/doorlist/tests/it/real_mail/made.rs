//! Mail that the test makes: what MIME, old devices and strange programs send, always the same for a seed.

use crate::random::Random;

/// A message with CRLF at its line ends.
#[derive(Clone, Debug)]
pub(super) struct Mail {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) smtp_utf8: bool,
}

impl Mail {
    /// Whether its header section is one: fields, each on lines of its own, then an empty line.
    pub(super) fn is_orderly(&self) -> bool {
        let Some(end) = self.bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
        let lines = self.bytes[..end].split(|&byte| byte == b'\n');
        let is_field = |line: &[u8]| {
            let name = line.iter().take_while(|&&byte| byte.is_ascii_graphic() && byte != b':').count();
            name > 0 && line.get(name) == Some(&b':')
        };
        lines.enumerate().all(|(number, line)| {
            is_field(line) || (number > 0 && line.starts_with(b" ")) || (number > 0 && line.starts_with(b"\t"))
        })
    }
}

impl Mail {
    /// The message as it is kept behind our own field: without lines of a mailbox file in front, and behind an empty line
    /// if it begins with no field.
    pub(super) fn as_kept(&self) -> Vec<u8> {
        let mut rest = self.bytes.as_slice();
        loop {
            let line = rest.split_inclusive(|&byte| byte == b'\n').next().unwrap_or_default();
            let name = line.iter().take_while(|&&byte| byte.is_ascii_graphic() && byte != b':').count();
            let is_field = name > 0 && line[name..].trim_ascii_start().starts_with(b":");
            if is_field || line.is_empty() || line == b"\r\n" {
                return rest.to_vec();
            }
            if !line.starts_with(b"From ") && !line.starts_with(b">From ") {
                return [b"\r\n", rest].concat();
            }
            rest = &rest[line.len()..];
        }
    }
}

const WORDS: [&str; 12] =
    ["tea", "door", "list", "letter", "grüße", "日本", "queue", "relay", "naïve", "post", "gate", "0123456789"];

/// Some lines of words.
fn text(random: &mut Random, lines: usize) -> String {
    let mut text = String::new();
    for _ in 0..lines {
        for _ in 0..random.below(12) + 1 {
            text.push_str(random.pick::<&str>(&WORDS));
            text.push(' ');
        }
        text.push_str("\r\n");
    }
    text
}

fn ascii(random: &mut Random, lines: usize) -> String {
    text(random, lines).chars().map(|c| if c.is_ascii() { c } else { 'x' }).collect()
}

/// Lines of base64's letters; what they mean does not matter.
fn base64(random: &mut Random, octets: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letters = random.bytes(octets).into_iter().map(|byte| char::from(LETTERS[usize::from(byte % 64)]));
    let letters: Vec<char> = letters.collect();
    letters.chunks(76).map(|line| line.iter().collect::<String>() + "\r\n").collect()
}

fn header(number: usize) -> String {
    format!(
        "From: \"A friend\" <friend@sender.example.test>\r\nTo: undisclosed-recipients:;\r\n\
         Date: Mon, 23 Nov 2026 15:07:17 +0000\r\nMessage-ID: <made-{number}@test>\r\nX-Made: made-{number}.\r\n"
    )
}

/// So many messages of all kinds.
pub(super) fn some(count: usize) -> Vec<Mail> {
    let mut random = Random::new(0xd00);
    (0..count).map(|number| one(number, &mut random)).collect()
}

fn one(number: usize, random: &mut Random) -> Mail {
    /// How many of them `kind` knows.
    const KINDS: usize = 13;
    let kind = number % KINDS;
    let bytes = match kind {
        3 => any_octets(number, random),
        _ => text_of(kind, number, random).into_bytes(),
    };
    Mail { name: format!("made {number}, kind {kind}"), bytes, smtp_utf8: kind == 10 }
}

fn text_of(kind: usize, number: usize, random: &mut Random) -> String {
    let head = header(number);
    let lines = random.below(40) + 1;
    match kind {
        0 => format!("{head}Subject: plain\r\n\r\n{}", ascii(random, lines)),
        1 => with_attachment(number, random),
        2 => format!(
            "{head}Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{}",
            text(random, lines)
        ),
        4 => {
            let length = random.below(20_000) + 999;
            format!("{head}\r\n{}\r\n{}\r\n", "long ".repeat(length / 5), "y".repeat(length))
        }
        5 => format!("{head}\r\n.\r\n..\r\n...\r\n. \r\n.x\r\n\r\n.\r\n.\r\n"),
        6 => format!("{head}Subject: nothing more\r\n\r\n"),
        7 => format!("{head}Subject: no end of the header\r\n"),
        8 => format!(
            "{head}Content-Transfer-Encoding: quoted-printable\r\n\r\n\
             trailing blanks  \t \r\n=C3=A9=\r\n\t\r\n \r\nend=20\r\n\r\n\r\n"
        ),
        9 => {
            let inner = format!("{}Subject: inside\r\n\r\n{}", header(number + 1_000_000), ascii(random, 3));
            format!(
                "{head}Content-Type: multipart/mixed; boundary=a\r\n\r\n\
                 --a\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--a--\r\n"
            )
        }
        10 => format!(
            "{head}Subject: grüße aus Köln 日本\r\nX-From: Jörg <jörg@bücher.test>\r\n\r\n{}",
            text(random, lines)
        ),
        11 => {
            let hop = |hop| format!("Received: from h{hop} by g{hop};\r\n\tlong ago\r\n");
            let hops: String = (0..random.below(20)).map(hop).collect();
            let field = |field| format!("X-Field-{field}: a\r\n b\r\n\tc\r\n");
            let fields: String = (0..random.below(60)).map(field).collect();
            format!("{hops}{head}{fields}Subject: twice\r\nSubject: twice\r\n\r\n{}", ascii(random, 2))
        }
        _ => format!("made-{number}. is no header\r\n\r\n{}", ascii(random, lines)),
    }
}

fn with_attachment(number: usize, random: &mut Random) -> String {
    let (head, words, size) = (header(number), ascii(random, 5), random.below(30_000));
    let attachment = base64(random, size);
    format!(
        "{head}MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_{number}\"\r\n\r\n\
         --=_{number}\r\nContent-Type: text/plain\r\n\r\n{words}\r\n--=_{number}\r\n\
         Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n{attachment}\
         --=_{number}--\r\n"
    )
}

/// A line of every octet but those that end lines, as old programs send them.
fn any_octets(number: usize, random: &mut Random) -> Vec<u8> {
    let mut bytes = format!("{}Content-Transfer-Encoding: 8bit\r\n\r\n", header(number)).into_bytes();
    let size = random.below(5_000) + 1;
    bytes.extend(random.bytes(size).into_iter().filter(|byte| !matches!(byte, 0 | b'\r' | b'\n')));
    bytes.extend(b"\r\n");
    bytes
}

/// One that every program can bring.
pub(super) fn simple(number: usize) -> Mail {
    let number = number + 2_000_000;
    let bytes = format!("{}Subject: by hand\r\n\r\nFew words.\r\n\r\nMany greetings\r\n", header(number)).into_bytes();
    Mail { name: format!("simple {number}"), bytes, smtp_utf8: false }
}

/// One with an attachment of this size.
pub(super) fn large(number: usize, octets: usize) -> Mail {
    let mut random = Random::new(number as u64 + 99);
    let number = number + 3_000_000;
    let line = base64(&mut random, 75_000);
    let attachment = line.repeat(octets / line.len() + 1);
    let head = header(number);
    let bytes = format!("{head}Content-Transfer-Encoding: base64\r\n\r\n{attachment}").into_bytes();
    Mail { name: format!("large {number}"), bytes, smtp_utf8: false }
}
