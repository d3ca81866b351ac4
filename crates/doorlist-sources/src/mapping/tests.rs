//! Entries by table: what Active Directory, Exchange and OpenLDAP keep, and what people write into it (L10, L11, L12).
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::protocol::{LdapMessage, LdapResponse, write_entry};
use doorlist_core::connection::{DirectoryServer, DirectoryTls, LdapBind, ListMark, Preset};
use proptest::prelude::*;

type Attributes<'a> = &'a [(&'a str, &'a [&'a str])];

fn connection(preset: Preset) -> DirectoryConnection {
    let server = DirectoryServer::parse("ldaps://dc1.example.test", DirectoryTls::StartTls).unwrap();
    DirectoryConnection::new(vec![server], LdapBind::Anonymous, "dc=example,dc=test".into(), preset)
}

fn map_in(connection: &DirectoryConnection, entries: &[Attributes<'_>]) -> Mapped {
    let domain: DomainName = "example.test".parse().unwrap();
    let aliases = ["example.invalid".parse().unwrap(), "bücher.test".parse().unwrap()];
    let mut mapper = Mapper::new(connection, &domain, &aliases, true);
    for attributes in entries {
        let values: Vec<(&[u8], Vec<Vec<u8>>)> = attributes
            .iter()
            .map(|(name, values)| (name.as_bytes(), values.iter().map(|v| v.as_bytes().to_vec()).collect()))
            .collect();
        let bytes =
            write_entry("cn=Jörg,dc=example,dc=test".as_bytes(), values.iter().map(|(name, v)| (*name, v.as_slice())));
        let LdapResponse::Entry(entry) = LdapMessage::read(&bytes).unwrap().answer else { panic!() };
        mapper.entry(&entry).unwrap();
    }
    mapper.finish()
}

fn map(attributes: Attributes<'_>) -> Mapped {
    map_in(&connection(Preset::ActiveDirectory), &[attributes])
}

/// `alice`, `a -> alice`, `staff (list)`.
fn rows(mapped: &Mapped) -> Vec<String> {
    let mut rows: Vec<String> = mapped
        .rows
        .iter()
        .map(|row| match &row.structure {
            Structure::Mailbox => row.local.to_string(),
            Structure::DistributionList => format!("{} (list)", row.local),
            Structure::AliasOf(of) => format!("{} -> {of}", row.local),
        })
        .collect();
    rows.sort();
    rows
}

#[test]
fn l10_only_mail_addresses_of_the_domain() {
    let mapped = map(&[
        ("mail", &["Alice@Example.Test"]),
        (
            "proxyAddresses",
            &[
                "SMTP:alice@example.test",
                "smtp:A.Anderson@example.test",
                "Smtp: spaced@example.test ",
                "smtp:ALICE@EXAMPLE.TEST",
                "plain@example.test",
                "smtp:alias@example.invalid",
                "smtp:leser@BÜCHER.test",
                "smtp:alice@other.test",
                "sip:sip@example.test",
                "x500:/o=Example/cn=alice",
                "X400:c=us;a= ;p=Example",
                "SPO:SPO_1@SPO_2",
                "NOTES:CN=alice/O=Example@example.test",
                "EUM:1234@example.test",
                "smtp:",
                "smtp:a b@example.test",
                "smtp:x@example.test.",
            ],
        ),
    ]);
    let expected =
        ["a.anderson -> alice", "alias -> alice", "alice", "leser -> alice", "plain -> alice", "spaced -> alice"];
    assert_eq!(rows(&mapped), expected);
    let skipped = [(SkipReason::OtherKind, 6), (SkipReason::OtherDomain, 1), (SkipReason::Repeated, 1)];
    assert_eq!(mapped.skipped(), skipped);
    assert_eq!(mapped.problems_total, 3);
    assert_eq!(mapped.problems[0].place, "cn=Jörg,dc=example,dc=test");
    assert_eq!(mapped.problems[0].column.as_deref(), Some("proxyAddresses"));
    assert!(mapped.problems[1].why.contains("not allowed") && mapped.problems[2].why.contains("dot"));
}

#[test]
fn which_address_is_the_account() {
    let account = |mail: &[&str], proxies: &[&str]| rows(&map(&[("mail", mail), ("proxyAddresses", proxies)]));
    assert_eq!(account(&["a@example.test"], &["SMTP:b@example.test"]), ["a", "b -> a"]);
    assert_eq!(account(&["a@other.test"], &["smtp:c@example.test", "SMTP:b@example.test"]), ["b", "c -> b"]);
    assert_eq!(account(&["a@other.test"], &["smtp:c@example.test", "SMTP:b@other.test"]), ["c"]);
    assert_eq!(account(&["a@example.invalid"], &["SMTP:b@example.test"]), ["a", "b -> a"]);
    assert_eq!(account(&["x@example.test", "y@example.test"], &[]), ["x", "y -> x"]);
    assert_eq!(account(&[], &["sip:a@example.test"]), [] as [&str; 0]);
    assert_eq!(account(&["a@example.test.other.test"], &[]), [] as [&str; 0]);
}

#[test]
fn l11_what_an_entry_is() {
    let kind = |attributes: Attributes<'_>| {
        let mut all = vec![("mail", ["x@example.test"].as_slice())];
        all.extend_from_slice(attributes);
        let mut connection = connection(Preset::ActiveDirectoryExchange);
        let kept = rows(&map_in(&connection, &[&all]));
        connection.include_disabled = false;
        (kept.concat(), rows(&map_in(&connection, &[&all])).concat())
    };
    let both = |text: &str| (text.to_owned(), text.to_owned());
    let disabled = ("userAccountControl", ["514"].as_slice());
    assert_eq!(kind(&[("objectClass", &["top", "person", "user"])]), both("x"));
    assert_eq!(kind(&[disabled]), ("x".to_owned(), String::new()));
    assert_eq!(kind(&[disabled, ("msExchRecipientTypeDetails", &["4"])]), both("x"), "a shared mailbox takes mail");
    assert_eq!(kind(&[disabled, ("msExchRecipientTypeDetails", &["34359738368"])]), both("x"));
    assert_eq!(kind(&[("objectClass", &["top", "GROUP"])]), both("x (list)"));
    assert_eq!(kind(&[("objectClass", &["groupOfNames"])]), both("x (list)"));
    assert_eq!(kind(&[("msExchRecipientTypeDetails", &["1024"])]), both("x (list)"));
    assert_eq!(kind(&[("objectClass", &["top", "contact"])]), both("x"));
    assert_eq!(kind(&[("isDeleted", &["TRUE"])]), both(""));
    assert_eq!(kind(&[("msExchRecipientTypeDetails", &["8388608"])]), both(""), "arbitration mailbox");
    assert_eq!(kind(&[("userAccountControl", &["-2147483136"])]), both("x"));
    let mut marked = connection(Preset::Generic);
    marked.list_mark = Some(ListMark { attribute: "mailKind".parse().unwrap(), value: "List".into() });
    let entry: Attributes<'_> = &[("mail", &["x@example.test"]), ("MailKind", &["person", "LIST"])];
    assert_eq!(rows(&map_in(&marked, &[entry])), ["x (list)"]);
}

#[test]
fn l11_keys_stay_the_same() {
    let server = connection(Preset::Generic);
    let domain: DomainName = "example.test".parse().unwrap();
    let mut mapper = Mapper::new(&server, &domain, &[], true);
    let guid: Vec<u8> = (0..16).collect();
    for (name, value) in [
        ("objectGUID", guid.as_slice()),
        ("entryUUID", b"5A1B-x".as_slice()),
        ("objectGUID", b"short"),
        ("entryUUID", b"with space"),
    ] {
        let values = [value.to_vec()];
        let mail = [b"x@example.test".to_vec()];
        let bytes = write_entry(b"cn=\xff", [(name.as_bytes(), values.as_slice()), (b"mail", &mail)].into_iter());
        let LdapResponse::Entry(entry) = LdapMessage::read(&bytes).unwrap().answer else { panic!() };
        mapper.entry(&entry).unwrap();
    }
    let mapped = mapper.finish();
    assert_eq!((mapped.keyless, mapped.entries), (2, 4));
    assert_eq!(
        mapped.keys.iter().map(|key| &**key).collect::<Vec<_>>(),
        ["03020100-0504-0706-0809-0a0b0c0d0e0f", "5a1b-x"]
    );
    let RowPosition::Entry(place) = &mapped.rows[0].place else { panic!() };
    assert_eq!((place.key.as_deref(), &*place.dn), (Some("03020100-0504-0706-0809-0a0b0c0d0e0f"), "cn=\u{fffd}"));
}

#[test]
fn exclusions_take_aliases_or_the_whole_account() {
    let mut connection = connection(Preset::ActiveDirectory);
    connection.exclusions =
        ["healthmailbox*", "*-old@example.test", "*@example.invalid"].map(|g| g.parse().unwrap()).into();
    let entries: [Attributes<'_>; 2] = [
        &[("mail", &["HealthMailbox7@example.test"]), ("proxyAddresses", &["smtp:probe@example.test"])],
        &[
            ("mail", &["a@example.test"]),
            ("proxyAddresses", &["smtp:a-OLD@example.test", "smtp:b@example.test", "smtp:c@example.invalid"]),
        ],
    ];
    let mapped = map_in(&connection, &entries);
    assert_eq!(rows(&mapped), ["a", "b -> a"]);
    assert_eq!(mapped.skipped(), [(SkipReason::Excluded, 3)]);
}

#[test]
fn attributes_with_options_and_named_twice() {
    let mut connection = connection(Preset::OpenLdap);
    connection.alias_attributes = vec!["mail".parse().unwrap(), "mailLocalAddress".parse().unwrap()];
    let entry: Attributes<'_> = &[
        ("MAIL;lang-de", &["a@example.test"]),
        ("mailLocalAddress", &["b@example.test"]),
        ("mailLocalAddressX", &["c@example.test"]),
    ];
    let mapped = map_in(&connection, &[entry]);
    assert_eq!(rows(&mapped), ["a", "b -> a"]);
    assert_eq!(Mapper::attributes(&connection), ["mail", "objectClass", "mailLocalAddress", "entryUUID"]);
}

/// RFC 4512 §2.5: the values of all descriptions are values of the attribute, in whatever order the server sends them.
#[test]
fn every_description_of_an_attribute_counts_and_the_plain_one_is_the_account() {
    let plain = ("mail", ["anna@example.test"].as_slice());
    let work = ("mail;x-work", ["a.work@example.test"].as_slice());
    let home = ("Mail;X-Home;lang-de", ["a.home@example.test"].as_slice());
    let expected = ["a.home -> anna", "a.work -> anna", "anna"];
    for entry in [[plain, work, home], [work, plain, home], [home, work, plain]] {
        assert_eq!(rows(&map(&entry)), expected, "{entry:?}");
    }
    let aliases: Attributes<'_> = &[
        ("proxyAddresses;lang-en", &["smtp:b@example.test"]),
        ("proxyAddresses", &["smtp:a@example.test", "smtp:c@example.test"]),
    ];
    assert_eq!(rows(&map(aliases)), ["a", "b -> a", "c -> a"], "without mail, the first plain address is the account");

    let mut own = connection(Preset::Generic);
    own.email_attribute = "mail;x-work".parse().unwrap();
    let entry: Attributes<'_> = &[
        ("mail", &["private@example.test"]),
        ("mail;lang-en;x-work", &["also@example.test"]),
        ("mail;X-Work", &["work@example.test"]),
        ("mail;x-workshop", &["no@example.test"]),
    ];
    assert_eq!(rows(&map_in(&own, &[entry])), ["also -> work", "work"]);
}

