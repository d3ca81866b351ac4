//! Converts a directory's rows to accounts with their aliases, as they are pushed.

use doorlist_actions::PushItem;
use doorlist_core::address::{Address, DomainName, LocalPart};
use doorlist_core::change::Structure;
use doorlist_core::source_rows::{NormalizedRows, SourceRow};
use std::collections::BTreeMap;

/// The accounts of a list in byte order, so that equal lists give equal items. An alias without its account becomes an
/// account, so that it stays accepted.
pub(super) fn of(list: &NormalizedRows, domain: &DomainName) -> Vec<PushItem> {
    let account_of = |row: &SourceRow| match &row.structure {
        Structure::AliasOf(account) => list.find(account).map(|_| account.clone()),
        Structure::Mailbox | Structure::DistributionList => None,
    };
    let mut aliases: BTreeMap<LocalPart, Vec<LocalPart>> = BTreeMap::new();
    for row in list.rows.iter() {
        if let Some(account) = account_of(&row) {
            aliases.entry(account).or_default().push(row.local);
        }
    }
    let whole = |local: &LocalPart| Address::new(local.clone(), domain.clone()).to_string();
    let item = |row: SourceRow| PushItem {
        email: whole(&row.local),
        aliases: aliases.get(&row.local).into_iter().flatten().map(&whole).collect(),
        distribution_list: row.structure == Structure::DistributionList,
        disabled: row.switched_off,
    };
    list.rows.iter().filter(|row| account_of(row).is_none()).map(item).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use doorlist_core::source_rows::{RowPosition, normalize};

    #[test]
    fn rows_become_accounts_with_their_aliases() {
        let local = |text: &str| LocalPart::parse(text.as_bytes()).unwrap();
        let row = |name: &str, structure, switched_off| SourceRow {
            local: local(name),
            structure,
            switched_off,
            place: RowPosition::Item(1),
        };
        let list = normalize(vec![
            row("info", Structure::AliasOf(local("ann")), false),
            row("a.lee", Structure::AliasOf(local("ann")), false),
            row("lost", Structure::AliasOf(local("nobody")), false),
            row("team", Structure::DistributionList, false),
            row("ann", Structure::Mailbox, false),
            row("old", Structure::Mailbox, true),
            row("\"two words\"", Structure::Mailbox, false),
        ]);
        let items = of(&list, &"example.test".parse().unwrap());
        let said: Vec<_> = items
            .iter()
            .map(|item| {
                let marks = [(item.distribution_list, " list"), (item.disabled, " off")];
                let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
                format!("{}{marks}: {}", item.email, item.aliases.join(" "))
            })
            .collect();
        assert_eq!(
            said,
            [
                "ann@example.test: a.lee@example.test info@example.test",
                "lost@example.test: ",
                "old@example.test off: ",
                "team@example.test list: ",
                "\"two words\"@example.test: ",
            ]
        );
        assert!(items.iter().all(|item| item.email.parse::<Address>().is_ok()));
    }
}
