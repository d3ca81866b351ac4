//! Several who want the same name at the same moment: one has it, and the others hear what those hear who come later.

use crate::day::{Day, local, name};
use crate::tenancy::{domain, operator};
use doorlist_actions::{AccountPatch, ActionError, Actions, NewAccount};
use doorlist_core::access::{CustomerId, ResellerId};
use doorlist_core::domain::DomainId;
use doorlist_store::StoreUrl;
use doorlist_store::tenants::{CustomerFields, CustomerPatch, ResellerFields};
use doorlist_testbed::postgres::Cluster;

/// More than a node has connections to a database.
const CLIENTS: u32 = 24;

/// Lets them all ask at once: one may have it.
async fn one_has_it<T: Send + 'static, F>(what: &str, ops: &Actions, ask: impl Fn(Actions, u32) -> F)
where
    F: Future<Output = Result<T, ActionError>> + Send + 'static,
{
    let mut asking = tokio::task::JoinSet::new();
    for number in 0..CLIENTS {
        asking.spawn(ask(ops.clone(), number));
    }
    let (had, refused): (Vec<_>, Vec<_>) = asking.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!(had.len(), 1, "{what}");
    for refusal in refused {
        let error = refusal.err();
        let is_plain =
            matches!(&error, Some(ActionError::Invalid { message, .. }) if message.contains("already exists"));
        assert!(is_plain, "{what}: {error:?}");
    }
}

async fn race_for_every_kind_of_name(day: &Day) {
    let ops = operator(day).await;
    let customer = |number: u32| CustomerFields { name: format!("customer {number}"), ..CustomerFields::default() };
    let north = ResellerFields { name: "north".to_owned(), ..ResellerFields::default() };
    let north = ops.create_reseller(&north).await.unwrap();
    // Of two resellers: the name is one for all.
    let owner = move |number: u32| if number.is_multiple_of(2) { ResellerId(1) } else { north };
    one_has_it("customer", &ops, |ops, number| async move {
        let fields = CustomerFields { name: "maple".to_owned(), ..CustomerFields::default() };
        ops.create_customer(fields, Some(owner(number))).await
    })
    .await;
    let mut renamed = Vec::new();
    for number in 0..CLIENTS {
        renamed.push(ops.create_customer(customer(number), Some(owner(number))).await.unwrap());
    }
    let to_oak = CustomerPatch { name: Some("oak".to_owned()), ..CustomerPatch::default() };
    one_has_it("customer's new name", &ops, |ops, number| {
        let (id, patch) = (renamed[number as usize], to_oak.clone());
        async move {
            let found = ops.editable(ops.view().customer(id.0).await?)?;
            ops.update_customer(&found, &patch).await
        }
    })
    .await;
    let a: CustomerId = renamed[0];
    one_has_it("domain", &ops, |ops, _| async move { domain(&ops, "one.test", a).await }).await;
    let found = ops.view().domain_of_name(&name("one.test")).await.unwrap().unwrap();
    let one: DomainId = found.row.id;
    one_has_it(
        "domain alias",
        &ops,
        |ops, _| async move { ops.create_domain_alias(one, &name("uno.test"), true).await },
    )
    .await;
    one_has_it("account", &ops, |ops, _| async move {
        let new = NewAccount { domain: one, local: local("ann"), patch: AccountPatch::default() };
        ops.create_account(&new).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_race_for_a_name_is_won_by_one_on_sqlite() {
    race_for_every_kind_of_name(&Day::begin().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_race_for_a_name_is_won_by_one_on_postgresql() {
    let cluster = Cluster::start().unwrap();
    let url = StoreUrl::Postgres(cluster.url("races").unwrap());
    race_for_every_kind_of_name(&Day::on(&url, tempfile::tempdir().unwrap()).await).await;
}
