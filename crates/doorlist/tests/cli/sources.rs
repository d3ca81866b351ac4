//! Sources as an operator sets them up and looks at them, with a directory that may not be reached.

use super::run::{Place, Server};
use super::tour::transcript;

const LINES: &[(i32, &str, &str)] = &[
    (0, "domain add example.test --server 127.0.0.1:1", ""),
    (0, "source add office --domain example.test --url ldap://127.0.0.1:1389 --base dc=example,dc=test", ""),
    (0, "source show office", ""),
    (0, "source set office --plain", ""),
    (0, "source show office", ""),
    (0, "source set office --url ldap://127.0.0.1:1390 --skip-disabled --limit-total 5 --exclude old-*@*", ""),
    (0, "source show office", ""),
    (0, "source set office --url ldap://127.0.0.1:1389 --clear limits --clear skip-disabled --clear exclude", ""),
    (0, "source show office", ""),
    (1, "sync run office", ""),
    (0, "source list", ""),
    (64, "source set office --bind-dn cn=reader", ""),
    (64, "source set office --bind-dn cn=reader --allow-plain-password", ""),
    (0, "source set office --bind-dn cn=reader --allow-plain-password --password-file -", "secret"),
    (0, "source set office --url ldaps://127.0.0.1:1636,ldaps://127.0.0.2 --password-file -", "secret"),
    (64, "source set office --plain", ""),
    (0, "source show office", ""),
];

/// Beside a server the source would be read by its schedule as well.
#[test]
fn a_source_says_how_it_connects_and_why_it_fails() {
    insta::assert_snapshot!(transcript(&Place::new(), LINES));
}

#[test]
fn a_ca_file_without_a_ca_says_how_to_trust_the_certificate() {
    let place = Place::new();
    let server = Server::start(&place);
    place.done("domain add example.test --server 127.0.0.1:1");
    let authority = doorlist_testbed::certificates::Authority::new().unwrap();
    let own = authority.issue(&["dc1.example.test"], Default::default()).unwrap().certificate_pem;
    let add = |pem: &str| {
        let file = place.file("ca.pem", pem);
        let url = "--url ldaps://127.0.0.1:1636 --base dc=example,dc=test";
        place.run(&format!("source add office --domain example.test {url} --ca-file {}", file.display()))
    };
    let ran = add(&own);
    assert_eq!(ran.code, 64, "{ran:?}");
    let (before, pin) = ran.err.trim_end().rsplit_once("--pin ").unwrap();
    assert!(before.contains("no CA certificate") && pin.len() == 64, "{ran:?}");
    assert_eq!(place.run(&format!("source set office --pin {pin}")).code, 3, "nothing was added");
    assert_eq!(add(&authority.pem()).code, 0);
    place.done(&format!("source set office --pin {pin}"));
    assert!(server.end().success());
}
