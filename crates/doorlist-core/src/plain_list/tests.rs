//! What people's files look like, and what becomes of them.
#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

fn domain() -> DomainName {
    "example.test".parse().unwrap()
}

fn addresses(file: &[u8]) -> Vec<String> {
    parse(file, &domain(), &[]).unwrap().rows.into_iter().map(|row| row.address.to_string()).collect()
}

#[test]
fn local_parts_and_addresses_in_any_dress() {
    let cases: &[(&[u8], &[&str])] = &[
        (b"ann\nbob@example.test\n", &["ann@example.test", "bob@example.test"]),
        (b"\xef\xbb\xbfann\r\nbob\r\n", &["ann@example.test", "bob@example.test"]),
        (b"ann\rbob", &["ann@example.test", "bob@example.test"]),
        (b"# staff\n\n  ann  \n\t#x\n", &["ann@example.test"]),
        (b"ann@example.test OK\nbob@EXAMPLE.test\tbob@mail.example.test\n", &["ann@example.test", "bob@example.test"]),
        (
            b"\"ann@example.test\"\n<bob@example.test>\ncy@example.test,\n",
            &["ann@example.test", "bob@example.test", "cy@example.test"],
        ),
        (b"\"a b\"@example.test\n", &["\"a b\"@example.test"]),
        (
            b"\"a b\"@example.test OK\n\"q\\\" \"@example.test\tx\n",
            &["\"a b\"@example.test", "\"q\\\" \"@example.test"],
        ),
        ("jürgen\n".as_bytes(), &["jürgen@example.test"]),
        (b"", &[]),
    ];
    for (file, expected) in cases {
        assert_eq!(addresses(file), *expected, "{}", String::from_utf8_lossy(file));
    }
}

#[test]
fn bad_rows_are_named_and_stop_nothing() {
    let list = parse(b"ann\nbob@other.test\n@\n\xff\xfe\nANN\ncy\n", &domain(), &[]).unwrap();
    assert_eq!(list.rows.iter().map(|r| r.line).collect::<Vec<_>>(), [1, 6]);
    assert_eq!(list.repeated, 1);
    let errors: Vec<_> = list.errors.iter().map(|e| (e.line, e.why.as_str())).collect();
    assert_eq!(
        errors,
        [
            (2, "belongs to other.test, this import is for example.test"),
            (3, "the part before the @ is empty"),
            (4, "not UTF-8; save the file as UTF-8"),
        ]
    );
}

#[test]
fn an_address_of_a_domain_alias_is_one_of_the_domain() {
    let alias: DomainName = "example.invalid".parse().unwrap();
    let list = parse(b"ann@example.invalid", &domain(), &[alias]).unwrap();
    assert_eq!(list.rows[0].address.to_string(), "ann@example.test");
}

#[test]
fn other_kinds_of_files_are_named() {
    assert_eq!(parse(b"PK\x03\x04rest", &domain(), &[]), Err(NotAList::OtherKind("a spreadsheet or zip archive")));
    assert_eq!(parse(b"a\0n\0n\0", &domain(), &[]), Err(NotAList::NotText));
    assert!(parse(&vec![b'\n'; FILE_BYTES_MAX + 1], &domain(), &[]).is_err());
    assert_eq!(parse(&b"a\n".repeat(ROWS_MAX + 2), &domain(), &[]).unwrap().repeated, ROWS_MAX + 1);
}

proptest! {
    #[test]
    fn no_file_panics_and_each_line_is_accounted_for(file in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(list) = parse(&file, &domain(), &[]) {
            prop_assert!(list.rows.iter().all(|row| *row.address.domain() == domain()));
            prop_assert_eq!(list.errors.len(), list.errors_total);
        }
    }

    #[test]
    fn what_is_exported_is_imported_again(local in "[a-z0-9._+ \"\\\\@üß-]{1,20}") {
        let quoted = format!("\"{}\"", local.replace('\\', "\\\\").replace('"', "\\\""));
        if let Ok(local) = LocalPart::parse(quoted.as_bytes()) {
            let address = Address::new(local, domain());
            prop_assert_eq!(addresses(address.to_string().as_bytes()), vec![address.to_string()]);
        }
    }
}
