//! Directories, links and pushed data: settings, passwords, history.

use crate::day::{Day, name, server};
use doorlist_actions::{
    ChangesUndo, DirectoryReading, DomainAdd, DomainRemove, ErrorKind, ImportRequest, Password, PlanApply, Push,
    PushItem, PutSource, ReadFailure, Request, Response, SourceRemove, SourceSettings, SourceShow, SyncHistory,
    SyncPreview, SyncReport, SyncRun, SyncTest, Tell,
};
use doorlist_core::address::LocalPart;
use doorlist_core::change::Structure;
use doorlist_core::connection::{DirectoryConnection, DirectoryServer, DirectoryTls, LdapBind, Preset};
use doorlist_core::shrink_guard::OperationLimits;
use doorlist_core::source_rows::{EntryPlace, RowPosition, SourceRow};
use doorlist_store::recipients::{EXAMPLES_MAX, Note};
use doorlist_store::source_book::RunOutcome;
use std::sync::Arc;
use std::time::Duration;

pub(crate) const HOUR: Duration = Duration::from_hours(1);

pub(crate) fn settings(url: &str) -> SourceSettings {
    let servers = DirectoryServer::parse_list(url, DirectoryTls::StartTls).unwrap();
    let bind = LdapBind::Simple { name: "cn=reader,dc=example,dc=test".to_owned() };
    SourceSettings {
        connection: DirectoryConnection::new(servers, bind, "dc=example,dc=test".to_owned(), Preset::OpenLdap),
        every_minutes: 60,
        limits: OperationLimits::default(),
        recipients: vec!["ops@example.test".parse().unwrap()],
        tell: Tell::default(),
    }
}

pub(crate) fn put(settings: SourceSettings, password: Option<&str>, replace: bool) -> Request {
    let password = password.map(|text| Password::new(text.to_owned()));
    let (name, domain) = ("office".to_owned(), name("example.test"));
    Box::new(PutSource { name, domain, settings, password, replace }).into()
}

/// A day with a directory, which has been read with these entries.
pub(crate) async fn with_a_directory(entries: u32) -> Day {
    let day = Day::with_a_domain().await;
    day.ask(put(settings("ldaps://ldap.example.test"), Some("secret\n"), false)).await.unwrap();
    day.world.answers(Ok(people(0..entries)));
    let report = run(&day).await;
    assert_eq!(report.outcome, RunOutcome::Applied, "{report:?}");
    day
}

/// Entries `user0`, `user1` ..., each with an address.
pub(crate) fn people(numbers: impl Iterator<Item = u32>) -> DirectoryReading {
    let row = |n: u32| {
        let place =
            EntryPlace { key: Some(format!("key{n}").into()), dn: format!("uid=user{n},dc=example,dc=test").into() };
        SourceRow {
            local: LocalPart::parse(format!("user{n}").as_bytes()).unwrap(),
            structure: Structure::Mailbox,
            switched_off: false,
            place: RowPosition::Entry(Arc::new(place)),
        }
    };
    let rows: Vec<_> = numbers.map(row).collect();
    DirectoryReading {
        entries: rows.len() as u64,
        rows,
        changed: None,
        marker: Some("position 1".to_owned()),
        skipped: Vec::new(),
        problems: Vec::new(),
        problems_total: 0,
        references: 0,
        reference_urls: Vec::new(),
        unpaged: false,
        server: "ldaps://ldap.example.test:636".to_owned(),
    }
}

pub(crate) async fn run(day: &Day) -> SyncReport {
    synced(day, SyncRun { name: "office".to_owned(), reason: None, changes: false }).await
}

