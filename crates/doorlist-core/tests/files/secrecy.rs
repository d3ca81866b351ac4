//! Words that are no addresses are not listed, and secrets are nowhere in what is told of a file.

use super::{fixtures, fixtures_of, read, read_as, rows};
use doorlist_core::file_list::{FileFormat, rejected};
use proptest::prelude::*;

/// All that is kept, shown or written back of a file, in lower case.
fn told(bytes: &[u8], format: Option<FileFormat>) -> String {
    match read_as(bytes, format, &[]) {
        Ok(list) => format!("{list:?}{}", rejected(bytes, &list)).to_lowercase(),
        Err(error) => format!("{error:?} {error}").to_lowercase(),
    }
}

/// The passwords of the fixtures.
const SECRETS: [&str; 3] = ["secr3t", "hunt3r", "s3cret"];

#[test]
fn no_secret_of_a_fixture_is_told() {
    let mut with_secrets = 0;
    for (name, bytes) in fixtures().into_iter().chain(fixtures_of("refused")) {
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        with_secrets += usize::from(SECRETS.iter().any(|secret| text.contains(secret)));
        let told = told(&bytes, None);
        assert!(!SECRETS.iter().any(|secret| told.contains(secret)), "{name}: {told}");
    }
    assert!(with_secrets > 15, "{with_secrets}");
}

#[test]
fn a_hash_is_told_under_no_format() {
    let text = b"ann@example.test:{SSHA}Secr3tHash=\nbo@example.test:$6$abc$Secr3tHash\n{SSHA}Secr3tHash=\n";
    for (format, ..) in FileFormat::ALL {
        assert!(!told(text, Some(format)).contains("secr3t"), "{format}");
    }
}

#[test]
fn a_slip_among_addresses_is_a_problem_and_columns_are_read() {
    let slip = read(b"carol\ndave@example.test\ntwo words@example.test\neve@example.test\n").unwrap();
    assert_eq!((rows(&slip).len(), slip.problems_total), (3, 1), "{slip:?}");
    let doubt = read(b"carol\ndave@example.test\ntwo words@example.test\n").unwrap();
    assert_eq!((rows(&doubt).len(), doubt.problems_total), (2, 1), "{doubt:?}");
    let columns = read(b"Ann ann@example.test\nBo bo@example.test\n").unwrap();
    assert_eq!((rows(&columns).len(), columns.problems_total), (2, 0), "{columns:?}");
}

#[test]
fn a_person_says_what_words_are() {
    let text = b"ann@example.test\nbo, cleo\n";
    assert_eq!(rows(&read(text).unwrap()), ["ann mailbox"]);
    let said = read_as(text, Some(FileFormat::Plain), &[]).unwrap();
    assert_eq!(rows(&said), ["ann mailbox", "bo mailbox", "cleo mailbox"]);
    let table = b"ann@example.test;bo\ncleo@example.test;dee\n";
    let mapped = read_as(table, None, &["2=local".parse().unwrap()]).unwrap();
    assert_eq!(rows(&mapped), ["bo mailbox", "dee mailbox"]);
    let records = b"user: ann\nnote: x\nuser: bo\nnote: y\n";
    assert!(read(records).unwrap_err().to_string().contains("note, user"));
    let mapped = read_as(records, None, &["user=local".parse().unwrap()]).unwrap();
    assert_eq!(rows(&mapped), ["ann mailbox", "bo mailbox"]);
}

/// A word that is nobody's name and might be a password.
fn word() -> impl Strategy<Value = String> {
    "[A-Z]q[0-9][a-z]{2,6}[0-9!]"
}

/// Lines of credential files: `%n` is the name, `%s` the secret.
const SHAPES: [&str; 6] =
    ["%n:%s", "%n:{PLAIN}%s:::::::", "%n|{SHA}%s", "%n:$6$abc$%s:1:2", "%n * %s *", "\"%n\" pptpd \"%s\" *"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn no_word_beside_an_address_is_listed_or_told(
        lines in prop::collection::vec((any::<bool>(), word(), word(), 0..3u8), 1..9),
        separator in prop::sample::select(vec![";", ",", "\t", "|", " ", "  ", ", "]),
    ) {
        let mut text = String::new();
        for (at, (first, one, other, more)) in lines.iter().enumerate() {
            let mut cells = vec![format!("ann{at}@example.test"), one.clone()];
            if *first {
                cells.reverse();
            }
            cells.extend((0..*more).map(|_| other.clone()));
            text.push_str(&cells.join(separator));
            text.push('\n');
        }
        let told = told(text.as_bytes(), None);
        for word in lines.iter().flat_map(|(_, one, other, _)| [one, other]) {
            prop_assert!(!told.contains(&word.to_lowercase()), "{word}: {text}{told}");
        }
    }

    #[test]
    fn no_secret_of_a_credential_file_is_told(
        secrets in prop::collection::vec((word(), any::<bool>()), 1..9),
        shape in prop::sample::select(SHAPES.to_vec()),
        domain in prop::sample::select(vec!["", "@example.test"]),
    ) {
        let mut text = String::new();
        for (at, (secret, commented)) in secrets.iter().enumerate() {
            if *commented {
                text.push_str("# users\n");
            }
            text.push_str(&shape.replace("%s", secret).replace("%n", &format!("ann{at}{domain}")));
            text.push('\n');
        }
        let list = read(text.as_bytes()).unwrap();
        prop_assert_eq!(list.rows.len(), secrets.len(), "{}", text);
        let told = told(text.as_bytes(), None);
        for (secret, _) in &secrets {
            prop_assert!(!told.contains(&secret.to_lowercase()), "{}{}", text, told);
        }
    }
}
