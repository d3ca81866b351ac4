//! The audit: what its chain and its heads tell, what each tenant may fill of it, and how its oldest part goes.

use crate::day::Day;
use crate::tenancy::HERE;
use doorlist_actions::{
    AuditCheckPart, AuditEvent, AuditHead, AuditHeadShow, AuditLink, AuditList, AuditNews, AuditPartCheck, AuditPlace,
    AuditRecord, AuditRow, AuditTerms, AuditVerdict, AuditVerify, AuditWriter, HeadFinding, Response,
};
use doorlist_core::access::{CustomerId, ResellerId, Scope};
use doorlist_store::audit::AuditEntry;
use std::sync::Arc;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

fn news(day: &Day, scopes: &[Scope], path: &str) -> AuditNews {
    let event = AuditEvent {
        time: day.world.now(),
        client: HERE,
        login: Some("ops\n2 forged".to_owned()),
        key: Some("abcdefgh".to_owned()),
        method: "POST".to_owned(),
        path: path.to_owned(),
        status: 201,
    };
    AuditNews { event, scopes: scopes.to_vec() }
}

async fn write(day: &Day, writer: &mut AuditWriter, number: usize) {
    writer.write(vec![news(day, &[Scope::All], "/api/v1/domain/"); number]).await.unwrap();
}

async fn list(day: &Day, limit: u32) -> Vec<AuditRow> {
    match day.ask(AuditList { before: None, limit }).await.unwrap() {
        Response::AuditLines(rows) => rows,
        other => panic!("{other:?}"),
    }
}

