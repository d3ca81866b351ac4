//! Imports and exports.

use crate::day::{Day, addresses, file as wish, import, local, name};
use doorlist_actions::{
    AccountAdd, AccountRemove, AliasAdd, ChangesList, ChangesUndo, ErrorKind, Export, ExportFormat, ImportFile,
    ImportReport, PlanApply, PlanList, Response,
};

#[tokio::test]
async fn an_import_is_a_plan_until_it_is_applied() {
    let day = Day::with_a_domain().await;
    day.done(AccountAdd { addresses: addresses(&["gone@example.test"]), list: false }).await;
    day.done(AccountRemove { addresses: addresses(&["gone@example.test"]) }).await;
    let file = "# staff\nann\nbob@example.test\nBOB@example.test\ngone\nbro[ken\ncara@other.test\n";
    let plan = day.ask(import(file, false)).await.unwrap();
    assert_eq!(plan.exit_code(), 2, "a dry run that would change something");
    let Response::Import(ImportReport { plan, reading }) = plan else { panic!() };
    assert_eq!((plan.applied.added, plan.applied.vetoed, reading.problems_total, reading.repeated), (2, 1, 2, 1));
    assert!(!plan.written);
    assert_eq!(reading.problems.iter().map(|row| row.place.as_str()).collect::<Vec<_>>(), ["line 6", "line 7"]);
    assert_eq!(day.check("ann@example.test").await, (4, "undecided"), "a plan writes nothing");

    let Response::Import(written) = day.ask(import(file, true)).await.unwrap() else { panic!() };
    assert_eq!((written.plan.written, written.plan.applied.added, &written.reading), (true, 2, &reading));
    assert_eq!(day.check("ann@example.test").await, (0, "listed"));
    assert_eq!(day.check("gone@example.test").await, (3, "vetoed"));
    let again = day.ask(import(file, false)).await.unwrap();
    assert_eq!(again.exit_code(), 0, "nothing would change");
    day.refused(import("PK\u{3}\u{4}...", true), ErrorKind::Data, 65, "spreadsheet").await;
    let bad_source = ImportFile { source: Some("a\nb".to_owned()), ..wish("") };
    day.refused(Box::new(bad_source), ErrorKind::Usage, 64, "letters").await;
    let bad_format = ImportFile { format: Some("lotus".to_owned()), ..wish("ann") };
    day.refused(Box::new(bad_format), ErrorKind::Usage, 64, "use one of").await;
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
    day.done(AccountAdd { addresses: addresses(&odd), list: false }).await;
    day.done(AliasAdd { account: "ann@example.test".parse().unwrap(), locals: vec![local("a1")] }).await;
    day.done(AccountRemove { addresses: addresses(&["josé@example.test"]) }).await;
    let export = |format| Export { domain: name("example.test"), format, after: None };
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
    for format in
        [ExportFormat::Csv, ExportFormat::Spreadsheet, ExportFormat::Postfix, ExportFormat::Ldif, ExportFormat::Json]
    {
        let text = text_of(format).await;
        // Into a list of its own, the same list comes out; what is vetoed stays out.
        let other = Day::with_a_domain().await;
        let report = other.import(ImportFile { apply: true, ..wish(text.clone()) }).await;
        assert_eq!(
            (report.reading.problems_total, report.plan.applied.added),
            (0, 5),
            "{format:?}: {:?}",
            report.reading
        );
        let back = match other.ask(export(ExportFormat::Csv)).await.unwrap() {
            Response::Export(page) => page.text,
            other => panic!("{other:?}"),
        };
        let accepted: Vec<_> = csv.lines().filter(|line| !line.ends_with(",vetoed")).collect();
        assert_eq!(back.lines().collect::<Vec<_>>(), accepted, "{format:?}");
        // Into the same list again, it is no change.
        let again = other.import(ImportFile { apply: true, mirror: true, ..wish(text) }).await;
        assert_eq!((again.plan.applied.same, again.plan.applied.change_id), (5, None), "{format:?}");
    }
}

