//! What holds for every file.

use super::{fixtures, line, read, rows};
use doorlist_core::file_list::{NotAList, rejected};
use proptest::prelude::*;

fn lines(bytes: &[u8]) -> Vec<String> {
    read(bytes).unwrap().rows.iter().map(line).collect()
}

/// The text of a fixture, whatever its encoding.
fn text(bytes: &[u8]) -> String {
    if let Some(rest) = bytes.strip_prefix(b"\xff\xfe") {
        let units: Vec<u16> = rest.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        return String::from_utf16(&units).unwrap();
    }
    match str::from_utf8(bytes) {
        Ok(text) => text.trim_start_matches('\u{feff}').to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

#[test]
fn line_ends_make_no_difference() {
    for (name, bytes) in fixtures() {
        let unix = text(&bytes).replace("\r\n", "\n");
        for ending in ["\r\n", "\r"] {
            assert_eq!(lines(unix.replace('\n', ending).as_bytes()), lines(unix.as_bytes()), "{name} {ending:?}");
        }
    }
}

#[test]
fn encodings_make_no_difference() {
    for (name, bytes) in fixtures() {
        let text = text(&bytes);
        let expected = lines(text.as_bytes());
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(lines(&little), expected, "{name}");
        assert_eq!(lines(&big), expected, "{name}");
        if text.chars().all(|c| u32::from(c) < 256) {
            let latin: Vec<u8> = text.chars().map(|c| c as u8).collect();
            assert_eq!(lines(&latin), expected, "{name}");
        }
    }
}

#[test]
fn rejected_rows_can_be_read_again_and_are_still_wrong() {
    for (name, bytes) in fixtures() {
        let list = read(&bytes).unwrap();
        if list.problems_total > 0 && !rejected(&bytes, &list).contains("****") {
            let again = match read(rejected(&bytes, &list).as_bytes()) {
                // All that is wrong with them is their domain.
                Err(NotAList::OtherDomain { .. }) => continue,
                again => again.unwrap_or_else(|error| panic!("{name}: {error}")),
            };
            assert!(again.problems_total > 0, "{name}: {again:?}");
            assert!(rows(&again).iter().all(|row| rows(&list).contains(row)), "{name}: {:?}", rows(&again));
        }
    }
}

/// Bytes that mean something to one reader or another, more often than others.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![3 => prop::sample::select(b"\r\n\",;:@#'\t |={}\0\\<>+.".to_vec()), 1 => any::<u8>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(byte(), 0..300)) {
        if let Ok(list) = read(&bytes) {
            let _ = rejected(&bytes, &list);
        }
    }

    #[test]
    fn no_damage_panics(which in any::<prop::sample::Index>(), damage in prop::collection::vec((any::<prop::sample::Index>(), byte(), 0..3u8), 1..12)) {
        let files = fixtures();
        let mut bytes = files[which.index(files.len())].1.clone();
        for (at, byte, how) in damage {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => bytes.truncate(at.max(1)),
            }
        }
        if let Ok(list) = read(&bytes) {
            let _ = rejected(&bytes, &list);
            prop_assert!(list.problems.len() as u64 <= list.problems_total);
        }
    }
}
