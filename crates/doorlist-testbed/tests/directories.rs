//! The directories answer as the tests of what reads them need it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use doorlist_testbed::certificates::Shown;
use doorlist_testbed::ldap_tools::Client;
use doorlist_testbed::openldap::{OpenLdap, Person, Setup, large_address};
use doorlist_testbed::samba_ad::{self, ActiveDirectory, Certificate};

/// Result codes of RFC 4511 §4.1.9.
const SIZE_LIMIT_EXCEEDED: i32 = 4;
const STRONGER_AUTH_REQUIRED: i32 = 8;
const REFERRAL: i32 = 10;
const ADMIN_LIMIT_EXCEEDED: i32 = 11;
const NO_SUCH_OBJECT: i32 = 32;
const INVALID_CREDENTIALS: i32 = 49;

const ANNA: Person<'_> = Person {
    uid: "anna",
    cn: "Anna Ahorn",
    mail: &["anna@example.test"],
    proxy_addresses: &["SMTP:anna@example.test", "smtp:a.ahorn@example.test", "SIP:anna@example.test"],
};
const BERTA: Person<'_> =
    Person { uid: "berta", cn: "Berta Bärlauch", mail: &["berta@example.test"], proxy_addresses: &[] };

fn with_people(setup: &Setup<'_>) -> OpenLdap {
    let directory = OpenLdap::start(setup).unwrap();
    directory.add_people(&[ANNA, BERTA]).unwrap();
    directory
}

fn people(client: &Client, more: &[&str]) -> (i32, usize) {
    let said = client.search("dc=example,dc=test", "(objectClass=inetOrgPerson)", more).unwrap();
    (said.code, said.names().len())
}

#[test]
fn openldap_answers_plain_over_start_tls_and_over_ldaps() {
    let directory = with_people(&Setup::default());
    let plain = directory.client();
    let said = plain.search(directory.base(), "(proxyAddresses=SMTP:A.AHORN@example.test)", &[]).unwrap();
    assert_eq!(said.names(), ["uid=anna,ou=people,dc=example,dc=test"], "{said:?}");
    assert_eq!(said.ldif.matches("proxyAddresses: ").count(), 3, "{}", said.ldif);
    assert_eq!(people(&Client { start_tls: true, ..plain.clone() }, &[]), (0, 2));
    assert_eq!(people(&Client { url: directory.ldaps_url(), ..plain.clone() }, &[]), (0, 2));
    assert_eq!(people(&Client { password: "wrong".to_owned(), ..plain }, &[]), (INVALID_CREDENTIALS, 0));
    let anna = directory.search("(uid=anna)").unwrap();
    assert!(anna.contains("\nentryUUID: ") && anna.contains("\nentryCSN: "), "{anna}");
    assert!(directory.log().unwrap().contains("SEARCH RESULT"), "{}", directory.log().unwrap());
}

#[test]
fn openldap_shows_a_bad_certificate_when_told_to() {
    for shown in [Shown::Expired, Shown::WrongHost, Shown::UnknownAuthority] {
        let directory = OpenLdap::start(&Setup { shown, ..Setup::default() }).unwrap();
        for (client, refusal) in [
            (Client { url: directory.ldaps_url(), ..directory.client() }, "Can't contact LDAP server"),
            (Client { start_tls: true, ..directory.client() }, "ldap_start_tls: Connect error"),
        ] {
            let said = client.search(directory.base(), "(uid=*)", &[]).unwrap();
            assert!(said.code != 0 && said.error.contains(refusal), "{shown:?}: {said:?}");
        }
        assert_eq!(people(&directory.client(), &[]), (0, 0));
    }
}

#[test]
fn openldap_without_rights_finds_nothing() {
    let directory = with_people(&Setup::default());
    let blind = Client { bind_dn: directory.blind_dn().to_owned(), ..directory.client() };
    assert_eq!(people(&blind, &[]), (0, 0));
    let nobody = Client { bind_dn: String::new(), ..directory.client() };
    assert_eq!(people(&nobody, &[]), (NO_SUCH_OBJECT, 0));
}