/// A file in UTF-16, which is no text on its way to a server.
#[tokio::test]
async fn a_file_of_windows_travels_whole() {
    let day = Day::with_a_domain().await;
    let text = "\u{feff}email;name\r\nann@example.test;Ånn\r\n";
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let report = day.import(ImportFile { apply: true, ..wish(bytes) }).await;
    assert_eq!(report.plan.applied.added, 1, "{report:?}");
    assert!(report.reading.details.iter().any(|detail| detail.contains("UTF-16")), "{report:?}");
}

/// What is taken back is gone without a trace, but for the log.
#[tokio::test]
async fn an_import_is_undone() {
    let day = Day::with_a_domain().await;
    day.done(AccountAdd { addresses: addresses(&["ann@example.test"]), list: false }).await;
    let export = || Export { domain: name("example.test"), format: ExportFormat::Json, after: None };
    let before = day.ask(export()).await.unwrap();
    let report = day
        .import(ImportFile { apply: true, ..wish("email,aliases\nann@example.test,a1\nbob@example.test,b1;b2\n") })
        .await;
    assert_eq!((report.plan.applied.added, report.plan.applied.changed), (4, 1), "{report:?}");
    let undone = day.done(ChangesUndo { id: report.plan.applied.change_id.unwrap() }).await;
    assert_eq!((undone.removed, undone.changed), (4, 1));
    assert_eq!(day.ask(export()).await.unwrap(), before);
    day.refused(ChangesUndo { id: 99 }, ErrorKind::NotFound, 3, "change 99 does not exist").await;
}

/// I04: a mirror of another domain's file, or of a tenth of it, waits for a person.
#[tokio::test]
async fn a_mirror_that_shrinks_the_list_waits() {
    let day = Day::with_a_domain().await;
    let all: String = (0..100).map(|n| format!("user{n}\n")).collect();
    day.import(ImportFile { apply: true, ..wish(all) }).await;
    let tenth: String = (0..10).map(|n| format!("user{n}\n")).collect();
    let mirror = |text: &str, reason: Option<&str>| ImportFile {
        mirror: true,
        apply: true,
        reason: reason.map(str::to_owned),
        ..wish(text)
    };
    let held = day.import(mirror(&tenth, None)).await;
    assert!(!held.plan.written && held.plan.exit_code() == 4, "{held:?}");
    assert!(held.plan.held.unwrap().contains("90 of the source's 100 addresses"));
    assert_eq!(day.check("user50@example.test").await, (0, "listed"));
    let id = held.plan.plan.unwrap();
    let apply = |reason: Option<&str>| PlanApply { id, reason: reason.map(str::to_owned) };
    day.refused(apply(None), ErrorKind::Unconfirmed, 4, "--override-limit").await;
    let Response::Plans(plans) = day.ask(PlanList { domain: None, before: None, limit: 10 }).await.unwrap() else {
        panic!()
    };
    assert_eq!((plans[0].id, plans[0].planned.applied.removed), (id, 90));
    // The next try takes its place; with a reason it passes, and the reason is kept.
    let again = day.import(mirror(&tenth, None)).await.plan.plan.unwrap();
    day.refused(apply(Some("really")), ErrorKind::Refused, 1, "discarded").await;
    let applied = day.done(PlanApply { id: again, reason: Some("the branch closed".to_owned()) }).await;
    assert_eq!(applied.removed, 90);
    let Response::Changes(log) = day.ask(ChangesList { domain: None, before: None, limit: 1 }).await.unwrap() else {
        panic!()
    };
    assert!(log[0].summary.contains("the branch closed"), "{}", log[0].summary);
    // Nobody gets past an empty file.
    let nobody = Box::new(mirror("# nobody\n", Some("all gone")));
    day.refused(nobody, ErrorKind::Data, 65, "never removes recipients").await;
    let none = day.import(mirror("zoe\n", Some("all new"))).await;
    assert!(none.plan.held.is_some() && !none.plan.written, "a list that loses everybody is looked at as a plan");
}

