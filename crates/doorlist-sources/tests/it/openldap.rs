//! A real OpenLDAP: bind, encryption, certificates, paging, limits, rights, referrals, changes since.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::reading::{connection, read, read_with, rows, simple, terms, test, trusting};
use doorlist_core::connection::{DirectoryConnection, DirectoryTls, LdapBind, Preset, Trust};
use doorlist_core::source_rows::RowPosition;
use doorlist_sources::{CertificateFault, LdapRefusal, ReadFault, ReadMode, ReadScope, Stage};
use doorlist_testbed::certificates::Shown;
use doorlist_testbed::openldap::{OpenLdap, Person, Setup, large_address};

const ANNA: Person<'_> = Person {
    uid: "anna",
    cn: "Anna Ångström",
    mail: &["anna@example.test"],
    proxy_addresses: &["SMTP:anna@example.test", "smtp:a.angstrom@example.test", "sip:anna@example.test"],
};
const BOB: Person<'_> =
    Person { uid: "bob", cn: "Bob", mail: &["bob@example.test", "bob@other.test"], proxy_addresses: &[] };

fn plain(server: &OpenLdap) -> DirectoryConnection {
    connection(&server.url(), DirectoryTls::Plain, simple(server.bind_dn()), Preset::OpenLdap)
}

#[test]
fn people_and_groups_are_read_in_every_kind_of_encryption() {
    let server = OpenLdap::start(&Setup { referral: Some("ldap://evil.example.test/x"), ..Setup::default() }).unwrap();
    server.add_people(&[ANNA, BOB]).unwrap();
    let base = server.base();
    server
        .modify(&format!(
            "dn: cn=staff,ou=groups,{base}\nobjectClass: groupOfNames\nobjectClass: mailRecipient\ncn: staff\n\
             member: uid=anna,ou=people,{base}\nmail: staff@example.test\n\n"
        ))
        .unwrap();
    let expected = ["a.angstrom -> anna", "anna", "bob", "staff (list)"];
    let start_tls = connection(&server.url(), DirectoryTls::StartTls, simple(server.bind_dn()), Preset::OpenLdap);
    let ldaps = connection(&server.ldaps_url(), DirectoryTls::Ldaps, simple(server.bind_dn()), Preset::OpenLdap);
    for connection in [plain(&server), trusting(start_tls, &server.ca_pem()), trusting(ldaps, &server.ca_pem())] {
        let read = read(&connection, server.password()).unwrap();
        assert_eq!(rows(&read), expected);
        assert_eq!((read.entries, read.references, read.scope), (3, 1, ReadScope::Full));
        assert!(read.reference_urls[0].starts_with("ldap://evil.example.test/"), "L02: counted, never gone to");
        assert!(read.marker.is_some_and(|marker| marker.starts_with("csn ")));
        for row in &read.rows {
            let RowPosition::Entry(place) = &row.place else { panic!() };
            assert_eq!(place.key.as_ref().map(|key| key.len()), Some(36), "L11: entryUUID");
        }
    }
}

#[test]
fn l05_certificates_are_checked_and_may_be_pinned() {
    for (shown, fault) in [
        (Shown::Expired, CertificateFault::Expired),
        (Shown::WrongHost, CertificateFault::OtherName),
        (Shown::UnknownAuthority, CertificateFault::Untrusted),
    ] {
        let server = OpenLdap::start(&Setup { shown, ..Setup::default() }).unwrap();
        for (url, tls) in [(server.ldaps_url(), DirectoryTls::Ldaps), (server.url(), DirectoryTls::StartTls)] {
            let mut connection =
                trusting(connection(&url, tls, simple(server.bind_dn()), Preset::OpenLdap), &server.ca_pem());
            let error = read(&connection, server.password()).unwrap_err();
            assert_eq!((error.stage, error.fault), (Stage::Tls, ReadFault::Certificate(fault)));
            let report = test(&connection, server.password());
            assert!(!report.is_good() && !report.steps.last().unwrap().ok);
            let pin = report.certificate.unwrap().sha256;
            connection.trust = Trust::pinned(&pin).unwrap();
            assert_eq!(read(&connection, server.password()).unwrap().entries, 0, "{shown:?} pinned");
            connection.trust = Trust::Pinned([7; 32]);
            let error = read(&connection, server.password()).unwrap_err();
            assert_eq!(error.fault, ReadFault::Certificate(CertificateFault::NotPinned));
            connection.trust = Trust::System;
            let error = read(&connection, server.password()).unwrap_err();
            assert!(matches!(error.fault, ReadFault::Certificate(_)), "{error}");
        }
        assert!(!server.log().unwrap().contains("BIND dn=\"cn=reader,ou=services,dc=example,dc=test\" method=128 err"));
    }
}

