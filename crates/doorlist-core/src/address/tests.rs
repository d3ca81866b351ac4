//! The law of addresses, as properties and as the numbered cases A01 to A11.
#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

fn parse(text: &str) -> Result<Address, AddressError> {
    text.parse()
}

fn same(a: &str, b: &str) {
    assert_eq!(parse(a).unwrap(), parse(b).unwrap(), "{a} and {b} are one mailbox");
}

fn differ(a: &str, b: &str) {
    assert_ne!(parse(a).unwrap(), parse(b).unwrap(), "{a} and {b} are two mailboxes");
}

#[test]
fn a01_case_and_trailing_dot() {
    same("ALICE@EXAMPLE.TEST", "alice@example.test");
    assert_eq!(parse("alice@EXAMPLE.test."), Err(AddressError::DomainTrailingDot));
}

#[test]
fn a02_quoted_forms_reduce() {
    same("\"alice\"@example.test", "alice@example.test");
    same("\"al\\ice\"@example.test", "alice@example.test");
    for odd in ["\"a b\"", "\"a@b\"", "\"<script>\"", "\"|sh x\"", "\"a\\\"b\"", "\"a\\\\b\"", "\"../../etc\""] {
        let address = parse(&format!("{odd}@example.test")).unwrap();
        assert_eq!(parse(&address.to_string()).unwrap(), address, "{odd}");
    }
    assert_eq!(parse("\"../../etc\"@example.test").unwrap().to_string(), "../../etc@example.test");
    assert_eq!(parse("\"\"@example.test"), Err(AddressError::LocalEmpty));
    assert_eq!(parse("\"a\"b\"@example.test"), Err(AddressError::NoAt));
    assert_eq!(LocalPart::parse(b"\"a\"b\""), Err(AddressError::LocalSyntax));
    assert_eq!(LocalPart::parse(b"\"a\\\""), Err(AddressError::LocalSyntax));
    assert_eq!(LocalPart::parse(b"a b"), Err(AddressError::LocalSyntax));
}

#[test]
fn a04_relay_forms_are_seen() {
    for local in ["alice%evil.test", "evil.test!alice", "\"a@b\""] {
        assert!(parse(&format!("{local}@example.test")).unwrap().local().asks_for_relay(), "{local}");
    }
    assert!(!parse("alice@example.test").unwrap().local().asks_for_relay());
}

#[test]
fn a05_bases_longest_first_and_bounded() {
    let both = Separators { plus: true, minus: true };
    let plus = Separators { plus: true, minus: false };
    let bases =
        |text: &str, s| LocalPart::parse(text.as_bytes()).unwrap().bases(s).map(String::from).collect::<Vec<_>>();
    assert_eq!(bases("a+b-c", both), ["a+b", "a"]);
    assert_eq!(bases("anne-marie", plus), [] as [String; 0]);
    assert_eq!(bases("+", plus), [] as [String; 0]);
    assert_eq!(bases("alice++", plus), ["alice+", "alice"]);
    assert_eq!(bases(&"a+".repeat(32), plus).len(), SUB_ADDRESS_LOOKUPS_MAX);
}

#[test]
fn a06_unicode() {
    same("user@bücher.test", "user@xn--bcher-kva.test");
    same("user@BÜCHER。test", "user@xn--bcher-kva.test");
    same("user@ｅｘａｍｐｌｅ.test", "user@example.test");
    same("re\u{301}mi@example.test", "r\u{e9}mi@example.test");
    same("RÉMI@example.test", "r\u{e9}mi@example.test");
    same("ΣΑΣ@example.test", "σας@example.test");
    differ("аlice@example.test", "alice@example.test"); // Cyrillic a
    differ("straße@example.test", "strasse@example.test");
    differ("ı@example.test", "i@example.test");
    assert_eq!(parse("alice＠example.test"), Err(AddressError::NoAt));
    assert!(parse("a\u{202e}b@example.test").is_ok(), "a direction mark is another mailbox, not an error");
    assert!(parse("a\u{7}b@example.test").is_err());
}