#[test]
fn openldap_stops_at_its_limits() {
    let many = |setup: &Setup<'_>| OpenLdap::large(setup, 30, 1).unwrap();
    let of_all = many(&Setup { entries_max: Some(10), ..Setup::default() });
    assert_eq!(people(&of_all.client(), &[]), (SIZE_LIMIT_EXCEEDED, 10));
    // Pages do not help: the limit is that of all of them.
    assert_eq!(people(&of_all.client(), &["-E", "pr=4/noprompt"]), (SIZE_LIMIT_EXCEEDED, 10));

    let pages = Setup { reader_limits: "size=10 size.prtotal=unlimited", ..Setup::default() };
    let pages = many(&pages);
    assert_eq!(people(&pages.client(), &[]), (SIZE_LIMIT_EXCEEDED, 10));
    assert_eq!(people(&pages.client(), &["-E", "pr=4/noprompt"]), (0, 30));

    let page_max = many(&Setup { reader_limits: "size.pr=5", ..Setup::default() });
    assert_eq!(people(&page_max.client(), &["-E", "pr=6/noprompt"]), (ADMIN_LIMIT_EXCEEDED, 0));
    assert_eq!(people(&page_max.client(), &["-E", "pr=5/noprompt"]), (0, 30));
}

#[test]
fn openldap_refers_elsewhere() {
    let url = "ldap://127.0.0.1:9/ou=elsewhere,dc=other,dc=test";
    let directory = with_people(&Setup { referral: Some(url), ..Setup::default() });
    let said = directory.client().search(directory.base(), "(uid=anna)", &[]).unwrap();
    assert_eq!((said.code, said.names().len()), (0, 1));
    assert!(said.ldif.contains("# refldap://127.0.0.1:9/"), "{}", said.ldif);
    let said = directory.client().search("ou=elsewhere,dc=example,dc=test", "(uid=anna)", &[]).unwrap();
    assert_eq!(said.code, REFERRAL);
}

