//! One header field, still folded: its name, and the two values that are read.

use super::MESSAGE_ID_MAX;

/// Splits name and value. Blanks before the colon are not part of the name (obsolete syntax, RFC 5322 §4.5.3).
pub(super) fn split(field: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', field)?;
    Some((field[..colon].trim_ascii(), &field[colon + 1..]))
}

/// Whether a line begins a field: a name of printable ASCII and a colon, with blanks between them at most.
pub(super) fn is_start(line: &[u8]) -> bool {
    let Some(colon) = memchr::memchr(b':', line) else { return false };
    let name = line[..colon].trim_ascii_end();
    !name.is_empty() && name.iter().all(u8::is_ascii_graphic)
}

/// Whether a line is one with which programs begin each message of a mailbox file: `From ann@example.test Mon Nov 30 ...`,
/// also quoted.
pub(super) fn is_mbox_line(line: &[u8]) -> bool {
    let quotes = line.iter().take_while(|byte| **byte == b'>').count();
    line[quotes..].starts_with(b"From ")
}

/// The first word of the value, if it is text of a sane length.
pub(super) fn message_id(value: &[u8]) -> Option<&str> {
    let value = value.trim_ascii();
    let len = value.iter().position(u8::is_ascii_whitespace).unwrap_or(value.len());
    if len == 0 || len > MESSAGE_ID_MAX {
        return None;
    }
    std::str::from_utf8(&value[..len]).ok()
}

/// Whether an `Authentication-Results` value has the authserv-id `own` (RFC 8601 §2.2: `[CFWS] authserv-id`). In doubt
/// yes: losing an unreadable field is harmless, a forged one is not.
pub(super) fn is_authserv_id(value: &[u8], own: &str) -> bool {
    let Some(value) = skip_comments(value) else { return true };
    let id = match value {
        [b'"', quoted @ ..] => match unquote(quoted) {
            Some(id) => id,
            None => return true,
        },
        _ => {
            let is_end = |b: &u8| b.is_ascii_whitespace() || matches!(b, b';' | b'(' | b'"' | b'/');
            value[..value.iter().position(is_end).unwrap_or(value.len())].to_vec()
        }
    };
    let id = id.strip_suffix(b".").unwrap_or(&id);
    id.eq_ignore_ascii_case(own.as_bytes())
}

/// Skips blanks, folds and nested comments (RFC 5322 §3.2.2). `None` if a comment does not end.
fn skip_comments(value: &[u8]) -> Option<&[u8]> {
    let mut rest = value.trim_ascii_start();
    while let [b'(', inner @ ..] = rest {
        let mut depth = 1;
        let mut bytes = inner;
        while depth > 0 {
            let (&byte, behind) = bytes.split_first()?;
            bytes = behind;
            match byte {
                b'(' => depth += 1,
                b')' => depth -= 1,
                b'\\' => bytes = bytes.get(1..)?,
                _ => {}
            }
        }
        rest = bytes.trim_ascii_start();
    }
    Some(rest)
}

/// The characters of a quoted string after its opening quote, without blanks. `None` if it does not end.
fn unquote(quoted: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let mut bytes = quoted.iter();
    loop {
        match bytes.next()? {
            b'"' => return Some(plain),
            b'\\' => plain.push(*bytes.next()?),
            // Folding is no part of the text (RFC 5322 §3.2.4), and a lenient reader drops other blanks, too.
            blank if blank.is_ascii_whitespace() => {}
            &byte => plain.push(byte),
        }
    }
}
