//! A push in several parts, and what requests from elsewhere reach.

use crate::day::{Day, addresses, name, server};
use crate::sources::HOUR;
use doorlist_actions::{
    AccountAdd, AccountShow, ActionError, Actions, Caller, ChangesList, ChangesUndo, DomainAdd, DomainAliasAdd,
    DomainList, DomainRemove, ErrorKind, PART_ITEMS_MAX, PARTS_MAX, PartTaken, PartWish, PlanApply, PlanShow, Push,
    PushAnswer, PushItem, PushReport, Request,
};
use doorlist_core::change::{Actor, Via};
use doorlist_core::shrink_guard::OperationLimits;

fn item(email: &str) -> PushItem {
    PushItem { email: email.to_owned(), ..PushItem::default() }
}

fn part(push: &str, part: u32, parts: u32, names: &[&str]) -> PartWish {
    PartWish {
        domain: name("example.test"),
        push: push.to_owned(),
        part,
        parts,
        items: names.iter().map(|name| item(name)).collect(),
        limits: OperationLimits::default(),
        apply: true,
        reason: None,
    }
}

async fn send_as(day: &Day, actor: &str, wish: PartWish) -> Result<PushAnswer, ActionError> {
    let caller = Caller::on_machine(Actor { name: actor.to_owned(), via: Via::Api });
    Actions::of(&day.services, caller).push_part(wish).await
}

async fn send(day: &Day, wish: PartWish) -> Result<PushAnswer, ActionError> {
    send_as(day, "agent@example.test", wish).await
}

