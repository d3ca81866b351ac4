//! A day at the office: every action, asked and answered in the form in which it travels over the control socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use doorlist_actions::{
    ActionError, Clock, ErrorKind, ExportFormat, FileBytes, ModeWish, Office, QueueFilter, QueueOrder, QueueSelection,
    QueueState, Request, Response, SpoolQueue,
};
use doorlist_core::address::{Address, DomainName, LocalPart};
use doorlist_core::change::{Actor, MailServer, ServerTls, Via};
use doorlist_core::domain::{Mode, SOFT_PERIOD};
use doorlist_core::queue_id::QueueId;
use doorlist_core::time::Timestamp;
use doorlist_store::directory::{AccountFilter, Applied};
use doorlist_store::mail_log::{MailFilter, MailLogConfig};
use doorlist_store::spool::{ClientInfo, Envelope, EnvelopeRecipient, MessageKind, Spool, SpoolConfig};
use doorlist_store::{Directory, MailLog, StoreUrl};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

struct Day {
    office: Office,
    spool: Spool,
    _folder: tempfile::TempDir,
}

impl Day {
    async fn begin() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::Sqlite(folder.path().join("state"));
        let directory = Directory::open(&url).await.unwrap();
        let spool = Spool::open(&url, SpoolConfig::default()).await.unwrap();
        let mail_log = MailLog::open(&url, MailLogConfig::default()).await.unwrap();
        let clock: Clock = Arc::new(|| NOW);
        let queue = Arc::new(SpoolQueue::new(spool.clone(), directory.clone(), Arc::clone(&clock)));
        Self { office: Office { directory, mail_log, queue, clock }, spool, _folder: folder }
    }

    async fn with_a_domain() -> Self {
        let day = Self::begin().await;
        day.ask(Request::DomainAdd { name: name("example.test"), servers: vec![server()], customer: None })
            .await
            .unwrap();
        day
    }

    /// Asks as the control socket does: as JSON, both ways.
    async fn ask(&self, request: Request) -> Result<Response, ActionError> {
        let actor = Actor { name: "root".to_owned(), via: Via::Command };
        let answer = self.office.run(travelled(&request), &actor).await;
        answer.map(|response| travelled(&response)).map_err(|error| travelled(&error))
    }

    async fn done(&self, request: Request) -> Applied {
        match self.ask(request).await.unwrap() {
            Response::Applied(applied) => applied,
            other => panic!("{other:?}"),
        }
    }

    async fn refused(&self, request: Request, kind: ErrorKind, exit_code: u8, word: &str) {
        let error = self.ask(request).await.unwrap_err();
        assert_eq!((error.kind, error.exit_code()), (kind, exit_code), "{error}");
        assert!(error.message.contains(word), "{word:?} is not in {:?}", error.message);
    }

    /// The exit code of `check`, and its reason.
    async fn check(&self, text: &str) -> (u8, &'static str) {
        let response = self.ask(Request::Check { address: text.to_owned() }).await.unwrap();
        match &response {
            Response::Checked(report) => (response.exit_code(), report.decision.reason.word()),
            other => panic!("{other:?}"),
        }
    }
}

fn travelled<T: Serialize + DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

fn addresses(texts: &[&str]) -> Vec<Address> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn local(text: &str) -> LocalPart {
    LocalPart::parse(text.as_bytes()).unwrap()
}

fn server() -> MailServer {
    MailServer {
        host: "mail.example.test".to_owned(),
        port: 25,
        preference: 10,
        tls: ServerTls::Opportunistic,
        xforward: false,
    }
}

fn import(text: impl Into<Vec<u8>>, apply: bool) -> Request {
    let file = FileBytes::from(text.into());
    Request::Import { domain: name("example.test"), source: "staff".to_owned(), file, apply, base: None }
}

#[tokio::test]
async fn a_domain_is_added_and_its_server_is_told_what_to_do() {
    let day = Day::begin().await;
    let add = || Request::DomainAdd { name: name("Example.TEST"), servers: vec![server()], customer: None };
    let Response::DomainAdded(added) = day.ask(add()).await.unwrap() else { panic!() };
    let text = serde_json::to_string(&added.setup).unwrap();
    for word in ["mail.example.test:25", "SPF", "greylisting", "block lists", "rate limits", "MX"] {
        assert!(text.contains(word), "the setup does not speak of {word}");
    }
    day.refused(add(), ErrorKind::Refused, 1, "already a domain").await;
    day.refused(
        Request::DomainAdd { name: name("other.test"), servers: Vec::new(), customer: None },
        ErrorKind::Usage,
        64,
        "mail server",
    )
    .await;
    day.refused(Request::DomainShow { name: name("other.test") }, ErrorKind::NotFound, 3, "not a domain").await;
    assert_eq!(day.check("ann@example.test").await, (4, "setting-up"));
    assert_eq!(day.check("ann@other.test").await, (3, "relay-denied"));
    let Response::Domains(domains) = day.ask(Request::DomainList).await.unwrap() else { panic!() };
    assert_eq!((domains.len(), domains[0].customer.as_str()), (1, "example.test"));
}