#[test]
fn openldap_tells_of_changes_to_those_who_wait_and_ends_all_the_same() {
    let mut directory = OpenLdap::start(&Setup::default()).unwrap();
    let mut waits = Command::new("ldapsearch")
        .args(["-x", "-H", &directory.url(), "-D", directory.bind_dn(), "-w", directory.password(), "-LLL"])
        .args(["-b", directory.base(), "-E", "!sync=rp", "(uid=anna)"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    directory.add_people(&[ANNA, BERTA]).unwrap();
    let mut lines = BufReader::new(waits.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.starts_with("dn: uid=anna,")));
    directory.stop().unwrap();
    assert!(!lines.any(|line| line.contains("berta")));
    waits.wait().unwrap();
}

#[test]
fn openldap_takes_changes_and_keeps_them_over_a_stop() {
    let mut directory = with_people(&Setup::default());
    let uuid = |ldif: String| ldif.lines().find(|line| line.starts_with("entryUUID: ")).unwrap().to_owned();
    let before = uuid(directory.search("(uid=anna)").unwrap());
    directory
        .modify(
            "dn: uid=anna,ou=people,dc=example,dc=test\nchangetype: modify\nreplace: mail\nmail: ahorn@example.test\n\n\
             dn: uid=anna,ou=people,dc=example,dc=test\nchangetype: modrdn\nnewrdn: uid=ahorn\ndeleteoldrdn: 1\n\n\
             dn: uid=berta,ou=people,dc=example,dc=test\nchangetype: delete\n",
        )
        .unwrap();
    assert!(directory.modify("dn: uid=berta,ou=people,dc=example,dc=test\nchangetype: delete\n").is_err());
    directory.stop().unwrap();
    assert!(directory.search("(uid=ahorn)").is_err());
    directory.start_again().unwrap();
    assert_eq!(uuid(directory.search("(mail=ahorn@example.test)").unwrap()), before);
    assert_eq!(people(&directory.client(), &[]), (0, 1));
}

#[test]
fn openldap_holds_very_many_people() {
    let directory = OpenLdap::large(&Setup::default(), 100_000, 3).unwrap();
    let said = directory.client().search(directory.base(), "(mail=*)", &["--", "mail", "proxyAddresses"]).unwrap();
    let addresses: BTreeSet<&str> =
        said.ldif.lines().filter_map(|line| line.split_once(": ")).map(|(_, v)| v).collect();
    assert_eq!(said.names().len(), 100_000);
    assert!(addresses.contains(large_address(99_999, 0).as_str()));
    assert!(addresses.contains(format!("smtp:{}", large_address(99_999, 2)).as_str()));
}

#[test]
fn active_directory_shows_its_fixture_over_ldaps_and_start_tls() {
    let directory = ActiveDirectory::start(&samba_ad::Setup::default()).unwrap();
    let client = directory.client().unwrap();
    let url = format!("ldap://{}", directory.ldap_address());
    let start_tls = Client { url: url.clone(), start_tls: true, ..client.clone() };
    for client in [&client, &start_tls] {
        let said = client.search(directory.base(), "(mail=*)", &[]).unwrap();
        assert_eq!((said.code, said.names().len()), (0, 8), "{said:?}");
        assert!(said.ldif.contains("://ad.example.test/CN=Configuration,"), "{}", said.ldif);
        for kind in ["SMTP:alice@example.test", "smtp:a.anderson@", "SIP:alice@", "x500:/o=Example/"] {
            assert!(said.ldif.contains(&format!("proxyAddresses: {kind}")), "{kind}: {}", said.ldif);
        }
        assert!(said.ldif.contains("objectGUID:: "), "{}", said.ldif);
    }
    let disabled = "(&(mail=*)(userAccountControl:1.2.840.113556.1.4.803:=2))";
    let said = client.search(directory.base(), disabled, &["--", "mail"]).unwrap();
    let mut mail: Vec<&str> = said.ldif.lines().filter_map(|line| line.strip_prefix("mail: ")).collect();
    mail.sort_unstable();
    assert_eq!(mail, ["bob@example.test", "info@example.test"]);
}

#[test]
fn active_directory_refuses_a_plain_bind_unless_told_otherwise() {
    for (plain_binds, expected) in [(false, (STRONGER_AUTH_REQUIRED, 0)), (true, (0, 1))] {
        let directory = ActiveDirectory::start(&samba_ad::Setup { plain_binds, ..samba_ad::Setup::default() }).unwrap();
        let url = format!("ldap://{}", directory.ldap_address());
        let client = Client { url, ..directory.client().unwrap() };
        let said = client.search(directory.base(), "(sAMAccountName=alice)", &[]).unwrap();
        assert_eq!((said.code, said.names().len()), expected, "{said:?}");
    }
}

#[test]
fn active_directory_takes_changes_and_keeps_them_over_a_stop() {
    let mut directory = ActiveDirectory::start(&samba_ad::Setup::default()).unwrap();
    let client = directory.client().unwrap();
    let guid = |name: &str| {
        let filter = format!("(mail={name}@example.test)");
        let said = client.search("DC=ad,DC=example,DC=test", &filter, &["--", "objectGUID"]).unwrap();
        said.ldif.lines().find(|line| line.starts_with("objectGUID:: ")).map(str::to_owned)
    };
    let before = guid("alice");
    assert!(before.is_some());
    directory
        .modify(
            "dn: CN=Alice Anderson,OU=Staff,DC=ad,DC=example,DC=test\nchangetype: moddn\nnewrdn: CN=Alice Brown\n\
             deleteoldrdn: 1\nnewsuperior: OU=Shared,DC=ad,DC=example,DC=test\n\n\
             dn: CN=Alice Brown,OU=Shared,DC=ad,DC=example,DC=test\nchangetype: modify\nreplace: mail\n\
             mail: a.brown@example.test\n",
        )
        .unwrap();
    directory.samba_tool(&["user", "delete", "carol"]).unwrap();
    assert_eq!((guid("alice"), guid("carol")), (None, None));
    directory.stop().unwrap();
    assert_ne!(client.search(directory.base(), "(mail=*)", &[]).unwrap().code, 0);
    directory.start_again().unwrap();
    assert_eq!(guid("a.brown"), before);
}

#[test]
fn active_directory_shows_a_bad_certificate_when_told_to() {
    for certificate in [Certificate::SelfMade, Certificate::Issued(Shown::Expired)] {
        let directory = ActiveDirectory::start(&samba_ad::Setup { certificate, ..samba_ad::Setup::default() }).unwrap();
        let client = directory.client().unwrap();
        assert_ne!(client.search(directory.base(), "(mail=*)", &[]).unwrap().code, 0);
        let careless = Client { any_certificate: true, ..client };
        assert_eq!(careless.search(directory.base(), "(mail=*)", &[]).unwrap().names().len(), 8);
        assert!(directory.ca_pem().starts_with("-----BEGIN CERTIFICATE-----"));
    }
}
