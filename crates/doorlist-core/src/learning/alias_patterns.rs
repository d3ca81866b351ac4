//! Local parts that look like other names of one person: `j.doe`, `john.doe`, `doej`.

use crate::address::LocalPart;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An account that looks like another name of another account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AliasSuggestion {
    /// What could be an alias.
    pub alias: LocalPart,
    /// The account that it would belong to.
    pub account: LocalPart,
}

/// Suggestions among the accounts of a domain: each short form of a name of two parts that fits one full name alone. Two
/// people of whom both fit are no suggestion.
pub fn suggest_aliases(accounts: &[LocalPart]) -> Vec<AliasSuggestion> {
    let mut full_names = BTreeMap::<String, Vec<&LocalPart>>::new();
    for account in accounts {
        for form in short_forms(account.as_str()) {
            full_names.entry(form).or_default().push(account);
        }
    }
    let mut found: Vec<AliasSuggestion> = accounts
        .iter()
        .filter_map(|alias| match full_names.get(alias.as_str()).map(Vec::as_slice) {
            Some([account]) if *account != alias => {
                Some(AliasSuggestion { alias: alias.clone(), account: (*account).clone() })
            }
            _ => None,
        })
        .collect();
    found.sort();
    found
}

/// The short forms of `first.last`, `first_last` or `first-last`; none of other names.
fn short_forms(name: &str) -> Vec<String> {
    let parts: Vec<&str> = name.split(['.', '_', '-']).collect();
    let [first, last] = parts[..] else { return Vec::new() };
    let is_name = |part: &str| part.chars().count() > 1 && part.chars().all(char::is_alphabetic);
    let Some(initial) = first.chars().next().filter(|_| is_name(first) && is_name(last)) else { return Vec::new() };
    let mut forms = Vec::new();
    for separator in ["", ".", "_", "-"] {
        forms.push(format!("{initial}{separator}{last}"));
        forms.push(format!("{last}{separator}{initial}"));
        forms.push(format!("{last}{separator}{first}"));
        forms.push(format!("{first}{separator}{last}"));
    }
    forms.retain(|form| form != name);
    forms
}