#[tokio::test]
async fn an_empty_list_is_enforced_only_by_who_types_its_name() {
    let day = Day::with_a_domain().await;
    let enforce =
        |now, confirmed| Request::DomainMode { name: name("example.test"), mode: ModeWish::Enforce, now, confirmed };
    day.refused(enforce(false, None), ErrorKind::Unconfirmed, 4, "empty").await;
    day.refused(enforce(false, Some(name("other.test"))), ErrorKind::Unconfirmed, 4, "typing").await;
    day.done(enforce(false, Some(name("example.test")))).await;
    let Response::Domain(details) = day.ask(Request::DomainShow { name: name("example.test") }).await.unwrap() else {
        panic!()
    };
    assert_eq!(details.summary.mode, Mode::Enforce { soft_until: Some(NOW + SOFT_PERIOD) });
    assert_eq!(day.check("ann@example.test").await, (4, "unlisted-soft"));
    day.done(Request::AccountAdd { addresses: addresses(&["ann@example.test"]), list: false }).await;
    day.done(enforce(true, None)).await;
    assert_eq!(day.check("bob@example.test").await, (3, "unlisted"));
    assert_eq!(day.check("ann@example.test").await, (0, "listed"));
    for mode in [ModeWish::Learn, ModeWish::Monitor] {
        let request = Request::DomainMode { name: name("example.test"), mode, now: false, confirmed: None };
        day.refused(request, ErrorKind::Unavailable, 69, "later version").await;
    }
}

#[tokio::test]
async fn switches_and_other_names_of_a_domain() {
    let day = Day::with_a_domain().await;
    let (domain, alias) = (name("example.test"), name("example.invalid"));
    day.done(Request::DomainAliasAdd { name: domain.clone(), alias: alias.clone() }).await;
    assert_eq!(day.check("postmaster@example.invalid").await, (0, "system"));
    day.refused(Request::DomainAliasRemove { alias: domain.clone() }, ErrorKind::Refused, 1, "domain of its own").await;
    day.done(Request::DomainAliasRemove { alias: alias.clone() }).await;
    assert_eq!(day.check("postmaster@example.invalid").await, (3, "relay-denied"));
    day.done(Request::DomainActive { name: domain.clone(), active: false }).await;
    assert_eq!(day.check("postmaster@example.test").await, (3, "domain-inactive"));
    day.done(Request::DomainActive { name: domain.clone(), active: true }).await;
    day.done(Request::DomainHold { name: domain.clone(), hold: true }).await;
    assert!(day.office.directory.routes().values().all(|route| route.hold));
    day.done(Request::DomainRemove { name: domain.clone() }).await;
    assert_eq!(day.check("postmaster@example.test").await, (3, "relay-denied"));
    day.refused(Request::DomainRemove { name: domain }, ErrorKind::NotFound, 3, "not a domain").await;
}

