//! Mail that the test makes: what MIME, old devices and strange programs send, always the same for a seed.

use crate::random::Random;

/// A message with CRLF at its line ends.
#[derive(Clone, Debug)]
pub(super) struct Mail {
    /// For a failure.
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    /// It needs SMTPUTF8.
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
    const KINDS: usize = 13;
    let head = header(number);
    let mut bytes = Vec::new();
    let mut smtp_utf8 = false;
    let lines = random.below(40) + 1;
    match number % KINDS {
        0 => bytes.extend(format!("{head}Subject: plain\r\n\r\n{}", ascii(random, lines)).bytes()),
        1 => {
            let (words, size) = (ascii(random, 5), random.below(30_000));
            let attachment = base64(random, size);
            bytes.extend(
                format!(
                    "{head}MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_{number}\"\r\n\r\n\
                     --=_{number}\r\nContent-Type: text/plain\r\n\r\n{words}\r\n--=_{number}\r\n\
                     Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n{attachment}\
                     --=_{number}--\r\n"
                )
                .bytes(),
            );
        }
        2 => bytes.extend(
            format!("{head}Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{}", text(random, lines))
                .bytes(),
        ),
        3 => {
            bytes.extend(format!("{head}Content-Transfer-Encoding: 8bit\r\n\r\n").bytes());
            let size = random.below(5_000) + 1;
            bytes.extend(random.bytes(size).into_iter().filter(|byte| !matches!(byte, 0 | b'\r' | b'\n')));
            bytes.extend(b"\r\n");
        }
        4 => {
            let length = random.below(20_000) + 999;
            bytes.extend(format!("{head}\r\n{}\r\n{}\r\n", "long ".repeat(length / 5), "y".repeat(length)).bytes());
        }
        5 => bytes.extend(format!("{head}\r\n.\r\n..\r\n...\r\n. \r\n.x\r\n\r\n.\r\n.").bytes().chain(*b"\r\n")),
        6 => bytes.extend(format!("{head}Subject: nothing more\r\n\r\n").bytes()),
        7 => bytes.extend(format!("{head}Subject: no end of the header\r\n").bytes()),
        8 => bytes.extend(
            format!("{head}Content-Transfer-Encoding: quoted-printable\r\n\r\ntrailing blanks  \t \r\n=C3=A9=\r\n\t\r\n \r\nend=20\r\n\r\n\r\n")
                .bytes(),
        ),
        9 => {
            let inner = format!("{}Subject: inside\r\n\r\n{}", header(number + 1_000_000), ascii(random, 3));
            bytes.extend(
                format!("{head}Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--a--\r\n")
                    .bytes(),
            );
        }
        10 => {
            smtp_utf8 = true;
            bytes.extend(format!("{head}Subject: grüße aus Köln 日本\r\nX-From: Jörg <jörg@bücher.test>\r\n\r\n{}", text(random, lines)).bytes());
        }
        11 => {
            let hops: String = (0..random.below(20)).map(|hop| format!("Received: from h{hop} by g{hop};\r\n\tlong ago\r\n")).collect();
            let fields: String = (0..random.below(60)).map(|field| format!("X-Field-{field}: a\r\n b\r\n\tc\r\n")).collect();
            bytes.extend(format!("{hops}{head}{fields}Subject: twice\r\nSubject: twice\r\n\r\n{}", ascii(random, 2)).bytes());
        }
        _ => bytes.extend(format!("made-{number}. is no header\r\n\r\n{}", ascii(random, lines)).bytes()),
    }
    let name = format!("made {number}, kind {}", number % KINDS);
    Mail { name, bytes, smtp_utf8 }
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
