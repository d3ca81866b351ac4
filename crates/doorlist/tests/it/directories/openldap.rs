//! A real OpenLDAP.

use super::{added, file, list, server, sync};
use crate::server::Server;
use doorlist_testbed::openldap::{OpenLdap, Person, Setup};

const PEOPLE: &[Person<'_>] = &[
    Person {
        uid: "ann",
        cn: "Ann Lee",
        mail: &["ann@example.test"],
        proxy_addresses: &[
            "SMTP:ann@example.test",
            "smtp:a.lee@example.test",
            "sip:ann@example.test",
            "smtp:ann@elsewhere.test",
        ],
    },
    Person { uid: "bob", cn: "Bob Stone", mail: &["bob@example.test"], proxy_addresses: &[] },
    Person {
        uid: "cora",
        cn: "Cora Ångström",
        mail: &["cora@example.test"],
        proxy_addresses: &["smtp:c.a@example.test"],
    },
    Person { uid: "guest", cn: "A Guest", mail: &["guest@elsewhere.test"], proxy_addresses: &[] },
];

/// An OpenLDAP whose people are on the list of a running server.
fn kept() -> (OpenLdap, Server) {
    let ldap = OpenLdap::start(&Setup::default()).unwrap();
    ldap.add_people(PEOPLE).unwrap();
    let server = server();
    let (_secret, secret) = file("secret", ldap.password());
    let (_authority, authority) = file("ca.pem", &ldap.ca_pem());
    let (url, base, bind) = (ldap.ldaps_url(), ldap.base(), ldap.bind_dn());
    added(
        &server,
        &[
            "--url",
            &url,
            "--base",
            base,
            "--bind-dn",
            bind,
            "--password-file",
            &secret,
            "--ca-file",
            &authority,
            "--preset",
            "openldap",
            "--every",
            "1440",
        ],
    );
    (ldap, server)
}

#[test]
fn a_connection_is_tried_and_its_people_are_listed() {
    let (_ldap, server) = kept();
    let test = server.command(&["sync", "test", "office"]);
    assert_eq!(test.code, 0, "{test:?}");
    for word in ["name", "connect", "tls", "bind", "base", "search"] {
        assert!(test.out.to_lowercase().contains(&format!("ok      {word}")), "{word}: {}", test.out);
    }
    assert!(test.out.contains("ann@example.test") && test.out.contains("--pin "), "{}", test.out);
    let expected = [
        "a.lee@example.test,alias,ann@example.test",
        "ann@example.test,mailbox",
        "bob@example.test,mailbox",
        "c.a@example.test,alias,cora@example.test",
        "cora@example.test,mailbox",
    ];
    assert_eq!(list(&server), expected);
    assert_eq!(server.command(&["check", "a.lee@example.test"]).code, 0);
    let shown = server.done(&["account", "show", "ann@example.test"]);
    assert!(
        shown.contains("by directory:office") && shown.contains("uid=ann,ou=people") && shown.contains("last seen"),
        "{shown}"
    );
}

