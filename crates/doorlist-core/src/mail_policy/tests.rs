//! Which policy a recipient has, as accounts and aliases come, go and change places.
#![allow(clippy::unwrap_used)]

use super::*;

const DOMAIN: DomainId = DomainId(1);
const ANN: AddressId = AddressId(1);
const BOB: AddressId = AddressId(2);
const ALIAS: AddressId = AddressId(3);

fn limited(message_max: u64) -> AccountPolicy {
    AccountPolicy { message_max: Some(message_max), ..AccountPolicy::default() }
}

#[test]
fn aliases_follow_their_account_and_accounts_go_before_their_domain() {
    let mut table = PolicyTable::default();
    assert_eq!(table.message_max(DOMAIN, Match::Mailbox(ANN)), None);
    table.put_domain(DOMAIN, DomainPolicy { message_max: Some(9), ..DomainPolicy::default() });
    table.put_account(ANN, limited(1));
    table.put_alias(ALIAS, Some(ANN));
    let max = |table: &PolicyTable, matched| table.message_max(DOMAIN, matched).unwrap();
    for matched in [Match::Mailbox(ANN), Match::SubAddress(ANN), Match::Alias(ALIAS), Match::SubAddress(ALIAS)] {
        assert_eq!(max(&table, matched), 1, "{matched:?}");
    }
    for matched in [Match::Mailbox(BOB), Match::System, Match::DistributionList(BOB)] {
        assert_eq!(max(&table, matched), 9, "{matched:?}");
    }

    // The alias goes to an account that set nothing, and comes back.
    table.put_alias(ALIAS, Some(BOB));
    assert_eq!(max(&table, Match::Alias(ALIAS)), 9);
    table.put_alias(ALIAS, Some(ANN));
    assert_eq!(max(&table, Match::Alias(ALIAS)), 1);

    // An account becomes an alias of one that set nothing: its own settings sleep until it is an account again.
    table.put_alias(ANN, Some(BOB));
    assert_eq!(max(&table, Match::Alias(ANN)), 9);
    assert_eq!(max(&table, Match::SubAddress(ANN)), 9);
    table.put_alias(ANN, None);
    assert_eq!(max(&table, Match::Mailbox(ANN)), 1);
}

#[test]
fn nothing_is_kept_for_those_who_set_nothing() {
    let mut table = PolicyTable::default();
    table.put_domain(DOMAIN, DomainPolicy { message_max: Some(9), ..DomainPolicy::default() });
    table.put_account(ANN, limited(1));
    table.put_alias(ALIAS, Some(ANN));
    table.put_alias(ALIAS, None);
    table.put_alias(ALIAS, Some(BOB));
    table.put_account(ANN, AccountPolicy::default());
    table.put_domain(DOMAIN, DomainPolicy { spam: SpamTreatment::Refuse, ..DomainPolicy::default() });
    assert_eq!((table.spam(DOMAIN), table.spam(DomainId(2))), (SpamTreatment::Refuse, SpamTreatment::Tag));
    table.put_domain(DOMAIN, DomainPolicy::default());
    assert_eq!(table, PolicyTable::default());
}
