//! Columns of words that may be local parts, in a table that names no addresses of its accounts: nothing of them is listed,
//! and a person is told how to have them read.

use super::columns::{ColumnContent, TakenBy};
use super::findings::{Findings, JudgedValue};
use super::heads::normal;
use super::sample::Sample;
use super::shape::TableLayout;
use super::{secrets, values};
use std::collections::BTreeSet;

/// Names of columns with whom a person signs in, as [`normal`] gives them.
const NAMES: [&str; 32] = [
    "user",
    "users",
    "username",
    "userid",
    "uid",
    "login",
    "loginname",
    "logon",
    "logonname",
    "account",
    "accountname",
    "samaccountname",
    "mailnickname",
    "benutzer",
    "benutzername",
    "benutzerkennung",
    "anmeldename",
    "kennung",
    "konto",
    "kontoname",
    "utilisateur",
    "nomdutilisateur",
    "identifiant",
    "usuario",
    "nombredeusuario",
    "utente",
    "nomeutente",
    "gebruiker",
    "gebruikersnaam",
    "usuário",
    "användare",
    "brukernavn",
];

/// The column that may be read as local parts, where no other has the addresses of the accounts: one that is named so, or
/// the first that has nothing but different words.
pub(super) fn find(table: &TableLayout, sample: &Sample<'_>, found: &Findings<'_>) -> Option<usize> {
    use ColumnContent as C;
    table.head_line?;
    if [C::Address, C::List, C::Local, C::Login].iter().any(|field| table.has(*field)) {
        return None;
    }
    let is_free = |at: &usize| {
        let column = &table.columns[*at];
        column.field == C::Ignore && column.by != TakenBy::Map
    };
    let free = || (0..table.columns.len()).filter(is_free);
    let is_named = |at: &usize| NAMES.contains(&normal(&table.columns[*at].name).as_str());
    free().find(is_named).or_else(|| free().find(|at| has_words(sample, *at, found)))
}

/// How many words of a cell may be a local part: one or none.
pub(super) fn is_word(cell: &str, found: &Findings<'_>) -> bool {
    let cell = values::trimmed(cell);
    !cell.is_empty() && !cell.contains('@') && matches!(found.judge_name(cell), JudgedValue::Ours(_))
}

/// Every cell is a word, each another one, and none reads like a password or a number.
fn has_words(sample: &Sample<'_>, column: usize, found: &Findings<'_>) -> bool {
    let cells = || {
        let cells = sample.rows.iter().filter_map(|row| row.get(column)).map(|cell| values::trimmed(cell));
        cells.filter(|cell| !cell.is_empty())
    };
    let is_name =
        |cell: &str| is_word(cell, found) && cell.contains(char::is_alphabetic) && !secrets::may_be_password(cell);
    let distinct: BTreeSet<String> = cells().map(str::to_lowercase).collect();
    !distinct.is_empty() && distinct.len() == cells().count() && cells().all(is_name)
}
