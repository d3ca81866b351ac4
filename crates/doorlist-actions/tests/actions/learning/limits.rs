//! How much a list grows in a day, and that no domain keeps another one waiting.

use super::{DAY, HOUR, SERVER, School};
use crate::day::{NOW, name, server};
use doorlist_actions::{DomainAdd, Learned};
use doorlist_core::address::LocalPart;
use doorlist_core::learning::{ADDED_PER_DAY_MAX, CANDIDATES_MAX, Evidence};
use doorlist_core::queue_id::QueueId;
use doorlist_store::LearningBook;
use doorlist_store::learning::CountedDelivery;
use std::time::Duration;

impl School {
    /// A name each of these numbers got a clean message, which was counted.
    async fn count(&self, domain: &str, numbers: std::ops::Range<u64>) {
        let list = self.day.services.recipients.snapshot();
        let id = list.domain(&name(domain)).unwrap().id;
        let delivery = |number| CountedDelivery {
            key: (QueueId::from_u64(number), 0),
            domain: id,
            local: LocalPart::from_canonical(&format!("n{number:04}")),
            evidence: Evidence {
                queue_id: QueueId::from_u64(number),
                at: NOW + Duration::from_millis(number),
                name: name(domain),
                sender: "friend@sender.test".into(),
                server: SERVER.into(),
                status: "2.0.0".into(),
                control: None,
            },
            learns: true,
        };
        let deliveries: Vec<_> = numbers.map(delivery).collect();
        LearningBook::of(&self.day.services.recipients).count(&deliveries, NOW).await.unwrap();
    }
}

/// V04
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
