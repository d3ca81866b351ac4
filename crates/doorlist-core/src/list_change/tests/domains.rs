//! The rules of domains, their names and servers, and what an undo does with them.

use crate::access::CustomerId;
use crate::address::DomainName;
use crate::change::{DomainChange, MailServer, NamedBy, ServerTls, Via};
use crate::domain::{BounceAddresses, DomainId};
use crate::list_change::{
    DOMAIN_ALIASES_MAX, DomainRecord, DomainUndo, ListCounts, ListDomain, PlannedDomain, Refusal, SERVERS_MAX,
    change_domain, check_name, check_removal, name_servers_anew, new_domain,
};
use crate::mail_policy::SpamTreatment;
use proptest::prelude::*;

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

fn server(host: &str, preference: u16) -> MailServer {
    let (tls, named_by) = (ServerTls::Opportunistic, NamedBy::Machine);
    MailServer { host: host.to_owned(), port: 25, preference, tls, xforward: false, named_by }
}

fn record() -> DomainRecord {
    new_domain(&name("example.test"), "Maple", &[server("mx.example.test", 10)]).unwrap()
}

fn changed(record: &DomainRecord, change: &DomainChange) -> Result<DomainRecord, Refusal> {
    let mut changed = record.clone();
    change_domain(&name("example.test"), &mut changed, change)?;
    Ok(changed)
}

#[test]
fn servers_stand_by_preference_in_canonical_form() {
    let servers = [server("MX2.Example.TEST", 20), server("2001:DB8::0:1", 10)];
    let record = new_domain(&name("example.test"), "Maple", &servers).unwrap();
    let hosts: Vec<_> = record.servers.iter().map(|server| server.host.as_str()).collect();
    assert_eq!(hosts, ["2001:db8::1", "mx2.example.test"]);
}

#[test]
fn what_is_no_server_is_refused() {
    for host in ["0.0.0.0", "ff02::1", "224.0.0.1", "192.0.2", "not a host", ""] {
        let refused = new_domain(&name("example.test"), "Maple", &[server(host, 10)]);
        assert!(matches!(refused, Err(Refusal::BadServer { .. })), "{host}");
    }
    let port_0 = MailServer { port: 0, ..server("mx.example.test", 10) };
    assert!(new_domain(&name("example.test"), "Maple", &[port_0]).is_err());
    assert!(changed(&record(), &DomainChange::DeliveryPort(0)).is_err());
    let many = vec![server("mx.example.test", 10); SERVERS_MAX + 1];
    assert!(matches!(changed(&record(), &DomainChange::Servers(many)), Err(Refusal::TooMany { .. })));
}

#[test]
fn a_customer_has_a_name_that_can_be_printed() {
    for customer in ["", "a\tb", &"x".repeat(201)] {
        assert!(new_domain(&name("example.test"), customer, &[]).is_err(), "{customer:?}");
        assert!(changed(&record(), &DomainChange::Customer(customer.to_owned())).is_err(), "{customer:?}");
    }
}

#[test]
fn an_alias_that_goes_is_switched_off_no_more() {
    let alias = name("example.org");
    let on = changed(&record(), &DomainChange::AddAlias(alias.clone())).unwrap();
    let off = changed(&on, &DomainChange::AliasActive { name: alias.clone(), active: false }).unwrap();
    assert_eq!(off.aliases_off, std::slice::from_ref(&alias));
    assert_eq!(changed(&off, &DomainChange::RemoveAlias(alias.clone())).unwrap(), record());
    let refused = changed(&record(), &DomainChange::RemoveAlias(alias.clone()));
    assert_eq!(refused, Err(Refusal::NoSuchDomainAlias { name: alias, domain: name("example.test") }));
}

#[test]
fn a_domain_has_so_many_aliases() {
    let aliases = (0..DOMAIN_ALIASES_MAX).map(|at| name(&format!("a{at:04}.test"))).collect();
    let full = DomainRecord { domain_aliases: aliases, ..record() };
    assert!(changed(&full, &DomainChange::AddAlias(name("b.test"))).is_err());
    assert_eq!(changed(&full, &DomainChange::AddAlias(name("a0000.test"))).unwrap(), full);
}

#[test]
fn a_name_is_one_domain_or_an_alias_of_one() {
    let owner = ListDomain { id: DomainId(1), name: name("example.test") };
    let other = ListDomain { id: DomainId(2), name: name("other.test") };
    let (own, alias) = (name("example.test"), name("example.org"));
    let (taken, domain) = (Refusal::DomainTaken { name: own.clone(), customer: "Maple".to_owned() }, own.clone());
    let is_alias = Refusal::NameIsAlias { name: alias.clone(), domain };
    let table = [
        (&own, None, Err(taken)),
        (&alias, None, Err(is_alias.clone())),
        (&alias, Some(&owner), Ok(())),
        (&alias, Some(&other), Err(is_alias.clone())),
        (&own, Some(&owner), Err(Refusal::AliasIsDomain { name: own.clone(), domain: own.clone() })),
        (&own, Some(&other), Err(Refusal::AliasIsDomain { name: own.clone(), domain: other.name.clone() })),
    ];
    for (name, alias_of, expected) in table {
        assert_eq!(check_name(name, (&owner, "Maple"), alias_of), expected, "{name} for {alias_of:?}");
    }
    assert_eq!(check_removal(&own, &own), Ok(()));
    assert_eq!(check_removal(&alias, &own), Err(is_alias));
}

