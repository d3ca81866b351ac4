//! The look at the header section: the same for any segmentation, nothing lost but what is forged, nothing forged left.

use super::segments;
use doorlist_smtp::message::{HeaderFault, HeaderLimits, HeaderScan};

const OWN: &str = "gw.test";

/// What came out, if anything may be kept; what speaks against it; the Message-ID.
type Outcome = (Option<Vec<u8>>, Option<HeaderFault>, Option<String>);

pub fn check(input: &[u8]) {
    let (choice, bytes) = segments::choice(input);
    let limits = if choice & 1 == 0 { HeaderLimits::default() } else { HeaderLimits { bytes_max: 96, hops_max: 2 } };
    let whole = scan(limits, [bytes]);
    assert_eq!(whole, scan(limits, segments::bytewise(bytes)), "byte by byte");
    assert_eq!(whole, scan(limits, segments::pieces(choice >> 1, bytes)), "in pieces");
    let Some(out) = whole.0 else { return };
    assert_eq!(scan(limits, [&out[..]]).0.as_ref(), Some(&out), "a second look changes nothing");
    let begun = with_a_start(bytes);
    let lines = out.strip_prefix(b"\r\n").unwrap_or(&out);
    assert!(is_subsequence_of_lines(lines, &begun), "bytes were changed or lost");
    assert!(!has_forged(&out), "a forged field is left");
    assert!(leaves_the_field_before_it_whole(&out), "a line of the sender's continues our field");
    if !has_name(bytes) {
        assert_eq!(out, begun, "nothing to take out");
    }
}

/// The message without lines of mailbox files in front, and behind an empty line if it begins with no field.
fn with_a_start(message: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = message.split_inclusive(|&byte| byte == b'\n').collect();
    let mbox = lines.iter().take_while(|line| is_mbox_line(line)).count();
    let rest = lines[mbox..].concat();
    let is_empty = rest.is_empty() || rest.starts_with(b"\r\n");
    if is_empty || leaves_the_field_before_it_whole(&rest) { rest } else { [b"\r\n", &rest[..]].concat() }
}

fn is_mbox_line(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    text.trim_start_matches('>').starts_with("From ") && !leaves_the_field_before_it_whole(line)
}

/// Whether a message begins with a field, an empty line or not at all.
fn leaves_the_field_before_it_whole(message: &[u8]) -> bool {
    let first = message.split_inclusive(|&byte| byte == b'\n').next().unwrap_or_default();
    let name = first.split(|&byte| byte == b':').next().unwrap_or_default();
    let name = String::from_utf8_lossy(name);
    let name = name.trim_end_matches([' ', '\t', '\r', '\n', '\x0c']);
    let is_field = first.contains(&b':') && !name.is_empty() && name.bytes().all(|byte| (33..127).contains(&byte));
    is_field || first.is_empty() || first == b"\r\n"
}

fn scan<'a>(limits: HeaderLimits, segments: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut scan = HeaderScan::new(limits, OWN.into());
    let mut out = Vec::new();
    for segment in segments {
        scan.push(segment, &mut out);
    }
    scan.finish(&mut out);
    let fault = scan.verdict();
    (fault.is_none().then_some(out), fault, scan.message_id().map(Into::into))
}

/// Whether the lines of `part` stand in `whole` in the same order.
fn is_subsequence_of_lines(part: &[u8], whole: &[u8]) -> bool {
    let mut lines = whole.split_inclusive(|&byte| byte == b'\n');
    part.split_inclusive(|&byte| byte == b'\n').all(|line| lines.any(|other| other == line))
}

/// A plain look for a field in our name, which a naive reader would believe.
fn has_forged(message: &[u8]) -> bool {
    header(message).any(|line| {
        let line = line.to_ascii_lowercase();
        if line.starts_with(b"x-doorlist-verdict:") {
            return true;
        }
        let Some(value) = line.strip_prefix(b"authentication-results:") else { return false };
        let value = value.trim_ascii();
        value == OWN.as_bytes() || value.starts_with(b"gw.test;") || value.starts_with(b"gw.test ")
    })
}

fn has_name(message: &[u8]) -> bool {
    let message = message.to_ascii_lowercase();
    let has = |name: &[u8]| message.windows(name.len()).any(|window| window == name);
    has(b"authentication-results") || has(b"x-doorlist-verdict")
}

fn header(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    message.split_inclusive(|&byte| byte == b'\n').take_while(|line| !matches!(*line, b"\n" | b"\r\n"))
}
