//! Who may take a change back: it does not get around what is asked of those who change it the other way.

use crate::day::{Day, name};
use crate::tenancy::{account, actions_of, admin, domain, key, operator};
use doorlist_actions::{AccountRemove, ChangesList, ChangesUndo, PlanList, PlanShow, Response};
use doorlist_actions::{ActionError, Actions, AdminCreate, AdminOf, DomainPatch, NewAdmin};
use doorlist_core::access::{CustomerId, Scope};
use doorlist_store::tenants::{CustomerFields, CustomerPatch, ResellerFields};

async fn last(day: &Day) -> u64 {
    match day.ask(ChangesList { domain: None, before: None, limit: 1 }).await.unwrap() {
        Response::Changes(changes) => changes[0].id,
        other => panic!("{other:?}"),
    }
}

fn refusal(got: Result<Response, ActionError>) -> String {
    match got {
        Err(error @ ActionError::Failed { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

async fn owner(actions: &Actions, domain: u32) -> Option<CustomerId> {
    actions.view().domain(domain).await.unwrap().map(|found| found.row.customer)
}

async fn rename(ops: &Actions, id: CustomerId, name: &str) {
    let found = ops.editable(ops.view().customer(id.0).await.unwrap()).unwrap();
    let patch = CustomerPatch { name: Some(name.to_owned()), ..CustomerPatch::default() };
    ops.update_customer(&found, &patch).await.unwrap();
}

#[tokio::test]
async fn a_name_that_was_dropped_is_the_operators_to_give_back() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let ((ann, a), (_, b)) = (admin(&day, &ops, "a").await, admin(&day, &ops, "b").await);
    let id = domain(&ops, "one.test", a).await.unwrap();
    let alias = ops.create_domain_alias(doorlist_core::domain::DomainId(id), &name("other.test"), true).await.unwrap();
    ann.remove_domain_alias(&ann.editable(Some(alias)).unwrap()).await.unwrap();
    let dropped = last(&day).await;
    assert!(refusal(ann.run(ChangesUndo { id: dropped }).await).contains("only the operator"));
    // Somebody else has it by now: not even the operator gives it back by the way.
    domain(&ops, "other.test", b).await.unwrap();
    assert!(refusal(ops.run(ChangesUndo { id: dropped }).await).contains("other.test cannot be an alias"));
    assert_eq!(day.check("x@other.test").await.0, 4, "it is a domain of its own");
    let free = ops.view().domain_of_name(&name("other.test")).await.unwrap();
    ops.remove_domain(&ops.editable(free).unwrap()).await.unwrap();
    ops.run(ChangesUndo { id: dropped }).await.unwrap();
    // What is no more than a change of her own domain she takes back herself.
    let found = ann.editable(ann.view().domain(id).await.unwrap()).unwrap();
    ann.update_domain(&found, &DomainPatch { hold: Some(true), ..DomainPatch::default() }).await.unwrap();
    let held = last(&day).await;
    ann.run(ChangesUndo { id: held }).await.unwrap();
}

#[tokio::test]
async fn a_domain_that_was_given_to_another_customer_is_not_taken_back() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let ((_, a), (bob, b)) = (admin(&day, &ops, "a").await, admin(&day, &ops, "b").await);
    let id = domain(&ops, "one.test", a).await.unwrap();
    let found = ops.editable(ops.view().domain(id).await.unwrap()).unwrap();
    ops.update_domain(&found, &DomainPatch { customer: Some(b), ..DomainPatch::default() }).await.unwrap();
    let moved = last(&day).await;
    assert!(refusal(bob.run(ChangesUndo { id: moved }).await).contains("only the operator"));
    assert_eq!(owner(&ops, id).await, Some(b));
    ops.run(ChangesUndo { id: moved }).await.unwrap();
    assert_eq!(owner(&ops, id).await, Some(a));
}

/// Names of customers come again; a domain goes back to the one that it was of, under whatever name.
#[tokio::test]
async fn a_domain_comes_back_to_its_customer_and_to_nobody_of_that_name() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let ((_, a), (_, b)) = (admin(&day, &ops, "maple").await, admin(&day, &ops, "oak").await);
    let id = domain(&ops, "one.test", a).await.unwrap();
    let gone = ops.editable(ops.view().domain(id).await.unwrap()).unwrap();
    ops.remove_domain(&gone).await.unwrap();
    let removed = last(&day).await;
    rename(&ops, a, "acer").await;
    rename(&ops, b, "maple").await;
    ops.run(ChangesUndo { id: removed }).await.unwrap();
    assert_eq!(owner(&ops, id).await, Some(a), "the same domain, of the same customer");

    let customer = ops.removable(ops.view().customer(a.0).await.unwrap()).unwrap();
    ops.remove_customer(&customer).await.unwrap();
    let removed = last(&day).await;
    rename(&ops, b, "acer").await;
    assert!(refusal(ops.run(ChangesUndo { id: removed }).await).contains("another customer has that name"));
    rename(&ops, b, "oak").await;
    ops.run(ChangesUndo { id: removed }).await.unwrap();
    assert_eq!(owner(&ops, id).await, Some(a), "the customer itself is there again");
}

/// In one change, with its domains; of its own reseller, and its admins' keys mean again what they meant.
#[tokio::test]
async fn a_removed_customer_comes_back_as_it_was() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let north = ResellerFields { name: "north".to_owned(), ..ResellerFields::default() };
    let north = ops.create_reseller(&north).await.unwrap();
    let fields = CustomerFields { name: "maple".to_owned(), is_full_user_list: true, ..CustomerFields::default() };
    let maple = ops.create_customer(fields, Some(north)).await.unwrap();
    let scope = Scope::Customer(maple);
    let made = ops.create_admin(scope, &NewAdmin::of("admin@maple.test")).await.unwrap();
    let key = ops.admin_key(scope, made.row.id).await.unwrap();
    let may_change = async |id: u32| {
        let admin = actions_of(&day, "admin@maple.test", &key).await?;
        admin.editable(admin.view().domain(id).await.unwrap()).ok().map(drop)
    };
    let (one, two) = (domain(&ops, "one.test", maple).await.unwrap(), domain(&ops, "two.test", maple).await.unwrap());
    account(&ops, one, "ann").await;
    assert_eq!(may_change(one).await, Some(()));
    let before = last(&day).await;

    let customer = ops.removable(ops.view().customer(maple.0).await.unwrap()).unwrap();
    ops.remove_customer(&customer).await.unwrap();
    let removed = last(&day).await;
    assert_eq!(removed, before + 1, "one change");
    assert_eq!(may_change(one).await, None);
    assert!(ops.view().customer(maple.0).await.unwrap().is_none());

    ops.run(ChangesUndo { id: removed }).await.unwrap();
    let row = ops.view().customer(maple.0).await.unwrap().unwrap().row;
    assert_eq!((row.name.as_str(), row.reseller, row.is_full_user_list), ("maple", north, true));
    for id in [one, two] {
        assert_eq!((owner(&ops, id).await, may_change(id).await), (Some(maple), Some(())));
    }
    assert_eq!(day.check("ann@one.test").await, (0, "listed"));
    assert!(summary(&day, removed).await.contains("customer maple removed with its 2 domains"));
}

