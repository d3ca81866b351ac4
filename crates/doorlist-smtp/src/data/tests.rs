#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

/// Everything that comes out of one segment.
fn chunks<'a>(reader: &mut DataReader, segment: &'a [u8]) -> Vec<Chunk<'a>> {
    let mut input = segment;
    std::iter::from_fn(|| reader.next(&mut input)).collect()
}

fn normalizing() -> DataReader {
    DataReader::new(BareLf::Normalize, 1 << 20)
}

#[test]
fn many_lines_are_one_run() {
    let lines = b"a line\r\n".repeat(1_000);
    assert_eq!(chunks(&mut normalizing(), &lines), [Chunk::Body(&lines)]);
}

#[test]
fn a_run_ends_where_bytes_are_left_out_or_put_in() {
    let found = chunks(&mut normalizing(), b"a\r\n..b\r\nc\nd\r\n.\r\n");
    let expected = [
        Chunk::Body(b"a\r\n"),
        Chunk::Body(b".b\r\nc"),
        Chunk::Body(b"\r\n"),
        Chunk::Body(b"d\r\n"),
        Chunk::End(DataEnd::Complete),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_cr_at_the_end_of_a_segment_waits_for_the_next() {
    let mut reader = normalizing();
    assert_eq!(chunks(&mut reader, b"a\r"), [Chunk::Body(b"a")]);
    assert_eq!(chunks(&mut reader, b"\n.\r"), [Chunk::Body(b"\r\n")]);
    assert_eq!(chunks(&mut reader, b"\n"), [Chunk::End(DataEnd::Complete)]);
}

#[test]
fn nothing_behind_the_end_is_taken() {
    let mut input = &b".\r\nRSET\r\n"[..];
    assert_eq!(normalizing().next(&mut input), Some(Chunk::End(DataEnd::Complete)));
    assert_eq!(input, b"RSET\r\n");
}

#[test]
fn the_worst_fault_is_told() {
    for (bytes, end) in [
        (&b"123456789\r\n.\r\n"[..], DataEnd::TooLarge),
        (b"123456789\n.\r\n\r\n.\r\n", DataEnd::UnframedDot),
        (b"1\r2\n3\r\n.\r\n", DataEnd::BareCr),
        (b"1\n2\r\n.\r\n", DataEnd::BareLf),
        (b"1\n.\r\n\r\n.\r\n", DataEnd::UnframedDot),
    ] {
        let mut reader = DataReader::new(BareLf::Reject, 8);
        assert_eq!(chunks(&mut reader, bytes).last(), Some(&Chunk::End(end)), "{}", bytes.escape_ascii());
    }
}