/// `--ca-file` with the certificate of the server: it is said how to trust it, before the server is asked.
#[test]
fn l05_a_certificate_that_is_no_authority_is_to_be_pinned() {
    let server = OpenLdap::start(&Setup::default()).unwrap();
    let ldaps = connection(&server.ldaps_url(), DirectoryTls::Ldaps, simple(server.bind_dn()), Preset::OpenLdap);
    let own = std::fs::read_to_string(server.ca_file().with_file_name("certificate.pem")).unwrap();
    let mut ldaps = trusting(ldaps, &own);
    let error = read(&ldaps, server.password()).unwrap_err();
    let ReadFault::NoCa(pin) = error.fault else { panic!("{error}") };
    assert_eq!((error.stage, doorlist_sources::check_ca(&own)), (Stage::Settings, Err(ReadFault::NoCa(pin))));
    let said = error.to_string();
    let (_, pin) = said.rsplit_once("--pin ").unwrap();
    ldaps.trust = Trust::pinned(pin).unwrap();
    assert_eq!(read(&ldaps, server.password()).unwrap().entries, 0);
    assert_eq!(doorlist_sources::check_ca(&format!("{own}{}", server.ca_pem())), Ok(()), "a chain has its CA");
    assert_eq!(doorlist_sources::check_ca("no PEM"), Err(ReadFault::Authority));
}

#[test]
fn binds_are_refused_with_a_reason() {
    let server = OpenLdap::start(&Setup::default()).unwrap();
    server.add_people(&[ANNA]).unwrap();
    let error = read(&plain(&server), "wrong").unwrap_err();
    assert_eq!((error.stage, &error.fault), (Stage::Bind, &ReadFault::Refused(LdapRefusal::Credentials)));
    assert_eq!(error.to_string(), format!("{}: bind: the directory rejects the bind DN or the password", server.url()));
    let error = read(&plain(&server), "").unwrap_err();
    assert_eq!(
        (error.stage, error.fault),
        (Stage::Settings, ReadFault::NoPassword),
        "never an anonymous bind by mistake"
    );
    let nobody = connection(&server.url(), DirectoryTls::Plain, LdapBind::Anonymous, Preset::OpenLdap);
    let error = read(&nobody, "").unwrap_err();
    assert_eq!((error.stage, error.fault), (Stage::Base, ReadFault::Refused(LdapRefusal::NoBase)));
    let secure = OpenLdap::start(&Setup { settings: "security simple_bind=128", ..Setup::default() }).unwrap();
    let error = read(&plain(&secure), secure.password()).unwrap_err();
    assert_eq!(error.fault, ReadFault::Refused(LdapRefusal::Encrypt), "L04");
    let mut without = plain(&server);
    without.allow_plain_password = false;
    assert!(matches!(read(&without, "x").unwrap_err().fault, ReadFault::Connection(_)));
}

