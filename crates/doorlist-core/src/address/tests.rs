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

/// Every character that exists.
fn characters() -> impl Iterator<Item = char> {
    '\0'..=char::MAX
}

#[test]
fn the_characters_that_ask_for_a_relay_are_known() {
    let forms: String = characters().filter(|c| characters::asks_for_relay(*c)).collect();
    assert_eq!(forms, "!%@\u{203c}\u{2048}\u{2049}\u{fe15}\u{fe57}\u{fe6a}\u{fe6b}\u{ff01}\u{ff05}\u{ff20}");
}

#[test]
fn no_character_becomes_ascii() {
    let refused: Vec<char> = characters().filter(|c| characters::becomes_ascii(*c)).collect();
    assert_eq!(refused, ['\u{37e}', '\u{1fef}', '\u{212a}'], "Unicode has others now");
    for c in characters().filter(|c| !c.is_ascii()) {
        if let Ok(local) = LocalPart::parse(format!("a{c}b").as_bytes()) {
            assert!(!local.as_str().is_ascii(), "{c:?} became {local}");
        }
    }
    differ("\u{130}@example.test", "i@example.test");
    differ("\u{17f}@example.test", "s@example.test");
    same("\u{130}@example.test", "i\u{307}@example.test");
}

#[test]
fn nothing_invisible_is_in_an_address() {
    // DerivedCoreProperties.txt, Default_Ignorable_Code_Point, and others that show nothing.
    let ranges = [
        '\u{7f}'..='\u{a0}',
        '\u{ad}'..='\u{ad}',
        '\u{34f}'..='\u{34f}',
        '\u{61c}'..='\u{61c}',
        '\u{115f}'..='\u{1160}',
        '\u{1680}'..='\u{1680}',
        '\u{17b4}'..='\u{17b5}',
        '\u{180b}'..='\u{180f}',
        '\u{2000}'..='\u{200f}',
        '\u{2028}'..='\u{202f}',
        '\u{205f}'..='\u{206f}',
        '\u{2800}'..='\u{2800}',
        '\u{3000}'..='\u{3000}',
        '\u{3164}'..='\u{3164}',
        '\u{fe00}'..='\u{fe0f}',
        '\u{feff}'..='\u{feff}',
        '\u{ffa0}'..='\u{ffa0}',
        '\u{fff0}'..='\u{fffb}',
        '\u{1bca0}'..='\u{1bca3}',
        '\u{1d173}'..='\u{1d17a}',
        '\u{e0000}'..='\u{e0fff}',
    ];
    for c in ranges.into_iter().flatten() {
        assert!(is_invisible(c), "{c:?}");
        for text in [format!("a{c}@example.test"), format!("\"{c}a\"@example.test"), format!("a@b{c}c.test")] {
            assert!(parse(&text).is_err(), "{text:?}");
        }
        // An empty text but for this, and nothing is left of it by a shortcut.
        assert!(LocalPart::parse(c.to_string().as_bytes()).is_err(), "{c:?}");
    }
    for seen in "aé_§√ßش中한\u{1f600}\u{301}".chars() {
        assert!(!is_invisible(seen), "{seen:?}");
    }
    // What an A-label means is not hidden: it is read letter by letter.
    assert!(parse("a@xn--a-0fa.test").is_ok());
}

