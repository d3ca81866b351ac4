#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::super::resolver::{MailExchanger, PendingLookup};
use super::*;

/// Answers one question for MX and one for addresses.
struct Fixed {
    mx: Result<Vec<(u16, &'static str)>, LookupError>,
    addresses: Result<Vec<&'static str>, LookupError>,
}

impl Resolver for Fixed {
    fn mail_exchangers<'a>(&'a self, _: &'a str) -> PendingLookup<'a, Vec<MailExchanger>> {
        let records = |mx: &Vec<(u16, &str)>| {
            mx.iter()
                .map(|(preference, host)| MailExchanger { preference: *preference, host: (*host).to_owned() })
                .collect()
        };
        Box::pin(std::future::ready(self.mx.as_ref().map(records).map_err(Clone::clone)))
    }
    fn addresses<'a>(&'a self, _: &'a str) -> PendingLookup<'a, Vec<IpAddr>> {
        let parsed = |found: &Vec<&str>| found.iter().map(|address| address.parse().unwrap()).collect();
        Box::pin(std::future::ready(self.addresses.as_ref().map(parsed).map_err(Clone::clone)))
    }
}

async fn hosts(mx: Result<Vec<(u16, &'static str)>, LookupError>, turn: usize) -> Result<Vec<String>, String> {
    let key = DestinationKey::Exchangers("example.test".parse().unwrap());
    let resolver = Fixed { mx, addresses: Err(LookupError::NoName) };
    match servers(&key, &resolver, turn).await {
        Ok(servers) => Ok(servers.into_iter().map(|server| format!("{}:{}", server.host, server.port)).collect()),
        Err(no) => Err(no.status.to_string()),
    }
}

#[tokio::test]
async fn exchangers_by_preference_equal_ones_in_turn() {
    let mx = || Ok(vec![(20, "c"), (10, "a"), (10, "b")]);
    assert_eq!(hosts(mx(), 0).await.unwrap(), ["a:25", "b:25", "c:25"]);
    assert_eq!(hosts(mx(), 1).await.unwrap(), ["b:25", "a:25", "c:25"]);
    assert_eq!(hosts(Ok((0..50).map(|n| (n, "mx")).collect()), 0).await.unwrap().len(), SERVERS_MAX, "D10: 50 MX");
}

#[tokio::test]
async fn exchangers_may_be_where_a_tenants_servers_may_and_a_smart_host_anywhere() {
    let named_by = async |key: DestinationKey| {
        let resolver = Fixed { mx: Ok(vec![(10, "a")]), addresses: Err(LookupError::NoName) };
        servers(&key, &resolver, 0).await.unwrap()[0].named_by
    };
    let exchangers = DestinationKey::Exchangers("example.test".parse().unwrap());
    assert_eq!(named_by(exchangers).await, NamedBy::Tenant);
    assert_eq!(named_by(DestinationKey::SmartHost("a".to_owned(), 25)).await, NamedBy::Machine);
}

#[tokio::test]
async fn domains_without_exchangers() {
    for (mx, expected) in [
        (Err(LookupError::NoRecord), Ok(vec!["example.test:25".to_owned()])),
        (Ok(vec![]), Ok(vec!["example.test:25".to_owned()])),
        (Ok(vec![(0, "")]), Err("5.1.10".to_owned())),
        (Err(LookupError::NoName), Err("5.1.2".to_owned())),
        (Err(LookupError::Temporary("SERVFAIL".to_owned())), Err("4.4.3".to_owned())),
    ] {
        assert_eq!(hosts(mx.clone(), 0).await, expected, "{mx:?}");
    }
}

#[tokio::test]
async fn addresses_of_both_families_in_turn_and_not_too_many() {
    let resolver = |addresses| Fixed { mx: Ok(vec![]), addresses };
    let both = resolver(Ok(vec!["192.0.2.1", "192.0.2.2", "2001:db8::1"]));
    let found = addresses("mx.example.test", &both).await.unwrap();
    assert_eq!(found.iter().map(IpAddr::to_string).collect::<Vec<_>>(), ["2001:db8::1", "192.0.2.1", "192.0.2.2"]);
    let many = resolver(Ok(vec!["192.0.2.1"; 50]));
    assert_eq!(addresses("mx.example.test", &many).await.unwrap().len(), ADDRESSES_MAX);
}

#[tokio::test]
async fn a_literal_is_not_asked_for_and_a_missing_name_is_never_for_good() {
    let resolver = Fixed { mx: Ok(vec![]), addresses: Err(LookupError::NoName) };
    assert_eq!(addresses("192.0.2.9", &resolver).await.unwrap(), ["192.0.2.9".parse::<IpAddr>().unwrap()]);
    assert_eq!(addresses("2001:db8::9", &resolver).await.unwrap().len(), 1);
    assert_eq!(addresses("mx.example.test", &resolver).await.unwrap_err().status.to_string(), "4.4.3");
}
