//! What tenants learn of each other, and what the level above decides.

use crate::day::{Day, name};
use crate::tenancy::{actions_of, admin, domain, key, operator};
use doorlist_actions::{ActionError, DomainPatch, Request, VERIFICATION_WORD};
use doorlist_actions::{AdminCreate, AdminOf, ChangesShow, ChangesUndo, ImportRequest, PlanShow, Response};
use doorlist_store::tenants::CustomerPatch;

/// What a tenant is told of a name that is another's is what is told of one that is nobody's, until it is proven.
#[tokio::test]
async fn a_name_is_told_to_be_taken_to_those_alone_whose_it_is() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let ((ann, a), (bob, b)) = (admin(&day, &ops, "a").await, admin(&day, &ops, "b").await);
    let own = doorlist_core::domain::DomainId(domain(&ops, "own.test", b).await.unwrap());
    let theirs = doorlist_core::domain::DomainId(domain(&ops, "one.test", a).await.unwrap());
    ops.create_domain_alias(theirs, &name("other.test"), true).await.unwrap();
    let told = async |text: &str| {
        let as_domain = domain(&bob, text, b).await.unwrap_err();
        let as_alias = bob.create_domain_alias(own, &name(text), true).await.unwrap_err();
        [as_domain, as_alias].map(|error| match error {
            ActionError::Invalid { field: "name", message } => message,
            other => panic!("{other:?}"),
        })
    };
    let token = |message: &str| message.split(VERIFICATION_WORD).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let masked =
        |messages: [String; 2], text: &str| messages.map(|it| it.replace(&token(&it), "TOKEN").replace(text, "NAME"));
    let free = masked(told("free.test").await, "free.test");
    for taken in ["one.test", "other.test"] {
        assert_eq!(masked(told(taken).await, taken), free, "{taken}");
    }
    // A token stays what it was when somebody else gets the name.
    let before = told("late.test").await;
    domain(&ops, "late.test", a).await.unwrap();
    assert_eq!(told("late.test").await, before);
    // Their own names, and those that they have proven, are told.
    assert!(
        matches!(domain(&bob, "own.test", b).await, Err(ActionError::Invalid { message, .. }) if message.contains("already exists"))
    );
    let record = format!("{VERIFICATION_WORD}{}", token(&before[0]));
    day.world.texts.lock().unwrap().insert("_doorlist.late.test".to_owned(), vec![record]);
    assert!(told("late.test").await.iter().all(|message| message.contains("another customer")));
    assert!(ann.view().domain_of_name(&name("late.test")).await.unwrap().is_some());
}

/// A number of somebody else's plan or change is a number that there is not.
#[tokio::test]
async fn plans_and_changes_of_others_are_not_there() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let ((_, a), (bob, _)) = (admin(&day, &ops, "a").await, admin(&day, &ops, "b").await);
    domain(&ops, "one.test", a).await.unwrap();
    let link = ImportRequest { domain: name("one.test"), source: "staff".to_owned(), days: None };
    let Response::UploadRequest(link) = day.ask(link).await.unwrap() else { panic!() };
    day.services.upload(&link.token, "staff.txt", b"ann\n".to_vec()).await.unwrap();
    let told = async |request: Request| match bob.run(request).await.unwrap_err() {
        error @ ActionError::Failed { .. } => {
            (error.kind(), error.to_string().replace(|c: char| c.is_ascii_digit(), ""))
        }
        other => panic!("{other:?}"),
    };
    let show = |id| ChangesShow { id, after: None, limit: 10 };
    assert_eq!(told(show(1).into()).await, told(show(99_999).into()).await);
    let plan = |id| PlanShow { id: doorlist_core::change::PlanId(id), after: None, limit: 10 };
    assert_eq!(told(plan(1).into()).await, told(plan(99_999).into()).await);
    let undo = |id| ChangesUndo { id };
    assert_eq!(told(undo(1).into()).await, told(undo(99_999).into()).await);
}

/// What the level above decides is not the tenant's to say, whichever way it comes.
#[tokio::test]
async fn a_tenant_says_nothing_that_the_level_above_decides() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let (ann, a) = admin(&day, &ops, "a").await;
    let one = domain(&ops, "one.test", a).await.unwrap();
    let customer = ann.editable(ann.view().customer(a.0).await.unwrap()).unwrap();
    let was = customer.row().clone();
    for patch in [
        CustomerPatch { allow_branding: Some(true), ..CustomerPatch::default() },
        CustomerPatch { reported_user_count: Some(Some(1)), ..CustomerPatch::default() },
        CustomerPatch { is_full_user_list: Some(true), ..CustomerPatch::default() },
        CustomerPatch { name: Some("renamed".to_owned()), ..CustomerPatch::default() },
    ] {
        assert_eq!(ann.update_customer(&customer, &patch).await, Err(ActionError::Forbidden), "{patch:?}");
    }
    let same = CustomerPatch { allow_branding: Some(false), name: Some("a".to_owned()), ..CustomerPatch::default() };
    ann.update_customer(&customer, &same).await.unwrap();
    let now = ann.view().customer(a.0).await.unwrap().unwrap().row;
    assert_eq!((now.name, now.allow_branding, now.reported_user_count), (was.name, false, None));

    let email = "dora@one.test".parse().unwrap();
    let of = AdminOf::Domain(name("one.test"));
    day.ask(AdminCreate { email, of, auditor: false, password: None }).await.unwrap();
    let key = key(&day, "dora@one.test", |_| {}).await;
    let dora = actions_of(&day, "dora@one.test", &key).await.unwrap();
    let domain = dora.editable(dora.view().domain(one).await.unwrap()).unwrap();
    let off = DomainPatch { active: Some(false), ..DomainPatch::default() };
    assert_eq!(dora.update_domain(&domain, &off).await, Err(ActionError::Forbidden));
    let same = DomainPatch { active: Some(true), hold: Some(true), ..DomainPatch::default() };
    dora.update_domain(&domain, &same).await.unwrap();
}
