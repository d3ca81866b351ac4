//! Mail servers that are named by the API: who names one decides where it may be, and mail waits where it may not.

use serde_json::{Value, json};

use crate::api::http::{Connection, Request};
use crate::client::Client;
use crate::server::{Server, Settings};
use crate::sink::Sink;

const DOMAIN: &str = "example.test";

/// A caller of the API.
struct Caller<'a> {
    server: &'a Server,
    connection: Connection,
    key: String,
}

impl<'a> Caller<'a> {
    fn new(server: &'a Server, email: &str, scope: &[&str]) -> Self {
        server.done(&[&["admin", "create", email], scope].concat());
        let key = server.done(&["apikey", "create", email, "--login-key-only"]).trim().to_owned();
        Self { server, connection: Connection::to(server.web()), key }
    }

    #[track_caller]
    fn ask(&mut self, method: &str, target: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [
            ("Host", self.server.web().to_string()),
            ("Authorization", format!("ApiKey {}", self.key)),
            ("Content-Type", "application/json".to_owned()),
            ("Content-Length", body.len().to_string()),
        ];
        let request = Request {
            method: method.to_owned(),
            target: format!("/api/v1{target}"),
            headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            body: body.into_bytes(),
        };
        let answer = self.connection.ask(&request).unwrap();
        assert!((200..300).contains(&answer.status), "{method} {target}: {} {}", answer.status, answer.text());
        answer.json().unwrap_or(Value::Null)
    }

    /// The domain's only server is at this host from now on.
    #[track_caller]
    fn name_host(&mut self, host: &str) {
        let id = self.ask("GET", "/mail_server/", &Value::Null)["objects"][0]["id"].as_u64().unwrap();
        self.ask("PATCH", &format!("/mail_server/{id}/"), &json!({"server": host}));
    }
}

fn post(server: &Server, id: &str) {
    let mut client = Client::greeted(server.smtp());
    let reply = client.mail(&format!("ann@{DOMAIN}"), &format!("Message-ID: <{id}>\r\n\r\n"));
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
}

#[test]
fn a_server_on_this_machine_is_named_by_command_or_allowed_by_the_operator() {
    let mut server = Server::start();
    let sink = Sink::start();
    server.protect(DOMAIN, sink.address(), &["ann"]);
    let tenant = ["--domain", DOMAIN];
    post(&server, "command@test");
    sink.wait_for(1);
    let doctor = server.command(&["doctor"]);
    assert!(doctor.out.contains("not a public address, is reachable"), "{doctor:?}");
    let connections = sink.connections();

    // The same place, in another way of writing it, so that it is named anew: by a tenant, then by the operator.
    let cases = [("admin@example.test", &tenant[..], "::ffff:127.0.0.1"), ("ops@example.test", &[][..], "127.0.0.1")];
    for (email, scope, host) in cases {
        Caller::new(&server, email, scope).name_host(host);
        post(&server, &format!("{host}@test"));
        server.wait_for_log(&["status=deferred", "dsn=4.4.4", &format!("{host} is not connected to")]);
        let waiting = server.queue();
        let last = waiting.last().unwrap().to_string();
        assert!(last.contains("relay.allow_networks"), "it says what to do: {last}");
        let doctor = server.command(&["doctor"]);
        assert!(
            doctor.out.contains("on a network that is not allowed") && doctor.out.contains("relay.allow_networks"),
            "{doctor:?}"
        );
    }
    assert_eq!(sink.connections(), connections, "nothing listened there, for all that they learnt");
    let shown = server.done(&["domain", "show", DOMAIN]);
    assert!(shown.contains("named by the operator over the API"), "{shown}");

    assert!(server.stop().success());
    server.set("relay.allow_networks", "127.0.0.1");
    server.run();
    server.done(&["queue", "retry", "--domain", DOMAIN]);
    sink.wait_for(3);
}

#[test]
fn a_tenant_does_not_turn_a_server_of_the_operators_to_another_service() {
    let server = Server::with(Settings::default());
    let sink = Sink::start();
    server.protect(DOMAIN, ([127, 0, 0, 1], 1).into(), &["ann"]);
    let mut tenant = Caller::new(&server, "admin@example.test", &["--domain", DOMAIN]);
    let domain = tenant.ask("GET", "/domain/", &Value::Null)["objects"][0]["id"].as_u64().unwrap();
    tenant.ask("PATCH", &format!("/domain/{domain}/"), &json!({"deliveryport": sink.address().port()}));
    let details: Value = serde_json::from_str(&server.done(&["domain", "show", DOMAIN, "--json"])).unwrap();
    let named = &details["servers"][0];
    assert_eq!((&named["port"], &named["named_by"]), (&json!(sink.address().port()), &json!("tenant")));
    assert_eq!(sink.connections(), 0);
}
