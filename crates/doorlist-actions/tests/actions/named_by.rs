//! Each mail server keeps who named it: nobody gets a stronger word for theirs by changing it, moving it or undoing.

use crate::day::{Day, name, server};
use crate::tenancy::{admin, domain, operator};
use doorlist_actions::{Actions, DomainPatch, NewServer, ServerPatch};
use doorlist_actions::{ChangesUndo, DomainAdd, DomainSet, DomainShow, Response};
use doorlist_core::change::{MailServer, NamedBy};
use doorlist_core::domain::DomainId;

/// The servers of `one.test`: host, port, who named them.
async fn servers(day: &Day) -> Vec<(String, u16, NamedBy)> {
    match day.ask(DomainShow { name: name("one.test") }).await.unwrap() {
        Response::Domain(details) => {
            details.servers.into_iter().map(|server| (server.host, server.port, server.named_by)).collect()
        }
        other => panic!("{other:?}"),
    }
}

async fn create(actions: &Actions, domain: u32, host: &str) -> u32 {
    let new = NewServer { domain: DomainId(domain), host: host.to_owned(), preference: 10 };
    actions.create_server(&new).await.unwrap().row.id
}

async fn patch(actions: &Actions, id: u32, patch: ServerPatch) {
    let found = actions.editable(actions.view().mail_server(id).await.unwrap()).unwrap();
    actions.update_server(&found, &patch).await.unwrap();
}

async fn port(actions: &Actions, domain: u32, port: u16) {
    let found = actions.editable(actions.view().domain(domain).await.unwrap()).unwrap();
    let patch = DomainPatch { delivery_port: Some(port), ..DomainPatch::default() };
    actions.update_domain(&found, &patch).await.unwrap();
}

fn host(host: &str) -> ServerPatch {
    ServerPatch { host: Some(host.to_owned()), preference: None }
}

#[tokio::test]
async fn who_names_a_server_by_the_api_is_kept_with_it() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let (ann, a) = admin(&day, &ops, "a").await;
    let id = domain(&ops, "one.test", a).await.unwrap();
    let of = |host: &str, port: u16, by: NamedBy| (host.to_owned(), port, by);

    let hers = create(&ann, id, "127.0.0.1").await;
    assert_eq!(servers(&day).await, [of("127.0.0.1", 25, NamedBy::Tenant)]);
    // The operator names another host for it; her further changes leave that, but for another host.
    patch(&ops, hers, host("10.0.0.1")).await;
    assert_eq!(servers(&day).await, [of("10.0.0.1", 25, NamedBy::Operator)]);
    patch(&ann, hers, ServerPatch { host: Some("10.0.0.1".to_owned()), preference: Some(5) }).await;
    assert_eq!(servers(&day).await, [of("10.0.0.1", 25, NamedBy::Operator)]);
    patch(&ann, hers, host("10.0.0.2")).await;
    assert_eq!(servers(&day).await, [of("10.0.0.2", 25, NamedBy::Tenant)]);
    // Not even the operator makes it stronger by another port.
    port(&ops, id, 26).await;
    assert_eq!(servers(&day).await, [of("10.0.0.2", 26, NamedBy::Tenant)]);
    patch(&ops, hers, host("10.0.0.1")).await;
    port(&ann, id, 6379).await;
    assert_eq!(servers(&day).await, [of("10.0.0.1", 6379, NamedBy::Tenant)]);
}

#[tokio::test]
async fn a_command_on_the_machine_names_whatever_it_says() {
    let day = Day::begin().await;
    let servers_of = || Some(vec![MailServer { named_by: NamedBy::Tenant, ..server() }]);
    let add = DomainAdd { name: name("one.test"), servers: servers_of().unwrap(), customer: None };
    day.ask(add).await.unwrap();
    assert_eq!(servers(&day).await, [("mail.example.test".to_owned(), 25, NamedBy::Machine)]);
}

/// The operator's word that was withdrawn does not come back by a tenant's undo.
#[tokio::test]
async fn an_undo_names_servers_as_whoever_undoes() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let (ann, a) = admin(&day, &ops, "a").await;
    domain(&ops, "one.test", a).await.unwrap();
    let set = async |host: &str| {
        let servers = Some(vec![MailServer { host: host.to_owned(), ..server() }]);
        let name = name("one.test");
        let wish = DomainSet { name, patch: DomainPatch { servers, ..DomainPatch::default() } };
        match day.ask(wish).await.unwrap() {
            Response::Applied(applied) => applied.change_id.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    set("127.0.0.1").await;
    let withdrawn = set("mail.example.test").await;
    ann.run(ChangesUndo { id: withdrawn }).await.unwrap();
    assert_eq!(servers(&day).await, [("127.0.0.1".to_owned(), 25, NamedBy::Tenant)]);

    set("127.0.0.1").await;
    let withdrawn = set("mail.example.test").await;
    day.ask(ChangesUndo { id: withdrawn }).await.unwrap();
    assert_eq!(servers(&day).await, [("127.0.0.1".to_owned(), 25, NamedBy::Machine)]);
}