#[tokio::test]
async fn accounts_and_aliases_by_hand() {
    let day = Day::with_a_domain().await;
    let add = |texts: &[&str], list| Request::AccountAdd { addresses: addresses(texts), list };
    assert_eq!(day.done(add(&["ann@example.test", "bob@example.test"], false)).await.added, 2);
    assert_eq!(day.done(add(&["team@example.test"], true)).await.added, 1);
    let alias =
        |account: &str, of: &str| Request::AliasAdd { account: account.parse().unwrap(), locals: vec![local(of)] };
    day.done(alias("ann@example.test", "A.Lee")).await;
    day.refused(alias("a.lee@example.test", "al"), ErrorKind::Refused, 1, "itself an alias of ann@example.test").await;
    day.refused(alias("ann@example.test", "bob"), ErrorKind::Refused, 1, "account of its own").await;
    day.refused(alias("nobody@example.test", "x"), ErrorKind::Refused, 1, "no such account").await;

    let show = |text: &str| Request::AccountShow { address: text.parse().unwrap() };
    let Response::Account(account) = day.ask(show("ann@example.test")).await.unwrap() else { panic!() };
    assert_eq!(account.aliases, [local("a.lee")]);
    day.refused(show("nobody@example.test"), ErrorKind::NotFound, 3, "not on the list").await;
    let filter = AccountFilter { domain: name("example.test"), search: Some("lee".to_owned()), after: None, limit: 10 };
    let Response::Accounts(found) = day.ask(Request::AccountList { filter }).await.unwrap() else { panic!() };
    assert_eq!(found, [account]);

    let remove = |texts: &[&str]| Request::AccountRemove { addresses: addresses(texts) };
    day.refused(remove(&["a.lee@example.test"]), ErrorKind::Refused, 1, "`alias remove`").await;
    let one_unlisted = remove(&["bob@example.test", "nobody@example.test"]);
    day.refused(one_unlisted, ErrorKind::NotFound, 3, "nobody@example.test").await;
    assert_eq!(day.check("bob@example.test").await, (0, "listed"), "nothing was removed");
    day.refused(
        Request::AliasRemove { addresses: addresses(&["ann@example.test"]) },
        ErrorKind::Refused,
        1,
        "`account remove`",
    )
    .await;
    day.done(Request::AliasRemove { addresses: addresses(&["a.lee@example.test"]) }).await;
    assert_eq!(day.check("a.lee@example.test").await, (3, "vetoed"));
    day.done(remove(&["ann@example.test"])).await;
    day.refused(remove(&["ann@example.test"]), ErrorKind::NotFound, 3, "not on the list").await;
    day.refused(remove(&[]), ErrorKind::Usage, 64, "1 to").await;
}

#[tokio::test]
async fn an_import_is_a_plan_until_it_is_applied() {
    let day = Day::with_a_domain().await;
    day.done(Request::AccountAdd { addresses: addresses(&["gone@example.test"]), list: false }).await;
    day.done(Request::AccountRemove { addresses: addresses(&["gone@example.test"]) }).await;
    let file = "# staff\nann\nbob@example.test\nBOB@example.test\ngone\n@broken\ncara@other.test\n";
    let plan = day.ask(import(file, false)).await.unwrap();
    assert_eq!(plan.exit_code(), 2, "a dry run that would change something");
    let Response::Import(report) = plan else { panic!() };
    assert_eq!((report.applied.added, report.applied.vetoed, report.errors_total, report.repeated), (2, 1, 2, 1));
    assert!(!report.written);
    assert_eq!(report.errors.iter().map(|error| error.line).collect::<Vec<_>>(), [6, 7]);
    assert_eq!(day.check("ann@example.test").await, (4, "setting-up"), "a plan writes nothing");

    let Response::Import(written) = day.ask(import(file, true)).await.unwrap() else { panic!() };
    assert_eq!((written.written, written.applied.added, &written.errors), (true, 2, &report.errors));
    assert_eq!(day.check("ann@example.test").await, (0, "listed"));
    assert_eq!(day.check("gone@example.test").await, (3, "vetoed"));
    let again = day.ask(import(file, false)).await.unwrap();
    assert_eq!(again.exit_code(), 0, "nothing would change");
    day.refused(import("PK\u{3}\u{4}...", true), ErrorKind::Data, 65, "spreadsheet").await;
    let Response::Import(latin) = day.ask(import(b"jos\xe9@example.test\ndan\n".to_vec(), true)).await.unwrap() else {
        panic!()
    };
    assert_eq!((latin.errors_total, latin.applied.added), (1, 1), "a row that is not UTF-8 does not stop the others");
    let bad_source = Request::Import {
        domain: name("example.test"),
        source: "a\nb".to_owned(),
        file: FileBytes::Text(String::new()),
        apply: false,
        base: None,
    };
    day.refused(bad_source, ErrorKind::Usage, 64, "letters").await;
}

/// What is exported can be imported: the same addresses come back, also those that need quotes.
#[tokio::test]
async fn exports_come_back_as_they_went() {
    let day = Day::with_a_domain().await;
    let odd = [
        "ann@example.test",
        "\"a b\"@example.test",
        "\"q,\\\"\"@example.test",
        "josé@example.test",
        "o'h@example.test",
    ];
    day.done(Request::AccountAdd { addresses: addresses(&odd), list: false }).await;
    day.done(Request::AliasAdd { account: "ann@example.test".parse().unwrap(), locals: vec![local("a1")] }).await;
    day.done(Request::AccountRemove { addresses: addresses(&["josé@example.test"]) }).await;
    let export = |format| Request::Export { domain: name("example.test"), format, after: None };
    let text_of = async |format| match day.ask(export(format)).await.unwrap() {
        Response::Export(page) => {
            assert_eq!(page.next, None);
            page.text
        }
        other => panic!("{other:?}"),
    };
    let csv = text_of(ExportFormat::Csv).await;
    assert!(csv.starts_with("address,kind,account,standing\r\n"));
    assert!(csv.contains("a1@example.test,alias,ann@example.test,active\r\n"), "{csv}");
    assert!(csv.contains("josé@example.test,mailbox,,vetoed\r\n"), "{csv}");
    assert_eq!(text_of(ExportFormat::Json).await.lines().count(), 6);
    let postfix = text_of(ExportFormat::Postfix).await;
    assert_eq!(postfix.lines().count(), 5, "vetoed addresses are not accepted: {postfix}");
    let other = Day::with_a_domain().await;
    let Response::Import(report) = other.ask(import(postfix, true)).await.unwrap() else { panic!() };
    assert_eq!((report.errors_total, report.applied.added), (0, 5), "{:?}", report.errors);
    assert_eq!(other.check("\"a b\"@example.test").await, (0, "listed"));
}

