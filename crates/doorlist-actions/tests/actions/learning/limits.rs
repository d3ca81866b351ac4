//! How much a list grows in a day, and that no domain keeps another one waiting.

use super::{DAY, HOUR, OwnServer, SERVER, School};
use crate::day::{NOW, name, server};
use doorlist_actions::{DomainAdd, Learned, Learner, RouteStanding, ServerProbe, ServerState, Services, Waited};
use doorlist_core::address::{Address, DomainName, LocalPart};
use doorlist_core::domain::DomainId;
use doorlist_core::learning::{ADDED_PER_DAY_MAX, CANDIDATES_MAX, CandidateState, Evidence};
use doorlist_core::queue_id::QueueId;
use doorlist_core::time::Timestamp;
use doorlist_store::LearningBook;
use doorlist_store::learning::CountedDelivery;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Barrier;

/// Servers of two domains, neither of which answers before the other one was asked.
struct WaitingServers {
    server: Arc<OwnServer>,
    both: Barrier,
}

impl ServerState for WaitingServers {
    fn started(&self) -> Timestamp {
        self.server.started()
    }

    fn sources_flagged(&self) -> u64 {
        0
    }

    fn routes(&self, name: &DomainName) -> Vec<RouteStanding> {
        self.server.routes(name)
    }

    fn probe<'a>(&'a self, name: &'a DomainName, address: Option<&'a Address>) -> Waited<'a, Vec<ServerProbe>> {
        Box::pin(async move {
            self.both.wait().await;
            self.server.probe(name, address).await
        })
    }
}

impl School {
    /// A name each of these numbers got a clean message, which was counted.
    async fn count(&self, domain: &str, numbers: std::ops::Range<u64>) {
        let list = self.day.services.recipients.snapshot();
        let id = list.domain(&name(domain)).unwrap().id;
        let deliveries: Vec<_> =
            numbers.map(|number| delivery((id, name(domain)), number, QueueId::from_u64(number))).collect();
        LearningBook::of(&self.day.services.recipients).count(&deliveries, NOW).await.unwrap();
    }

    /// One of these names got another clean message.
    async fn count_message(&self, domain: &str, number: u64, queue_id: QueueId) {
        let list = self.day.services.recipients.snapshot();
        let id = list.domain(&name(domain)).unwrap().id;
        let delivery = delivery((id, name(domain)), number, queue_id);
        LearningBook::of(&self.day.services.recipients).count(&[delivery], NOW).await.unwrap();
    }
}

fn delivery((domain, name): (DomainId, DomainName), number: u64, queue_id: QueueId) -> CountedDelivery {
    CountedDelivery {
        key: (queue_id, 0),
        domain,
        local: LocalPart::from_canonical(&format!("n{number:04}")),
        evidence: Evidence {
            queue_id,
            at: NOW + Duration::from_millis(number),
            name,
            sender: "friend@sender.test".into(),
            server: SERVER.into(),
            status: "2.0.0".into(),
            control: None,
        },
        learns: true,
    }
}

/// V04: a list grows by so much in a day at most.
#[tokio::test]
async fn a_day_has_so_many_additions_and_the_rest_comes_later() {
    let mut school = School::with(None).await;
    // A server that refuses random names alone.
    school.day.world.pass(HOUR);
    school.server.route.lock().unwrap().random_answered(false, NOW + HOUR);
    school.server.route.lock().unwrap().known_answered(true, NOW + HOUR);
    let more = 30;
    for number in 0..ADDED_PER_DAY_MAX + more {
        school.count("example.test", number..number + 1).await;
    }
    let added = |learned: Vec<doorlist_actions::Learned>| learned.iter().map(|one| one.addresses).sum::<u64>();
    assert_eq!(added(school.learner.look().await.unwrap()), ADDED_PER_DAY_MAX);
    assert_eq!(added(school.learner.look().await.unwrap()), 0);
    // Its server is not to be asked again for what was proven then.
    school.day.world.pass(DAY + HOUR);
    *school.server.is_down.lock().unwrap() = true;
    assert_eq!(added(school.learner.look().await.unwrap()), more);
    assert_eq!(added(school.learner.look().await.unwrap()), 0);
}

#[tokio::test]
async fn a_domain_whose_day_is_full_keeps_no_other_one_waiting() {
    let mut school = School::with(None).await;
    school.day.world.pass(HOUR);
    school.server.route.lock().unwrap().random_answered(false, NOW + HOUR);
    school.server.route.lock().unwrap().known_answered(true, NOW + HOUR);
    school.day.ask(DomainAdd { name: name("small.test"), servers: vec![server()], customer: None }).await.unwrap();
    school.count("example.test", 0..ADDED_PER_DAY_MAX).await;
    school.learner.look().await.unwrap();
    // More than one look decides on.
    school.count("example.test", ADDED_PER_DAY_MAX..ADDED_PER_DAY_MAX + CANDIDATES_MAX).await;
    school.count("small.test", 10_000..10_001).await;
    let learned = school.learner.look().await.unwrap();
    assert_eq!(learned, [Learned { domain: name("small.test"), addresses: 1 }]);
}

#[tokio::test]
async fn a_server_that_is_slow_to_answer_keeps_no_other_domain_waiting() {
    let school = School::with(Some(&["n0001", "n0002"])).await;
    school.day.ask(DomainAdd { name: name("small.test"), servers: vec![server()], customer: None }).await.unwrap();
    school.count("example.test", 1..2).await;
    school.count("small.test", 2..3).await;
    let servers = WaitingServers { server: Arc::clone(&school.server), both: Barrier::new(2) };
    let services = Services { server: Some(Arc::new(servers)), ..Services::clone(&school.day.services) };
    let mut learner = Learner::new(services, school.day.spool.clone());
    school.day.world.pass(HOUR);
    let learned = learner.look().await.unwrap();
    let one = |domain| Learned { domain: name(domain), addresses: 1 };
    assert_eq!(learned, [one("example.test"), one("small.test")]);
}

#[tokio::test]
async fn those_who_waited_for_their_day_come_in_the_order_of_their_mail() {
    let mut school = School::with(None).await;
    school.day.world.pass(HOUR);
    school.server.route.lock().unwrap().random_answered(false, NOW + HOUR);
    school.server.route.lock().unwrap().known_answered(true, NOW + HOUR);
    let over = ADDED_PER_DAY_MAX + 1_000;
    school.count("example.test", 0..over).await;
    assert_eq!(school.learner.look().await.unwrap().len(), 1);
    // They wait; the last of them got more mail than the others.
    for more in 1..4 {
        school.count_message("example.test", over - 1, QueueId::from_u64(over + more)).await;
    }
    let book = LearningBook::of(&school.day.services.recipients);
    let domain = school.day.services.recipients.snapshot().domain(&name("example.test")).unwrap().id;
    let next = book.waiting(domain, CandidateState::Proven, 1).await.unwrap();
    let next: Vec<(&str, u64)> = next.iter().map(|one| (one.local.as_str(), one.messages)).collect();
    assert_eq!(next, [(&*format!("n{:04}", over - 1), 4)]);
}