async fn summary(day: &Day, id: u64) -> String {
    match day.ask(ChangesList { domain: None, before: Some(id + 1), limit: 1 }).await.unwrap() {
        Response::Changes(changes) => changes[0].summary.clone(),
        other => panic!("{other:?}"),
    }
}

/// Who looks sees what is of his domains alone, and of those all that is his.
#[tokio::test]
async fn the_logs_are_for_whoever_may_look() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let ((ann, a), (bob, b)) = (admin(&day, &ops, "a").await, admin(&day, &ops, "b").await);
    let (one, two) = (domain(&ops, "one.test", a).await.unwrap(), domain(&ops, "two.test", b).await.unwrap());
    let both = vec![account(&ops, one, "ann").await.row.address(), account(&ops, two, "bob").await.row.address()];
    day.ask(AccountRemove { addresses: both }).await.unwrap();
    let moved = ops.editable(ops.view().domain(two).await.unwrap()).unwrap();
    ops.update_domain(&moved, &DomainPatch { customer: Some(a), ..DomainPatch::default() }).await.unwrap();
    let back = ops.editable(ops.view().domain(two).await.unwrap()).unwrap();
    ops.update_domain(&back, &DomainPatch { customer: Some(b), ..DomainPatch::default() }).await.unwrap();
    let list = async |actions: &Actions, domain: Option<&str>| {
        let wish = ChangesList { domain: domain.map(name), before: None, limit: 100 };
        match actions.run(wish).await.unwrap() {
            Response::Changes(changes) => changes.into_iter().map(|change| change.summary).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        }
    };
    let of_ann = ["account added: ann@one.test", "domain one.test added for customer a"];
    assert_eq!(list(&ann, None).await, of_ann);
    assert_eq!(list(&ann, Some("one.test")).await, of_ann, "what was done to others beside is theirs");
    let of_bob = list(&bob, None).await;
    assert_eq!(of_bob[0], "domain two.test: moved from customer a to customer b");
    assert_eq!(of_bob.len(), 4, "{of_bob:?}");
    let (email, of) = ("look@example.test".parse().unwrap(), AdminOf::Everything);
    day.ask(AdminCreate { email, of, auditor: true, password: None }).await.unwrap();
    let key = key(&day, "look@example.test", |_| {}).await;
    let auditor = actions_of(&day, "look@example.test", &key).await.unwrap();
    assert_eq!(list(&auditor, None).await, list(&ops, None).await);
    let plans = PlanList { domain: None, before: None, limit: 10 };
    for actions in [&ann, &auditor] {
        assert_eq!(actions.run(plans.clone()).await.unwrap(), Response::Plans(Vec::new()));
    }
}

