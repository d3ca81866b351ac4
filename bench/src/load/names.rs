//! The addresses of the load, listed and unlisted, generated from a number.

/// The domain that every server protects.
pub(crate) const DOMAIN: &str = "example.test";
/// Different unlisted names that the load knows: eight decimal digits.
const UNLISTED: u64 = 100_000_000;

/// Writes the listed address with this number.
pub(crate) fn push_listed(out: &mut Vec<u8>, number: u32) {
    push_name(out, b'u', number);
}

/// The listed address with this number, as text.
pub(crate) fn listed(number: u32) -> String {
    format!("u{number:08}.name@{DOMAIN}")
}

fn push_name(out: &mut Vec<u8>, kind: u8, number: u32) {
    let mut digits = *b"00000000";
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789"[(rest % 10) as usize];
        rest /= 10;
    }
    out.push(kind);
    out.extend_from_slice(&digits);
    out.extend_from_slice(b".name@");
    out.extend_from_slice(DOMAIN.as_bytes());
}

/// Draws recipients: the same sequence in every run, so that every server is asked for the same names.
pub(crate) struct Recipients {
    listed: u32,
    listed_percent: u64,
    state: u64,
}

impl Recipients {
    /// Names `0..listed` are on the list; `listed_percent` of 100 draws take one of them.
    pub(crate) fn new(listed: u32, listed_percent: u32) -> Self {
        Self { listed: listed.max(1), listed_percent: u64::from(listed_percent), state: 0x9E37_79B9_7F4A_7C15 }
    }

    /// Writes the next recipient's address; true if it is on the list.
    pub(crate) fn draw(&mut self, out: &mut Vec<u8>) -> bool {
        let draw = self.next();
        let on_the_list = (draw >> 33) % 100 < self.listed_percent;
        if on_the_list {
            push_listed(out, below(draw, u64::from(self.listed)));
        } else {
            push_name(out, b'x', below(draw, UNLISTED));
        }
        on_the_list
    }

    /// Marsaglia's xorshift64: fast, repeatable, and good enough to spread names.
    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }
}

fn below(draw: u64, limit: u64) -> u32 {
    u32::try_from(draw % limit).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_a_listed_name_agree() {
        for number in [0, 7, 1_000, 12_345_678] {
            let mut written = Vec::new();
            push_listed(&mut written, number);
            assert_eq!(written, listed(number).into_bytes());
        }
    }

    #[test]
    fn a_tenth_of_the_draws_is_on_the_list_and_says_so() {
        let mut recipients = Recipients::new(1_000, 10);
        let mut on_the_list = 0;
        for _ in 0..100_000 {
            let mut name = Vec::new();
            let listed = recipients.draw(&mut name);
            assert_eq!(name[0], if listed { b'u' } else { b'x' });
            on_the_list += u32::from(listed);
        }
        assert!((9_000..11_000).contains(&on_the_list), "{on_the_list} of 100,000");
    }
}
