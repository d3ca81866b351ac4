//! Patterns as people write them, and the rules against a plain model: try every pattern on every sender.
#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

#[test]
fn patterns_are_read_as_people_write_them() {
    for (text, canonical) in [
        ("Ann@Example.test", "ann@example.test"),
        (" \"ann\"@example.test ", "ann@example.test"),
        ("\"a@b\"@example.test", "\"a@b\"@example.test"),
        (".a@example.test", ".a@example.test"),
        ("EXAMPLE.test", "example.test"),
        ("@example.test", "example.test"),
        (".example.test", ".example.test"),
        (".test", ".test"),
        ("bücher.example.test", "xn--bcher-kva.example.test"),
        (".Bücher.example.test", ".xn--bcher-kva.example.test"),
    ] {
        let pattern: SenderPattern = text.parse().unwrap();
        assert_eq!(pattern.to_string(), canonical, "{text}");
        assert_eq!(canonical.parse(), Ok(pattern), "{text}");
    }
    for text in ["", " ", "<>"] {
        assert_eq!(text.parse::<SenderPattern>(), Err(PatternError::Nobody), "{text:?}");
    }
    for text in ["*", "*@example.test", "*.example.test", "@*.example.test"] {
        assert_eq!(text.parse::<SenderPattern>(), Err(PatternError::Star), "{text:?}");
    }
    for text in ["@", ".", "@.example.test", "..test", "a b@example.test", "ann@", "example..test", "example.test."] {
        assert!(matches!(text.parse::<SenderPattern>(), Err(PatternError::Address(_))), "{text:?}");
    }
}

fn rules(list: &str) -> SenderRules {
    let rule = |word: &str| match word.split_at(1) {
        ("+", pattern) => (pattern.parse().unwrap(), true),
        (_, pattern) => (pattern.parse().unwrap(), false),
    };
    list.split_whitespace().map(rule).collect()
}

#[test]
fn the_narrowest_pattern_decides() {
    for (list, sender, expected) in [
        ("-example.test", "ann@example.test", "blocked"),
        ("-example.test", "ANN@Example.TEST", "blocked"),
        ("-example.test", "ann@mail.example.test", ""),
        ("-example.test", "ann@badexample.test", ""),
        ("-.example.test", "ann@example.test", "blocked"),
        ("-.example.test", "ann@a.b.example.test", "blocked"),
        ("-.example.test", "ann@badexample.test", ""),
        ("-example.test +ann@example.test", "ann@example.test", "allowed"),
        ("-example.test +ann@example.test", "bob@example.test", "blocked"),
        ("+example.test -ann@example.test", "ann@example.test", "blocked"),
        ("-.test +.example.test", "ann@mail.example.test", "allowed"),
        ("-.example.test +example.test", "ann@example.test", "allowed"),
        ("-ann@example.test", "ann+news@example.test", ""),
        ("-example.test +@example.test", "ann@example.test", "allowed"),
        ("+@example.test -example.test", "ann@example.test", "allowed"),
        ("-.test", "", ""),
        ("-.test", "ann@[192.0.2.1]", ""),
        ("-.test", "mailer-daemon", ""),
        ("-example.test", "ann@example.test.", "blocked"),
        ("-ann@example.test", "ann@example.test.", "blocked"),
        ("-example.test", "a@b@example.test", "blocked"),
        ("-b@example.test", "a@b@example.test", ""),
    ] {
        let judgment = rules(list).judge(&Sender::from_path(sender));
        let word = judgment.map_or("", |j| if j == Judgment::Allowed { "allowed" } else { "blocked" });
        assert_eq!(word, expected, "{list} on <{sender}>");
    }
}

/// How narrow a pattern is where it matches: an address, then a domain, then the tree with the longest root.
fn narrowness(pattern: &SenderPattern, sender: &Address) -> Option<usize> {
    let domain = sender.domain().as_str();
    match pattern {
        SenderPattern::Address(address) => (address == sender).then_some(usize::MAX),
        SenderPattern::Domain(name) => (name == sender.domain()).then_some(usize::MAX - 1),
        SenderPattern::Tree(root) => {
            let is_below = format!(".{domain}").ends_with(&format!(".{root}"));
            is_below.then_some(root.as_str().len())
        }
    }
}

fn model(rules: &[(SenderPattern, bool)], sender: &Address) -> Option<Judgment> {
    let fitting = rules.iter().filter_map(|(pattern, allow)| narrowness(pattern, sender).map(|n| (n, *allow)));
    fitting.max().map(|(_, allow)| if allow { Judgment::Allowed } else { Judgment::Blocked })
}

fn names() -> impl Strategy<Value = DomainName> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "ab", "test"]), 1..4)
        .prop_map(|labels| labels.join(".").parse().unwrap())
}

fn addresses() -> impl Strategy<Value = Address> {
    (prop::sample::select(vec!["ann", "bob", "\"a b\"", "x+y"]), names())
        .prop_map(|(local, domain)| format!("{local}@{domain}").parse().unwrap())
}

fn patterns() -> impl Strategy<Value = SenderPattern> {
    prop_oneof![
        addresses().prop_map(SenderPattern::Address),
        names().prop_map(SenderPattern::Domain),
        names().prop_map(SenderPattern::Tree),
    ]
}

proptest! {
    #[test]
    fn rules_judge_as_the_model_does(
        list in prop::collection::vec((patterns(), any::<bool>()), 0..40),
        senders in prop::collection::vec(addresses(), 1..20),
    ) {
        let rules: SenderRules = list.iter().cloned().collect();
        prop_assert!(rules.len() <= list.len());
        prop_assert_eq!(rules.is_empty(), list.is_empty());
        for sender in &senders {
            prop_assert_eq!(rules.judge(&Sender::from(sender)), model(&list, sender), "{}", sender);
        }
        prop_assert_eq!(rules.judge(&Sender::from_path("")), None);
    }

    #[test]
    fn every_pattern_is_its_own_canonical_form(pattern in patterns()) {
        prop_assert_eq!(pattern.to_string().parse(), Ok(pattern));
    }

    #[test]
    fn no_text_harms(text in "\\PC{0,40}|[a@.*<>\"]{0,12}") {
        if let Ok(pattern) = text.parse::<SenderPattern>() {
            prop_assert_eq!(pattern.to_string().parse(), Ok(pattern));
        }
        rules("-.test -a@a.test").judge(&Sender::from_path(&text));
    }
}
