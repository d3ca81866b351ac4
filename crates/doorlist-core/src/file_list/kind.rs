//! Detects files that are not text by their first bytes, so that the error can name them. Unpacks nothing.

use super::NotAList;

/// First bytes that only this kind of file has.
const MAGIC: [(&[u8], &str); 17] = [
    (b"PK\x03\x04", "a spreadsheet (xlsx, ods) or a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (xls) or another Office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a rar archive"),
    (b"%PDF", "a PDF document"),
    (b"{\\rtf", "a rich text document"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x7fELF", "a program"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"!BDN", "an Outlook mail store (pst)"),
];

/// How a text of another kind begins, without blanks, in lower case.
const TEXT_STARTS: [(&str, &str); 8] = [
    ("<!doctype", "a web page"),
    ("<html", "a web page"),
    ("<head", "a web page"),
    ("<?xml", "an XML document"),
    ("{\"", "a JSON document"),
    ("[{", "a JSON document"),
    ("[\"", "a JSON document"),
    ("-----begin", "a key or certificate"),
];

/// Characters of a text that are looked at.
const LOOKED_AT: usize = 4096;

/// Refuses what is of another kind by its bytes.
pub(super) fn of_bytes(bytes: &[u8]) -> Result<(), NotAList> {
    match MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        Some((_, kind)) => Err(NotAList::OtherKind(kind)),
        None => Ok(()),
    }
}

/// Refuses decoded text that is of another kind, or binary.
pub(super) fn of_text(text: &str) -> Result<(), NotAList> {
    let letters = text.chars().filter(|c| !c.is_whitespace());
    let start: String = letters.take(16).collect::<String>().to_ascii_lowercase();
    if let Some((_, kind)) = TEXT_STARTS.iter().find(|(begins, _)| start.starts_with(begins)) {
        return Err(NotAList::OtherKind(kind));
    }
    // An address in angle brackets has no closing tag.
    if start.starts_with('<') && (text.contains("</") || text.contains("/>")) {
        return Err(NotAList::OtherKind("a piece of a web page or of an XML document"));
    }
    let is_odd = |c: &char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\x0b' | '\x0c' | '\x1a');
    let looked_at = text.chars().take(LOOKED_AT).count();
    let odd = text.chars().take(LOOKED_AT).filter(is_odd).count();
    if odd * 20 > looked_at || memchr::memchr(0, text.as_bytes()).is_some() { Err(NotAList::NotText) } else { Ok(()) }
}