#[test]
fn an_entry_of_very_many_addresses_takes_no_long_time() {
    let values: Vec<String> = (0..60_000).map(|n| format!("smtp:n{}@example.test", n % 30_000)).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let mapped = map(&[("proxyAddresses", &values)]);
    assert_eq!(mapped.rows.len(), 30_000);
    assert_eq!(mapped.skipped(), [(SkipReason::Repeated, 30_000)]);
}

proptest! {
    #[test]
    fn an_account_has_its_addresses_once(
        mail in prop::collection::vec("[abAB]{1,2}@(example|other)\\.test", 0..3),
        proxies in prop::collection::vec("(smtp:|SMTP:|sip:|)[abAB]{1,2}@(EXAMPLE|other)\\.test", 0..40),
    ) {
        let mail: Vec<&str> = mail.iter().map(String::as_str).collect();
        let proxies: Vec<&str> = proxies.iter().map(String::as_str).collect();
        let mapped = map(&[("mail", &mail), ("proxyAddresses", &proxies)]);
        let mut locals: Vec<String> = mapped.rows.iter().map(|row| row.local.to_string()).collect();
        let accounts: Vec<&SourceRow> =
            mapped.rows.iter().filter(|row| row.structure == Structure::Mailbox).collect();
        prop_assert_eq!(accounts.len(), usize::from(!locals.is_empty()));
        for row in &mapped.rows {
            if let Structure::AliasOf(of) = &row.structure {
                prop_assert_eq!(of, &accounts[0].local);
            }
        }
        let ours = |text: &str| text.to_lowercase().ends_with("@example.test") && !text.starts_with("sip:");
        let mut expected: Vec<String> = mail.iter().chain(&proxies).filter(|text| ours(text)).map(|text| {
            let text = text.to_lowercase();
            text.trim_start_matches("smtp:").trim_end_matches("@example.test").to_owned()
        }).collect();
        expected.sort();
        expected.dedup();
        locals.sort();
        prop_assert_eq!(locals, expected);
    }

    #[test]
    fn no_values_break_it(values in prop::collection::vec("\\PC{0,30}", 0..5), bytes in prop::collection::vec(any::<u8>(), 0..30)) {
        let server = connection(Preset::Generic);
        let domain: DomainName = "example.test".parse().unwrap();
        let mut mapper = Mapper::new(&server, &domain, &[], false);
        let mut all: Vec<Vec<u8>> = values.into_iter().map(String::into_bytes).collect();
        all.push(bytes);
        let names = [b"mail".as_slice(), b"proxyAddresses", b"userAccountControl", b"objectGUID", b"isDeleted"];
        let bytes = write_entry(b"cn=x", names.iter().map(|name| (*name, all.as_slice())));
        let LdapResponse::Entry(entry) = LdapMessage::read(&bytes).unwrap().answer else { panic!() };
        prop_assert_eq!(mapper.entry(&entry), Ok(()));
    }
}
