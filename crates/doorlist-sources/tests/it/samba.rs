//! A real Active Directory: who is in it, references, refused plain binds, changes by number, what Exchange would add.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::reading::{connection, read, read_with, rows, simple, terms, test, trusting};
use doorlist_core::connection::{DirectoryConnection, DirectoryTls, Preset, Trust};
use doorlist_core::source_rows::RowPosition;
use doorlist_sources::{
    CertificateFault, DirectoryRead, LdapRefusal, ReadFault, ReadMode, ReadScope, SkipReason, Stage,
};
use doorlist_testbed::samba_ad::{ActiveDirectory, Certificate, Setup};

/// The fixture, as it should be listed.
const PEOPLE: [&str; 11] = [
    "a.anderson -> alice",
    "alice",
    "bob",
    "c.mueller -> carol",
    "carol",
    "dora",
    "frank",
    "hello -> info",
    "info",
    "newsletter (list)",
    "support (list)",
];

fn people() -> Vec<&'static str> {
    PEOPLE.to_vec()
}

fn over(server: &ActiveDirectory, tls: DirectoryTls) -> DirectoryConnection {
    let url = match tls {
        DirectoryTls::Ldaps => format!("ldaps://{}", server.ldaps_address()),
        _ => format!("ldap://{}", server.ldap_address()),
    };
    let mut connection = connection(&url, tls, simple(server.reader().name), Preset::ActiveDirectory);
    connection.base = server.base().into();
    trusting(connection, server.ca_pem())
}

fn key(read: &DirectoryRead, local: &str) -> Option<String> {
    let row = read.rows.iter().find(|row| row.local.as_str() == local)?;
    let RowPosition::Entry(place) = &row.place else { panic!() };
    place.key.as_deref().map(str::to_owned)
}

#[test]
fn a_domain_is_read_over_ldaps_and_start_tls() {
    let server = ActiveDirectory::start(&Setup::default()).unwrap();
    let password = server.reader().password;
    for tls in [DirectoryTls::Ldaps, DirectoryTls::StartTls] {
        let mut connection = over(&server, tls);
        // L02: every search of the whole tree is answered with references, which are no failure.
        let all = read(&connection, password).unwrap();
        assert_eq!(rows(&all), people());
        assert!(all.references > 0 && all.reference_urls[0].starts_with("ldap"), "{all:?}");
        assert_eq!(all.skipped, [(SkipReason::OtherKind, 2), (SkipReason::OtherDomain, 3)]);
        assert!(all.rows.iter().any(|row| row.place.to_string().starts_with("CN=Čarolina Müller,")), "L12");
        assert_eq!(key(&all, "alice").map(|key| key.len()), Some(36));
        connection.limits.page_entries = 10;
        assert_eq!(rows(&read(&connection, password).unwrap()), people());
        connection.include_disabled = false;
        let working = read(&connection, password).unwrap();
        assert_eq!(working.rows.len(), people().len() - 3, "bob, info and hello; without Exchange nothing says shared");
        // L08: nobody has a mailNickname without Exchange: empty, and plainly so.
        connection.preset = Preset::ActiveDirectoryExchange;
        assert_eq!(read(&connection, password).unwrap().entries, 0);
    }
    // Everything that there is, on one page and on many.
    let mut everything = over(&server, DirectoryTls::Ldaps);
    everything.filter = Some("(objectClass=*)".parse().unwrap());
    let one_page = read(&everything, password).unwrap();
    everything.limits.page_entries = 10;
    let many_pages = read(&everything, password).unwrap();
    assert!(one_page.entries > 100);
    assert_eq!(many_pages.entries, one_page.entries);
    assert_eq!(rows(&many_pages), people());

    let report = test(&over(&server, DirectoryTls::Ldaps), password);
    assert!(report.is_good(), "{:?}", report.steps);
    assert_eq!(report.first.len(), 8);
}

