//! Rules by example: refusals, notes, and what aliases share with their account.

use super::list::{List, NOW, address, alias_of, claim};
use crate::change::{Change, Source, Structure};
use crate::list::{EntryKind, Standing};
use crate::list_change::{Note, Refusal};

fn directory() -> Source {
    Source::Directory("head office".to_owned())
}

fn file() -> Source {
    Source::File("staff".to_owned())
}

/// Ann with an alias, Bob without.
fn list() -> List {
    let mut list = List::new();
    let changes = [
        claim("ann", Structure::Mailbox, Source::Hand),
        claim("bob", Structure::Mailbox, Source::Hand),
        claim("a.lee", alias_of("ann"), Source::Hand),
    ];
    list.apply(&changes, NOW).unwrap();
    list
}

#[test]
fn a_wish_that_cannot_be_followed_is_refused_with_both_sides() {
    let (ann, bob, alias) = (address("ann"), address("bob"), address("a.lee"));
    let table = [
        (
            claim("x", alias_of("a.lee"), Source::Hand),
            Refusal::AliasOfAlias { alias: address("x"), account: alias.clone(), of: ann.clone() },
        ),
        (
            claim("x", alias_of("nobody"), Source::Api),
            Refusal::AliasOfMissing { alias: address("x"), account: address("nobody") },
        ),
        (
            claim("bob", alias_of("ann"), Source::Hand),
            Refusal::AliasIsAccount { alias: bob.clone(), account: ann.clone() },
        ),
        (
            claim("bob", alias_of("bob"), Source::Hand),
            Refusal::AliasIsAccount { alias: bob.clone(), account: bob.clone() },
        ),
        (
            claim("a.lee", alias_of("bob"), Source::Hand),
            Refusal::AliasElsewhere { alias: alias.clone(), account: bob.clone(), of: ann.clone() },
        ),
        (
            claim("a.lee", Structure::Mailbox, Source::Hand),
            Refusal::AccountIsAlias { address: alias.clone(), of: ann.clone() },
        ),
        (Change::SetActive { address: address("x"), active: true }, Refusal::NotListed { address: address("x") }),
        (
            Change::Rename { address: ann.clone(), to: bob.local().clone() },
            Refusal::AddressTaken { address: bob.clone(), vetoed: false },
        ),
        (
            Change::Reassign { address: bob.clone(), to: bob.local().clone(), source: Source::Hand },
            Refusal::AliasOfItself { address: bob.clone() },
        ),
        (
            Change::Reassign { address: bob, to: alias.local().clone(), source: Source::Hand },
            Refusal::NotAnAccount { address: alias },
        ),
    ];
    for (change, refusal) in table {
        assert_eq!(list().apply(std::slice::from_ref(&change), NOW).unwrap_err(), refusal, "{change:?}");
    }
}

#[test]
fn the_strongest_source_says_what_an_address_is_and_the_rest_is_kept() {
    let mut list = List::new();
    list.apply(&[claim("ann", Structure::Mailbox, file())], NOW).unwrap();
    list.apply(&[claim("ann", Structure::DistributionList, directory())], NOW).unwrap();
    assert_eq!(list.state("ann").unwrap().kind, EntryKind::List);
    let again = list.apply(&[claim("ann", Structure::DistributionList, Source::Push)], NOW).unwrap();
    assert!(again.notes.is_empty());
    let other = list.apply(&[claim("ann", Structure::Mailbox, Source::Push)], NOW).unwrap();
    assert_eq!(other.conflicts, 1, "what stands goes on standing, and a person decides");
    assert_eq!(list.state("ann").unwrap().kind, EntryKind::List);
    list.apply(&[Change::Withdraw { address: address("ann"), source: directory() }], NOW).unwrap();
    list.apply(&[Change::Withdraw { address: address("ann"), source: Source::Push }], NOW).unwrap();
    assert_eq!(list.state("ann").unwrap().kind, EntryKind::Mailbox, "the file still says so");
}

#[test]
fn an_alias_shares_the_fate_of_its_account() {
    let mut vetoed = list();
    let draft = vetoed.apply(&[Change::Veto { address: address("ann") }], NOW).unwrap();
    let went = Note::AliasWentWith { alias: address("a.lee"), account: address("ann") };
    assert_eq!(draft.notes, std::slice::from_ref(&went));
    assert_eq!(vetoed.state("a.lee").unwrap().standing, Standing::Vetoed);

    let mut withdrawn = list();
    let withdraw = Change::Withdraw { address: address("ann"), source: Source::Hand };
    let draft = withdrawn.apply(&[withdraw], NOW).unwrap();
    assert_eq!(draft.notes, [went]);
    assert_eq!(withdrawn.rows.len(), 1);
}

#[test]
fn an_alias_with_another_claim_outlives_its_account() {
    let mut list = list();
    list.apply(&[claim("a.lee", Structure::Mailbox, file())], NOW).unwrap();
    list.apply(&[Change::Withdraw { address: address("ann"), source: Source::Hand }], NOW).unwrap();
    let alias = list.state("a.lee").unwrap();
    assert_eq!((alias.kind, &alias.account, alias.claims.len()), (EntryKind::Mailbox, &None, 1));
}

#[test]
fn what_a_directory_says_is_not_reassigned_by_hand() {
    let mut list = list();
    list.apply(&[claim("bob", Structure::Mailbox, directory())], NOW).unwrap();
    let to = address("ann").local().clone();
    let refused = list.apply(&[Change::Reassign { address: address("bob"), to, source: Source::Hand }], NOW);
    let stands = "a mailbox".to_owned();
    let source_name = "directory:head office".to_owned();
    assert_eq!(refused.unwrap_err(), Refusal::ClaimedElsewhere { address: address("bob"), stands, source_name });
}

#[test]
fn an_account_is_reassigned_with_its_aliases() {
    let mut list = list();
    let to = address("bob").local().clone();
    list.apply(&[Change::Reassign { address: address("ann"), to, source: Source::Hand }], NOW).unwrap();
    for name in ["ann", "a.lee"] {
        assert_eq!(list.state(name).unwrap().account.as_ref().unwrap().1, *address("bob").local(), "{name}");
    }
}