#[test]
fn l08_what_is_read_partly_is_an_error_and_what_is_empty_is_plainly_so() {
    let few = OpenLdap::large(&Setup { entries_max: Some(10), ..Setup::default() }, 30, 1).unwrap();
    let error = read(&plain(&few), few.password()).unwrap_err();
    assert_eq!((error.stage, error.fault), (Stage::Search, ReadFault::Refused(LdapRefusal::SizeLimit)));

    let limited = |reader_limits| {
        let server = OpenLdap::large(&Setup { reader_limits, ..Setup::default() }, 30, 1).unwrap();
        let mut small = plain(&server);
        small.limits.page_entries = 10;
        read(&small, server.password())
    };
    let error = limited("size.pr=10 size.prtotal=20").unwrap_err();
    assert_eq!((error.stage, error.fault), (Stage::Search, ReadFault::NextPage(LdapRefusal::SizeLimit)), "20 of 30");
    let error = limited("size.pr=7 size.hard=20 size.soft=20").unwrap_err();
    assert_eq!(error.fault, ReadFault::Unpaged(LdapRefusal::SizeLimit), "20 of 30");
    for no_pages in ["size.pr=7 size.prtotal=20", "size.prtotal=disabled"] {
        let all = limited(no_pages).unwrap();
        assert_eq!((all.entries, all.unpaged), (30, true), "{no_pages}");
    }

    let server = OpenLdap::large(&Setup::default(), 30, 2).unwrap();
    let mut connection = plain(&server);
    connection.limits.page_entries = 10;
    let all = read(&connection, server.password()).unwrap();
    assert_eq!((all.entries, all.rows.len()), (30, 60), "three pages");
    connection.limits.entries_max = 29;
    let error = read(&connection, server.password()).unwrap_err();
    assert_eq!(error.fault, ReadFault::TooManyEntries { max: 29 });

    connection = plain(&server);
    connection.base = "ou=nowhere,dc=example,dc=test".into();
    let error = read(&connection, server.password()).unwrap_err();
    assert_eq!((error.stage, error.fault), (Stage::Base, ReadFault::Refused(LdapRefusal::NoBase)));
    connection.base = "example.test".into();
    let error = read(&connection, server.password()).unwrap_err();
    assert_eq!(error.fault, ReadFault::Refused(LdapRefusal::BadName));
    connection.base = "ou=elsewhere,dc=example,dc=test".into();

    let mut blind = plain(&server);
    blind.bind = simple(server.blind_dn());
    let empty = read(&blind, server.password()).unwrap();
    assert_eq!((empty.entries, empty.rows.len(), empty.scope), (0, 0, ReadScope::Full));
    let mut nickname = plain(&server);
    nickname.preset = Preset::ActiveDirectoryExchange;
    assert_eq!(read(&nickname, server.password()).unwrap().entries, 0, "nobody has a mailNickname");
}

#[test]
fn a_base_on_another_server_is_not_followed() {
    let server = OpenLdap::start(&Setup { referral: Some("ldap://127.0.0.1:1/x"), ..Setup::default() }).unwrap();
    let mut connection = plain(&server);
    connection.base = "ou=elsewhere,dc=example,dc=test".into();
    let error = read(&connection, server.password()).unwrap_err();
    assert_eq!((error.stage, error.fault), (Stage::Base, ReadFault::Refused(LdapRefusal::Elsewhere)));
}

#[test]
fn an_own_filter_is_sent_as_it_is_meant() {
    let server = OpenLdap::start(&Setup::default()).unwrap();
    let odd = Person { uid: "odd", cn: "a*b(c)\\d", mail: &["odd@example.test"], proxy_addresses: &[] };
    server.add_people(&[ANNA, BOB, odd]).unwrap();
    for (filter, expected) in [
        ("(cn=a\\2ab\\28c\\29\\5cd)", &["odd"] as &[&str]),
        ("(&(mail=*@example.test)(!(uid=anna)))", &["bob", "odd"]),
        ("(|(cn=ANNA å*)(uid=b*b))", &["a.angstrom -> anna", "anna", "bob"]),
        ("(uid:caseIgnoreMatch:=BOB)", &["bob"]),
        ("(createTimestamp>=29990101000000Z)", &[]),
        ("(mail=nobody@example.test)", &[]),
    ] {
        let mut connection = plain(&server);
        connection.filter = Some(filter.parse().unwrap());
        assert_eq!(rows(&read(&connection, server.password()).unwrap()), expected, "{filter}");
    }
}

