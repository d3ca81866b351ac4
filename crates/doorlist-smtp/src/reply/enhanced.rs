//! Enhanced status codes (RFC 3463 §2): `class.subject.detail`. Knows nothing of the replies that carry them.

use std::fmt;

/// `5.1.1` and its like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EnhancedCode {
    /// 2 success, 4 come again, 5 give up.
    pub class: u8,
    /// What it is about: 1 address, 2 mailbox, 3 system, 4 network, 5 protocol, 6 content, 7 policy.
    pub subject: u16,
    /// Which of them.
    pub detail: u16,
}

impl EnhancedCode {
    /// Reads a code that fills the whole text. `None` if it is none.
    pub const fn parse(text: &[u8]) -> Option<Self> {
        let [class @ (b'2' | b'4' | b'5'), b'.', rest @ ..] = text else { return None };
        let Some((subject, [b'.', rest @ ..])) = number(rest) else { return None };
        let Some((detail, [])) = number(rest) else { return None };
        Some(Self { class: *class - b'0', subject, detail })
    }
}

/// One to three digits, and what follows them.
const fn number(text: &[u8]) -> Option<(u16, &[u8])> {
    let mut value = 0;
    let mut digits = 0;
    let mut rest = text;
    while let [digit @ b'0'..=b'9', tail @ ..] = rest {
        if digits == 3 {
            return None;
        }
        value = value * 10 + (*digit - b'0') as u16;
        digits += 1;
        rest = tail;
    }
    if digits == 0 { None } else { Some((value, rest)) }
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}
