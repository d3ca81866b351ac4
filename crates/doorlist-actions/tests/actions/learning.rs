//! Lists that grow from mail, with the clock and the domain's server in the hands of the test.

mod history;
mod limits;
mod plus_controls;
mod suggestions;

use crate::day::{Day, NOW, addresses, name};
use doorlist_actions::{
    AccountAdd, AccountConfirm, AccountList, AccountShow, AliasPromote, AliasReason, AliasReassign, AliasSuggest,
    CandidateAdd, CandidateAlias, CandidateIgnore, CandidateList, CandidateRefuse, DomainShow, Learner, Response,
    RouteStanding, ServerProbe, ServerState, Services, Waited,
};
use doorlist_core::address::{Address, DomainName};
use doorlist_core::change::Source;
use doorlist_core::domain::Mode;
use doorlist_core::learning::CandidateState;
use doorlist_core::time::Timestamp;
use doorlist_core::verdict::{Assessment, ContentVerdict};
use doorlist_core::verification::{Route, ServerAnswer};
use doorlist_store::spool::{
    ClientInfo, DeliveryKey, DeliveryOutcome, Envelope, EnvelopeRecipient, MessageKind, Settlement,
};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SERVER: &str = "mail.example.test:25";
const HOUR: Duration = Duration::from_hours(1);
pub(crate) const DAY: Duration = Duration::from_hours(24);

/// The domain's own server.
struct OwnServer {
    now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    route: Mutex<Route>,
    /// Names that it knows; `None`: it takes every name.
    known: Option<BTreeSet<&'static str>>,
    /// It takes anything behind a known name and a `+`.
    takes_plus: Mutex<bool>,
    /// It answers nothing at all.
    is_down: Mutex<bool>,
    asked: Mutex<Vec<String>>,
}

impl OwnServer {
    fn takes(&self, local: &str) -> bool {
        let base = local.split('+').next().filter(|_| *self.takes_plus.lock().unwrap());
        self.known.as_ref().is_none_or(|known| known.contains(local) || base.is_some_and(|base| known.contains(base)))
    }
}

impl ServerState for OwnServer {
    fn started(&self) -> Timestamp {
        NOW
    }

    fn sources_flagged(&self) -> u64 {
        0
    }

    fn routes(&self, _: &DomainName) -> Vec<RouteStanding> {
        vec![RouteStanding::of(SERVER.to_owned(), &self.route.lock().unwrap(), (self.now)())]
    }

    fn probe<'a>(&'a self, name: &'a DomainName, address: Option<&'a Address>) -> Waited<'a, Vec<ServerProbe>> {
        let now = (self.now)();
        let mut answers = Vec::new();
        if !*self.is_down.lock().unwrap() {
            match address {
                None => {
                    self.asked.lock().unwrap().push("controls".to_owned());
                    let mut route = self.route.lock().unwrap();
                    route.random_answered(self.takes("zzz-random"), now);
                    route.known_answered(true, now);
                }
                Some(address) => {
                    self.asked.lock().unwrap().push(address.local().to_string());
                    let takes = self.takes(address.local().as_str());
                    let answer = if takes { ServerAnswer::Exists } else { ServerAnswer::NoSuchUser };
                    answers.push((address.clone(), answer));
                }
            }
        }
        let standing = self.routes(name).pop();
        let probe = ServerProbe { server: SERVER.to_owned(), answers, dialogue: Vec::new(), failure: None, standing };
        Box::pin(async { vec![probe] })
    }
}

/// A domain in its trial, and who learns for it.
pub(crate) struct School {
    pub(crate) day: Day,
    server: Arc<OwnServer>,
    pub(crate) learner: Learner,
}

