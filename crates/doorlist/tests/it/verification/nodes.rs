//! Several nodes on one PostgreSQL ask a domain's own server no more often than one may.

use super::{PATIENCE, knows};
use crate::client::wait_until;
use crate::harvest::{ask, source};
use crate::server::{Server, Settings};
use crate::sink::Sink;
use doorlist_testbed::postgres::Cluster;

/// New names a minute of a domain whose route is not trusted, and of a source that nothing is known of.
const PER_DOMAIN: usize = 60;
const PER_SOURCE: usize = 10;
/// Names that a source asks one node for: more than its part of ten.
const NAMES: usize = 6;

fn node(cluster: &Cluster, number: u16) -> Settings {
    let url = cluster.url("nodes").unwrap();
    Settings::default().set("store.url", url).set("spool.node", number.to_string())
}

/// Guesses that the server heard of. It is asked for random names, too, which have no hyphen.
fn asked(sink: &Sink, domain: &str) -> usize {
    sink.asked().iter().filter(|path| path.contains('-') && path.ends_with(&format!("@{domain}>"))).count()
}

/// Asks each node for names that nobody else asks for, all from one source.
fn guess(nodes: &[&Server], from: u32, domain: &str) {
    for (number, node) in nodes.iter().enumerate() {
        let names: Vec<String> = (0..NAMES).map(|n| format!("n{from}-{number}-{n}@{domain}")).collect();
        for reply in ask(node.smtp(), source(from), &names.iter().map(String::as_str).collect::<Vec<_>>()) {
            assert!(reply.starts_with("451 4.1.1"), "{reply}");
        }
    }
}

#[test]
fn two_nodes_ask_no_more_often_than_one_may() {
    let (cluster, sink) = (Cluster::start().unwrap(), Sink::with(knows(&[])));
    let first = Server::with(node(&cluster, 1));
    for domain in ["example.test", "other.test"] {
        first.done(&["domain", "add", domain, "--server", &sink.address().to_string()]);
    }
    assert_eq!(first.metric("doorlist_probe_nodes"), 1.0);
    // The second one has been there before, so that it need not wait until the first has made room for it.
    let heard = "INSERT INTO probe_node SELECT 2, heard, joined - 3600000 FROM probe_node WHERE node = 1";
    cluster.sql("nodes", heard).unwrap();
    wait_until("the first node knows the second", PATIENCE, || first.metric("doorlist_probe_nodes") == 2.0);
    let second = Server::with(node(&cluster, 2));
    assert_eq!(second.metric("doorlist_probe_nodes"), 2.0);
    let nodes = [&first, &second];

    guess(&nodes, 1, "other.test");
    assert_eq!(asked(&sink, "other.test"), PER_SOURCE, "of {} names of one source", 2 * NAMES);
    for from in 2..12 {
        guess(&nodes, from, "example.test");
    }
    assert_eq!(asked(&sink, "example.test"), PER_DOMAIN, "of {} names of one domain", 10 * 2 * NAMES);
}

#[test]
fn a_node_that_comes_to_others_asks_for_nothing_until_they_know_of_it() {
    let (cluster, sink) = (Cluster::start().unwrap(), Sink::with(knows(&[])));
    let first = Server::with(node(&cluster, 1));
    first.done(&["domain", "add", "example.test", "--server", &sink.address().to_string()]);
    guess(&[&first], 1, "example.test");
    assert_eq!(asked(&sink, "example.test"), NAMES);
    let second = Server::with(node(&cluster, 2));
    guess(&[&second], 2, "example.test");
    assert_eq!(asked(&sink, "example.test"), NAMES, "the first one may have asked for all that is allowed");
    wait_until("they know each other", PATIENCE, || {
        [&first, &second].iter().all(|node| node.metric("doorlist_probe_nodes") == 2.0)
    });
}