#[test]
fn l04_binds_are_refused_with_a_reason() {
    let server = ActiveDirectory::start(&Setup::default()).unwrap();
    let password = server.reader().password;
    let plain = over(&server, DirectoryTls::Plain);
    let error = read(&plain, password).unwrap_err();
    assert_eq!((error.stage, &error.fault), (Stage::Bind, &ReadFault::Refused(LdapRefusal::Encrypt)));
    let error = read(&over(&server, DirectoryTls::Ldaps), "wrong").unwrap_err();
    assert_eq!((error.stage, error.fault), (Stage::Bind, ReadFault::Refused(LdapRefusal::Credentials)));
    let mut nobody = over(&server, DirectoryTls::Ldaps);
    nobody.bind = doorlist_core::connection::LdapBind::Anonymous;
    let error = read(&nobody, "").unwrap_err();
    assert_eq!(error.fault, ReadFault::Refused(LdapRefusal::BindFirst));
    let mut wrong = over(&server, DirectoryTls::Ldaps);
    wrong.base = "DC=other,DC=test".into();
    let error = read(&wrong, password).unwrap_err();
    assert_eq!(error.stage, Stage::Base, "{error}");
    assert!(matches!(error.fault, ReadFault::Refused(LdapRefusal::NoBase | LdapRefusal::Elsewhere)), "{error}");
}

#[test]
fn l05_the_certificate_that_samba_makes_itself_is_pinned() {
    let server = ActiveDirectory::start(&Setup { certificate: Certificate::SelfMade, ..Setup::default() }).unwrap();
    let mut connection = over(&server, DirectoryTls::Ldaps);
    let report = test(&connection, server.reader().password);
    let step = report.steps.last().unwrap();
    assert!(!step.ok && step.stage == Stage::Tls, "{step:?}");
    connection.trust = Trust::System;
    let error = read(&connection, server.reader().password).unwrap_err();
    assert!(
        matches!(error.fault, ReadFault::Certificate(CertificateFault::Untrusted | CertificateFault::Invalid)),
        "{error}"
    );
    connection.trust = Trust::pinned(&report.certificate.unwrap().sha256).unwrap();
    assert_eq!(rows(&read(&connection, server.reader().password).unwrap()), people());
}

#[test]
fn l11_what_has_changed_since_is_read_alone() {
    let server = ActiveDirectory::start(&Setup::default()).unwrap();
    let password = server.reader().password;
    let connection = over(&server, DirectoryTls::Ldaps);
    let since = |marker: &str| read_with(&connection, password, ReadMode::Since(marker.into()), &terms()).unwrap();
    let first = read(&connection, password).unwrap();
    let marker = first.marker.clone().unwrap();
    let nothing = since(&marker);
    assert_eq!((nothing.entries, nothing.scope), (0, ReadScope::Changed { keys: Vec::new() }));

    server
        .modify(
            "dn: CN=Alice Anderson,OU=Staff,DC=ad,DC=example,DC=test\nchangetype: moddn\nnewrdn: CN=Alice Brown\n\
             deleteoldrdn: 1\nnewsuperior: OU=Shared,DC=ad,DC=example,DC=test\n\n\
             dn: CN=Alice Brown,OU=Shared,DC=ad,DC=example,DC=test\nchangetype: modify\nreplace: mail\n\
             mail: a.brown@example.test\n\n\
             dn: CN=Gerd Gray,OU=Staff,DC=ad,DC=example,DC=test\nchangetype: modify\nadd: mail\n\
             mail: gerd@example.test\n",
        )
        .unwrap();
    server.samba_tool(&["user", "delete", "carol"]).unwrap();
    let changed = since(&marker);
    assert_eq!(rows(&changed), ["a.anderson -> a.brown", "a.brown", "alice -> a.brown", "gerd"]);
    let ReadScope::Changed { keys } = &changed.scope else { panic!("{:?}", changed.scope) };
    assert_eq!(key(&changed, "a.brown"), key(&first, "alice"), "moved and renamed, it is the same entry");
    assert_eq!(keys.len(), 2, "that carol is gone, only a full read shows");
    let full = read(&connection, password).unwrap();
    assert!(key(&full, "carol").is_none() && key(&full, "gerd").is_some());
    assert_eq!(since(changed.marker.as_deref().unwrap()).entries, 0);

    let mut parts: Vec<&str> = marker.split(' ').collect();
    parts[2] = "00000000-0000-0000-0000-000000000000";
    assert_eq!(since(&parts.join(" ")).scope, ReadScope::Full, "another database");
}
