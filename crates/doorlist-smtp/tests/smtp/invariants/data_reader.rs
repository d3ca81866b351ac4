//! The reader of messages against a slow one that looks at the whole input at once, and against the writer.

use super::segments;
use doorlist_smtp::client::DotStuffer;
use doorlist_smtp::data::{BareLf, Chunk, DataEnd, DataReader};

/// A message: how it ended, its body if it may be kept, and how many bytes it took. `None`: it has no end yet.
type Outcome = Option<(DataEnd, Vec<u8>, usize)>;

pub fn check(input: &[u8]) {
    let (choice, bytes) = segments::choice(input);
    let bare_lf = if choice & 1 == 0 { BareLf::Normalize } else { BareLf::Reject };
    let size_max = if choice & 2 == 0 { 1 << 20 } else { 24 };
    let expected = reference(bare_lf, size_max, bytes);
    assert_eq!(read(bare_lf, size_max, [bytes]), expected, "whole");
    assert_eq!(read(bare_lf, size_max, segments::bytewise(bytes)), expected, "byte by byte");
    assert_eq!(read(bare_lf, size_max, segments::pieces(choice >> 2, bytes)), expected, "in pieces");
    if let Some((DataEnd::Complete, body, _)) = expected {
        check_round_trip(choice, &body);
    }
}

/// What we send onward, we would read back as the same message.
fn check_round_trip(choice: u8, body: &[u8]) {
    let (mut stuffer, mut wire) = (DotStuffer::default(), Vec::new());
    segments::pieces(choice, body).iter().for_each(|piece| stuffer.push(piece, &mut wire));
    stuffer.finish(&mut wire);
    let len = wire.len();
    let found = read(BareLf::Reject, 1 << 20, [&wire[..]]);
    assert_eq!(found, Some((DataEnd::Complete, body.to_vec(), len)), "sent onward");
}

fn read<'a>(bare_lf: BareLf, size_max: u64, segments: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut reader = DataReader::new(bare_lf, size_max);
    let (mut body, mut taken) = (Vec::new(), 0);
    for segment in segments {
        let mut input = segment;
        while let Some(chunk) = reader.next(&mut input) {
            match chunk {
                Chunk::Body(bytes) => body.extend_from_slice(bytes),
                Chunk::End(end) => {
                    let body = if end == DataEnd::Complete { body } else { Vec::new() };
                    return Some((end, body, taken + segment.len() - input.len()));
                }
            }
        }
        assert!(input.is_empty());
        taken += segment.len();
    }
    None
}

/// Finds CRLF.CRLF first, then takes the lines apart. Knows no state but where it is.
fn reference(bare_lf: BareLf, size_max: u64, bytes: &[u8]) -> Outcome {
    let message_len =
        if bytes.starts_with(b".\r\n") { 0 } else { bytes.windows(5).position(|window| window == b"\r\n.\r\n")? + 2 };
    let mut worst = DataEnd::Complete;
    let mut body = Vec::new();
    for line in bytes[..message_len].split_inclusive(|&byte| byte == b'\n') {
        let (line, crlf) = match line {
            [line @ .., b'\r', b'\n'] => (line, true),
            [line @ .., _] => (line, false),
            [] => continue,
        };
        if !crlf && bare_lf == BareLf::Reject {
            worst = worst.max(DataEnd::BareLf);
        }
        if line.contains(&b'\r') {
            worst = worst.max(DataEnd::BareCr);
        }
        // The second form is the first one when its dot is unstuffed, and is not stuffed when it is sent on.
        let without_nuls: Vec<u8> = line.iter().copied().filter(|&byte| byte != 0).collect();
        if without_nuls == b"." || (without_nuls == b".." && line.starts_with(b".\0")) {
            worst = worst.max(DataEnd::UnframedDot);
        }
        body.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        body.extend_from_slice(b"\r\n");
    }
    if body.len() as u64 > size_max {
        worst = worst.max(DataEnd::TooLarge);
    }
    if worst != DataEnd::Complete {
        body.clear();
    }
    Some((worst, body, message_len + b".\r\n".len()))
}
