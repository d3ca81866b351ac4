#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use doorlist_core::address::{Address, DomainName};
use doorlist_core::change::Structure;
use doorlist_core::connection::{DirectoryConnection, DirectoryServer, DirectoryTls, LdapBind, Preset};
use doorlist_core::source_rows::{RowPosition, RowProblem, SourceRow};
use doorlist_sources::{LdapRefusal, SkipReason};

fn connection() -> DirectoryConnection {
    let servers = DirectoryServer::parse_list("ldaps://127.0.0.1:1", DirectoryTls::StartTls).unwrap();
    let bind = LdapBind::Simple { name: "cn=reader,dc=example,dc=test".to_owned() };
    DirectoryConnection::new(servers, bind, "dc=example,dc=test".to_owned(), Preset::OpenLdap)
}

fn wish<'a>(connection: &'a DirectoryConnection, domain: &'a DomainName, password: Option<&'a [u8]>) -> ReadWish<'a> {
    ReadWish { connection, password, domain, domain_aliases: &[], since: None }
}

#[test]
fn what_was_read_comes_over_whole() {
    let address: Address = "alice@example.test".parse().unwrap();
    let row = SourceRow {
        local: address.local().clone(),
        structure: Structure::Mailbox,
        switched_off: false,
        place: RowPosition::Item(1),
    };
    let problem = RowProblem {
        place: "cn=Bob".to_owned(),
        column: Some("mail".to_owned()),
        value: "bob@".to_owned(),
        why: "no domain".to_owned(),
    };
    let read = DirectoryRead {
        rows: vec![row.clone()],
        entries: 3,
        scope: ReadScope::Changed { keys: vec!["k1".into()] },
        marker: Some("m".to_owned()),
        skipped: vec![(SkipReason::Disabled, 2)],
        problems: vec![problem.clone()],
        problems_total: 9,
        references: 1,
        reference_urls: vec!["ldap://other.example.test".to_owned()],
        unpaged: true,
        server: "ldaps://dc.example.test".to_owned(),
    };
    let full = reading(DirectoryRead { scope: ReadScope::Full, ..read.clone() });
    assert_eq!(full.changed, None);
    let told = reading(read);
    assert_eq!((told.rows, told.entries, told.marker.as_deref()), (vec![row], 3, Some("m")));
    assert_eq!(told.changed, Some(vec!["k1".into()]));
    assert_eq!(told.skipped, [("disabled accounts".to_owned(), 2)]);
    assert_eq!((told.problems, told.problems_total, told.references), (vec![problem], 9, 1));
    assert_eq!((told.server.as_str(), told.unpaged), ("ldaps://dc.example.test", true));
}

#[test]
fn an_error_is_a_sentence_and_its_cause_stays_apart() {
    let error = ReadError {
        server: None,
        stage: Stage::Bind,
        fault: ReadFault::Refused(LdapRefusal::Credentials),
        cause: Some("80090308: data 52e".to_owned()),
    };
    let told = failure(error);
    assert_eq!(told.message, "bind: the directory rejects the bind DN or the password");
    assert_eq!(told.cause.as_deref(), Some("80090308: data 52e"));
}

#[test]
fn a_test_reads_as_people_would_write_it() {
    let entries = [
        ("cn=Alice,dc=example,dc=test", "alice@example.test", false, vec!["a@example.test".to_owned()]),
        ("cn=All,dc=example,dc=test", "all@example.test", true, Vec::new()),
    ];
    let first = entries.map(|(dn, account, is_list, aliases)| MappedEntry {
        dn: dn.to_owned(),
        account: account.to_owned(),
        is_list,
        aliases,
    });
    let steps = vec![ConnectionTestStep {
        server: Some("ldaps://dc.example.test".to_owned()),
        stage: Stage::Tls,
        ok: false,
        detail: "no".to_owned(),
        cause: Some("private".to_owned()),
        millis: 4,
    }];
    let certificate = Some(ShownCertificate {
        subject: "CN=dc".to_owned(),
        issuer: "CN=ca".to_owned(),
        not_after: "Nov 23 2027".to_owned(),
        sha256: "ab".to_owned(),
    });
    let told = report(doorlist_sources::ConnectionTest { steps, certificate, first: first.to_vec(), read: None });
    assert_eq!(
        told.first,
        [
            "alice@example.test (also a@example.test), cn=Alice,dc=example,dc=test",
            "all@example.test, a distribution list, cn=All,dc=example,dc=test"
        ]
    );
    assert_eq!(told.certificate.as_deref(), Some("CN=dc, signed by CN=ca, valid until Nov 23 2027"));
    assert_eq!((told.certificate_sha256.as_deref(), told.good), (Some("ab"), false));
    assert_eq!((&*told.steps[0].stage, told.steps[0].millis), ("TLS", 4));
    assert!(!format!("{told:?}").contains("private"));
}

#[tokio::test]
async fn settings_that_cannot_work_are_said_before_anything_is_contacted() {
    let connection = connection();
    let domain: DomainName = "example.test".parse().unwrap();
    let directories = Directories::new(Vec::new());
    for (password, words) in [
        (Some(&b""[..]), "the bind requires a password"),
        (Some(&[b'p'; 5_000][..]), "longer than 4096 bytes"),
        (None, "the bind requires a password"),
        (Some(&b"secret words"[..]), "the line allow_networks = [\"127.0.0.1\"]"),
    ] {
        let wish = wish(&connection, &domain, password);
        let error = directories.read(&wish).await.unwrap_err();
        assert!(error.message.contains(words) && !format!("{error:?}").contains("secret words"), "{error:?}");
        let told = directories.test(&wish).await;
        let last = told.steps.last().unwrap();
        assert!(!told.good && !last.ok && last.detail.contains(words), "{told:?}");
    }
}

#[tokio::test]
async fn an_allowed_network_is_tried() {
    let connection = connection();
    let domain: DomainName = "example.test".parse().unwrap();
    let directories = Directories::new(vec!["127.0.0.1".parse().unwrap()]);
    let error = directories.read(&wish(&connection, &domain, Some(b"x"))).await.unwrap_err();
    assert!(error.message.contains("connect: cannot connect to the server"), "{error:?}");
}
