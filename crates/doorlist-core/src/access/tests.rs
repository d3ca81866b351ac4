use super::*;
use proptest::prelude::*;

fn lineage() -> impl Strategy<Value = Lineage> {
    (0u32..3, 0u32..3, 0u32..3, 0u32..3, 1usize..5).prop_map(|(r, c, d, a, depth)| Lineage {
        reseller: Some(ResellerId(r)),
        customer: (depth > 1).then_some(CustomerId(c)),
        domain: (depth > 2).then_some(DomainId(d)),
        account: (depth > 3).then_some(AddressId(a)),
    })
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        Just(Scope::All),
        (0u32..3).prop_map(|id| Scope::Reseller(ResellerId(id))),
        (0u32..3).prop_map(|id| Scope::Customer(CustomerId(id))),
        (0u32..3).prop_map(|id| Scope::Domain(DomainId(id))),
        (0u32..3).prop_map(|id| Scope::Account(AddressId(id))),
    ]
}

fn access() -> impl Strategy<Value = Access> {
    let role = prop_oneof![Just(Role::Admin), Just(Role::Auditor)];
    let grant = (role, scope()).prop_map(|(role, scope)| Grant { role, scope });
    let only = proptest::option::of(proptest::collection::vec((0u32..3).prop_map(DomainId), 0..3));
    (proptest::collection::vec(grant, 0..4), any::<bool>(), only).prop_map(|(grants, read_only, only_domains)| Access {
        grants,
        read_only,
        only_domains,
    })
}

proptest! {
    #[test]
    fn who_may_change_the_parent_may_change_the_child(access in access(), object in lineage()) {
        prop_assert!(access.on(&object.parent()) <= access.on(&object));
    }

    #[test]
    fn a_key_that_only_looks_changes_nothing(access in access(), object in lineage()) {
        let looking = Access { read_only: true, ..access.clone() };
        prop_assert!(looking.on(&object) <= Permission::See);
        prop_assert_eq!(looking.on(&object) == Permission::Nothing, access.on(&object) == Permission::Nothing);
    }

    #[test]
    fn a_limited_key_does_no_more_than_an_unlimited_one(access in access(), object in lineage()) {
        let unlimited = Access { only_domains: None, ..access.clone() };
        prop_assert!(access.on(&object) <= unlimited.on(&object));
    }

    #[test]
    fn without_a_grant_nothing_exists(object in lineage()) {
        prop_assert_eq!(Access::default().on(&object), Permission::Nothing);
        prop_assert_eq!(Access::operator().on(&object), Permission::Change);
    }
}
