//! Files of lists: whatever the bytes are, what is read keeps its limits, and what we write of it is read back.

use doorlist_core::address::{Address, DomainName};
use doorlist_core::change::Structure;
use doorlist_core::file_list::{ADDRESSES_MAX, FileFormat, FileList, NotAList, ParseOptions, parse, rejected};
use doorlist_core::list::{EntryKind, Standing};
use doorlist_core::list_text::{ExportEntry, ExportForm, entry, head};
use doorlist_core::source_rows::{PROBLEMS_KEPT_MAX, SourceRow};

/// Checks the laws on the input as a file: as it is recognised, and as each format by its first byte.
pub fn check(input: &[u8]) {
    let Ok(domain) = "example.test".parse::<DomainName>() else { return };
    let said = input.first().and_then(|byte| FileFormat::ALL.get(usize::from(*byte)));
    for format in [None, said.map(|(format, ..)| *format)] {
        if let Ok(list) = read(input, &domain, format) {
            check_list(input, &list, &domain);
        }
    }
}

fn read(input: &[u8], domain: &DomainName, format: Option<FileFormat>) -> Result<FileList, NotAList> {
    parse(input, &ParseOptions { domain, domain_aliases: &[], format, columns: &[] })
}

fn check_list(input: &[u8], list: &FileList, domain: &DomainName) {
    assert!(list.rows.len() <= ADDRESSES_MAX && list.problems.len() <= PROBLEMS_KEPT_MAX);
    assert!(list.problems.len() as u64 <= list.problems_total);
    let again = rejected(input, list);
    assert!(again.lines().count() <= list.problems.len() + 1 + again.matches(['\n', '\r']).count());
    let _ = read(again.as_bytes(), domain, None);
    if list.rows.is_empty() {
        return;
    }
    for form in [ExportForm::CsvExact, ExportForm::CsvSpreadsheet, ExportForm::Postfix, ExportForm::Ldif] {
        let kept = list.rows.iter().filter(|row| form != ExportForm::Postfix || !row.switched_off);
        let expected: Vec<&SourceRow> = kept.collect();
        let text = text(form, &list.rows, domain);
        let Ok(back) = read(text.as_bytes(), domain, None) else {
            assert!(expected.is_empty(), "{form:?} is refused: {text}");
            continue;
        };
        assert_eq!(back.rows.len(), expected.len(), "{form:?}: {text}");
        for (one, other) in back.rows.iter().zip(expected) {
            assert_eq!((&one.local, &one.structure), (&other.local, &other.structure), "{form:?}: {text}");
            assert_eq!(one.switched_off, other.switched_off, "{form:?}: {text}");
        }
    }
}

fn text(form: ExportForm, rows: &[SourceRow], domain: &DomainName) -> String {
    let mut out = head(form, domain);
    for row in rows {
        let (kind, account) = match &row.structure {
            Structure::Mailbox => (EntryKind::Mailbox, None),
            Structure::DistributionList => (EntryKind::List, None),
            Structure::AliasOf(account) => (EntryKind::Alias, Some(account.clone())),
        };
        let standing = if row.switched_off { Standing::SwitchedOff } else { Standing::Active };
        let address = Address::new(row.local.clone(), domain.clone());
        entry(form, &ExportEntry { address, kind, account, standing }, &mut out);
    }
    out
}
