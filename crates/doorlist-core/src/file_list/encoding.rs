//! Decodes UTF-8, UTF-16 and Windows-1252, with and without a byte order mark. Borrows UTF-8 instead of copying it.

use encoding_rs::{UTF_16BE, UTF_16LE, WINDOWS_1252};
use std::borrow::Cow;
use std::fmt;

/// How the characters of a file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, of which ASCII is a part.
    Utf8,
    /// UTF-8 with bytes between that are none: two files put together. Those characters cannot be read.
    Utf8Mixed,
    /// UTF-16, low byte first, as Windows writes it.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
    /// The Windows code page of Western Europe, which covers Latin-1.
    Windows1252,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Encoding::Utf8 => "UTF-8",
            Encoding::Utf8Mixed => "UTF-8 with invalid bytes",
            Encoding::Utf16Le => "UTF-16 (little endian)",
            Encoding::Utf16Be => "UTF-16 (big endian)",
            Encoding::Windows1252 => "Windows-1252",
        })
    }
}

/// What stands for a character that could not be read.
pub(super) const UNREADABLE: char = char::REPLACEMENT_CHARACTER;
/// Bytes in which the zeros of UTF-16 without a mark are counted.
const SNIFFED: usize = 4096;

/// The text without its byte order mark, and how it was written.
pub(super) fn decode(bytes: &[u8]) -> (Encoding, Cow<'_, str>) {
    if let Some(rest) = bytes.strip_prefix(b"\xff\xfe") {
        return (Encoding::Utf16Le, UTF_16LE.decode_without_bom_handling(rest).0);
    }
    if let Some(rest) = bytes.strip_prefix(b"\xfe\xff") {
        return (Encoding::Utf16Be, UTF_16BE.decode_without_bom_handling(rest).0);
    }
    let marked = bytes.strip_prefix(b"\xef\xbb\xbf");
    let bytes = marked.unwrap_or(bytes);
    if marked.is_none()
        && let Some(decoded) = utf16_unmarked(bytes)
    {
        return decoded;
    }
    match str::from_utf8(bytes) {
        Ok(text) => (Encoding::Utf8, Cow::Borrowed(text)),
        Err(_) if marked.is_some() || mostly_utf8(bytes) => (Encoding::Utf8Mixed, String::from_utf8_lossy(bytes)),
        Err(_) => (Encoding::Windows1252, windows_1252(bytes)),
    }
}

/// The text of a file, however its characters are written.
pub fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    decode(bytes).1
}

/// Addresses, separators and line ends are ASCII in every list, so that UTF-16 has zeros in one half of its pairs.
fn utf16_unmarked(bytes: &[u8]) -> Option<(Encoding, Cow<'_, str>)> {
    let pairs = &bytes[..bytes.len().min(SNIFFED)];
    let zeros = |half: usize| pairs.iter().skip(half).step_by(2).filter(|byte| **byte == 0).count();
    let (first, second, all) = (zeros(0), zeros(1), pairs.len() / 2);
    if all == 0 {
        None
    } else if second * 3 > all && first * 20 < all {
        Some((Encoding::Utf16Le, UTF_16LE.decode_without_bom_handling(bytes).0))
    } else if first * 3 > all && second * 20 < all {
        Some((Encoding::Utf16Be, UTF_16BE.decode_without_bom_handling(bytes).0))
    } else {
        None
    }
}

/// Letters of Western Europe in Windows-1252 make no UTF-8 by chance: more good sequences than bad bytes means that UTF-8
/// was meant.
fn mostly_utf8(bytes: &[u8]) -> bool {
    let (mut good, mut bad) = (0usize, 0usize);
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().bytes().filter(|byte| *byte >= 0xc0).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    good >= bad
}

/// The five bytes that the code page does not define are no characters.
fn windows_1252(bytes: &[u8]) -> Cow<'_, str> {
    let (text, _) = WINDOWS_1252.decode_without_bom_handling(bytes);
    let undefined = ['\u{81}', '\u{8d}', '\u{8f}', '\u{90}', '\u{9d}'];
    if text.contains(undefined) { Cow::Owned(text.replace(undefined, "\u{fffd}")) } else { text }
}
