//! What one surface may not do, no other may: every request there is, asked by every kind of caller, and the API's methods
//! beside the requests that do the same.

use crate::day::{Day, addresses, local, name};
use crate::tenancy::{account, actions_of, admin, domain, key, operator};
use doorlist_actions::{
    AccountAdd, AccountPatch, AccountRemove, ActionError, Actions, AliasAdd, Change, ChangesList, ErrorKind,
    ImportRequest, NewAccount, Query, Reach, Request, Response,
};
use doorlist_core::domain::DomainId;

/// One of each request, about `one.test`, its change CHANGE or its plan PLAN.
const SAMPLES: &[&str] = &[
    r#"{"action":"check","address":"ann@one.test"}"#,
    r#"{"action":"status"}"#,
    r#"{"action":"domain_list"}"#,
    r#"{"action":"domain_show","name":"one.test"}"#,
    r#"{"action":"domain_routes","name":"one.test"}"#,
    r#"{"action":"domain_probe","name":"one.test","address":null}"#,
    r#"{"action":"domain_unlisted","name":"one.test","days":14,"limit":10}"#,
    r#"{"action":"domain_preview","name":"one.test","days":14}"#,
    r#"{"action":"domain_completeness","name":"one.test","days":14}"#,
    r#"{"action":"account_show","address":"ann@one.test"}"#,
    r#"{"action":"account_list","filter":{"domain":"one.test","search":null,"after":null,"limit":1}}"#,
    r#"{"action":"alias_suggest","domain":"one.test"}"#,
    r#"{"action":"candidate_list","domain":"one.test","ignored":true,"limit":1}"#,
    r#"{"action":"export","domain":"one.test","format":"csv","after":null}"#,
    r#"{"action":"changes_list","domain":"one.test","before":null,"limit":1}"#,
    r#"{"action":"changes_list","domain":null,"before":null,"limit":1}"#,
    r#"{"action":"changes_show","id":CHANGE,"after":null,"limit":1}"#,
    r#"{"action":"plan_list","domain":"one.test","before":null,"limit":1}"#,
    r#"{"action":"plan_list","domain":null,"before":null,"limit":1}"#,
    r#"{"action":"plan_show","id":PLAN,"after":null,"limit":1}"#,
    r#"{"action":"source_list"}"#,
    r#"{"action":"source_show","name":"ldap"}"#,
    r#"{"action":"sync_test","name":"ldap"}"#,
    r#"{"action":"sync_preview","name":"ldap"}"#,
    r#"{"action":"sync_history","name":"ldap","before":null,"limit":1}"#,
    r#"{"action":"queue_list","filter":{"domain":null,"after":null,"limit":1}}"#,
    r#"{"action":"queue_show","id":"QUEUE"}"#,
    r#"{"action":"queue_summary"}"#,
    r#"{"action":"log","filter":FILTER}"#,
    r#"{"action":"storage_check"}"#,
    r#"{"action":"admin_list","login":null,"after":null}"#,
    r#"{"action":"membership_list","login":"ops@example.test"}"#,
    r#"{"action":"key_list","after":null}"#,
    r#"{"action":"audit_list","before":null,"limit":1}"#,
    r#"{"action":"audit_head"}"#,
    r#"{"action":"audit_verify","head":null}"#,
    r#"{"action":"audit_check_part","part":{"node":0,"after":{"number":0,"seal":""},"mark":null,"lines":[]}}"#,
    r#"{"action":"contact_list","unconfirmed":false,"after":0}"#,
    r#"{"action":"sender_list","of":{"domain":"one.test"},"offset":0}"#,
    r#"{"action":"harvest_status","name":"one.test"}"#,
    r#"{"action":"harvest_status","name":null}"#,
    r#"{"action":"harvest_sources","limit":10}"#,
    r#"{"action":"domain_add","name":"new.test","servers":[],"customer":null}"#,
    r#"{"action":"domain_remove","name":"one.test"}"#,
    r#"{"action":"domain_mode","name":"one.test","mode":"enforce","now":true,"confirmed":null}"#,
    r#"{"action":"domain_set","name":"one.test","servers":null,"plus":true,"minus":null,"accept_abuse":null}"#,
    r#"{"action":"domain_alias_add","name":"one.test","alias":"uno.test"}"#,
    r#"{"action":"domain_alias_remove","alias":"uno.test"}"#,
    r#"{"action":"account_add","addresses":["bob@one.test"],"list":false}"#,
    r#"{"action":"account_remove","addresses":["ann@one.test"]}"#,
    r#"{"action":"account_confirm","addresses":["ann@one.test"]}"#,
    r#"{"action":"alias_reassign","addresses":["a@one.test"],"to":"ann@one.test"}"#,
    r#"{"action":"alias_promote","addresses":["a@one.test"]}"#,
    r#"{"action":"candidate_add","addresses":["eve@one.test"]}"#,
    r#"{"action":"candidate_alias","addresses":["eve@one.test"],"account":"ann@one.test"}"#,
    r#"{"action":"candidate_refuse","addresses":["eve@one.test"]}"#,
    r#"{"action":"candidate_ignore","addresses":["eve@one.test"],"again":false}"#,
    r#"{"action":"alias_add","account":"ann@one.test","locals":["a"]}"#,
    r#"{"action":"alias_remove","addresses":["a@one.test"]}"#,
    r#"{"action":"import","domain":"one.test","source":"file","file":"dan\n"}"#,
    r#"{"action":"import","domain":"one.test","source":"file","file":"dan\n","apply":true}"#,
    r#"{"action":"import_request","domain":"one.test","source":"file","days":null}"#,
    r#"{"action":"source_put","name":"ldap","domain":"one.test","settings":SETTINGS,"password":null,"replace":false}"#,
    r#"{"action":"source_remove","name":"ldap","withdraw":false}"#,
    r#"{"action":"sync_run","name":"ldap","reason":null}"#,
    r#"{"action":"push","domain":"one.test","items":[],"apply":true}"#,
    r#"{"action":"plan_apply","id":PLAN,"reason":null}"#,
    r#"{"action":"plan_discard","id":PLAN}"#,
    r#"{"action":"changes_undo","id":CHANGE}"#,
    r#"{"action":"queue_order","order":"retry","selection":{"matching":{"domain":"one.test"}}}"#,
    r#"{"action":"admin_create","email":"new@example.test","of":"everything","auditor":false,"password":null}"#,
    r#"{"action":"admin_remove","login":"ops@example.test","of":null}"#,
    r#"{"action":"membership_accept","login":"ops@example.test","id":1}"#,
    r#"{"action":"membership_decline","login":"ops@example.test","id":1}"#,
    r#"{"action":"key_create","login":"ops@example.test","name":"","read_only":false,"domains":[],"networks":[],"days":null}"#,
    r#"{"action":"key_revoke","id":99}"#,
    r#"{"action":"contact_confirm","address":"ann@one.test"}"#,
    r#"{"action":"sender_put","of":{"domain":"one.test"},"sender":"spam.test","allow":false}"#,
    r#"{"action":"sender_remove","of":{"domain":"one.test"},"sender":"spam.test"}"#,
    r#"{"action":"harvest_block","network":"192.0.2.0/24","seconds":60,"reason":"test"}"#,
    r#"{"action":"harvest_release","target":"192.0.2.0/24"}"#,
    r#"{"action":"harvest_extend","name":"one.test","seconds":60}"#,
];

