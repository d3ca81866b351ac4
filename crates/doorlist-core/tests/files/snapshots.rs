//! What becomes of each file, as a person sees it.

use super::{fixtures, fixtures_of, line, read};
use doorlist_core::file_list::{ColumnContent, FileList, rejected};
use std::fmt::Write;

/// The whole result as text.
fn shown(list: &FileList) -> String {
    let mut out = String::new();
    let taken = &list.recognised;
    write!(out, "{}, {}", taken.format, taken.encoding).unwrap();
    if let Some(delimiter) = taken.delimiter {
        write!(out, ", separator: {delimiter:?}").unwrap();
    }
    if let Some(line) = taken.head_line {
        write!(out, ", head in line {line}").unwrap();
    }
    out.push('\n');
    for column in taken.columns.iter().filter(|column| column.field != ColumnContent::Ignore) {
        writeln!(out, "  {} = {} {}", column.name, column.field, column.by).unwrap();
    }
    for row in &list.rows {
        writeln!(out, "{}", line(row)).unwrap();
    }
    assert_eq!(list.problems.len() as u64, list.problems_total);
    for problem in &list.problems {
        let column = problem.column.as_ref().map(|name| format!(" [{name}]")).unwrap_or_default();
        writeln!(out, "problem: {}{column} {:?} {}", problem.place, problem.value, problem.why).unwrap();
    }
    for (kind, n) in &list.skipped {
        writeln!(out, "skipped: {n} {kind}").unwrap();
    }
    for note in &list.notes {
        writeln!(out, "note: {note}").unwrap();
    }
    out
}

#[test]
fn each_file_is_recognised_and_read() {
    for (name, bytes) in fixtures() {
        let list = read(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        insta::assert_snapshot!(name.as_str(), shown(&list));
    }
}

#[test]
fn what_is_no_list_is_refused_in_one_sentence() {
    let mut all = String::new();
    for (name, bytes) in fixtures_of("refused") {
        writeln!(all, "{name}: {}", read(&bytes).unwrap_err()).unwrap();
    }
    insta::assert_snapshot!("refused", all);
}

#[test]
fn rejected_rows_come_back_with_their_faults() {
    let mut all = String::new();
    for (name, bytes) in fixtures() {
        let list = read(&bytes).unwrap();
        if list.problems_total > 0 {
            write!(all, "== {name}\n{}", rejected(&bytes, &list).replace("\r\n", "\n")).unwrap();
        }
    }
    for secret in ["hunter", "topsecret", "s3cr", "\"pass\"", "\"word\""] {
        assert!(!all.contains(secret), "{secret}");
    }
    insta::assert_snapshot!("rejected", all);
}
