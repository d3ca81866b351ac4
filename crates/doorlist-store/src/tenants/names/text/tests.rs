use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn names() -> impl Strategy<Value = BTreeMap<u32, (String, bool)>> {
    proptest::collection::btree_map(0u32..40, ("[ab]{1,4}", any::<bool>()), 0..20)
}

fn text_of(names: &BTreeMap<u32, (String, bool)>) -> SearchText {
    let mut text = SearchText::new(1);
    for (id, (local, is_alias)) in names {
        text.push(*id, *is_alias, local);
    }
    text
}

fn wanted() -> impl Strategy<Value = Vec<(Lookup, String)>> {
    let lookup = prop_oneof![Just(Lookup::Contains), Just(Lookup::StartsWith), Just(Lookup::EndsWith)];
    proptest::collection::vec((lookup, "[ab]{0,3}"), 1..3)
}

fn found(text: &SearchText, wanted: &[(Lookup, String)], aliases: bool) -> Vec<u32> {
    let mut ids = Vec::new();
    text.find(wanted, aliases, &mut |id| ids.push(id));
    ids
}

proptest! {
    #[test]
    fn what_is_found_is_what_a_look_at_each_name_finds(names in names(), wanted in wanted(), aliases in any::<bool>()) {
        let fits = |name: &str| wanted.iter().all(|it| has(name, it));
        let expected: Vec<u32> =
            names.iter().filter(|(_, (name, is))| *is == aliases && fits(name)).map(|(id, _)| *id).collect();
        prop_assert_eq!(found(&text_of(&names), &wanted, aliases), expected);
    }

    #[test]
    fn changes_give_what_reading_anew_gives(
        names in names(),
        changes in proptest::collection::btree_map(0u32..40, proptest::option::of(("[ab]{1,4}", any::<bool>())), 0..10),
    ) {
        let mut after = names.clone();
        let mut given = Vec::new();
        for (id, change) in &changes {
            match change {
                Some(it) => { after.insert(*id, it.clone()); given.push((*id, it.0.clone(), Some(it.1))); }
                None => { after.remove(id); given.push((*id, String::new(), None)); }
            }
        }
        let (changed, anew) = (text_of(&names).with(2, &given), text_of(&after));
        prop_assert_eq!((changed.text, changed.lines), (anew.text, anew.lines));
    }
}