#[test]
fn an_invisible_character_is_named_and_the_address_is_shown_without_it() {
    let why = |text: &str| parse(text).unwrap_err().to_string();
    let told = "the address has an invisible character, ";
    for (text, name, without) in [
        ("An\u{200b}n@example.test", "U+200B ZERO WIDTH SPACE", Some("ann@example.test")),
        ("a\u{ad}nn@example.test", "U+00AD SOFT HYPHEN", Some("ann@example.test")),
        ("ann@exam\u{feff}ple.test", "U+FEFF ZERO WIDTH NO-BREAK SPACE", Some("ann@example.test")),
        ("a\u{202e}n\u{200d}n@example\u{2060}.test", "U+202E RIGHT-TO-LEFT OVERRIDE", Some("ann@example.test")),
        ("a\u{115f}nn@example.test", "U+115F HANGUL CHOSEONG FILLER", Some("ann@example.test")),
        ("a\u{e0041}nn@example.test", "U+E0041 TAG 'A'", Some("ann@example.test")),
        ("ann\u{fe0f}@example.test", "U+FE0F VARIATION SELECTOR-16", Some("ann@example.test")),
        ("ann\u{e01ef}@example.test", "U+E01EF VARIATION SELECTOR-256", Some("ann@example.test")),
        ("\"a\u{a0}nn b\"@example.test", "U+00A0 NO-BREAK SPACE", Some("\"ann b\"@example.test")),
        ("\u{200b}@example.test", "U+200B ZERO WIDTH SPACE", None),
        ("a\u{200b}@exa_mple.test", "U+200B ZERO WIDTH SPACE", None),
        ("\"a\u{7}\"@example.test", "U+0007 (a control character)", Some("a@example.test")),
        ("a\u{fff0}@example.test", "U+FFF0 (a format character)", Some("a@example.test")),
    ] {
        let without = without.map(|rest| format!("; without it, the address is {rest}")).unwrap_or_default();
        assert_eq!(why(text), format!("{told}{name}{without}"));
    }
    let alone = LocalPart::parse("an\u{200b}n".as_bytes()).unwrap_err().to_string();
    assert_eq!(alone, format!("{told}U+200B ZERO WIDTH SPACE; without it, the address is ann"));
}

#[test]
fn every_character_that_is_cleaned_away_is_refused_in_an_address() {
    for c in characters().filter(|c| characters::is_cleaned(*c)) {
        assert!(matches!(LocalPart::parse(format!("a{c}b").as_bytes()), Err(AddressError::Invisible(_))), "{c:?}");
    }
    for kept in ['\n', '\t', ' ', '\u{a0}', '\u{2028}', '\u{2029}', 'a', '\u{301}'] {
        assert!(!characters::is_cleaned(kept), "{kept:?} parts words, or is seen");
    }
}

#[test]
fn characters_that_look_like_an_apostrophe_or_a_hyphen_are_known() {
    let seen = |text: &str| LocalPart::parse(text.as_bytes()).unwrap().lookalike();
    assert_eq!((seen("o\u{2019}hara"), seen("anna\u{2010}lena")), (Some('\u{2019}'), Some('\u{2010}')));
    assert_eq!((seen("anna\u{2011}lena"), seen("o'hara-lee"), seen("émile")), (Some('\u{2011}'), None, None));
}

#[test]
fn a05_bases_longest_first_and_bounded() {
    let both = SubAddressing { plus: true, minus: true };
    let plus = SubAddressing { plus: true, minus: false };
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
    assert!(matches!(parse("a\u{202e}b@example.test"), Err(AddressError::Invisible(_))));
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

/// Characters around which folding does most: those that become others, and marks that go with letters.
const FOLDS: [char; 16] = [
    'k', 'K', 'i', 'I', 's', '+', '-', '%', '\u{212a}', '\u{17f}', '\u{130}', '\u{131}', '\u{307}', '\u{338}',
    '\u{345}', '\u{ff20}',
];

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
            prop_assert!(!printed.contains(is_invisible));
            prop_assert_eq!(parse(&printed.to_uppercase()).map(|a| a.domain().clone()), Ok(address.domain().clone()));
        }
    }

    #[test]
    fn ascii_comes_from_ascii(text in prop::collection::vec(prop_oneof![any::<char>(), prop::sample::select(&FOLDS[..])], 1..8)) {
        let quoted: String = text.iter().flat_map(|c| ['\\', *c]).collect();
        if let Ok(local) = LocalPart::parse(format!("\"{quoted}\"").as_bytes()) {
            let written: String = text.iter().collect();
            prop_assert!(!written.contains(is_invisible));
            prop_assert_eq!(local.as_str().is_ascii(), written.is_ascii(), "{:?}", written);
            prop_assert_eq!(local.asks_for_relay(), written.contains(characters::asks_for_relay), "{:?}", written);
            for base in local.bases(SubAddressing { plus: true, minus: true }).filter(|base| base.is_ascii()) {
                let start: String = written.chars().take(base.len()).collect();
                prop_assert_eq!(base, start.to_ascii_lowercase(), "{:?}", written);
            }
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