#[tokio::test]
async fn invisible_characters_are_refused_and_cleaned_away_if_that_is_asked_for() {
    let day = Day::with_a_domain().await;
    let escaped = r#"[{"email": "an\u200bn@example.test", "aliases": ["a\u00adnnie"]}, {"email": "bob@example.test"}]"#;
    for text in ["email,aliases\nan\u{200b}n@example.test,a\u{ad}nnie\nbob@example.test,\n", escaped] {
        let refused = day.import(wish(text)).await;
        let why = &refused.reading.problems[0].why;
        assert!(why.contains("U+200B ZERO WIDTH SPACE; without it, the address is ann@example.test"), "{why}");
        assert_eq!(refused.plan.applied.added, 1, "{text}");
        let cleaned = day.import(ImportFile { clean: true, ..wish(text) }).await;
        assert_eq!((cleaned.plan.applied.added, cleaned.reading.problems_total), (3, 0), "{text}");
        assert_eq!(cleaned.reading.notes, ["invisible characters removed from the text: 2"], "{text}");
    }
    let clean = day.import(ImportFile { clean: true, ..wish("ann@example.test\n") }).await;
    assert!(clean.reading.notes.is_empty());
}

/// Several files have the name `file` if none is given: the last of them is no mirror of all.
#[tokio::test]
async fn a_mirror_under_the_default_source_takes_nothing_from_another_file() {
    let day = Day::with_a_domain().await;
    let from =
        |name: &str, text: &str| ImportFile { source: None, name: Some(name.to_owned()), apply: true, ..wish(text) };
    let mirror = |name: &str, text: &str| ImportFile { mirror: true, ..from(name, text) };
    day.import(from("office.csv", "ann\nbob\n")).await;
    day.import(from("plant.csv", "cora\n")).await;
    for apply in [false, true] {
        let wish = ImportFile { apply, ..mirror("plant.csv", "cora\ndan\n") };
        let why = "(file:file) from office.csv; a mirror would remove them. Nothing was changed";
        day.refused(Box::new(wish), ErrorKind::Unconfirmed, 4, why).await;
    }
    let Response::Plans(plans) = day.ask(PlanList { domain: None, before: None, limit: 10 }).await.unwrap() else {
        panic!()
    };
    assert!(
        plans.iter().all(|plan| plan.state != doorlist_store::recipients::PlanState::Waiting),
        "nothing of it waits"
    );
    assert_eq!(day.check("ann@example.test").await, (0, "listed"));
    assert_eq!(day.check("dan@example.test").await, (4, "undecided"));
    // A mirror of its own addresses goes on, and so does one that says that it means all.
    assert_eq!(day.import(mirror("other.csv", "ann\nbob\ncora\n")).await.plan.applied.same, 3);
    let meant = ImportFile { source: Some("file".to_owned()), ..mirror("plant.csv", "ann\ncora\ndan\n") };
    let report = day.import(meant).await;
    assert_eq!((report.plan.applied.removed, report.plan.applied.added, report.plan.written), (1, 1, true));
}

#[tokio::test]
async fn a_plan_that_is_not_kept_shows_as_many_rows_as_are_asked_for() {
    let day = Day::with_a_domain().await;
    let text: String = (0..1_200).map(|n| format!("user{n}\n")).collect();
    let rows = async |examples_max, apply| {
        day.import(ImportFile { examples_max, apply, ..wish(text.clone()) }).await.plan.rows.len()
    };
    assert_eq!((rows(10, false).await, rows(1_000_000, false).await), (10, 1_200));
    // What is kept can be read from the store, page by page.
    assert_eq!(rows(1_000_000, true).await, 1_000);
}