#[track_caller]
fn done(answer: Result<PushAnswer, ActionError>) -> PushReport {
    match answer {
        Ok(PushAnswer::Done(report)) => *report,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn taken(answer: Result<PushAnswer, ActionError>) -> (u32, u32) {
    match answer {
        Ok(PushAnswer::Taken(PartTaken { have, parts })) => (have, parts),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn refused(answer: Result<PushAnswer, ActionError>, kind: ErrorKind, word: &str) {
    let error = answer.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(word), "{word:?} is not in {error}");
}

const UNLISTED: (u8, &str) = (4, "undecided");
const LISTED: (u8, &str) = (0, "listed");

#[tokio::test]
async fn parts_come_in_any_order_and_again_and_are_done_once() {
    let day = Day::with_a_domain().await;
    assert_eq!(taken(send(&day, part("p1", 3, 3, &["cara"])).await), (1, 3));
    assert_eq!(taken(send(&day, part("p1", 1, 3, &["ann"])).await), (2, 3));
    assert_eq!(taken(send(&day, part("p1", 3, 3, &["cara"])).await), (2, 3), "it came before");
    assert_eq!(day.check("ann@example.test").await, UNLISTED, "nothing before all are there");
    let report = done(send(&day, part("p1", 2, 3, &["bob"])).await);
    assert_eq!((report.plan.written, report.plan.applied.added), (true, 3));
    for who in ["ann", "bob", "cara"] {
        assert_eq!(day.check(&format!("{who}@example.test")).await, LISTED);
    }
    // Its answer was lost on the way: the same part again gets the same answer, and nothing is done twice.
    let again = done(send(&day, part("p1", 2, 3, &["bob"])).await);
    assert_eq!(again, report);
    // The next push is the whole state, as every push is.
    assert_eq!(taken(send(&day, part("p2", 1, 2, &["ann", "bob"])).await), (1, 2));
    let next = done(send(&day, part("p2", 2, 2, &["dora"])).await);
    assert_eq!((next.plan.applied.added, next.plan.applied.missing), (1, 1));
    // Over the wire both answers are told apart.
    for answer in [PushAnswer::Taken(PartTaken { have: 1, parts: 2 }), PushAnswer::Done(Box::new(next))] {
        assert_eq!(crate::day::travelled(&answer), answer);
    }
}

#[tokio::test]
async fn two_that_end_a_push_at_once_do_it_once() {
    let day = Day::with_a_domain().await;
    taken(send(&day, part("p1", 1, 2, &["ann"])).await);
    let (one, two) = tokio::join!(send(&day, part("p1", 2, 2, &["bob"])), send(&day, part("p1", 2, 2, &["bob"])));
    let reports: Vec<_> = [one, two]
        .into_iter()
        .filter_map(|answer| match answer {
            Ok(PushAnswer::Done(report)) => Some(report),
            Ok(other) => panic!("{other:?}"),
            Err(error) => {
                assert_eq!((error.kind(), error.exit_code()), (ErrorKind::Busy, 75), "{error}");
                None
            }
        })
        .collect();
    assert!(!reports.is_empty());
    let again = done(send(&day, part("p1", 2, 2, &["bob"])).await);
    assert!(reports.iter().all(|report| **report == again), "one outcome for all");
    assert_eq!(again.plan.applied.added, 2);
}

#[tokio::test]
async fn parts_that_do_not_fit_are_refused() {
    let day = Day::with_a_domain().await;
    taken(send(&day, part("p1", 1, 2, &["ann"])).await);
    refused(send_as(&day, "mallory", part("p1", 2, 2, &["m"])).await, ErrorKind::Refused, "another login");
    refused(send(&day, part("p1", 2, 3, &["bob"])).await, ErrorKind::Refused, "started with 2 parts");
    refused(send(&day, part("p1", 1, 2, &["zoe"])).await, ErrorKind::Refused, "with another content");
    for (push, number, parts) in [("", 1, 1), ("a b", 1, 1), ("p", 0, 1), ("p", 2, 1), ("p", 1, PARTS_MAX + 1)] {
        refused(send(&day, part(push, number, parts, &["ann"])).await, ErrorKind::Usage, "a push");
    }
    refused(send(&day, part(&"x".repeat(65), 1, 1, &["ann"])).await, ErrorKind::Usage, "1 to 64");
    let many = vec!["ann"; PART_ITEMS_MAX + 1];
    refused(send(&day, part("p9", 1, 1, &many)).await, ErrorKind::Data, "a part has at most");
    let mut elsewhere = part("p9", 1, 1, &["ann"]);
    elsewhere.domain = name("other.test");
    refused(send(&day, elsewhere).await, ErrorKind::NotFound, "not a domain");
    // What the parts say of the whole must be the same; a push that contradicts itself is thrown away.
    let other_terms = PartWish { apply: false, ..part("p1", 2, 2, &["bob"]) };
    refused(send(&day, other_terms).await, ErrorKind::Usage, "must have the same");
    assert_eq!(taken(send(&day, part("p1", 2, 2, &["bob"])).await), (1, 2), "it begins anew");
    // An empty push removes nobody, in parts neither.
    refused(send(&day, part("p3", 1, 1, &[])).await, ErrorKind::Data, "never removes recipients");
    assert_eq!(day.check("ann@example.test").await, UNLISTED);
}

#[tokio::test]
async fn a_push_that_never_ends_is_forgotten() {
    let day = Day::with_a_domain().await;
    let first = |push: &str| part(push, 1, 2, &["old"]);
    taken(send(&day, first("slow")).await);
    day.world.pass(HOUR + HOUR / 60);
    assert_eq!(taken(send(&day, part("slow", 2, 2, &["ann"])).await), (1, 2), "after an hour it begins anew");
    // A newer one that is complete takes its place; what began later stays.
    day.world.pass(HOUR / 60);
    taken(send(&day, first("newer")).await);
    day.world.pass(HOUR / 60);
    taken(send(&day, first("newest")).await);
    done(send(&day, part("newer", 2, 2, &["ann"])).await);
    assert_eq!(taken(send(&day, part("slow", 1, 2, &["old"])).await), (1, 2), "forgotten by the newer one");
    done(send(&day, part("newest", 2, 2, &["ann"])).await);
    // A whole one does the same.
    taken(send(&day, first("again")).await);
    let items = vec![item("ann"), item("old")];
    let push =
        Push { domain: name("example.test"), items, limits: OperationLimits::default(), apply: true, reason: None };
    day.ask(push).await.unwrap();
    assert_eq!(taken(send(&day, part("again", 2, 2, &["x"])).await), (1, 2));
    // Of many that are begun the oldest goes.
    for push in ["a", "b", "c", "d"] {
        day.world.pass(HOUR / 60);
        taken(send(&day, first(push)).await);
    }
    assert_eq!(taken(send(&day, part("again", 1, 2, &["x"])).await), (1, 2), "no room was left for it");
    done(send(&day, part("d", 2, 2, &["ann"])).await);
    day.world.pass(2 * HOUR);
    day.services.sweep().await.unwrap();
    assert_eq!(taken(send(&day, first("d")).await), (1, 2), "outcomes are forgotten, too");
}

#[tokio::test]
async fn a_test_run_in_parts_changes_nothing() {
    let day = Day::with_a_domain().await;
    taken(send(&day, part("real", 1, 2, &["ann"])).await);
    let look = |number, who: &str| PartWish { apply: false, ..part("look", number, 2, &[who]) };
    taken(send(&day, look(1, "ann")).await);
    let report = done(send(&day, look(2, "bob")).await);
    assert_eq!((report.plan.written, report.plan.exit_code(), report.plan.applied.added), (false, 2, 2));
    assert_eq!(day.check("ann@example.test").await, UNLISTED);
    done(send(&day, part("real", 2, 2, &["bob"])).await);
    assert_eq!(day.check("ann@example.test").await, LISTED);
}

#[tokio::test]
async fn lists_and_switched_off_accounts_can_be_said() {
    let day = Day::with_a_domain().await;
    let mut wish = part("p1", 1, 1, &["ann"]);
    wish.items.push(PushItem { distribution_list: true, ..item("team") });
    wish.items.push(PushItem { disabled: true, aliases: vec!["b".to_owned()], ..item("bob") });
    let report = done(send(&day, wish).await);
    assert_eq!(report.plan.operations.accounts_add, 3, "{report:?}");
    for who in ["bob", "b"] {
        assert_eq!(day.check(&format!("{who}@example.test")).await, (3, "switched-off"));
    }
    let found = day.ask(AccountShow { address: "team@example.test".parse().unwrap() }).await.unwrap();
    assert!(format!("{found:?}").contains("kind: List"), "{found:?}");
}

#[tokio::test]
async fn what_a_request_reaches_is_looked_up() {
    let day = Day::with_a_domain().await;
    let reach = async |request: Request| day.services.reach_of(&request).await.map(|reached| reached.domains);
    let own = Some(vec![name("example.test")]);
    day.done(DomainAliasAdd { name: name("example.test"), alias: name("example.invalid") }).await;
    let add = |texts: &[&str]| AccountAdd { addresses: addresses(texts), list: false };
    assert_eq!(reach(add(&["a@example.invalid", "b@example.test"]).into()).await.unwrap(), own, "by its own name");
    assert_eq!(reach(add(&["a@other.test"]).into()).await.unwrap(), Some(vec![name("other.test")]));
    assert_eq!(reach(add(&[]).into()).await.unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(reach(DomainList.into()).await.unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(reach(ChangesList { domain: None, before: None, limit: 1 }.into()).await.unwrap(), None);

    let change = day.done(add(&["ann@example.test"])).await.change_id.unwrap();
    let undo = |id| ChangesUndo { id };
    assert_eq!(reach(undo(change).into()).await.unwrap(), own);
    assert_eq!(reach(undo(99).into()).await.unwrap(), None);
    day.ask(DomainAdd { name: name("other.test"), servers: vec![server()], customer: None }).await.unwrap();
    let both = day.done(add(&["bob@example.test", "bob@other.test"])).await.change_id.unwrap();
    let mut domains = reach(undo(both).into()).await.unwrap().unwrap();
    domains.sort();
    assert_eq!(domains, [name("example.test"), name("other.test")]);
    // A domain that is gone, and came back as somebody else's: its old changes are for operators.
    day.done(DomainRemove { name: name("other.test") }).await;
    day.ask(DomainAdd { name: name("other.test"), servers: vec![server()], customer: None }).await.unwrap();
    assert_eq!(reach(undo(both).into()).await.unwrap(), None);
}

#[tokio::test]
async fn a_plan_belongs_to_its_domain() {
    let day = Day::with_a_domain().await;
    let names: Vec<String> = (0..20).map(|n| format!("user{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    done(send(&day, part("p1", 1, 1, &names)).await);
    let held = done(send(&day, part("p2", 1, 1, &names[..2])).await);
    let plan = held.plan.plan.unwrap();
    let reached = day.services.reach_of(&PlanApply { id: plan, reason: None }.into()).await.unwrap();
    assert_eq!((reached.domains, reached.looks), (Some(vec![name("example.test")]), false));
    let unknown = PlanShow { id: doorlist_core::change::PlanId(99), after: None, limit: 1 };
    assert_eq!(day.services.reach_of(&unknown.into()).await.unwrap().domains, None);
}
