//! A domain that has no mail server yet: its mail is accepted and waits, and goes once a server is set.

use std::time::{Duration, Instant};

use doorlist_core::change::{Actor, Change, ChangeSet, DomainChange, Source, Structure, Via};
use doorlist_core::domain::Mode;
use doorlist_store::{RecipientStore, StoreUrl};

use crate::client::Client;
use crate::server::{Server, Settings};
use crate::sink::Sink;

/// What the API makes: no command adds a domain without a server.
fn add_without_server(server: &Server) {
    let name = || "example.test".parse().unwrap();
    let domain = |change| Change::Domain { name: name(), change };
    let (address, source) = ("ann@example.test".parse().unwrap(), Source::Hand);
    let changes = vec![
        domain(DomainChange::Add { customer: "Maple".to_owned(), servers: Vec::new() }),
        domain(DomainChange::Mode(Mode::enforce(None))),
        Change::Claim { address, structure: Structure::Mailbox, source },
    ];
    let set = ChangeSet { changes, summary: "no server yet".to_owned() };
    std::fs::create_dir_all(server.state()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let recipients = RecipientStore::open(&StoreUrl::Sqlite(server.state())).await.unwrap();
        recipients.apply(&set, &Actor { name: "test".to_owned(), via: Via::System }, None).await.unwrap();
    });
}

#[test]
fn mail_for_a_domain_without_a_server_waits_for_one() {
    const WHY: &str = "no mail server is set for example.test;";
    let mut server = Server::stopped(Settings::default());
    add_without_server(&server);
    server.run();
    let mut client = Client::greeted(server.smtp());
    assert!(client.mail("ann@example.test", "Message-ID: <first@test>\r\n\r\n").starts_with("250 2.0.0"));
    client.ask("MAIL FROM:<friend@sender.example.test>", "250");
    client.ask("RCPT TO:<bob@example.test>", "550 5.1.1");
    server.wait_for_log(&["status=deferred", WHY]);
    let queue = server.queue();
    assert!(queue.len() == 1 && queue[0].to_string().contains(WHY), "{queue:?}");

    let looked = server.command(&["doctor"]);
    let named = "no mail server is set for example.test: that mail stays in the queue";
    assert!(looked.code == 1 && looked.out.contains(named), "{looked:?}");

    // It outlasts a restart, as all accepted mail does.
    assert!(server.stop().success());
    server.run();
    assert_eq!(server.queue().len(), 1);
    let mut client = Client::greeted(server.smtp());
    assert!(client.mail("ann@example.test", "Message-ID: <second@test>\r\n\r\n").starts_with("250 2.0.0"));

    let sink = Sink::start();
    server.done(&["domain", "set", "example.test", "--server", &sink.address().to_string()]);
    let set = Instant::now();
    let mut ids: Vec<_> = sink.wait_for(2).iter().map(crate::sink::Taken::id).collect();
    ids.sort();
    assert_eq!(ids, ["first@test", "second@test"]);
    assert!(set.elapsed() < Duration::from_secs(5), "it took {:?}", set.elapsed());
}
