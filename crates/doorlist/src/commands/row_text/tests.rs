#![allow(clippy::unwrap_used)]

use super::*;
use doorlist_core::address::LocalPart;
use doorlist_core::change::Source;
use doorlist_core::list_change::VetoRecord;
use doorlist_core::time::Timestamp;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn local(text: &str) -> LocalPart {
    LocalPart::parse(text.as_bytes()).unwrap()
}

fn claim(source: &str) -> ClaimRecord {
    ClaimRecord {
        source: Source::parse(source).unwrap(),
        structure: Structure::Mailbox,
        since: NOW,
        by: "ann".to_owned(),
        place: Some("staff.csv, line 2".to_owned()),
        key: None,
        missing_since: None,
    }
}

fn mailbox(claims: &[ClaimRecord]) -> AddressRecord {
    let (kind, standing) = (EntryKind::Mailbox, Standing::Active);
    AddressRecord { kind, account: None, standing, claims: claims.to_vec(), veto: None }
}

fn alias(account: &str, claims: &[ClaimRecord]) -> AddressRecord {
    AddressRecord { kind: EntryKind::Alias, account: Some(local(account)), ..mailbox(claims) }
}

fn vetoed() -> AddressRecord {
    let veto = VetoRecord { since: NOW, by: "ann".to_owned() };
    AddressRecord { standing: Standing::Vetoed, veto: Some(veto), ..mailbox(&[]) }
}

fn said(before: Option<&AddressRecord>, after: Option<&AddressRecord>) -> String {
    row_text(&"bob@example.test".parse().unwrap(), before, after)
}

#[test]
fn what_comes_and_what_goes() {
    let hand = mailbox(&[claim("hand")]);
    let lines = [
        (None, Some(&hand), "  + bob@example.test: mailbox, claimed by hand"),
        (Some(&hand), None, "  - bob@example.test: mailbox, claimed by hand"),
        (Some(&hand), Some(&vetoed()), "  - bob@example.test: mailbox, claimed by hand; removed by a person"),
        (Some(&vetoed()), Some(&hand), "  + bob@example.test: mailbox, claimed by hand; no longer removed by a person"),
        (Some(&vetoed()), None, "  ~ bob@example.test: no longer mailbox, removed by a person"),
    ];
    for (before, after, line) in lines {
        assert_eq!(said(before, after), line);
    }
}

#[test]
fn what_goes_missing_says_until_when() {
    let before = mailbox(&[claim("directory:office")]);
    let gone = ClaimRecord { missing_since: Some(NOW), ..claim("directory:office") };
    let line = "  ? bob@example.test: mailbox, claimed by directory:office, accepted until 2027-01-22T08:00:00Z";
    assert_eq!(said(Some(&before), Some(&mailbox(std::slice::from_ref(&gone)))), line);
    // Another source has it: it stays.
    let hand = [claim("hand"), claim("directory:office")];
    let line = "  ~ bob@example.test: missing from directory:office";
    assert_eq!(said(Some(&mailbox(&hand)), Some(&mailbox(&[claim("hand"), gone]))), line);
}

#[test]
fn another_kind_is_told_with_what_it_was() {
    let as_alias = ClaimRecord { structure: Structure::AliasOf(local("cora")), ..claim("file:staff") };
    let (before, after) = (mailbox(&[claim("file:staff")]), alias("cora", &[as_alias]));
    let line = "  ~ bob@example.test: alias of cora, claimed by file:staff (was mailbox)";
    assert_eq!(said(Some(&before), Some(&after)), line);
}

/// The text of each is another one: what differs is said, whatever it is.
#[test]
fn no_row_says_the_same_of_before_and_after() {
    let one = claim("file:staff");
    let missing = ClaimRecord { missing_since: Some(NOW), ..one.clone() };
    let with = |claim: ClaimRecord| mailbox(&[claim]);
    let list = ClaimRecord { structure: Structure::DistributionList, ..one.clone() };
    let rows = [
        (with(one.clone()), mailbox(&[one.clone(), claim("hand")]), "now also claimed by hand"),
        (mailbox(&[one.clone(), claim("hand")]), with(one.clone()), "no longer claimed by hand"),
        (with(missing), with(one.clone()), "back in file:staff"),
        (with(one.clone()), with(list), "file:staff calls it a distribution list (before: a mailbox)"),
        (
            with(one.clone()),
            with(ClaimRecord { key: Some("k1".to_owned()), ..one.clone() }),
            "another entry of file:staff: staff.csv, line 2",
        ),
        (
            with(one.clone()),
            with(ClaimRecord { place: None, ..one.clone() }),
            "in file:staff at nowhere (before: staff.csv, line 2)",
        ),
        (
            with(one.clone()),
            with(ClaimRecord { by: "bob".to_owned(), ..one.clone() }),
            "claimed by file:staff since 2027-01-15T08:00:00Z, by bob",
        ),
    ];
    for (before, after, what) in rows {
        assert_eq!(said(Some(&before), Some(&after)), format!("  ~ bob@example.test: {what}"));
    }
    let off = AddressRecord { standing: Standing::SwitchedOff, ..with(one.clone()) };
    assert_eq!(said(Some(&with(one)), Some(&off)), "  ~ bob@example.test: switched off");
}
