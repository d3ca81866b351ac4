//! Files as people have them: each one here is read without being told what it is, and what becomes of it is a snapshot.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad;
mod laws;
mod secrecy;
mod snapshots;

use doorlist_core::address::DomainName;
use doorlist_core::change::Structure;
use doorlist_core::file_list::{ColumnMap, FileFormat, FileList, NotAList, ParseOptions, parse};
use doorlist_core::source_rows::SourceRow;

/// Reads a file of example.test.
fn read(bytes: &[u8]) -> Result<FileList, NotAList> {
    read_mapped(bytes, &[])
}

/// Reads a file whose columns are said.
fn read_mapped(bytes: &[u8], columns: &[ColumnMap]) -> Result<FileList, NotAList> {
    read_as(bytes, None, columns)
}

/// Reads a file whose format or columns are said.
fn read_as(bytes: &[u8], format: Option<FileFormat>, columns: &[ColumnMap]) -> Result<FileList, NotAList> {
    let domain: DomainName = "example.test".parse().unwrap();
    let aliases = ["example.invalid".parse().unwrap()];
    parse(bytes, &ParseOptions { domain: &domain, domain_aliases: &aliases, format, columns })
}

/// A fixture by name.
fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("tests/files/{name}")).unwrap()
}

/// Every fixture that is read: what is no test code.
fn fixtures() -> Vec<(String, Vec<u8>)> {
    fixtures_of("")
}

/// The fixtures of a folder.
fn fixtures_of(folder: &str) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(format!("tests/files/{folder}")).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file() && path.extension().is_none_or(|end| end != "rs"));
    let mut all: Vec<_> = files
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(path).unwrap()))
        .collect();
    all.sort();
    all
}

/// One row in one line.
fn line(row: &SourceRow) -> String {
    let what = match &row.structure {
        Structure::Mailbox => "mailbox".to_owned(),
        Structure::DistributionList => "list".to_owned(),
        Structure::AliasOf(account) => format!("alias of {account}"),
    };
    let off = if row.switched_off { ", switched off" } else { "" };
    format!("{}: {} {what}{off}", row.place, row.local)
}

/// The rows without their places, each in one line.
fn rows(list: &FileList) -> Vec<String> {
    list.rows.iter().map(|row| line(row).split_once(": ").unwrap().1.to_owned()).collect()
}
