//! Enhanced status codes (RFC 3463 §2): `class.subject.detail`.

use std::fmt;

/// A status code such as `5.1.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EnhancedCode {
    /// 2 success, 4 transient, 5 permanent.
    pub class: u8,
    /// Subject: 1 address, 2 mailbox, 3 system, 4 network, 5 protocol, 6 content, 7 policy.
    pub subject: u16,
    pub detail: u16,
}

impl EnhancedCode {
    /// The code with these parts.
    pub const fn new(class: u8, subject: u16, detail: u16) -> Self {
        Self { class, subject, detail }
    }

    /// The code at the start of a reply's text, if there is one (RFC 2034 §4).
    pub fn in_front_of(text: &str) -> Option<Self> {
        Self::parse(text.split([' ', '\n']).next()?.as_bytes())
    }

    /// Parses a text that is exactly one code.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_code_in_front_counts() {
        for (text, code) in [
            ("2.1.5 Ok", Some(EnhancedCode::new(2, 1, 5))),
            ("5.7.606", Some(EnhancedCode::new(5, 7, 606))),
            ("4.2.2\nmailbox full", Some(EnhancedCode::new(4, 2, 2))),
            ("3.1.5 Ok", None),
            ("2.1.5.1 Ok", None),
            ("2.1 Ok", None),
            ("2.1234.5 Ok", None),
            ("2.+1.5 Ok", None),
            ("192.0.2.1 greets you", None),
            ("", None),
        ] {
            assert_eq!(EnhancedCode::in_front_of(text), code, "{text:?}");
        }
    }
}
