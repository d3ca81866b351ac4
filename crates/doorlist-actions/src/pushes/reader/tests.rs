#![allow(clippy::unwrap_used)]

use super::*;
use crate::error::ErrorKind;
use crate::pushes::PART_ITEMS_MAX;
use crate::pushes::{ALIASES_MAX, ITEMS_MAX};

fn whole() -> PushReader {
    PushReader::of(PushContent::Whole(PushReading::of("example.test".parse().unwrap(), Vec::new())))
}

fn part() -> PushReader {
    PushReader::of(PushContent::Part(Vec::new()))
}

/// Reads a text in pieces of so many octets.
fn read_by(mut reader: PushReader, text: &[u8], piece: usize) -> Result<PushState, PushFault> {
    for piece in text.chunks(piece) {
        reader.take(piece)?;
    }
    reader.finish()
}

/// Names, targets and problems of what was read; the same in pieces of every size.
fn read(text: &str) -> Result<(Vec<String>, u64, OperationLimits), PushFault> {
    let said = |piece| {
        read_by(whole(), text.as_bytes(), piece).map(|state| match state.content {
            PushContent::Whole(reading) => {
                let row = |at| format!("{}>{}", reading.rows.local(at), reading.rows.target(at).unwrap_or_default());
                ((0..reading.rows.len()).map(row).collect::<Vec<_>>(), reading.problems_total, state.limits)
            }
            PushContent::Part(_) => unreachable!("it is read as a whole"),
        })
    };
    let at_once = said(text.len().max(1));
    for piece in 1..text.len() {
        assert_eq!(said(piece), at_once, "{text:?} in pieces of {piece}");
    }
    at_once
}

fn fault(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

#[test]
fn a_list_is_read_alike_in_pieces_of_any_size() {
    let text = " [ {\"email\": \"Ann@example.test\", \"aliases\": [\"a.lee\", \"\\u0062\\\"ob\"], \"more\": {\"x\": [1,{}]}},\n\
                {\"aliases\":[],\"email\":\"bür\\u00f6@example.test\"} , {\"email\":\"not an address\"}]\r\n";
    let (rows, problems, limits) = read(text).unwrap();
    assert_eq!(rows, ["ann>", "a.lee>ann", "bürö>"]);
    assert_eq!((problems, limits), (2, OperationLimits::default()));
    assert_eq!(read("[]").unwrap().0, [""; 0]);
}

#[test]
fn an_object_has_its_limits_before_or_behind_the_list() {
    let limits = r#"{"accounts_delete": 3}"#;
    let list = r#"[{"email":"ann@example.test"}]"#;
    let before = format!(r#"{{"limits":{limits},"other":12,"items":{list}}}"#);
    let behind = format!(r#"{{"items":{list} , "note":"[", "limits": {limits} }}"#);
    for text in [&before, &behind] {
        let (rows, _, limits) = read(text).unwrap();
        assert_eq!(rows, ["ann>"]);
        assert_ne!(limits, OperationLimits::default(), "{text}");
    }
    assert!(fault(&format!(r#"{{"items":{list},"items":{list}}}"#)).contains("duplicate field `items`"));
    assert!(fault(&format!(r#"{{"limits":{limits},"limits":{limits}}}"#)).contains("duplicate field `limits`"));
}

#[test]
fn what_is_no_list_is_told_from_what_is_no_json() {
    for text in ["7", "null", "\"ann\"", "{}", r#"{"items":null}"#, r#"{"limits":{}}"#, "true"] {
        assert_eq!(fault(text), "the body must be a list of objects with email and aliases", "{text}");
    }
    for text in
        ["", " ", "[", "[{\"email\":\"a\"}", "[{\"email\":\"a\"},]", "[]]", "{\"items\":[]", "{\"a\" 1}", "tru", "[,]"]
    {
        assert!(fault(text).starts_with("the body is not JSON: "), "{text}: {}", fault(text));
    }
    for (text, what) in [
        (r#"[{"email":"a"},{"aliases":[]}]"#, "missing field `email`, account 2"),
        (r#"[{"email":7}]"#, "invalid type: integer `7`, expected a string, account 1"),
        (r#"[{"email":"a","aliases":null}]"#, "invalid type: null, expected a sequence, account 1"),
        ("[7]", "invalid type: integer `7`, expected struct PushItem, account 1"),
    ] {
        assert_eq!(fault(text), format!("invalid account or limit: {what}"), "{text}");
    }
    let deep = format!("[{{\"email\":\"a\",\"aliases\":{}", "[".repeat(1_000));
    let wrong = read_by(whole(), deep.as_bytes(), 64).unwrap_err().to_string();
    assert!(wrong.contains("invalid type: sequence, expected a string"), "{wrong}");
}

#[test]
fn limits_are_met_while_it_comes_in_and_before_it_is_kept() {
    let limit = |fault: PushFault| match fault {
        PushFault::Limit(error) => (error.kind(), error.to_string()),
        PushFault::Text(text) => unreachable!("{text}"),
    };
    let many = |reader: PushReader, max: usize| {
        let mut text = "[".to_owned();
        (0..max).for_each(|number| text.push_str(&format!("{{\"email\":\"{number}\"}},")));
        let mut reader = reader;
        reader.take(text.as_bytes()).unwrap();
        reader.take(b"{\"email\":\"x\"},").unwrap_err()
    };
    let (kind, message) = limit(many(whole(), ITEMS_MAX));
    let same = format!("a push has at most {ITEMS_MAX} accounts, each with at most {ALIASES_MAX} aliases");
    assert_eq!((kind, &message), (ErrorKind::Data, &same));
    assert!(limit(many(part(), PART_ITEMS_MAX)).1.starts_with("a part has at most 10000 accounts"));
    let aliases = format!("[{{\"email\":\"ann\",\"aliases\":[\"a\"{}]}}", ",\"a\"".repeat(ALIASES_MAX));
    assert_eq!(limit(read_by(whole(), aliases.as_bytes(), 1 << 16).unwrap_err()).1, same);
    let long = format!("[{{\"email\":\"{}", "a".repeat(2 * ITEM_OCTETS_MAX + (1 << 16)));
    assert!(
        read_by(whole(), long.as_bytes(), 1 << 16).unwrap_err().to_string().contains("has more than 4194304 octets")
    );
}
