//! Normalizes the rows of a source: each address once, in byte order, each alias pointing directly to an account. If
//! the source contradicts itself, the address stays and the contradiction is reported.

use super::{PROBLEMS_KEPT_MAX, PackedRows, RowPosition, RowProblem, SourceRow, shown};
use crate::address::LocalPart;
use crate::change::Structure;

/// Maximum length of an alias chain.
const STEPS_MAX: usize = 8;

/// The normalized rows of a source.
#[derive(Clone, Debug, Default)]
pub struct NormalizedRows {
    /// Each address once, in byte order.
    pub rows: PackedRows,
    /// Number of duplicate rows.
    pub repeated: u64,
    /// Where the source contradicts itself, the first [`PROBLEMS_KEPT_MAX`] of them.
    pub conflicts: Vec<RowProblem>,
    pub conflicts_total: u64,
}

/// Sorts rows and merges those with the same address.
pub fn normalize(rows: Vec<SourceRow>) -> NormalizedRows {
    normalize_packed(rows.into())
}

/// The same for packed rows.
pub fn normalize_packed(mut rows: PackedRows) -> NormalizedRows {
    rows.sort();
    let mut list = NormalizedRows::default();
    rows.merge(|kept, row| {
        if kept.structure == row.structure {
            list.repeated += 1;
            return false;
        }
        let (conflict, takes_over) = contradiction(kept, row);
        list.note(conflict);
        takes_over
    });
    list.rows = rows;
    list.straighten();
    list
}

impl NormalizedRows {
    fn note(&mut self, conflict: RowProblem) {
        self.conflicts_total += 1;
        if self.conflicts.len() < PROBLEMS_KEPT_MAX {
            self.conflicts.push(conflict);
        }
    }

    /// The row of an address.
    pub fn find(&self, local: &LocalPart) -> Option<usize> {
        self.rows.find(local.as_str())
    }

    /// Points aliases of aliases directly to the account; an alias in a loop becomes an account.
    fn straighten(&mut self) {
        for at in 0..self.rows.len() {
            if self.rows.straighten(at, STEPS_MAX) {
                continue;
            }
            if let (Some(row), Some(target)) = (self.rows.get(at), self.rows.target(at)) {
                let why = format!("is an alias in a loop through {target}; used as an account");
                let conflict = problem(&row, &row.place, why);
                self.rows.make_mailbox(at);
                self.note(conflict);
            }
        }
    }
}

/// Resolves contradicting rows of one address: an account precedes an alias, otherwise the first row counts.
fn contradiction(kept: &SourceRow, row: &SourceRow) -> (RowProblem, bool) {
    let is_alias = |row: &SourceRow| matches!(row.structure, Structure::AliasOf(_));
    let takes_over = is_alias(kept) && !is_alias(row);
    let (taken, other) = if takes_over { (row, kept) } else { (kept, row) };
    let why = format!(
        "is {} at {} and {} at {}; used as the former, and accepted either way",
        words(&taken.structure),
        taken.place,
        words(&other.structure),
        other.place
    );
    (problem(row, &row.place, why), takes_over)
}

fn problem(row: &SourceRow, place: &RowPosition, why: String) -> RowProblem {
    RowProblem { place: place.to_string(), column: None, value: shown(row.local.as_str().as_bytes()), why }
}

fn words(structure: &Structure) -> String {
    match structure {
        Structure::Mailbox => "an account".to_owned(),
        Structure::DistributionList => "a distribution list".to_owned(),
        Structure::AliasOf(account) => format!("an alias of {account}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn local(text: &str) -> LocalPart {
        LocalPart::parse(text.as_bytes()).unwrap()
    }

    /// `ann`, `team*` (a list), `info>ann` (an alias), each on its line.
    fn list(text: &str) -> NormalizedRows {
        let rows = text.split_whitespace().zip(1..).map(|(word, line)| {
            let (name, structure) = match word.split_once('>') {
                Some((name, of)) => (name, Structure::AliasOf(local(of))),
                None if word.ends_with('*') => (word.trim_end_matches('*'), Structure::DistributionList),
                None => (word, Structure::Mailbox),
            };
            SourceRow { local: local(name), structure, switched_off: false, place: RowPosition::Line(line) }
        });
        normalize(rows.collect())
    }

    fn said(list: &NormalizedRows) -> String {
        let word = |row: SourceRow| match &row.structure {
            Structure::Mailbox => row.local.to_string(),
            Structure::DistributionList => format!("{}*", row.local),
            Structure::AliasOf(of) => format!("{}>{of}", row.local),
        };
        list.rows.iter().map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_address_stands_once_and_in_order() {
        let list = list("cora ann bob ann info>ann info>ann");
        assert_eq!(said(&list), "ann bob cora info>ann");
        assert_eq!((list.repeated, list.conflicts_total), (2, 0));
    }

    #[test]
    fn an_account_is_more_than_an_alias_and_the_first_owner_stands() {
        let list = list("info>ann info team* team info>bob sales>ann sales>bob");
        assert_eq!(said(&list), "info sales>ann team*");
        let why: Vec<_> = list.conflicts.iter().map(|c| format!("{} {}: {}", c.place, c.value, c.why)).collect();
        assert_eq!(list.conflicts_total, 4);
        assert_eq!(
            why[0],
            "line 2 info: is an account at line 2 and an alias of ann at line 1; used as the former, and accepted either way"
        );
    }

    #[test]
    fn aliases_lead_straight_to_accounts() {
        assert_eq!(said(&list("a>b b>c c")), "a>c b>c c");
        assert_eq!(said(&list("a>elsewhere")), "a>elsewhere");
        let circle = list("a>b b>a");
        assert_eq!(said(&circle), "a b>a");
        assert_eq!(circle.conflicts_total, 1);
        assert_eq!(said(&list("a>a")), "a");
    }
}