#[tokio::test]
async fn the_change_log_is_read_back() {
    let day = Day::with_a_domain().await;
    day.done(Request::AccountAdd { addresses: addresses(&["ann@example.test"]), list: false }).await;
    let list = Request::ChangesList { domain: Some(name("example.test")), before: None, limit: 10 };
    let Response::Changes(changes) = day.ask(list).await.unwrap() else { panic!() };
    let summaries: Vec<_> = changes.iter().map(|entry| entry.summary.as_str()).collect();
    assert_eq!(summaries, ["account added: ann@example.test", "domain example.test added for customer example.test"]);
    let show = |id| Request::ChangesShow { id, after: None, limit: 10 };
    let Response::Change { entry, rows, next } = day.ask(show(changes[0].id)).await.unwrap() else { panic!() };
    assert_eq!((&entry, rows.len(), next), (&changes[0], 1, None));
    day.refused(show(99), ErrorKind::NotFound, 3, "no change 99").await;
}

#[tokio::test]
async fn the_queue_without_a_server_is_the_spool() {
    let day = Day::with_a_domain().await;
    let id = waiting_message(&day).await;
    let list = |domain| Request::QueueList { filter: QueueFilter { domain, after: None, limit: 10 } };
    let Response::Queue(all) = day.ask(list(None)).await.unwrap() else { panic!() };
    assert_eq!((all.len(), all[0].id, all[0].recipients[0].state), (1, id, QueueState::Pending));
    let Response::Queue(of_domain) = day.ask(list(Some(name("example.test")))).await.unwrap() else { panic!() };
    assert_eq!(of_domain, all);
    let order = |order| Request::QueueOrder { order, selection: QueueSelection::Message(id) };
    for (asked, held) in [(QueueOrder::Hold, true), (QueueOrder::Retry, true), (QueueOrder::Release, false)] {
        assert_eq!(day.ask(order(asked)).await.unwrap(), Response::QueueDone(1));
        let Response::QueueMessage(entry) = day.ask(Request::QueueShow { id }).await.unwrap() else { panic!() };
        assert_eq!(entry.hold, held, "{asked:?}");
    }
    let by_domain =
        Request::QueueOrder { order: QueueOrder::Delete, selection: QueueSelection::Domain(name("example.test")) };
    assert_eq!(day.ask(by_domain).await.unwrap(), Response::QueueDone(1));
    day.refused(Request::QueueShow { id }, ErrorKind::NotFound, 3, "not in the queue").await;
    day.refused(order(QueueOrder::Retry), ErrorKind::NotFound, 3, "not in the queue").await;
    day.refused(list(Some(name("other.test"))), ErrorKind::NotFound, 3, "not a domain").await;
    let Response::Log(entries) = day.ask(Request::Log { filter: MailFilter::default() }).await.unwrap() else {
        panic!()
    };
    assert!(entries.is_empty());
}

async fn waiting_message(day: &Day) -> QueueId {
    let domain = day.office.directory.snapshot().domain(&name("example.test")).unwrap().id;
    let id = day.spool.next_id();
    let mut body = day.spool.body(None);
    body.write(b"Subject: a letter\r\n\r\n").await.unwrap();
    let envelope = Envelope {
        sender: "dan@other.test".into(),
        recipients: vec![EnvelopeRecipient {
            path: "ann@example.test".into(),
            domain: Some(domain),
            address: None,
            system: false,
        }],
        received_at: NOW,
        client: ClientInfo::default(),
        eight_bit: false,
        smtp_utf8: false,
        kind: MessageKind::Inbound,
        message_id: None,
        size: 21,
    };
    day.spool.accept(id, envelope, body).await.unwrap();
    id
}
