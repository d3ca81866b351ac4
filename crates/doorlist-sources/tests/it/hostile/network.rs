//! Where a connection may lead (L14): what a name leads to is checked, and nothing else is connected to.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use doorlist_core::connection::DirectoryServer;
use doorlist_sources::{Addresses, NameResolver};
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Answers with the next list each time, the last one for ever.
struct Rebinding {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl NameResolver for Rebinding {
    fn addresses<'a>(&'a self, _: &'a str) -> Addresses<'a> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst).min(self.answers.len() - 1);
        let answer = self.answers[turn].clone();
        Box::pin(async move { Ok(answer) })
    }
}

fn names(answers: &[&[&str]]) -> Arc<Rebinding> {
    let answers = answers.iter().map(|list| list.iter().map(|text| text.parse().unwrap()).collect()).collect();
    Arc::new(Rebinding { answers, asked: AtomicUsize::new(0) })
}

fn at(url: &str) -> DirectoryConnection {
    let mut connection = plain("127.0.0.1:1".parse().unwrap());
    connection.servers = DirectoryServer::parse_list(url, DirectoryTls::Plain).unwrap();
    connection
}

#[test]
fn l14_private_and_own_addresses_are_not_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut terms = terms();
    terms.allowed.clear();
    for host in [
        "127.0.0.1",
        "127.1.2.3",
        "0.0.0.0",
        "169.254.169.254",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "100.64.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:10.0.0.1]",
        "[fe80::1]",
        "[fd00::1]",
        "[ff02::1]",
        "[64:ff9b::7f00:1]",
        "localhost",
    ] {
        let error = read_from(&at(&format!("ldap://{host}:{port}")), &terms).unwrap_err();
        assert!(matches!((error.stage, &error.fault), (Stage::Name, ReadFault::NotAllowed { .. })), "{host}: {error}");
    }
    for port in [22, 25, 80, 110, 443, 5432, 6379] {
        let error = read_from(&at(&format!("ldap://9.9.9.9:{port}")), &terms).unwrap_err();
        let address = format!("9.9.9.9:{port}").parse().unwrap();
        assert_eq!((error.stage, error.fault), (Stage::Name, ReadFault::NotAllowed { address }), "{port}");
    }
    assert!(listener.accept().is_err(), "nobody came");
}

#[test]
fn l14_a_name_is_resolved_once_and_only_its_good_addresses_count() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut terms = terms();
    // Only this one is allowed, and nobody listens there.
    terms.allowed = vec!["127.0.0.9/32".parse().unwrap()];
    let rebinding = names(&[&["127.0.0.9", "127.0.0.1", "::ffff:127.0.0.1"], &["127.0.0.1"]]);
    terms.names = Arc::clone(&rebinding) as Arc<dyn NameResolver>;
    let error = read_from(&at(&format!("ldap://ldap.example.test:{port}")), &terms).unwrap_err();
    assert_eq!((error.stage, &error.fault), (Stage::Connect, &ReadFault::NotReached));
    assert!(!error.to_string().contains("127.0.0.9") && !error.to_string().contains("refused"), "{error}");
    assert!(error.cause.unwrap().contains("127.0.0.9"), "for the operator");
    assert_eq!(rebinding.asked.load(Ordering::SeqCst), 1);
    assert!(listener.accept().is_err(), "nobody came");

    terms.names = names(&[&[]]);
    let error = read_from(&at("ldap://ldap.example.test"), &terms).unwrap_err();
    assert_eq!((error.stage, error.fault), (Stage::Name, ReadFault::NoName));
}

/// Who names a private server reads the line that allows it; a network does not open this machine.
#[test]
fn l14_the_line_to_add_is_said_and_works() {
    let all = |request: &Request| is_of_tree(request).then(|| Do::Send(done(request.id, 0, None)));
    let mut terms = terms();
    terms.allowed.clear();
    let address = serve(all);
    terms.names = names(&[&["127.0.0.1"]]);
    let error = read_from(&at(&format!("ldap://dc1.example.test:{}", address.port())), &terms).unwrap_err();
    assert!(
        error.to_string().contains("the line allow_networks = [\"127.0.0.1\"] into the section [sources]"),
        "{error}"
    );
    terms.allowed = vec!["127.0.0.1".parse().unwrap()];
    assert_eq!(read_from(&plain(serve(all)), &terms).unwrap().entries, 0);
    terms.allowed = vec!["127.0.0.0/8".parse().unwrap()];
    let error = read_from(&plain(serve(all)), &terms).unwrap_err();
    assert!(matches!(error.fault, ReadFault::NotAllowed { .. }), "{error}");
}
