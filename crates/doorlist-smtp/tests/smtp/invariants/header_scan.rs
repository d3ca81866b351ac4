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
    assert!(is_subsequence_of_lines(&out, bytes), "bytes were changed or lost");
    assert!(!has_forged(&out), "a forged field is left");
    if !has_name(bytes) {
        assert_eq!(out, bytes, "nothing to take out");
    }
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
        let Some(value) = line.strip_prefix(b"authentication-results:") else { return false };
        let value = value.trim_ascii();
        value == OWN.as_bytes() || value.starts_with(b"gw.test;") || value.starts_with(b"gw.test ")
    })
}

fn has_name(message: &[u8]) -> bool {
    message.to_ascii_lowercase().windows(22).any(|window| window == b"authentication-results")
}

fn header(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    message.split_inclusive(|&byte| byte == b'\n').take_while(|line| !matches!(*line, b"\n" | b"\r\n"))
}