/// A domain with an account, whose last change and whose plan are known; and who may ask.
struct Scene {
    day: Day,
    change: u64,
    ops: Actions,
    ann: Actions,
    ann_looks: Actions,
    bob: Actions,
    mailbox: Actions,
    domain: DomainId,
}

impl Scene {
    async fn set() -> Self {
        let day = Day::begin().await;
        let ops = operator(&day).await;
        let ((ann, a), (bob, _)) = (admin(&day, &ops, "a").await, admin(&day, &ops, "b").await);
        let domain = domain(&ops, "one.test", a).await.unwrap();
        account(&ann, domain, "ann").await;
        let looks = key(&day, "admin@a.test", |wish| {
            wish.name = "looks".to_owned();
            wish.read_only = true;
        });
        let ann_looks = actions_of(&day, "admin@a.test", &looks.await).await.unwrap();
        let own = key(&day, "ann@one.test", |_| {}).await;
        let mailbox = actions_of(&day, "ann@one.test", &own).await.unwrap();
        let list = ChangesList { domain: Some(name("one.test")), before: None, limit: 1 };
        let Response::Changes(changes) = day.ask(list).await.unwrap() else { panic!() };
        let link = ImportRequest { domain: name("one.test"), source: "staff".to_owned(), days: None };
        let Response::UploadRequest(link) = day.ask(link).await.unwrap() else { panic!() };
        let taken = day.services.upload(&link.token, "staff.txt", b"cora\n".to_vec()).await.unwrap();
        assert_eq!(taken.plan.map(|plan| plan.0), Some(1));
        Self { day, change: changes[0].id, ops, ann, ann_looks, bob, mailbox, domain: DomainId(domain) }
    }

