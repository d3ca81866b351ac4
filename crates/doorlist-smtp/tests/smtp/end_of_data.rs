//! S01 to S12: whatever might be taken for the end of a message by somebody else ends nothing here, and is refused at
//! the true end (RFC 5321 §2.3.8, §4.1.1.4).

use super::invariants::session::{Item, run};
use doorlist_smtp::reply::Reply;
use doorlist_smtp::server::{BareLf, DataEnd, SessionConfig};

const OPENING: &str =
    "EHLO c\r\nMAIL FROM:<s@example.test>\r\nRCPT TO:<r@example.test>\r\nDATA\r\nSubject: x\r\n\r\nfirst";
/// What an attacker hopes to have read as commands.
const SMUGGLED: &str = "MAIL FROM:<evil@example.test>\r\nRCPT TO:<r@example.test>\r\nDATA\r\nsecond\r\n";

const VARIANTS: [(&str, &str); 13] = [
    ("S01", "\n.\n"),
    ("S02", "\n.\r\n"),
    ("S03", "\r\n.\n"),
    ("S04", "\r.\r"),
    ("S05", "\r.\n"),
    ("S06", "\n.\r"),
    ("S07", "\r.\r\n"),
    ("S08", "\r\n.\r"),
    ("S09", "\r\n.\r\r\n"),
    ("S10", "\r\r\n.\r\r\n"),
    ("S11 NUL in front", "\r\n\0.\r\n"),
    ("S11 NUL behind", "\r\n.\0\r\n"),
    ("S11 NUL in front once unstuffed", "\r\n.\0.\r\n"),
];

fn config(bare_lf: BareLf) -> SessionConfig {
    SessionConfig { bare_lf, ..SessionConfig::default() }
}

/// The items behind DATA.
fn behind_data(bare_lf: BareLf, segments: &[&[u8]]) -> Vec<Item> {
    let mut items = run(config(bare_lf), segments.iter().copied(), false);
    items.drain(..4);
    items
}

#[test]
fn s01_s11_end_of_data_variants_end_nothing_and_are_refused_at_the_true_end() {
    for (name, variant) in VARIANTS {
        for bare_lf in [BareLf::Normalize, BareLf::Reject] {
            let wire = format!("{OPENING}{variant}{SMUGGLED}.\r\nQUIT\r\n");
            let items = behind_data(bare_lf, &[wire.as_bytes()]);
            let [Item::Message(end, _), Item::Quit] = &items[..] else { panic!("{name}: {items:?}") };
            assert_eq!(end.refusal(), Some(Reply::BareLineEnd), "{name}");
        }
    }
}

#[test]
fn s01_s12_end_of_data_variants_in_any_three_segments() {
    for (name, variant) in VARIANTS {
        let wire = format!("{OPENING}{variant}{SMUGGLED}.\r\nQUIT\r\n");
        let wire = wire.as_bytes();
        let whole = behind_data(BareLf::Normalize, &[wire]);
        for first in 0..wire.len() {
            for second in (first..wire.len()).step_by(if first % 8 == 0 { 1 } else { 7 }) {
                let segments = [&wire[..first], &wire[first..second], &wire[second..]];
                assert_eq!(behind_data(BareLf::Normalize, &segments), whole, "{name} cut at {first} and {second}");
            }
        }
    }
}

#[test]
fn s13_a_lone_lf_is_normalised_or_refused() {
    let wire = format!("{OPENING}\nline\n..stuffed\r\n.\r\n");
    let normalised = b"Subject: x\r\n\r\nfirst\r\nline\r\n.stuffed\r\n".to_vec();
    let items = behind_data(BareLf::Normalize, &[wire.as_bytes()]);
    assert_eq!(items, [Item::Message(DataEnd::Complete, normalised)]);
    let items = behind_data(BareLf::Reject, &[wire.as_bytes()]);
    assert_eq!(items, [Item::Message(DataEnd::BareLf, Vec::new())]);
}

#[test]
fn s15_long_lines_pass_up_to_a_mebibyte() {
    for (len, end) in [(998, DataEnd::Complete), (1 << 20, DataEnd::Complete), ((1 << 20) + 1, DataEnd::LineTooLong)] {
        let wire = format!("{OPENING}\r\n{}\r\n.\r\n", "x".repeat(len));
        for segments in [vec![wire.as_bytes()], wire.as_bytes().chunks(1_460).collect()] {
            let items = behind_data(BareLf::Normalize, &segments);
            let [Item::Message(found, body)] = &items[..] else { panic!("{len}: {} items", items.len()) };
            assert_eq!(*found, end, "{len}");
            let kept = if end == DataEnd::Complete { "Subject: x\r\n\r\nfirst\r\n\r\n".len() + len } else { 0 };
            assert_eq!(body.len(), kept);
        }
    }
}

#[test]
fn s17_a_message_over_the_limit_is_read_to_its_end_and_refused() {
    let config = SessionConfig { size_max: 27, ..SessionConfig::default() };
    // 21 octets of the opening with its line end, then 6 or 7 more.
    for (text, end) in [("..bcd\r\n", DataEnd::Complete), ("abcde\r\n", DataEnd::TooLarge)] {
        let wire = format!("{OPENING}\r\n{text}.\r\nQUIT\r\n");
        let items = run(config, [wire.as_bytes()], false);
        let Some(Item::Message(found, _)) = items.get(4) else { panic!("{items:?}") };
        assert_eq!((*found, items.get(5)), (end, Some(&Item::Quit)), "{text:?}");
    }
}

#[test]
fn s21_a_nul_in_the_body_passes() {
    let wire = format!("{OPENING} \0 \0\r\n\0\r\n.\r\n");
    let items = behind_data(BareLf::Normalize, &[wire.as_bytes()]);
    assert_eq!(items, [Item::Message(DataEnd::Complete, b"Subject: x\r\n\r\nfirst \0 \0\r\n\0\r\n".to_vec())]);
}