#[test]
fn what_has_changed_since_is_read_alone() {
    let server = OpenLdap::start(&Setup::default()).unwrap();
    server.add_people(&[ANNA, BOB]).unwrap();
    let first = read(&plain(&server), server.password()).unwrap();
    let (name, _) = first.marker.as_deref().unwrap().rsplit_once(' ').unwrap();
    let since =
        |marker: String| read_with(&plain(&server), server.password(), ReadMode::Since(marker), &terms()).unwrap();
    // Both were just now added, and stamps overlap by ten minutes.
    let both = since(first.marker.clone().unwrap());
    assert_eq!(rows(&both), rows(&first));
    let ReadScope::Changed { keys } = &both.scope else { panic!("{:?}", both.scope) };
    assert_eq!(keys.len(), 2);
    // As if nothing had changed for an hour: a marker of a time that has not come.
    assert_eq!(since(format!("{name} 29990101000000")).scope, ReadScope::Full, "the directory is behind its marker");
    assert_eq!(since("csn other:389 20200101000000".into()).scope, ReadScope::Full, "another server");
    assert_eq!(since("nonsense".into()).scope, ReadScope::Full);
}

#[test]
fn another_server_is_asked_when_the_first_is_away_and_not_when_it_refuses() {
    let mut away = OpenLdap::start(&Setup::default()).unwrap();
    let server = OpenLdap::start(&Setup::default()).unwrap();
    server.add_people(&[BOB]).unwrap();
    let urls = format!("{},{}", away.url(), server.url());
    let both = connection(&urls, DirectoryTls::Plain, simple(server.bind_dn()), Preset::OpenLdap);
    let error = read(&both, "wrong").unwrap_err();
    assert_eq!(error.server.unwrap().to_string(), away.url());
    assert_eq!(read(&both, server.password()).unwrap().entries, 0, "the first one answers, and has nobody");
    away.stop().unwrap();
    let found = read(&both, server.password()).unwrap();
    assert_eq!((rows(&found), found.server), (vec!["bob".to_owned()], server.url()));
    let urls = format!("ldaps://{},{}", server.address(), away.url());
    let neither = connection(&urls, DirectoryTls::Plain, simple(server.bind_dn()), Preset::OpenLdap);
    let error = read(&neither, server.password()).unwrap_err();
    assert_eq!(error.stage, Stage::Tls, "with the first we came further: {error}");
    let report = test(&both, server.password());
    let steps: Vec<(bool, Stage)> = report.steps.iter().map(|step| (step.ok, step.stage)).collect();
    assert_eq!(steps[..2], [(true, Stage::Name), (false, Stage::Connect)]);
    assert_eq!(steps.last(), Some(&(true, Stage::Search)));
}

#[test]
fn a_test_shows_each_step_and_the_first_entries() {
    let server = OpenLdap::large(&Setup::default(), 25, 3).unwrap();
    let ldaps = connection(&server.ldaps_url(), DirectoryTls::Ldaps, simple(server.bind_dn()), Preset::OpenLdap);
    let report = test(&trusting(ldaps, &server.ca_pem()), server.password());
    let stages: Vec<Stage> = report.steps.iter().map(|step| step.stage).collect();
    assert_eq!(stages, [Stage::Name, Stage::Connect, Stage::Tls, Stage::Bind, Stage::Base, Stage::Search]);
    assert!(report.is_good() && report.steps.iter().all(|step| step.ok));
    assert_eq!(report.steps[5].detail, "25 entries, 75 addresses of the domain");
    let certificate = report.certificate.unwrap();
    assert!(report.steps[2].detail.contains(&certificate.sha256) && certificate.subject == "CN=127.0.0.1");
    assert_eq!(report.first.len(), 10);
    assert_eq!(report.first[0].account, large_address(0, 0));
    assert_eq!(report.first[0].aliases, [large_address(0, 1), large_address(0, 2)]);
}