    fn request(&self, sample: &str) -> Request {
        let settings = serde_json::to_string(&crate::sources::settings("ldaps://ldap.example.test")).unwrap();
        let filter = serde_json::to_string(&doorlist_store::mail_log::MailFilter::default()).unwrap();
        let queue_id = doorlist_core::queue_id::QueueId::new(crate::day::NOW, 1, 1).to_string();
        let text = sample
            .replace("CHANGE", &self.change.to_string())
            .replace("PLAN", "1")
            .replace("SETTINGS", &settings)
            .replace("FILTER", &filter)
            .replace("QUEUE", &queue_id);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn version(&self) -> u64 {
        self.day.services.recipients.snapshot().version()
    }
}

/// Whether the caller may not, whatever else might be wrong.
fn is_denied(error: &ActionError) -> bool {
    let text = error.to_string();
    match error {
        ActionError::Forbidden | ActionError::NoObject { .. } => true,
        ActionError::Failed { kind: ErrorKind::NotFound, .. } => {
            text.contains("is not a domain of yours") || text.contains("of your domains")
        }
        ActionError::Failed { kind: ErrorKind::Usage, .. } => text.contains("the server's own machine"),
        _ => false,
    }
}

/// The name of an action on the wire: `domain_add` of `DomainAdd`.
fn travelling(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

#[test]
fn there_is_a_sample_of_every_request() {
    for name in Query::NAMES.iter().chain(Change::NAMES) {
        let action = format!("{{\"action\":\"{}\"", travelling(name));
        assert!(SAMPLES.iter().any(|sample| sample.starts_with(&action)), "{action}");
    }
}

#[tokio::test]
async fn every_request_is_for_those_who_reach_what_it_reaches() {
    for sample in SAMPLES {
        let scene = Scene::set().await;
        let looks = match scene.request(sample).reach() {
            Reach::Machine => None,
            Reach::Domains { looks, .. } | Reach::Change { looks, .. } | Reach::Plan { looks, .. } => Some(looks),
            Reach::Seen => Some(true),
        };
        let is_of_seen = scene.request(sample).reach() == Reach::Seen;
        let callers = [
            ("another tenant", &scene.bob, is_of_seen),
            ("an account", &scene.mailbox, false),
            ("the tenant, read-only", &scene.ann_looks, looks == Some(true)),
            ("the tenant", &scene.ann, looks.is_some()),
            ("the operator by key", &scene.ops, looks.is_some()),
        ];
        for (who, actions, may) in callers {
            let before = scene.version();
            let answer = actions.run(scene.request(sample)).await;
            let denied = answer.as_ref().is_err_and(is_denied);
            assert_eq!(!denied, may, "{who}: {sample}: {answer:?}");
            assert!(may || scene.version() == before, "{who} changed the list: {sample}");
            if may {
                // What it did stands in the way of the next one; each kind of caller was asked before.
                break;
            }
        }
        let scene = Scene::set().await;
        let answer = scene.day.ask(scene.request(sample)).await;
        assert!(!answer.as_ref().is_err_and(is_denied), "the operator on the machine: {sample}: {answer:?}");
    }
}

#[tokio::test]
async fn the_api_and_the_commands_let_the_same_callers_through() {
    for who in 0..4 {
        let scene = Scene::set().await;
        let actions = [&scene.ann, &scene.ann_looks, &scene.bob, &scene.mailbox][who];
        let may = who == 0;
        let new = |text: &str| NewAccount { domain: scene.domain, local: local(text), patch: AccountPatch::default() };
        let add = AccountAdd { addresses: addresses(&["dan@one.test"]), list: false };
        assert_eq!(actions.run(add).await.is_ok(), may, "{who}");
        assert_eq!(actions.create_account(&new("eva")).await.is_ok(), may, "{who}");
        let ann = addresses(&["ann@one.test"]).remove(0);
        let alias = AliasAdd { account: ann.clone(), locals: vec![local("annie")] };
        assert_eq!(actions.run(alias).await.is_ok(), may, "{who}");
        let row = scene.ops.view().account_of(&ann).await.unwrap().unwrap();
        assert_eq!(actions.create_alias(row.row.id, &local("anna")).await.is_ok(), may, "{who}");
        let found = actions.view().account_of(&ann).await.unwrap();
        let by_object = match actions.removable(found) {
            Ok(account) => actions.remove_account(&account).await.is_ok(),
            Err(_) => false,
        };
        assert_eq!(by_object, may, "{who}");
        let scene = Scene::set().await;
        let actions = [&scene.ann, &scene.ann_looks, &scene.bob, &scene.mailbox][who];
        assert_eq!(actions.run(AccountRemove { addresses: vec![ann] }).await.is_ok(), may, "{who}");
    }
}
