//! Conversations as the known clients have them, header by header: `tests/api/flows`, written as the facts are. What a
//! single answer must look like is told by `facts`; here it is that a client gets through.

use doorlist_testbed::postgres::Cluster;

use super::facts::play_folder;

/// Each client's conversation has about so many parts.
const CASES: usize = 55;

#[test]
fn every_known_client_gets_through() {
    play_folder("flows", CASES, None);
}

#[test]
fn every_known_client_gets_through_on_postgresql() {
    let cluster = Cluster::start().unwrap();
    play_folder("flows", CASES, Some(&cluster));
}