/// Also one that was added, or went over, by the name of a customer.
#[tokio::test]
async fn what_was_given_by_a_name_comes_again_to_the_same_customer() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let ((_, a), (_, b)) = (admin(&day, &ops, "maple").await, admin(&day, &ops, "oak").await);
    let id = domain(&ops, "one.test", a).await.unwrap();
    let added = last(&day).await;
    ops.run(ChangesUndo { id: added }).await.unwrap();
    assert_eq!(owner(&ops, id).await, None);
    let taken_back = last(&day).await;
    rename(&ops, a, "acer").await;
    rename(&ops, b, "maple").await;
    ops.run(ChangesUndo { id: taken_back }).await.unwrap();
    assert_eq!(owner(&ops, id).await, Some(a));

    let found = ops.editable(ops.view().domain(id).await.unwrap()).unwrap();
    ops.update_domain(&found, &DomainPatch { customer: Some(b), ..DomainPatch::default() }).await.unwrap();
    let moved = last(&day).await;
    ops.run(ChangesUndo { id: moved }).await.unwrap();
    let moved_back = last(&day).await;
    rename(&ops, b, "birch").await;
    rename(&ops, a, "maple").await;
    ops.run(ChangesUndo { id: moved_back }).await.unwrap();
    assert_eq!(owner(&ops, id).await, Some(b));
}

/// A plan of several domains is of nobody who has one of them, and an undo that fails leaves none.
#[tokio::test]
async fn the_undo_of_many_domains_shows_nobody_those_of_others() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let ((ann, a), (_, b)) = (admin(&day, &ops, "a").await, admin(&day, &ops, "b").await);
    let (one, two) = (domain(&ops, "one.test", a).await.unwrap(), domain(&ops, "two.test", b).await.unwrap());
    let both = vec![account(&ops, one, "ann").await.row.address(), account(&ops, two, "bob").await.row.address()];
    day.ask(AccountRemove { addresses: both }).await.unwrap();
    let removed = last(&day).await;
    ops.run(ChangesUndo { id: removed }).await.unwrap();
    let list = |domain| PlanList { domain, before: None, limit: 10 };
    let Response::Plans(plans) = ann.run(list(Some(name("one.test")))).await.unwrap() else { panic!() };
    assert!(plans.is_empty(), "{plans:?}");
    let Response::Plans(plans) = day.ask(list(None)).await.unwrap() else { panic!() };
    assert_eq!(plans.len(), 1);
    let show = PlanShow { id: plans[0].id, after: None, limit: 10 };
    assert!(ann.run(show).await.is_err());
}