#[test]
fn a_domain_goes_back_if_nobody_changed_it_since() {
    let (before, after) = (record(), DomainRecord { hold: true, ..record() });
    let other = DomainRecord { active: false, ..record() };
    let (empty, full) = (ListCounts::default(), ListCounts { mailboxes: 1, ..ListCounts::default() });
    let vetoes = ListCounts { vetoed: 1, ..ListCounts::default() };
    let table = [
        (Some((&before, &full)), Some(&before), Some(&after), DomainUndo::Unchanged),
        (Some((&after, &full)), Some(&before), Some(&after), DomainUndo::Restore),
        (Some((&other, &full)), Some(&before), Some(&after), DomainUndo::ChangedSince),
        (Some((&after, &full)), None, Some(&after), DomainUndo::ChangedSince),
        (Some((&after, &empty)), None, Some(&after), DomainUndo::Restore),
        (Some((&after, &vetoes)), None, Some(&after), DomainUndo::Restore),
        (None, None, Some(&after), DomainUndo::Unchanged),
        (None, Some(&before), None, DomainUndo::Restore),
        (None, Some(&before), Some(&after), DomainUndo::ChangedSince),
    ];
    for (at, (now, before, after, expected)) in table.into_iter().enumerate() {
        assert_eq!(DomainUndo::of(now, before, after), expected, "{at}");
    }
}

#[test]
fn records_without_a_customers_number_are_compared_by_name() {
    let unnumbered = record();
    let numbered = DomainRecord { customer_id: Some(CustomerId(7)), ..record() };
    let renamed = DomainRecord { customer: "Maple Ltd".to_owned(), ..numbered.clone() };
    assert!(unnumbered.is_same_as(&numbered) && numbered.is_same_as(&unnumbered));
    assert!(numbered.is_same_as(&renamed), "the same customer under another name");
    assert!(!numbered.is_same_as(&DomainRecord { customer_id: Some(CustomerId(8)), ..record() }));
}

#[test]
fn a_server_that_comes_back_is_named_by_whoever_brings_it_back() {
    let now = DomainRecord { servers: vec![server("kept.test", 10)], ..record() };
    let was = DomainRecord { servers: vec![server("kept.test", 10), server("back.test", 20)], ..record() };
    for (via, by) in [(Via::Api, NamedBy::Tenant), (Via::Command, NamedBy::Machine)] {
        let mut restored = was.clone();
        name_servers_anew(&now, &mut restored, via);
        assert_eq!(restored.servers.iter().map(|s| s.named_by).collect::<Vec<_>>(), [NamedBy::Machine, by]);
    }
}

#[test]
fn who_gives_a_domain_or_a_name_is_the_level_above() {
    let with_alias = DomainRecord { domain_aliases: vec![name("example.org")], ..record() };
    let table = [
        (None, Some(record()), true),
        (Some(record()), None, true),
        (Some(record()), Some(with_alias.clone()), true),
        (Some(with_alias), Some(record()), false),
        (Some(record()), Some(DomainRecord { active: false, ..record() }), true),
        (Some(record()), Some(DomainRecord { customer: "Oak".to_owned(), ..record() }), true),
        (Some(record()), Some(DomainRecord { hold: true, ..record() }), false),
    ];
    for (at, (before, after, expected)) in table.into_iter().enumerate() {
        let planned = PlannedDomain { id: DomainId(1), name: name("example.test"), before, after };
        assert_eq!(planned.is_for_the_level_above(), expected, "{at}");
        assert_eq!(planned.clone().inverse().inverse(), planned);
    }
}

fn any_domain_change() -> impl Strategy<Value = DomainChange> {
    let alias = || prop::sample::select(&["a.test", "b.test", "c.test"]).prop_map(name);
    prop_oneof![
        any::<bool>().prop_map(DomainChange::Hold),
        any::<bool>().prop_map(DomainChange::Active),
        any::<bool>().prop_map(DomainChange::AcceptAbuse),
        any::<bool>().prop_map(DomainChange::FallBack),
        any::<(bool, bool)>().prop_map(|(batv, srs)| DomainChange::BounceAddresses(BounceAddresses { batv, srs })),
        alias().prop_map(DomainChange::AddAlias),
        (alias(), any::<bool>()).prop_map(|(name, active)| DomainChange::AliasActive { name, active }),
        prop::sample::select(&["Maple", "Oak"]).prop_map(|name| DomainChange::Customer(name.to_owned())),
        (0u16..3).prop_map(DomainChange::DeliveryPort),
        proptest::option::of(1u64..100).prop_map(DomainChange::MessageMax),
        prop::sample::select(&[SpamTreatment::Tag, SpamTreatment::Refuse]).prop_map(DomainChange::Spam),
        prop::collection::vec((prop::sample::select(&["x.test", "Y.test"]), 0u16..3), 0..4).prop_map(|servers| {
            DomainChange::Servers(servers.into_iter().map(|(host, preference)| server(host, preference)).collect())
        }),
    ]
}

proptest! {
    #[test]
    fn a_change_to_a_domain_that_is_made_twice_changes_nothing_more(
        changes in prop::collection::vec(any_domain_change(), 0..6),
        last in any_domain_change(),
    ) {
        let step = |record: DomainRecord, change: &DomainChange| changed(&record, change).unwrap_or(record);
        let before = changes.iter().fold(record(), step);
        if let Ok(once) = changed(&before, &last) {
            prop_assert_eq!(changed(&once, &last), Ok(once.clone()));
            prop_assert!(once.domain_aliases.is_sorted());
            prop_assert!(once.aliases_off.iter().all(|off| once.domain_aliases.contains(off)));
        }
    }
}
