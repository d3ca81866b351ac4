//! The messages with which filters are tested: GTUBE for spam, EICAR for viruses. They are found as they are, with soft
//! line breaks of quoted-printable, and in base64 at each of its three alignments, whatever part they are in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use doorlist_core::verdict::ContentFinding;
use memchr::memmem::Finder;

/// The Generic Test for Unsolicited Bulk Email, in two parts so that this file is none.
const GTUBE: [&str; 2] = ["XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-", "STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"];
/// The test file of EICAR, in two parts so that this file is none.
const EICAR: [&str; 2] = [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-", "STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"];

/// Octets that are looked at together.
const WINDOW: usize = 32 * 1024;
/// More octets than any form of a sample has.
const OVERLAP: usize = 128;

/// The forms of both samples.
pub(super) struct Samples {
    virus: Vec<Finder<'static>>,
    spam: Vec<Finder<'static>>,
}

impl Samples {
    pub(super) fn new() -> Self {
        Self { virus: forms(&EICAR.concat()), spam: forms(&GTUBE.concat()) }
    }

    /// What is in the message; a virus counts before spam.
    pub(super) fn find(&self, message: &[u8]) -> ContentFinding {
        let mut finding = ContentFinding::Nothing;
        let mut window = Vec::with_capacity(WINDOW);
        for (at, &byte) in message.iter().enumerate() {
            if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') || (byte == b'=' && is_line_end(&message[at + 1..])) {
                continue;
            }
            window.push(byte);
            if window.len() == WINDOW {
                finding = self.worse(finding, &window);
                window.drain(..WINDOW - OVERLAP);
            }
        }
        self.worse(finding, &window)
    }

    fn worse(&self, finding: ContentFinding, window: &[u8]) -> ContentFinding {
        let has = |forms: &[Finder<'_>]| forms.iter().any(|form| form.find(window).is_some());
        match finding {
            ContentFinding::TestVirus => finding,
            _ if has(&self.virus) => ContentFinding::TestVirus,
            ContentFinding::Nothing if has(&self.spam) => ContentFinding::TestSpam,
            _ => finding,
        }
    }
}

/// The sample itself, and what of it is the same in base64 whatever stands before and behind it.
fn forms(sample: &str) -> Vec<Finder<'static>> {
    let mut forms = vec![Finder::new(sample.as_bytes()).into_owned()];
    for before in 0..3_usize {
        let bytes = [vec![0; before], sample.as_bytes().to_vec()].concat();
        let encoded = STANDARD_NO_PAD.encode(&bytes);
        let (first, behind) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        let same = encoded.get(first..behind).unwrap_or_default();
        forms.push(Finder::new(same.as_bytes()).into_owned());
    }
    forms
}

fn is_line_end(rest: &[u8]) -> bool {
    rest.starts_with(b"\r\n") || rest.starts_with(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;

    fn lines(text: &str, length: usize) -> String {
        let lines: Vec<_> = text.as_bytes().chunks(length).map(String::from_utf8_lossy).collect();
        lines.join("\r\n")
    }

    #[test]
    fn samples_are_found_plain_and_encoded() {
        let samples = Samples::new();
        for (sample, expected) in [(EICAR, ContentFinding::TestVirus), (GTUBE, ContentFinding::TestSpam)] {
            let whole = sample.concat();
            assert_eq!(samples.find(whole.as_bytes()), expected);
            assert_eq!(samples.find(sample.join("=\r\n").as_bytes()), expected, "quoted-printable");
            for before in 0..7 {
                let file = format!("{}{whole}{}", "x".repeat(before), "y".repeat(before * 5));
                for length in [1, 19, 60, 64, 76, 998] {
                    let part = lines(&STANDARD.encode(&file), length);
                    assert_eq!(samples.find(part.as_bytes()), expected, "{before} {length}");
                }
            }
            // Across every border of a window.
            for pad in [0, WINDOW - OVERLAP, WINDOW - 40, WINDOW, 3 * WINDOW - 100] {
                let message = format!("{}{whole}", "z".repeat(pad));
                assert_eq!(samples.find(message.as_bytes()), expected, "{pad}");
            }
        }
        let both = format!("{}\r\n\r\n{}", GTUBE.concat(), EICAR.concat());
        assert_eq!(samples.find(both.as_bytes()), ContentFinding::TestVirus);
    }

    #[test]
    fn what_only_looks_like_one_is_none() {
        let samples = Samples::new();
        for message in ["", "=", "=\r\n", GTUBE[0], EICAR[1], "EICAR-STANDARD-ANTIVIRUS-TEST-FILE", "GTUBE"] {
            assert_eq!(samples.find(message.as_bytes()), ContentFinding::Nothing, "{message}");
        }
    }
}
