//! Limits of a message's structure. They bound what an evaluation costs, and nothing in real mail comes near them. Parts
//! are counted by their `Content-Type:` lines, not by boundaries: that is one pass without a stack, and finds no fewer.

use memchr::memchr_iter;

/// Fields in the header section. Canonicalisation compares each with each that a signature names.
const FIELDS_MAX: usize = 1_000;
/// Parts with a type, in all levels together.
const PARTS_MAX: usize = 1_000;
/// Multiparts and attached messages, and so levels (bad input S38).
const CONTAINERS_MAX: usize = 100;

/// What was counted in a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PartCounts {
    fields: usize,
    parts: usize,
    containers: usize,
}

impl PartCounts {
    pub(super) fn of(message: &[u8]) -> Self {
        let (mut counts, mut start, mut in_header) = (Self::default(), 0, true);
        for end in memchr_iter(b'\n', message) {
            let line = &message[start..end];
            start = end + 1;
            in_header &= !matches!(line, [] | [b'\r']);
            counts.fields += usize::from(in_header && !matches!(line, [b' ' | b'\t', ..]));
            let Some(value) = value_of_type(line) else { continue };
            counts.parts += 1;
            counts.containers += usize::from(begins_with(value, b"multipart/") || begins_with(value, b"message/"));
        }
        counts
    }

    /// Whether the header section has more fields than an evaluation of signatures takes.
    pub(super) fn has_too_many_fields(&self) -> bool {
        self.fields > FIELDS_MAX
    }

    pub(super) fn is_over_limit(&self) -> bool {
        self.has_too_many_fields() || self.parts > PARTS_MAX || self.containers > CONTAINERS_MAX
    }
}

fn value_of_type(line: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"content-type:";
    begins_with(line, NAME).then(|| line.get(NAME.len()..).unwrap_or_default().trim_ascii_start())
}

fn begins_with(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::super::samples::Samples;
    use super::*;
    use doorlist_core::verdict::ContentFinding;
    use proptest::prelude::*;

    proptest! {
        /// Whatever the bytes are, they are counted and searched to their end.
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000), lines in "(content-type:|=|\\r|\\n|--x| |message/){0,60}") {
            let mixed = [lines.as_bytes(), &bytes, lines.as_bytes()].concat();
            let lines = mixed.iter().filter(|byte| **byte == b'\n').count();
            prop_assert!(PartCounts::of(&mixed).parts <= lines);
            prop_assert_eq!(Samples::new().find(&mixed), ContentFinding::Nothing);
        }
    }

    #[test]
    fn fields_and_parts_are_counted_where_they_stand() {
        let message = b"From: a\r\nSubject: b\r\n c\r\nContent-Type: Multipart/mixed; boundary=x\r\n\r\n\
            --x\r\nContent-type: text/plain\r\n\r\nFrom: not a field\r\n--x\r\nCONTENT-TYPE:message/rfc822\r\n\r\n--x--\r\n";
        let counts = PartCounts::of(message);
        assert_eq!(counts, PartCounts { fields: 3, parts: 3, containers: 2 });
        assert!(!counts.is_over_limit());
    }

    #[test]
    fn s38_bombs_are_over_the_limit() {
        let message = |body: String| format!("From: a\r\n\r\n{body}");
        let nested = "--x\r\nContent-Type: message/rfc822\r\n\r\n".repeat(CONTAINERS_MAX + 1);
        assert!(PartCounts::of(message(nested).as_bytes()).is_over_limit());
        let many = "--x\r\nContent-Type: text/plain\r\n\r\nhi\r\n".repeat(PARTS_MAX + 1);
        assert!(PartCounts::of(message(many).as_bytes()).is_over_limit());
        let fields = "X-A: b\r\n".repeat(FIELDS_MAX + 1);
        assert!(PartCounts::of(fields.as_bytes()).has_too_many_fields());
    }
}