/// Of a cluster; each line says which node wrote it.
#[tokio::test]
async fn lines_of_all_nodes_are_listed_by_time() {
    let day = Day::begin().await;
    let mut writer = AuditWriter::new(&day.services);
    writer.begin().await.unwrap();
    write(&day, &mut writer, 2).await;
    let mut elsewhere = day.services.audit.after(0, 0, 10).await.unwrap();
    elsewhere.iter_mut().for_each(|entry| entry.time = entry.time + std::time::Duration::from_secs(1));
    elsewhere[0].time = doorlist_core::time::Timestamp::from_secs(1);
    day.services.audit.append(7, &elsewhere).await.unwrap();
    let places = async |before, limit| match day.ask(AuditList { before, limit }).await.unwrap() {
        Response::AuditLines(rows) => {
            rows.into_iter().map(|row| (row.place.node, row.place.number)).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    let all = [(7, 2), (0, 2), (0, 1), (7, 1)];
    assert_eq!(places(None, 10).await, all);
    for (at, (node, number)) in all.into_iter().enumerate() {
        assert_eq!(places(Some(AuditPlace { node, number }), 10).await, all[at + 1..]);
    }
}

async fn verify(day: &Day, head: Option<&AuditHead>) -> (AuditVerdict, u8) {
    let response = day.ask(AuditVerify { head: head.map(|head| head.head.clone()) }).await.unwrap();
    let code = response.exit_code();
    match response {
        Response::AuditVerified(verdict) => (verdict, code),
        other => panic!("{other:?}"),
    }
}

async fn head(day: &Day) -> AuditHead {
    match day.ask(AuditHeadShow).await.unwrap() {
        Response::AuditHead(head) => head,
        other => panic!("{other:?}"),
    }
}

/// Takes the chain from the store, as whoever has the file can, and puts another one there.
async fn replace(day: &Day, change: impl Fn(&mut Vec<AuditEntry>)) {
    let audit = &day.services.audit;
    let mut entries = audit.after(0, 0, 10_000).await.unwrap();
    let start = audit.start(0).await.unwrap();
    let all = doorlist_store::audit::AuditStart { number: u64::MAX >> 1, seal: String::new(), mark: String::new() };
    audit.take_out(0, &all).await.unwrap();
    // The beginning goes back, too: for a chain of which nothing was taken out this one is like none.
    let start = start.unwrap_or(doorlist_store::audit::AuditStart {
        number: 0,
        seal: String::new(),
        mark: day.services.secrets.mac("audit start", "0\n0\n").unwrap(),
    });
    audit.take_out(0, &start).await.unwrap();
    change(&mut entries);
    audit.append(0, &entries).await.unwrap();
}

/// The plain seals of lines, as anybody can make them.
fn seal_plainly(day: &Day, entries: &mut [AuditEntry]) {
    let mut before = String::new();
    for entry in entries {
        entry.seal = day.services.secrets.hash(&format!("audit\n{before}\n{}\n{}", entry.number, entry.entry));
        before.clone_from(&entry.seal);
    }
}

#[tokio::test]
async fn the_audit_tells_whether_it_is_whole() {
    let day = Day::begin().await;
    assert_eq!(verify(&day, None).await.1, 0, "an empty one is");
    let mut writer = AuditWriter::new(&day.services);
    writer.begin().await.unwrap();
    write(&day, &mut writer, 2).await;
    // After a restart the chain goes on.
    let mut writer = AuditWriter::new(&day.services);
    writer.begin().await.unwrap();
    write(&day, &mut writer, 1).await;
    let lines = list(&day, 10).await;
    assert_eq!(lines.iter().map(|line| line.place.number).collect::<Vec<_>>(), [3, 2, 1]);
    assert!(lines.iter().all(|line| matches!(&line.record, AuditRecord::Request(event) if event.status == 201)));
    let (verdict, code) = verify(&day, None).await;
    assert_eq!((verdict.lines, verdict.broken_at, verdict.keyed_from, code), (3, None, Some(1), 0));
    // Another line in the place of one, one less in the middle, all of them sealed anew by somebody without the key.
    type Change = fn(&Day, &mut Vec<AuditEntry>);
    let changes: [(Change, Option<u64>); 3] = [
        (|_, entries| entries[1].entry = entries[1].entry.replace("201", "204"), Some(2)),
        (|_, entries| drop(entries.remove(1)), Some(3)),
        (|day, entries| seal_plainly(day, entries), None),
    ];
    let whole = day.services.audit.after(0, 0, 10).await.unwrap();
    for (change, broken_at) in changes {
        replace(&day, |entries| change(&day, entries)).await;
        let (verdict, code) = verify(&day, None).await;
        assert_eq!((verdict.broken_at, code), (broken_at, 1), "{verdict:?}");
        replace(&day, |entries| entries.clone_from(&whole)).await;
        assert_eq!(verify(&day, None).await.1, 0);
    }
    // Whoever does not have the key sees that nothing fits.
    "other".clone_into(&mut day.world.secret.lock().unwrap());
    assert_eq!(verify(&day, None).await.0.broken_at, Some(1));
}

#[tokio::test]
async fn a_head_that_was_kept_tells_a_cut_and_another_chain() {
    let day = Day::begin().await;
    let mut writer = AuditWriter::new(&day.services);
    let empty = head(&day).await;
    write(&day, &mut writer, 5).await;
    let kept = head(&day).await;
    assert_eq!((kept.node, kept.number, kept.time), (0, 5, day.world.now()));
    write(&day, &mut writer, 1).await;
    for head in [&empty, &kept] {
        assert_eq!(verify(&day, Some(head)).await.1, 0, "{head:?}");
    }
    let changed = AuditHead { head: kept.head.replace("1.0.5.", "1.0.4."), ..kept.clone() };
    let found = async |head: &AuditHead| verify(&day, Some(head)).await.0.head.unwrap();
    assert_eq!(found(&changed).await, HeadFinding::NotOurs);
    assert_eq!(found(&AuditHead { head: "x".repeat(10_000), ..kept.clone() }).await, HeadFinding::NotOurs);
    // The end is cut off. Nothing in the chain tells; the head does.
    replace(&day, |entries| entries.truncate(3)).await;
    assert_eq!(verify(&day, None).await.1, 0);
    assert_eq!(verify(&day, Some(&kept)).await.1, 1);
    assert_eq!(found(&kept).await, HeadFinding::CutAt(3));
    // Under a running server the cut stands in the next line.
    write(&day, &mut writer, 1).await;
    assert!(matches!(&list(&day, 2).await[1].record, AuditRecord::Note(note) if note.note.contains("line 6")));
    // The server went on: another line has that number.
    assert_eq!(found(&kept).await, HeadFinding::Replaced);
}

#[tokio::test]
async fn a_chain_from_before_is_kept_and_fixed_as_it_was() {
    let day = Day::begin().await;
    let entry = |number: u64| AuditEntry {
        number,
        time: day.world.now(),
        entry: serde_json::to_string(&news(&day, &[], "/old/").event).unwrap(),
        seal: String::new(),
        tenant: String::new(),
    };
    let mut old: Vec<_> = (1..=3).map(entry).collect();
    seal_plainly(&day, &mut old);
    day.services.audit.append(0, &old).await.unwrap();
    let (verdict, code) = verify(&day, None).await;
    assert_eq!((verdict.broken_at, verdict.keyed_from, code), (None, None, 1), "nothing with a key: proves nothing");
    let mut writer = AuditWriter::new(&day.services);
    writer.begin().await.unwrap();
    writer.begin().await.unwrap();
    write(&day, &mut writer, 1).await;
    let (verdict, code) = verify(&day, None).await;
    assert_eq!((verdict.lines, verdict.broken_at, verdict.keyed_from, code), (5, None, Some(4), 0));
    assert!(matches!(&list(&day, 2).await[1].record, AuditRecord::Note(note) if note.note.contains("the 3 before")));
    // From then on they cannot be sealed anew either.
    replace(&day, |entries| {
        entries[0].entry = entries[0].entry.replace("old", "new");
        seal_plainly(&day, &mut entries[..3]);
    })
    .await;
    assert_eq!(verify(&day, None).await.0.broken_at, Some(4));
}

#[tokio::test]
async fn lines_go_after_their_term_and_the_rest_still_proves_itself() {
    let day = Day::begin().await;
    let mut writer = AuditWriter::new(&day.services);
    write(&day, &mut writer, 2_500).await;
    let old = head(&day).await;
    day.world.pass(DAY * 399);
    write(&day, &mut writer, 10).await;
    let young = head(&day).await;
    day.services.sweep().await.unwrap();
    assert_eq!(verify(&day, None).await.0.lines, 2_510, "a day before");
    day.world.pass(DAY * 2);
    day.services.sweep().await.unwrap();
    let (verdict, code) = verify(&day, Some(&young)).await;
    assert_eq!((verdict.lines, verdict.start.number, code), (10, 2_500, 0));
    assert_eq!(verify(&day, Some(&old)).await.1, 0, "the seal behind which the chain begins is the head's");
    assert!(day.world.parts.lock().unwrap().is_empty(), "what is over is not kept elsewhere");
    let octets = async || day.services.audit.sizes().await.unwrap().iter().map(|size| size.octets).sum::<u64>();
    let left = day.services.audit.after(0, 0, 100).await.unwrap();
    assert_eq!(octets().await, left.iter().map(AuditEntry::octets).sum::<u64>());
    // Another node that is gone leaves nothing; one that writes is let alone.
    for (node, time) in [(5, day.world.now() - DAY * 401), (6, day.world.now() - DAY * 399)] {
        day.services.audit.append(node, &[AuditEntry { time, ..left[0].clone() }]).await.unwrap();
    }
    day.world.pass(DAY / 24);
    day.services.sweep().await.unwrap();
    assert_eq!(day.services.audit.last(5).await.unwrap(), None);
    assert!(day.services.audit.last(6).await.unwrap().is_some());
    assert!(day.services.audit.sizes().await.unwrap().iter().all(|size| size.node != 5));
    // The last line stays, so that the next one follows it.
    day.world.pass(DAY * 800);
    day.services.sweep().await.unwrap();
    assert_eq!(verify(&day, None).await.0.lines, 1);
    write(&day, &mut writer, 1).await;
    assert_eq!(list(&day, 1).await[0].place.number, 2_511);
    assert_eq!(verify(&day, None).await.1, 0);
    // Nobody without the key takes lines out in that way.
    let line = day.services.audit.last(0).await.unwrap().unwrap();
    let start = doorlist_store::audit::AuditStart { number: 2_510, seal: line.seal, mark: "00".to_owned() };
    day.services.audit.take_out(0, &start).await.unwrap();
    assert_eq!(verify(&day, None).await.0.broken_at, Some(2_511));
}

#[tokio::test]
async fn lines_beyond_the_size_are_exported_and_the_parts_prove_themselves() {
    let mut day = Day::begin().await;
    Arc::make_mut(&mut day.services).retention.audit =
        AuditTerms { size_max: 1 << 20, files_max: 2, ..AuditTerms::default() };
    let mut writer = AuditWriter::new(&day.services);
    write(&day, &mut writer, 4_000).await;
    let told = day.services.sweep().await.unwrap();
    assert!(!told.is_empty());
    let octets = day.services.audit.sizes().await.unwrap().iter().map(|size| size.octets).sum::<u64>();
    assert!(octets <= 1 << 20, "{octets}");
    let (verdict, code) = verify(&day, None).await;
    assert_eq!((code, verdict.start.number + verdict.lines), (0, 4_000));
    let parts = day.world.parts.lock().unwrap().clone();
    let last = parts.last().unwrap();
    assert_eq!(last.last, verdict.start.number, "no line is in neither");
    assert!(told.iter().any(|sentence| sentence.contains(&verdict.start.seal)), "{told:?}");
    let mut lines = last.text.lines();
    let begin: serde_json::Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    let text = |name: &str| begin[name].as_str().unwrap().to_owned();
    let line = |line: &str| {
        let (_, time, entry, seal): (u64, i64, String, String) = serde_json::from_str(line).unwrap();
        (time, entry, seal)
    };
    let mut check = AuditPartCheck {
        node: 0,
        after: AuditLink { number: begin["number"].as_u64().unwrap(), seal: text("seal") },
        mark: Some(text("mark")),
        lines: lines.map(line).collect(),
    };
    assert_eq!(check.lines.last().unwrap().2, verdict.start.seal, "the chain goes on behind the file");
    let checked =
        async |check: &AuditPartCheck| match day.ask(AuditCheckPart { part: Box::new(check.clone()) }).await.unwrap() {
            Response::AuditPartChecked(checked) => checked.broken_at,
            other => panic!("{other:?}"),
        };
    assert_eq!(checked(&check).await, None);
    check.lines[7].1 = check.lines[7].1.replace("201", "204");
    assert_eq!(checked(&check).await, Some(last.first + 7));
    check.after = AuditLink { number: last.first, seal: check.lines.remove(0).2 };
    assert_eq!(checked(&check).await, Some(last.first + 1), "a beginning that nobody marked");
    // Files are bounded, too, by number and term.
    write(&day, &mut writer, 8_000).await;
    day.world.pass(DAY);
    let told = day.services.sweep().await.unwrap();
    assert!(told.iter().any(|sentence| sentence.contains("audit.files_max")), "{told:?}");
    assert_eq!(day.world.parts.lock().unwrap().len(), 2);
    day.world.pass(DAY * 401);
    day.services.sweep().await.unwrap();
    assert!(day.world.parts.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_tenant_has_a_tenth_of_the_audit_and_pushes_nobody_out() {
    let mut day = Day::begin().await;
    Arc::make_mut(&mut day.services).retention.audit = AuditTerms { size_max: 1 << 20, ..AuditTerms::default() };
    let mut writer = AuditWriter::new(&day.services);
    let (maple, birch) = ([Scope::Customer(CustomerId(7))], [Scope::Reseller(ResellerId(3))]);
    for scopes in [&maple[..], &birch, &[Scope::All], &[maple[0], Scope::Customer(CustomerId(8))]] {
        writer.write(vec![news(&day, scopes, "/api/v1/domain/1/"); 5]).await.unwrap();
    }
    for _ in 0..20 {
        writer.write(vec![news(&day, &maple, &"/api/v1/domain/".repeat(30)); 1_000]).await.unwrap();
    }
    let size_of = async |tenant: &str| {
        let sizes = day.services.audit.sizes().await.unwrap();
        sizes.iter().find(|size| size.tenant == tenant).map_or(0, |size| size.octets)
    };
    assert!(size_of("customer 7").await <= (1 << 20) / 10);
    assert!(size_of("customer 7").await > (1 << 20) / 12, "as much as it may have");
    for tenant in ["reseller 3", "", "login ops\n2 forged"] {
        assert!(size_of(tenant).await > 0, "{tenant}");
    }
    // Others go on; what is counted is told once an hour.
    writer.write(vec![news(&day, &birch, "/api/v1/domain/2/")]).await.unwrap();
    assert!(matches!(&list(&day, 1).await[0].record, AuditRecord::Request(event) if event.path.ends_with("/2/")));
    day.world.pass(Duration::from_hours(1));
    writer.write(Vec::new()).await.unwrap();
    writer.write(Vec::new()).await.unwrap();
    let lines = list(&day, 2).await;
    assert!(
        matches!(&lines[0].record, AuditRecord::Note(note) if note.note.starts_with("customer 7 has used its share")),
        "{lines:?}"
    );
    assert!(matches!(&lines[1].record, AuditRecord::Request(_)), "once");
    writer.write(vec![news(&day, &maple, &"/api/v1/domain/".repeat(30))]).await.unwrap();
    writer.end().await.unwrap();
    assert!(matches!(&list(&day, 1).await[0].record, AuditRecord::Note(note) if note.note.contains(": 1 more")));
    assert_eq!(verify(&day, None).await.1, 0);
}