impl School {
    pub(crate) async fn with(known: Option<&[&'static str]>) -> Self {
        let day = Day::with_a_domain().await;
        let world = Arc::clone(&day.world);
        let server = Arc::new(OwnServer {
            now: Box::new(move || world.now()),
            route: Mutex::new(Route::new(NOW - DAY * 3)),
            known: known.map(|known| known.iter().copied().collect()),
            takes_plus: Mutex::new(false),
            is_down: Mutex::new(false),
            asked: Mutex::default(),
        });
        let services =
            Services { server: Some(Arc::clone(&server) as Arc<dyn ServerState>), ..Services::clone(&day.services) };
        let learner = Learner::new(services, day.spool.clone());
        Self { day, server, learner }
    }

    /// A message is accepted, and its server takes it. The outcome that the spool has then.
    async fn deliver(&self, local: &str, sender: &str, verdict: ContentVerdict) -> DeliveryKey {
        let Day { services, spool, .. } = &self.day;
        let list = services.recipients.snapshot();
        let domain = Arc::clone(list.domain(&name("example.test")).unwrap());
        let path: Box<str> = format!("{local}@example.test").into();
        let recipient = EnvelopeRecipient {
            path: path.clone(),
            domain: Some(domain.id),
            address: None,
            system: false,
            unlisted: true,
        };
        let envelope = Envelope {
            sender: sender.into(),
            recipients: vec![recipient],
            received_at: self.day.world.now(),
            client: ClientInfo::default(),
            eight_bit: false,
            smtp_utf8: false,
            kind: MessageKind::Inbound,
            message_id: None,
            size: 2,
            assessment: Assessment { verdict, ..Assessment::default() },
        };
        let mut body = spool.body(None);
        body.write(b"\r\n").await.unwrap();
        let id = spool.accept(spool.next_id(), envelope, body).await.unwrap().id;
        if domain.mode == Mode::NEW {
            services.recipients.note_first_message(domain.id, self.day.world.now());
        }
        let outcome = DeliveryOutcome {
            id,
            recipient: 0,
            domain: domain.id,
            address: path.parse().unwrap(),
            sender: sender.into(),
            server: SERVER.into(),
            status: "2.0.0".into(),
            at: self.day.world.now(),
            verdict,
        };
        let key = outcome.key();
        spool.teach(outcome);
        spool.settle(id, Settlement::Done);
        spool.flush().await.unwrap();
        key
    }

    pub(crate) async fn clean(&self, local: &str) {
        self.deliver(local, "friend@sender.test", ContentVerdict::Clean).await;
    }

    /// The addresses that were added by themselves.
    pub(crate) async fn auto_added(&self) -> Vec<String> {
        let filter = doorlist_store::recipients::AccountFilter {
            domain: name("example.test"),
            search: None,
            auto_added: true,
            without_mail: None,
            after: None,
            limit: 1_000,
        };
        let Response::Accounts(accounts) = self.day.ask(AccountList { filter }).await.unwrap() else { panic!() };
        accounts.iter().map(|account| account.entry.address.local().to_string()).collect()
    }

    pub(crate) async fn candidates(&self) -> Vec<(String, CandidateState, u64)> {
        let list = CandidateList { domain: name("example.test"), ignored: true, limit: 100 };
        let Response::Candidates(found) = self.day.ask(list).await.unwrap() else { panic!() };
        found.into_iter().map(|one| (one.address.local().to_string(), one.state, one.messages)).collect()
    }

    pub(crate) async fn mode(&self) -> Mode {
        let Response::Domain(details) = self.day.ask(DomainShow { name: name("example.test") }).await.unwrap() else {
            panic!()
        };
        details.summary.mode
    }
}

#[tokio::test]
async fn what_gets_clean_mail_and_exists_is_added_with_its_evidence() {
    let mut school = School::with(Some(&["ann", "bob", "dave"])).await;
    school.clean("ann").await;
    school.deliver("bob", "spammer@elsewhere.test", ContentVerdict::Spam).await;
    school.deliver("dave", "", ContentVerdict::Clean).await;
    let learned = school.learner.look().await.unwrap();
    assert_eq!(learned.iter().map(|one| one.addresses).sum::<u64>(), 1);
    assert_eq!(school.auto_added().await, ["ann"]);
    assert_eq!(school.candidates().await, [("dave".to_owned(), CandidateState::Seen, 1)], "bounces add nothing");
    assert_eq!(*school.server.asked.lock().unwrap(), ["controls"]);
    let shown = AccountShow { address: "ann@example.test".parse().unwrap() };
    let Response::Account(report) = school.day.ask(shown).await.unwrap() else { panic!() };
    let evidence = report.learned.unwrap().evidence;
    assert_eq!((evidence.server.as_ref(), evidence.control), (SERVER, Some(NOW)));
    assert!(school.day.spool.outcomes(10).is_empty(), "the spool has forgotten them");

    // The same outcome again, as after a crash: nothing is counted twice.
    school.day.world.pass(HOUR);
    school.clean("ann").await;
    school.learner.look().await.unwrap();
    assert_eq!(school.auto_added().await, ["ann"]);

    // Another source claims it: learned gives way, and its evidence stays.
    school.day.done(AccountConfirm { addresses: addresses(&["ann@example.test"]) }).await;
    assert_eq!(school.auto_added().await, Vec::<String>::new());
    let shown = AccountShow { address: "ann@example.test".parse().unwrap() };
    let Response::Account(report) = school.day.ask(shown).await.unwrap() else { panic!() };
    let sources: Vec<Source> = report.details.entry.record.claims.iter().map(|claim| claim.source.clone()).collect();
    assert_eq!((sources, report.learned.is_some()), (vec![Source::Hand], true));
}

#[tokio::test]
async fn a_server_that_takes_every_name_teaches_nothing() {
    let mut school = School::with(None).await;
    for local in ["ann", "bob"] {
        school.clean(local).await;
    }
    school.clean("ann").await;
    assert_eq!(school.learner.look().await.unwrap(), []);
    let found = school.candidates().await;
    let seen = CandidateState::Seen;
    assert_eq!(found, [("ann".to_owned(), seen, 2), ("bob".to_owned(), seen, 1)]);
    // It is not asked again at each look.
    school.learner.look().await.unwrap();
    assert_eq!(school.server.asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn evidence_waits_a_day_for_a_server_that_is_down() {
    let mut school = School::with(Some(&["ann", "bob"])).await;
    *school.server.is_down.lock().unwrap() = true;
    school.clean("ann").await;
    school.learner.look().await.unwrap();
    assert_eq!(school.candidates().await, [("ann".to_owned(), CandidateState::Waiting, 1)]);
    school.day.world.pass(HOUR / 2);
    *school.server.is_down.lock().unwrap() = false;
    school.learner.look().await.unwrap();
    assert_eq!(school.auto_added().await, ["ann"], "the control is within an hour of the delivery");

    *school.server.is_down.lock().unwrap() = true;
    school.day.world.pass(HOUR * 3);
    school.clean("bob").await;
    school.learner.look().await.unwrap();
    school.day.world.pass(DAY + HOUR);
    school.learner.look().await.unwrap();
    assert_eq!(school.candidates().await, [("bob".to_owned(), CandidateState::Seen, 1)], "then a person decides");
}

#[tokio::test]
async fn of_sub_addresses_and_names_behind_names_only_what_is_proven_is_added() {
    let mut school = School::with(Some(&["ann", "ann-shop", "bob"])).await;
    school.day.done(AccountAdd { addresses: addresses(&["ann@example.test"]), list: false }).await;
    for local in ["ann-shop", "bob+news", "carl+news"] {
        school.clean(local).await;
    }
    school.learner.look().await.unwrap();
    assert_eq!(school.auto_added().await, ["ann-shop", "bob"], "of bob+news the base, and nothing of carl+news");
    let asked = school.server.asked.lock().unwrap().clone();
    assert_eq!(asked.iter().filter(|name| name.starts_with("ann-")).count(), 1, "{asked:?}");
    assert!(!asked.contains(&"ann-shop".to_owned()), "the random rest, not the name itself: {asked:?}");
}

#[tokio::test]
async fn a_person_decides_on_candidates() {
    let mut school = School::with(None).await;
    for local in ["ann", "bob", "carol", "dave", "eve"] {
        school.clean(local).await;
    }
    school.learner.look().await.unwrap();
    let of = |local: &str| addresses(&[&format!("{local}@example.test")]);
    school.day.done(CandidateAdd { addresses: of("ann") }).await;
    let account: Address = "ann@example.test".parse().unwrap();
    school.day.done(CandidateAlias { addresses: of("bob"), account: account.clone() }).await;
    school.day.done(CandidateRefuse { addresses: of("carol") }).await;
    let Response::Candidates(ignored) =
        school.day.ask(CandidateIgnore { addresses: of("dave"), again: false }).await.unwrap()
    else {
        panic!()
    };
    assert_eq!(ignored[0].state, CandidateState::Ignored);
    let open: Vec<String> = school.candidates().await.into_iter().map(|(local, ..)| local).collect();
    assert_eq!(open.into_iter().collect::<BTreeSet<_>>(), ["dave", "eve"].map(str::to_owned).into());
    for (address, expected) in [
        ("ann@example.test", (0, "listed")),
        ("bob@example.test", (0, "listed")),
        ("carol@example.test", (3, "vetoed")),
        ("dave@example.test", (4, "undecided")),
    ] {
        assert_eq!(school.day.check(address).await, expected, "{address}");
    }
    // Who was refused is never learned.
    school.clean("carol").await;
    school.learner.look().await.unwrap();
    assert_eq!(school.day.check("carol@example.test").await, (3, "vetoed"));
    let nobody = CandidateAdd { addresses: of("nobody") };
    school.day.refused(nobody, doorlist_actions::ErrorKind::NotFound, 3, "is not a candidate").await;

    // Accounts that become aliases, and the way back.
    school
        .day
        .done(AccountAdd { addresses: addresses(&["j.doe@example.test", "john.doe@example.test"]), list: false })
        .await;
    let Response::AliasSuggestions(found) =
        school.day.ask(AliasSuggest { domain: name("example.test") }).await.unwrap()
    else {
        panic!()
    };
    assert_eq!((found.len(), &found[0].reasons[..]), (1, &[AliasReason::NamePattern][..]));
    let (alias, account) = (found[0].alias.clone(), found[0].account.clone());
    assert_eq!((alias.to_string(), account.to_string()), ("j.doe@example.test".into(), "john.doe@example.test".into()));
    school.day.done(AliasReassign { addresses: vec![alias.clone()], to: account }).await;
    school.day.done(AliasPromote { addresses: vec![alias.clone()] }).await;
    let Response::Account(report) = school.day.ask(AccountShow { address: alias }).await.unwrap() else { panic!() };
    assert_eq!(report.details.entry.record.account, None);
}