pub(crate) async fn synced(day: &Day, request: impl Into<Request>) -> SyncReport {
    match day.ask(request).await.unwrap() {
        Response::Synced(report) => *report,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_password_goes_nowhere_else_than_it_was_meant_for() {
    let day = Day::with_a_domain().await;
    let at = |url| settings(url);
    day.refused(put(at("ldaps://ldap.example.test"), None, false), ErrorKind::Usage, 64, "--password-file").await;
    day.ask(put(at("ldaps://ldap.example.test"), Some("secret"), false)).await.unwrap();
    day.refused(put(at("ldaps://ldap.example.test"), Some("x"), false), ErrorKind::Refused, 1, "source set").await;
    // Another server, port, encryption or name asks for it again (L03).
    for url in ["ldaps://attacker.example.test", "ldaps://ldap.example.test:1636", "ldap://ldap.example.test"] {
        day.refused(put(at(url), None, true), ErrorKind::Unconfirmed, 4, "give the password again").await;
    }
    let mut other_name = at("ldaps://ldap.example.test");
    other_name.connection.bind = LdapBind::Simple { name: "cn=admin".to_owned() };
    day.refused(put(other_name, None, true), ErrorKind::Unconfirmed, 4, "give the password again").await;
    // What sends it nowhere else does not.
    let mut harmless = at("ldaps://ldap.example.test");
    harmless.every_minutes = 5;
    day.ask(put(harmless.clone(), None, true)).await.unwrap();
    harmless.every_minutes = 4;
    day.refused(put(harmless, None, true), ErrorKind::Usage, 64, "must be 5 to 1440").await;
    let Response::Source(shown) = day.ask(SourceShow { name: "office".to_owned() }).await.unwrap() else { panic!() };
    assert!(shown.has_password && !serde_json::to_string(&shown).unwrap().contains("secret"));
    day.world.answers(Ok(people(0..1)));
    run(&day).await;
    assert_eq!(day.world.asked.lock().unwrap().last().unwrap().1.as_deref(), Some(&b"secret"[..]));
    assert_eq!(format!("{:?}", Password::new("secret".to_owned())), "Password");
}

#[tokio::test]
async fn readings_are_whole_once_a_day_and_otherwise_of_changes() {
    let day = with_a_directory(20).await;
    assert_eq!(day.services.due_sources().await.unwrap(), ["office"], "a new source is due at once");
    assert!(day.services.due_sources().await.unwrap().is_empty(), "and then after its time");
    day.world.pass(HOUR + HOUR / 4);
    assert_eq!(day.services.due_sources().await.unwrap(), ["office"]);
    let changed =
        DirectoryReading { changed: Some(vec!["key3".into()]), marker: Some("position 2".to_owned()), ..people(3..4) };
    day.world.answers(Ok(changed.clone()));
    let report = day.services.scheduled_sync("office").await.unwrap();
    assert_eq!((report.outcome, report.whole), (RunOutcome::Same, false));
    assert_eq!(day.world.asked.lock().unwrap().last().unwrap().0.as_deref(), Some("position 1"));
    // An entry that lost its address: it alone goes missing.
    day.world.answers(Ok(DirectoryReading { rows: Vec::new(), ..changed }));
    let report = day.services.scheduled_sync("office").await.unwrap();
    assert_eq!((report.outcome, report.counts), (RunOutcome::Applied, [0, 1, 0, 1]));
    assert_eq!(day.world.asked.lock().unwrap().last().unwrap().0.as_deref(), Some("position 2"));
    day.world.pass(24 * HOUR);
    day.world.answers(Ok(people(0..20)));
    day.services.scheduled_sync("office").await.unwrap();
    assert_eq!(day.world.asked.lock().unwrap().last().unwrap().0, None, "once a day everything");
    let Response::SyncRuns(runs) =
        day.ask(SyncHistory { name: "office".to_owned(), before: None, limit: 10 }).await.unwrap()
    else {
        panic!()
    };
    let outcomes: Vec<_> = runs.iter().map(|run| run.outcome).collect();
    assert_eq!(outcomes, [RunOutcome::Applied, RunOutcome::Applied, RunOutcome::Same, RunOutcome::Applied]);
}

#[tokio::test]
async fn limits_of_operations_save_nothing() {
    let day = with_a_directory(20).await;
    let mut limited = settings("ldaps://ldap.example.test");
    limited.limits.accounts_add = Some(3);
    day.ask(put(limited, None, true)).await.unwrap();
    day.world.answers(Ok(people(0..24)));
    let preview = synced(&day, SyncPreview { name: "office".to_owned(), examples_max: EXAMPLES_MAX }).await;
    assert_eq!((preview.exit_code(), preview.outcome), (4, RunOutcome::Held), "a preview has the same limits");
    assert_eq!(preview.plan.unwrap().plan, None, "and keeps nothing");
    let report = run(&day).await;
    assert!(report.why.as_ref().unwrap().contains("4 new accounts exceed the limit of 3"), "{report:?}");
    assert_eq!(day.check("user22@example.test").await, (4, "undecided"));
    let told = day.world.told.lock().unwrap().clone();
    let (to, subject, text) = told.last().unwrap();
    assert_eq!(
        (to[0].to_string().as_str(), subject.as_str()),
        ("ops@example.test", "example.test: source office held")
    );
    assert!(text.contains("pending as plan"), "{text}");
    let over =
        synced(&day, SyncRun { name: "office".to_owned(), reason: Some("a new branch".to_owned()), changes: false })
            .await;
    assert_eq!((over.outcome, over.counts[0]), (RunOutcome::Applied, 4));
}

#[tokio::test]
async fn only_one_reads_a_source_at_a_time() {
    let day = with_a_directory(3).await;
    let book = &day.services.book;
    assert!(book.take_lease("sync:office", "two", day.world.now(), 2 * HOUR).await.unwrap());
    let busy = SyncRun { name: "office".to_owned(), reason: None, changes: false };
    day.refused(busy, ErrorKind::Busy, 75, "already being synced").await;
    day.world.pass(3 * HOUR);
    assert_eq!(run(&day).await.outcome, RunOutcome::Same, "a lease of a node that is gone runs out");
    day.refused(SyncTest { name: "nobody".to_owned() }, ErrorKind::NotFound, 3, "source list").await;
}

/// The schedule and a command of one node: the later of two answers must not be overtaken by the earlier one.
#[tokio::test]
async fn two_on_one_node_do_not_read_a_source_at_once() {
    let day = with_a_directory(3).await;
    let (gate, begun) = (day.world.gate.lock().await, day.world.begun.notified());
    let second = async {
        begun.await;
        let busy = SyncRun { name: "office".to_owned(), reason: None, changes: false };
        tokio::select! {
            () = day.world.begun.notified() => panic!("it is read by two at once"),
            () = day.refused(busy, ErrorKind::Busy, 75, "already being synced") => drop(gate),
        }
    };
    let (first, ()) = tokio::join!(run(&day), second);
    assert_eq!(first.outcome, RunOutcome::Same);
    assert_eq!(run(&day).await.outcome, RunOutcome::Same, "and it is free again");
}

#[tokio::test]
async fn a_source_that_is_removed_may_take_its_claims_along() {
    let day = with_a_directory(3).await;
    let remove = |withdraw| SourceRemove { name: "office".to_owned(), withdraw };
    let removed = day.done(remove(true)).await;
    assert_eq!(removed.removed, 3, "by a person's will, at once");
    let undone = day.done(ChangesUndo { id: removed.change_id.unwrap() }).await;
    assert_eq!(undone.added, 3);
    day.refused(remove(false), ErrorKind::NotFound, 3, "source office does not exist").await;
}

#[tokio::test]
async fn a_removed_source_leaves_no_plan_behind() {
    let day = with_a_directory(9).await;
    day.world.answers(Ok(people(0..1)));
    let plan = run(&day).await.plan.unwrap().plan.unwrap();
    let removed = day.done(SourceRemove { name: "office".to_owned(), withdraw: false }).await;
    assert_eq!(removed.notes, [Note::PlansDiscarded { source: "office".to_owned(), plans: 1 }]);
    // Also for whoever would override the limit that stopped it.
    for reason in [None, Some("they left".to_owned())] {
        day.refused(PlanApply { id: plan, reason }, ErrorKind::Refused, 1, "is not pending: it is discarded").await;
    }
}

/// With its password, which nobody types again; and not in the place of another source.
#[tokio::test]
async fn a_source_comes_back_with_its_domain() {
    let day = with_a_directory(3).await;
    let (source, domain) = ("office".to_owned(), name("example.test"));
    let remove = || DomainRemove { name: name("example.test") };
    let removed = day.done(remove()).await;
    day.refused(SourceShow { name: source.clone() }, ErrorKind::NotFound, 3, "does not exist").await;
    let undone = day.done(ChangesUndo { id: removed.change_id.unwrap() }).await;
    assert_eq!(undone.notes, [Note::SourceComesBack { source: source.clone(), domain: domain.clone() }]);
    assert_eq!(run(&day).await.outcome, RunOutcome::Same);
    assert_eq!(day.world.asked.lock().unwrap().last().unwrap().1.as_deref(), Some(&b"secret"[..]));

    let removed = day.done(remove()).await;
    day.ask(DomainAdd { name: name("other.test"), servers: vec![server()], customer: None }).await.unwrap();
    let settings = settings("ldaps://ldap.example.test");
    let password = Some(Password::new("other".to_owned()));
    let put = PutSource { name: source.clone(), domain: name("other.test"), settings, password, replace: false };
    day.ask(Box::new(put)).await.unwrap();
    let undone = day.done(ChangesUndo { id: removed.change_id.unwrap() }).await;
    assert_eq!(undone.notes, [Note::SourceNameTaken { source: source.clone(), domain }]);
    let Response::Source(shown) = day.ask(SourceShow { name: source }).await.unwrap() else { panic!() };
    assert_eq!(shown.domain, name("other.test"));
}

#[tokio::test]
async fn pushed_data_are_the_full_state() {
    let day = Day::with_a_domain().await;
    let item = |email: &str, aliases: &[&str]| PushItem {
        email: email.to_owned(),
        aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        ..PushItem::default()
    };
    let push = |items: Vec<PushItem>, apply, reason: Option<&str>| Push {
        domain: name("example.test"),
        items,
        limits: OperationLimits::default(),
        apply,
        reason: reason.map(str::to_owned),
    };
    let items = vec![
        item("ann@example.test", &["a1", "smtp:A2@example.test", "sip:ann@example.test", "ann@elsewhere.test"]),
        item("x500:/o=Ex/cn=bob", &[]),
        item("bob@example.test", &["no address@@"]),
        item("cara@example.test", &[]),
    ];
    let Response::Pushed(test) = day.ask(push(items.clone(), false, None)).await.unwrap() else { panic!() };
    assert_eq!((test.plan.applied.added, test.left_out, test.problems_total), (5, 3, 1), "{test:?}");
    assert_eq!(day.check("ann@example.test").await, (4, "undecided"), "a test run");
    let Response::Pushed(done) = day.ask(push(items.clone(), true, None)).await.unwrap() else { panic!() };
    assert!(done.plan.written);
    assert_eq!(day.check("a2@example.test").await, (0, "listed"));
    day.refused(push(Vec::new(), true, None), ErrorKind::Data, 65, "never removes recipients").await;
    let Response::Pushed(fewer) = day.ask(push(items[..3].to_vec(), true, None)).await.unwrap() else { panic!() };
    assert_eq!((fewer.plan.applied.missing, fewer.plan.applied.removed), (1, 0), "in its grace");
    let Response::Pushed(one) = day.ask(push(items[..1].to_vec(), true, None)).await.unwrap() else { panic!() };
    assert_eq!(one.plan.applied.missing, 1);
    let gone = vec![item("zoe@example.test", &[])];
    let Response::Pushed(held) = day.ask(push(gone, true, None)).await.unwrap() else { panic!() };
    assert!(held.plan.held.is_some() && !held.plan.written, "{held:?}");
}

#[tokio::test]
async fn a_link_takes_one_file_which_waits_for_the_operator() {
    let day = Day::with_a_domain().await;
    let request = ImportRequest { domain: name("example.test"), source: "customer".to_owned(), days: None };
    let Response::UploadRequest(made) = day.ask(request).await.unwrap() else { panic!() };
    let token = made.token.as_str();
    assert_eq!(made.url.unwrap(), format!("https://mx.example.test/upload/{token}"));
    assert_eq!(day.services.upload_link(token).await.unwrap(), name("example.test"));
    assert!(day.services.upload_link("other").await.is_err());
    // A file that is none leaves the link as it was.
    assert!(day.services.upload(token, "photo.pdf", b"%PDF-1.7".to_vec()).await.is_err());
    let answer = day.services.upload(token, "staff.csv", b"ann\nbob\nbro[ken\n".to_vec()).await.unwrap();
    assert_eq!((answer.addresses, answer.bad_rows), (2, 1));
    assert!(day.services.upload(token, "staff.csv", b"cara\n".to_vec()).await.is_err(), "once");
    assert!(day.services.upload_link(token).await.is_err());
    assert_eq!(day.check("ann@example.test").await, (4, "undecided"), "it waits");
    let (to, _, text) = day.world.told.lock().unwrap().pop().unwrap();
    assert_eq!(to[0].to_string(), "postmaster@example.test");
    assert!(text.contains("staff.csv") && text.contains("plan show"), "{text}");
    day.done(PlanApply { id: answer.plan.unwrap(), reason: None }).await;
    assert_eq!(day.check("ann@example.test").await, (0, "listed"));
    let request = |days| ImportRequest { domain: name("example.test"), source: "customer".to_owned(), days };
    day.refused(request(Some(91)), ErrorKind::Usage, 64, "90 days").await;
}

#[tokio::test]
async fn the_time_of_a_link_runs_out() {
    let day = Day::with_a_domain().await;
    let request = ImportRequest { domain: name("example.test"), source: "customer".to_owned(), days: Some(1) };
    let Response::UploadRequest(made) = day.ask(request).await.unwrap() else { panic!() };
    day.world.pass(24 * HOUR - HOUR);
    day.services.upload_link(&made.token).await.unwrap();
    day.world.pass(2 * HOUR);
    assert!(day.services.upload_link(&made.token).await.is_err());
    assert!(day.services.upload(&made.token, "staff.csv", b"ann\n".to_vec()).await.is_err());
    assert_eq!(day.check("ann@example.test").await, (4, "undecided"));
}

#[tokio::test]
async fn a_directory_that_fails_is_told_of_and_changes_nothing() {
    let day = with_a_directory(3).await;
    let why =
        ReadFailure { message: "ldap.example.test cannot be reached".to_owned(), cause: Some("os error".to_owned()) };
    day.world.answers(Err(why));
    let report = run(&day).await;
    assert_eq!((report.outcome, report.exit_code()), (RunOutcome::Failed, 1));
    let (_, subject, text) = day.world.told.lock().unwrap().pop().unwrap();
    assert_eq!(subject, "example.test: source office failed");
    assert!(text.contains("cannot be reached") && !text.contains("os error"), "{text}");
}
