//! Random histories, on both engines: a preview counts and names exactly those whom the enforced list then refuses.

use crate::day::{Day, NOW, addresses, name, server};
use doorlist_actions::{
    AccountAdd, AccountRemove, DomainAdd, DomainMode, DomainPreview, ErrorKind, ModeWish, PreviewReport, Response,
};
use doorlist_core::address::Address;
use doorlist_core::preview::{AskedOutcome as O, AskingSource, PreviewGroup, RecipientHistory};
use doorlist_core::time::Timestamp;
use doorlist_core::verdict::ContentVerdict;
use doorlist_store::StoreUrl;
use doorlist_store::mail_log::AskedNote;
use doorlist_testbed::postgres::Cluster;
use std::collections::{BTreeMap, BTreeSet};

const HISTORIES: u64 = 24;
const LOCALS: [&str; 7] = ["ann", "bob", "o'neil", "größe", "ann+shop", "info", "x_y%z"];

/// A generator of numbers (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed ^ (mixed >> 27)) as usize % end
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn previews_name_whom_enforcing_refuses_on_sqlite() {
    play(&Day::begin().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn previews_name_whom_enforcing_refuses_on_postgresql() {
    let cluster = Cluster::start().unwrap();
    let url = StoreUrl::Postgres(cluster.url("previews").unwrap());
    play(&Day::on(&url, tempfile::tempdir().unwrap()).await).await;
}

async fn play(day: &Day) {
    for seed in 0..HISTORIES {
        let mut numbers = Numbers(seed);
        let domain = format!("case{seed}.example.test");
        let add = DomainAdd { name: name(&domain), servers: vec![server()], customer: None };
        day.ask(add).await.unwrap();
        let asked = record(day, &domain, &mut numbers);
        change_list(day, &domain, &mut numbers).await;

        let look = DomainPreview { name: name(&domain), days: 14 };
        let Response::Preview(preview) = day.ask(look).await.unwrap() else { panic!() };
        enforce(day, &domain, &preview).await;
        let mut refused = BTreeMap::new();
        for (address, history) in &asked {
            if let (3, reason) = day.check(&address.to_string()).await {
                refused.insert(address, (history, reason));
            }
        }
        let is_named = |(history, reason): &(&RecipientHistory, &str)| {
            let is_unlisted = *reason == "unlisted";
            let guessed = history.asked == 0 && history.guessed > 0;
            let waits = history.received.good() > 0;
            let is_bad = history.received.bad > 0 || history.taken.bad > 0;
            let is_absent = history.absent > 0 && history.confirmed == 0;
            is_unlisted && (history.taken.good() > 0 || waits || !(guessed || is_bad || is_absent))
        };
        let expected: BTreeSet<_> = refused.iter().filter(|(_, it)| is_named(it)).map(|(name, _)| *name).collect();
        let named: BTreeSet<_> = preview.recipients.iter().map(|recipient| &recipient.address).collect();
        assert_eq!(named, expected, "seed {seed}: {preview:?}");
        assert_eq!(preview.groups.values().sum::<u64>(), refused.len() as u64, "seed {seed}: {refused:?}");
    }
}

/// Notes what may happen to recipients of a domain, and sums it up besides.
fn record(day: &Day, domain: &str, numbers: &mut Numbers) -> BTreeMap<Address, RecipientHistory> {
    let id = day.services.recipients.snapshot().domain(&name(domain)).unwrap().id;
    let mut asked = BTreeMap::<Address, RecipientHistory>::new();
    for _ in 0..numbers.below(40) {
        let address: Address = format!("{}@{domain}", numbers.one_of(&LOCALS)).parse().unwrap();
        let outcome = numbers.one_of(&O::ALL[..6]);
        let is_message = matches!(outcome, O::Received | O::Taken);
        let verdict = is_message.then(|| numbers.one_of(&ContentVerdict::ALL));
        let source = if is_message { AskingSource::Ordinary } else { numbers.one_of(&AskingSource::ALL) };
        let time = Timestamp::from_secs(NOW.as_secs() - numbers.below(13 * 86_400) as i64);
        let history = asked.entry(address.clone()).or_default();
        history.add(source, outcome, verdict.unwrap_or_default(), 1, time);
        day.services.mail_log.record_asked(AskedNote {
            time,
            domain: id,
            recipient: Some(address.to_string().into()),
            source,
            outcome,
            verdict,
            sender: "friend@one.test".into(),
        });
    }
    asked
}

/// Adds some to the list, and removes some of these.
async fn change_list(day: &Day, domain: &str, numbers: &mut Numbers) {
    for local in ["ann", "bob", "o'neil", "größe", "info"] {
        let address = addresses(&[&format!("{local}@{domain}")]);
        let wish = numbers.below(4);
        if wish > 0 {
            day.done(AccountAdd { addresses: address.clone(), list: false }).await;
        }
        if wish == 3 {
            day.done(AccountRemove { addresses: address }).await;
        }
    }
}

/// Without a confirmation if none looks real and the list is not empty; with it else.
async fn enforce(day: &Day, domain: &str, preview: &PreviewReport) {
    let enforce =
        |confirmed| DomainMode { name: name(domain), mode: ModeWish::Enforce, days: None, now: true, confirmed };
    // An empty list refuses nobody for good.
    day.done(AccountAdd { addresses: addresses(&[&format!("listed@{domain}")]), list: false }).await;
    if preview.count(PreviewGroup::LooksReal) > 0 {
        day.refused(enforce(None), ErrorKind::Unconfirmed, 4, "real").await;
        day.done(enforce(Some(name(domain)))).await;
    } else {
        day.done(enforce(None)).await;
    }
}
