//! Enhanced status codes as servers send them and as delivery reports carry them (RFC 3463). Which code fits which
//! case is decided by whoever makes it.

use std::fmt;

/// `class.subject.detail`. The class is 2 (success), 4 (try again) or 5 (for good).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StatusCode {
    class: u8,
    subject: u16,
    detail: u16,
}

impl StatusCode {
    /// A code that we give ourselves.
    pub const fn new(class: u8, subject: u16, detail: u16) -> Self {
        Self { class, subject, detail }
    }

    /// The code in front of `text`, if one stands there (RFC 2034 §4): class 2, 4 or 5, then two numbers of one to
    /// three digits, then a space or the end.
    pub fn in_front_of(text: &str) -> Option<Self> {
        let word = text.split([' ', '\n']).next()?;
        let mut parts = word.split('.');
        let (class, subject, detail) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let class = match class {
            "2" => 2,
            "4" => 4,
            "5" => 5,
            _ => return None,
        };
        Some(Self { class, subject: number(subject)?, detail: number(detail)? })
    }

    /// 2, 4 or 5.
    pub const fn class(self) -> u8 {
        self.class
    }

    /// The same with another class: a transient trouble that has lasted too long becomes permanent.
    pub const fn with_class(self, class: u8) -> Self {
        Self { class, ..self }
    }
}

/// One to three digits.
fn number(text: &str) -> Option<u16> {
    let digits = (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_code_counts() {
        for (text, code) in [
            ("2.1.5 Ok", Some(StatusCode::new(2, 1, 5))),
            ("5.7.606", Some(StatusCode::new(5, 7, 606))),
            ("4.2.2\nmailbox full", Some(StatusCode::new(4, 2, 2))),
            ("3.1.5 Ok", None),
            ("2.1.5.1 Ok", None),
            ("2.1 Ok", None),
            ("2.1234.5 Ok", None),
            ("2.+1.5 Ok", None),
            ("192.0.2.1 greets you", None),
            ("", None),
        ] {
            assert_eq!(StatusCode::in_front_of(text), code, "{text:?}");
        }
    }
}
