//! A name server of the tests' own: a few domains that send from this machine. Bounces go only to senders who are
//! authenticated, so whoever tests them needs one.

use crate::server::Settings;
use doorlist_testbed::name_server::{NameServer, Record};
use std::net::SocketAddr;

const SPF: &str = "v=spf1 ip4:127.0.0.0/8 -all";
/// Of a domain that sends from elsewhere.
const SPF_ELSEWHERE: &str = "v=spf1 ip4:192.0.2.1 -all";
const DMARC: &str = "v=DMARC1; p=none";
/// The TXT records; no other name exists. The domains `friend` and `far` also say what is to become of mail that is not theirs.
const SENDERS: &[(&str, &str)] = &[
    ("sender.example.test", SPF),
    ("firm.example.test", SPF),
    ("shop.example.test", SPF),
    ("no-policy.test", SPF),
    ("friend1.test", SPF),
    ("friend2.test", SPF),
    ("friend3.test", SPF),
    ("friend4.test", SPF),
    ("friend5.test", SPF),
    ("news.friend1.test", SPF),
    ("far1.test", SPF_ELSEWHERE),
    ("far2.test", SPF_ELSEWHERE),
    ("far3.test", SPF_ELSEWHERE),
    ("far4.test", SPF_ELSEWHERE),
    ("far5.test", SPF_ELSEWHERE),
];

/// The settings of a server that evaluates senders, with this name server. It ends with the tests.
pub(crate) fn authenticating(settings: Settings) -> Settings {
    let has_policy = |domain: &str| domain.starts_with("friend") || domain.starts_with("far");
    let policies = SENDERS.iter().filter(|(domain, _)| has_policy(domain));
    let policies = policies.map(|(domain, _)| Record::txt(&format!("_dmarc.{domain}"), DMARC));
    let records = SENDERS.iter().map(|(domain, text)| Record::txt(domain, text)).chain(policies).collect();
    let names = NameServer::start(SocketAddr::from(([127, 0, 0, 1], 0)), records).unwrap();
    let address = names.address();
    std::mem::forget(names);
    settings.set("verdict.engine", "builtin").set("dns.server", address.to_string())
}
