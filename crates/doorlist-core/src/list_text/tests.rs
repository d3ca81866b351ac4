//! Every form is read back.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::change::Structure;
use crate::file_list::{ParseOptions, Skipped, parse};
use proptest::prelude::*;

const FORMS: [ExportForm; 4] =
    [ExportForm::CsvExact, ExportForm::CsvSpreadsheet, ExportForm::Postfix, ExportForm::Ldif];

fn domain() -> DomainName {
    "example.test".parse().unwrap()
}

fn local(text: &str) -> LocalPart {
    LocalPart::parse(text.as_bytes()).unwrap()
}

fn of(text: &str, kind: EntryKind, account: Option<&str>, standing: Standing) -> ExportEntry {
    ExportEntry { address: Address::new(local(text), domain()), kind, account: account.map(local), standing }
}

fn text(form: ExportForm, entries: &[ExportEntry]) -> String {
    let mut out = head(form, &domain());
    entries.iter().for_each(|one| entry(form, one, &mut out));
    out
}

fn sample() -> Vec<ExportEntry> {
    vec![
        of("alice", EntryKind::Mailbox, None, Standing::Active),
        of("a.anderson", EntryKind::Alias, Some("alice"), Standing::Active),
        of("=sum", EntryKind::Alias, Some("\"a,\\\" b\""), Standing::Active),
        of("\"a,\\\" b\"", EntryKind::List, None, Standing::Active),
        of("#müller", EntryKind::Mailbox, None, Standing::Active),
        of("'=x", EntryKind::Mailbox, None, Standing::SwitchedOff),
        of("gone", EntryKind::Mailbox, None, Standing::Vetoed),
    ]
}

#[test]
fn the_forms_look_so() {
    let all: Vec<String> =
        FORMS.iter().map(|form| format!("== {form:?}\n{}", text(*form, &sample()).replace('\r', ""))).collect();
    insta::assert_snapshot!(all.join("\n"));
}

/// What the importer should make of the entries.
fn expected(form: ExportForm, entries: &[ExportEntry]) -> Vec<(LocalPart, Structure, bool)> {
    let is_kept = |one: &&ExportEntry| match form {
        ExportForm::Postfix => one.standing == Standing::Active,
        _ => one.standing != Standing::Vetoed,
    };
    let structure = |one: &ExportEntry| match one.kind {
        EntryKind::Mailbox => Structure::Mailbox,
        EntryKind::List => Structure::DistributionList,
        EntryKind::Alias => Structure::AliasOf(one.account.clone().unwrap()),
    };
    let row = |one: &ExportEntry| (one.address.local().clone(), structure(one), one.standing == Standing::SwitchedOff);
    entries.iter().filter(is_kept).map(row).collect()
}

fn read_back(form: ExportForm, entries: &[ExportEntry]) -> Result<(), TestCaseError> {
    let (text, domain) = (text(form, entries), domain());
    let options = ParseOptions { domain: &domain, domain_aliases: &[], format: None, columns: &[] };
    let expected = expected(form, entries);
    let Ok(list) = parse(text.as_bytes(), &options) else {
        prop_assert!(false, "{form:?} is refused: {text}");
        return Ok(());
    };
    prop_assert_eq!(&list.problems, &vec![], "{}", &text);
    let rows: Vec<_> = list.rows.into_iter().map(|row| (row.local, row.structure, row.switched_off)).collect();
    prop_assert_eq!(rows, expected, "{:?}: {}", form, &text);
    let vetoed = entries.iter().filter(|one| one.standing == Standing::Vetoed).count() as u64;
    if form != ExportForm::Postfix && vetoed > 0 {
        prop_assert_eq!(list.skipped, vec![(Skipped::Vetoed, vetoed)]);
    }
    Ok(())
}

/// Local parts of characters that some reader might trip over.
fn any_local() -> impl Strategy<Value = LocalPart> {
    let odd = prop::sample::select("abz019.+-_=#@|\"\\,;:'<>(){}[] %/*éßü＝＋".chars().collect::<Vec<_>>());
    // In a file this character says that another one was lost.
    let readable = any::<char>().prop_filter("stands for a lost character", |c| *c != char::REPLACEMENT_CHARACTER);
    let letters = prop_oneof![prop::collection::vec(odd, 1..10), prop::collection::vec(readable, 1..6)];
    let locals = letters.prop_filter_map("no local part", |letters| {
        let escaped: String =
            letters.iter().flat_map(|c| if matches!(c, '"' | '\\') { vec!['\\', *c] } else { vec![*c] }).collect();
        LocalPart::parse(format!("\"{escaped}\"").as_bytes()).ok()
    });
    // In a file it stands for everybody, whom a list cannot have.
    locals.prop_filter("a catch-all", |local| local.as_str() != "*")
}

fn any_entry() -> impl Strategy<Value = ExportEntry> {
    let standing = prop::sample::select(vec![Standing::Active, Standing::SwitchedOff, Standing::Vetoed]);
    (any_local(), any_local(), 0..3u8, standing).prop_map(|(local, account, kind, standing)| {
        let (kind, account) = match kind {
            0 => (EntryKind::Mailbox, None),
            1 => (EntryKind::List, None),
            _ => (EntryKind::Alias, Some(account)),
        };
        ExportEntry { address: Address::new(local, domain()), kind, account, standing }
    })
}

#[test]
fn the_sample_is_read_back() {
    for form in FORMS {
        read_back(form, &sample()).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_is_exported_is_imported_again(entries in prop::collection::vec(any_entry(), 1..8)) {
        for form in FORMS {
            if !expected(form, &entries).is_empty() {
                read_back(form, &entries)?;
            }
        }
    }
}