#[test]
fn a08_lengths_and_shapes() {
    let local = |n: usize| format!("{}@example.test", "a".repeat(n));
    assert!(parse(&local(64)).is_ok());
    assert_eq!(parse(&local(65)), Err(AddressError::LocalTooLong));
    assert!(parse(&format!("a@{}.test", "b".repeat(63))).is_ok());
    for bad in [
        format!("a@{}.test", "b".repeat(64)),
        format!("a@{}test", "b.".repeat(126)),
        "a@under_score.test".into(),
        "a@-x.test".into(),
        "a@x..test".into(),
        "a@".into(),
    ] {
        assert_eq!(parse(&bad), Err(AddressError::DomainSyntax), "{bad}");
    }
    assert!(parse("first..last@example.test").is_ok());
    assert_eq!(parse("@example.test"), Err(AddressError::LocalEmpty));
    assert_eq!(parse("alice"), Err(AddressError::NoAt));
    assert!(matches!(LocalPart::parse(b"a\xff"), Err(AddressError::NotUtf8)));
}

/// Spellings of one mailbox: case, needless quotes, needless escapes, decomposed letters.
fn spelling() -> impl Strategy<Value = (String, String)> {
    let letters =
        prop::collection::vec(prop::sample::select("abkz09.+-_éßñσ ı\"\\@%".chars().collect::<Vec<_>>()), 1..12);
    (letters, any::<u64>()).prop_map(|(letters, bits)| {
        let plain: String = letters.iter().collect();
        let mut quoted = String::from("\"");
        for (i, c) in letters.iter().enumerate() {
            let bit = |n: usize| bits >> ((i * 3 + n) % 60) & 1 == 1;
            if matches!(c, '"' | '\\') || bit(0) {
                quoted.push('\\');
            }
            // ß and ı have no one-letter upper case that folds back; they stay.
            match c {
                'ß' | 'ı' => quoted.push(*c),
                c if bit(1) => quoted.extend(c.to_uppercase()),
                c => quoted.push(*c),
            }
        }
        quoted.push('"');
        let quoted = if bits & 1 == 1 { quoted.chars().flat_map(decompose).collect() } else { quoted };
        (plain, quoted)
    })
}

/// The decomposed spelling of the letters used above.
fn decompose(c: char) -> Vec<char> {
    use unicode_normalization::UnicodeNormalization;
    c.nfd().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a11_every_spelling_has_the_same_key((plain, quoted) in spelling()) {
        let folded: String = plain.replace('ς', "σ");
        let a = LocalPart::parse(quoted.as_bytes()).unwrap();
        prop_assert_eq!(a.as_str(), folded.as_str());
    }

    #[test]
    fn a11_printing_is_canonical(text in "\\PC{1,20}", domain in "[a-zA-Z0-9]{1,8}\\.[a-z]{2,5}") {
        if let Ok(address) = Address::from_parts(text.as_bytes(), domain.as_bytes()) {
            let printed = address.to_string();
            prop_assert_eq!(parse(&printed).unwrap(), address.clone());
            prop_assert_eq!(parse(&printed.to_uppercase()).map(|a| a.domain().clone()), Ok(address.domain().clone()));
        }
    }

    #[test]
    fn folding_is_idempotent(text in "\\PC{1,16}") {
        let quoted: String = text.chars().flat_map(|c| if matches!(c, '"' | '\\') { vec!['\\', c] } else { vec![c] }).collect();
        if let Ok(local) = LocalPart::parse(format!("\"{quoted}\"").as_bytes()) {
            let again = LocalPart::parse(local.to_string().as_bytes());
            // Folding may lengthen a name past the limit of what may be written; then it cannot be written at all.
            if local.as_str().len() <= LOCAL_PART_MAX {
                prop_assert_eq!(again.unwrap(), local);
            }
        }
    }

    #[test]
    fn the_ascii_shortcut_agrees_with_idna(name in "[a-zA-Z0-9-]{1,6}(\\.[a-zA-Z0-9-]{1,6}){0,3}") {
        use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
        let slow = Uts46::new().to_ascii(name.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify);
        prop_assert_eq!(DomainName::parse(name.as_bytes()).ok().map(|d| d.to_string()), slow.ok().map(|s| s.into_owned()));
    }
}
