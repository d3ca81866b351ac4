//! A domain's own server that refuses `user+tag`.

use super::{DAY, HOUR, School};
use crate::day::{addresses, name, server};
use doorlist_actions::AccountAdd;
use doorlist_core::change::{Actor, Change, ChangeSet, DomainChange, Via};

fn add(local: &str) -> AccountAdd {
    AccountAdd { addresses: addresses(&[&format!("{local}@example.test")]), list: false }
}

impl School {
    async fn sub_addresses(&self) -> Vec<String> {
        self.learner.look_at_sub_addresses().await.unwrap()
    }

    async fn plus_refused(&self) -> bool {
        self.day.services.recipients.domain(&name("example.test")).await.unwrap().unwrap().plus_refused
    }

    fn sessions(&self) -> usize {
        self.server.asked.lock().unwrap().drain(..).count()
    }
}

#[tokio::test]
async fn sub_addresses_are_off_while_a_server_refuses_them() {
    let school = School::with(Some(&["ann"])).await;
    assert_eq!((school.sub_addresses().await.len(), school.sessions()), (0, 0), "nobody is known");
    // One who has left comes first.
    school.day.done(add("zoe")).await;
    school.day.done(add("ann")).await;
    assert_eq!(school.day.check("ann+news@example.test").await, (0, "sub-address"));

    let off = "domain example.test: sub-addresses with + off: refused by mail.example.test:25";
    assert_eq!(school.sub_addresses().await, [off]);
    assert_eq!((school.sessions(), school.plus_refused().await), (3, true));
    assert_eq!(school.day.check("ann+news@example.test").await.1, "undecided");
    assert_eq!(school.day.check("ann@example.test").await, (0, "listed"));

    // Not again on the same day.
    school.day.world.pass(HOUR * 23);
    assert_eq!((school.sub_addresses().await.len(), school.sessions()), (0, 0));
    school.day.world.pass(HOUR);
    assert_eq!((school.sub_addresses().await.len(), school.sessions(), school.plus_refused().await), (0, 3, true));

    *school.server.takes_plus.lock().unwrap() = true;
    school.day.world.pass(DAY);
    let on = "domain example.test: sub-addresses with + on again: taken by mail.example.test:25";
    assert_eq!(school.sub_addresses().await, [on]);
    assert_eq!(school.day.check("ann+news@example.test").await, (0, "sub-address"));
    school.sessions();
    school.day.world.pass(DAY * 6);
    assert_eq!((school.sub_addresses().await.len(), school.sessions()), (0, 0), "it holds for a week");

    // Another server is another one's word.
    let servers = vec![server(), server()];
    let change = Change::Domain { name: name("example.test"), change: DomainChange::Servers(servers) };
    let set = ChangeSet { changes: vec![change], summary: "two servers".to_owned() };
    let actor = Actor { name: "ann".to_owned(), via: Via::Command };
    school.day.services.recipients.apply(&set, &actor, None).await.unwrap();
    assert_eq!((school.sub_addresses().await.len(), school.sessions()), (0, 3), "asked at once");
}

#[tokio::test]
async fn a_server_that_says_nothing_changes_nothing() {
    let school = School::with(Some(&["ann"])).await;
    school.day.done(add("ann")).await;
    *school.server.is_down.lock().unwrap() = true;
    assert_eq!((school.sub_addresses().await.len(), school.plus_refused().await), (0, false));
    *school.server.is_down.lock().unwrap() = false;
    school.day.world.pass(HOUR * 2);
    assert_eq!(school.sub_addresses().await.len(), 0, "a dead one is not asked each minute");
    school.day.world.pass(HOUR);
    assert_eq!((school.sub_addresses().await.len(), school.plus_refused().await), (1, true));
    *school.server.is_down.lock().unwrap() = true;
    school.day.world.pass(DAY);
    assert_eq!((school.sub_addresses().await.len(), school.plus_refused().await), (0, true));
}