#[test]
fn what_changes_at_openldap_changes_the_list() {
    let (ldap, server) = kept();
    // An alias comes, another goes; Bob becomes Robert; a distribution list is there.
    ldap.modify(
        "dn: uid=cora,ou=people,dc=example,dc=test\nchangetype: modify\nreplace: proxyAddresses\n\
         proxyAddresses: smtp:cora.a@example.test\n\n\
         dn: uid=bob,ou=people,dc=example,dc=test\nchangetype: modify\nreplace: mail\nmail: robert@example.test\n",
    )
    .unwrap();
    assert_eq!(sync(&server, 0), "office applied +2 ~2 -0, 1 newly missing");
    let expected = [
        "a.lee@example.test,alias,ann@example.test",
        "ann@example.test,mailbox",
        "bob@example.test,alias,robert@example.test",
        "c.a@example.test,alias,cora@example.test",
        "cora@example.test,mailbox",
        "cora.a@example.test,alias,cora@example.test",
        "robert@example.test,mailbox",
    ];
    assert_eq!(list(&server), expected, "what went stays accepted, and Bob's mail goes to Robert");
    let shown = server.done(&["account", "show", "c.a@example.test"]);
    assert!(shown.contains("missing from the source since") && shown.contains(", accepted until "), "{shown}");
    let check = server.done(&["check", "c.a@example.test"]);
    assert!(check.contains("  missing  from directory:office since ") && check.contains("accepted until "), "{check}");
    // An entry that is renamed and moved is the same entry.
    ldap.modify("dn: uid=ann,ou=people,dc=example,dc=test\nchangetype: modrdn\nnewrdn: uid=ann.lee\ndeleteoldrdn: 1\n")
        .unwrap();
    assert_eq!(sync(&server, 0), "office same +0 ~0 -0, 0 newly missing");
    // One who is gone.
    ldap.modify("dn: uid=cora,ou=people,dc=example,dc=test\nchangetype: delete\n").unwrap();
    let held = sync(&server, 4);
    assert!(held.contains("more than half") && held.contains("plan"), "{held}");
    assert_eq!(server.command(&["check", "cora@example.test"]).code, 0);
    let plans = server.done(&["plan", "list"]);
    assert!(plans.lines().next().unwrap().contains("pending:"), "{plans}");
    server.done(&["sync", "run", "office", "--override-limit", "--reason", "Cora left"]);
    let history = server.done(&["sync", "history", "office"]);
    let outcomes: Vec<_> = history.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    assert_eq!(outcomes[..4], ["applied", "held", "same", "applied"], "{history}");
    // A veto holds against the directory.
    server.done(&["account", "remove", "ann@example.test", "--yes"]);
    assert_eq!(sync(&server, 0), "office same +0 ~0 -0, 0 newly missing");
    assert_eq!(server.command(&["check", "ann@example.test"]).code, 3);
}

/// L08 with a real server: no rights, a wrong base, nobody there. Each removes nobody and says why.
#[test]
fn what_goes_wrong_at_openldap_removes_nobody() {
    let mut ldap = OpenLdap::start(&Setup::default()).unwrap();
    ldap.add_people(PEOPLE).unwrap();
    let server = server();
    let (_secret, secret) = file("secret", ldap.password());
    let (_authority, authority) = file("ca.pem", &ldap.ca_pem());
    let (url, base, bind) = (ldap.ldaps_url(), ldap.base(), ldap.bind_dn());
    let rest = ["--password-file", &secret, "--ca-file", &authority, "--preset", "openldap", "--every", "1440"];
    added(&server, &[&["--url", &url, "--base", base, "--bind-dn", bind], &rest[..]].concat());
    let before = list(&server);
    assert_eq!(before.len(), 5);
    for (how, word) in [
        (vec!["--bind-dn", ldap.blind_dn(), "--password-file", &secret], "an empty answer never removes recipients"),
        (vec!["--bind-dn", bind, "--password-file", &secret, "--base", "ou=nowhere,dc=example,dc=test"], "base"),
        (vec!["--base", base, "--filter", "(mail=nobody@example.test)"], "an empty answer never removes recipients"),
    ] {
        server.done(&[&["source", "set", "office"], &how[..]].concat());
        let failed = sync(&server, 1);
        assert!(failed.starts_with("office failed") && failed.contains(word), "{word}: {failed}");
        let listed = server.done(&["source", "list"]);
        let (_, since) = listed.split_once("failing since ").unwrap();
        assert!(since.contains(word) && since.contains("; last good reading "), "{listed}");
        assert_eq!(list(&server), before);
    }
    server.done(&["source", "set", "office", "--filter", "(objectClass=inetOrgPerson)"]);
    ldap.stop().unwrap();
    let failed = sync(&server, 1);
    assert!(failed.contains("failed"), "{failed}");
    assert_eq!(list(&server), before);
    ldap.start_again().unwrap();
    assert_eq!(sync(&server, 0), "office same +0 ~0 -0, 0 newly missing");
    assert!(!server.done(&["source", "list"]).contains("failing"));
    crate::client::wait_until("the metrics say so", std::time::Duration::from_secs(60), || {
        server.metric("doorlist_source_failures_total") >= 4.0
    });
    // The password goes to no other server (L03).
    let other = server.command(&["source", "set", "office", "--url", "ldaps://127.0.0.1:1636"]);
    assert_eq!(other.code, 4, "{other:?}");
    assert!(other.talk.contains("give the password again"), "{other:?}");
}
