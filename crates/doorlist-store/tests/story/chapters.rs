//! The chapters of the story, in order. Each leaves the list as the next one finds it.

use crate::hand::*;
use doorlist_core::change::ChangeSet;
use doorlist_core::change::{Change, DomainChange, Source, Structure};
use doorlist_core::domain::{BounceAddresses, Mode, SubAddressing};
use doorlist_core::list::{EntryKind, Match, Standing};
use doorlist_core::time::Timestamp;
use doorlist_store::RecipientStore;
use doorlist_store::recipients::{AccountFilter, ApplyError, ChangeRow, ListCounts, Note, Refusal};

/// Rows of the import; more than one batch.
const IMPORTED: usize = 25_000;

pub(crate) async fn domains_are_added(here: &RecipientStore) {
    let applied = apply(here, vec![added("example.test", "Maple"), added("other.test", "Oak")]).await;
    assert_eq!((applied.version, applied.change_id, applied.domains), (1, Some(1), 2));
    apply(here, vec![domain("example.test", DomainChange::AddAlias(name("example.invalid")))]).await;

    let taken = refused(here, vec![added("example.test", "Oak")]).await;
    assert_eq!(taken, Refusal::DomainTaken { name: name("example.test"), customer: "Maple".to_owned() });
    let alias = refused(here, vec![added("example.invalid", "Oak")]).await;
    assert_eq!(alias, Refusal::NameIsAlias { name: name("example.invalid"), domain: name("example.test") });
    for (domain_name, alias) in [("example.test", "other.test"), ("example.test", "example.test")] {
        let refusal = refused(here, vec![domain(domain_name, DomainChange::AddAlias(name(alias)))]).await;
        assert_eq!(refusal, Refusal::AliasIsDomain { name: name(alias), domain: name(domain_name) });
    }
    let elsewhere = refused(here, vec![domain("other.test", DomainChange::AddAlias(name("example.invalid")))]).await;
    assert_eq!(elsewhere, Refusal::NameIsAlias { name: name("example.invalid"), domain: name("example.test") });
    for bad in ["", "not a host", "192.0.2.256", "0.0.0.0"] {
        let servers = vec![server(bad, 0)];
        let refusal = refused(here, vec![domain("other.test", DomainChange::Servers(servers))]).await;
        assert!(matches!(refusal, Refusal::BadServer { .. }), "{bad:?}: {refusal}");
    }

    let servers = vec![server("b.example.test", 20), server("A.example.test", 10)];
    apply(here, vec![domain("example.test", DomainChange::Servers(servers))]).await;
    let details = here.domain(&name("example.invalid")).await.unwrap().unwrap();
    assert_eq!(details.summary.name, name("example.test"));
    let hosts: Vec<_> = details.servers.iter().map(|server| server.host.as_str()).collect();
    assert_eq!(hosts, ["a.example.test", "b.example.test"]);
    let id = here.snapshot().domain(&name("example.invalid")).unwrap().id;
    assert_eq!(here.routes().get(&id).unwrap().servers, details.servers);
}

pub(crate) async fn accounts_and_aliases(here: &RecipientStore) {
    let applied = apply(
        here,
        vec![mailbox("Ann@example.test"), mailbox("bob@example.invalid"), alias("a.lee@example.test", "ann")],
    )
    .await;
    assert_eq!((applied.added, applied.changed, applied.removed, applied.same), (3, 0, 0, 0));
    for listed in ["ann@example.test", "ANN@EXAMPLE.INVALID", "bob@example.test", "a.lee@example.invalid"] {
        assert_eq!(reason(here, listed), "listed", "{listed}");
    }
    assert_eq!(reason(here, "ann+news@example.test"), "sub-address");
    assert_eq!(reason(here, "ann@other.test"), "undecided");
    assert_eq!(reason(here, "ann@unknown.test"), "relay-denied");

    let again = apply(here, vec![mailbox("ann@example.test")]).await;
    assert_eq!((again.change_id, again.same, again.version), (None, 1, applied.version));

    let account = here.account(&address("ann@example.test")).await.unwrap().unwrap();
    assert_eq!(account.aliases, [local("a.lee")]);
    let list = claim("ann@example.test", Structure::DistributionList, Source::Hand);
    let applied = apply(here, vec![list]).await;
    assert_eq!(applied.notes, [Note::ListKeepsAliases { account: address("ann@example.test"), aliases: 1 }]);
    assert_eq!(counts(here, "example.test").await, ListCounts { mailboxes: 1, aliases: 1, lists: 1, vetoed: 0 });
    let found = here.account(&address("a.lee@example.test")).await.unwrap().unwrap();
    assert_eq!(found.entry.record.kind, EntryKind::Alias);
    assert_eq!(found.entry.record.account, Some(local("ann")));
    assert_eq!(here.entry_of(found.entry.id).await.unwrap().unwrap(), found.entry);
}

pub(crate) async fn an_import(here: &RecipientStore) {
    let rows = |source: &'static str| {
        (0..IMPORTED).map(move |n| claim(&format!("user{n:05}@other.test"), Structure::Mailbox, file(source)))
    };
    let set = ChangeSet { changes: rows("staff").collect(), summary: "staff.txt".to_owned() };
    let before = here.snapshot();
    let applied = here.apply(&set, &actor(), Some(before.version())).await.unwrap();
    assert_eq!((applied.added, applied.version), (IMPORTED as u64, before.version() + 1));
    assert_eq!(here.snapshot().addresses(), before.addresses() + IMPORTED);
    assert_eq!(reason(here, "user24999@other.test"), "listed");
    let same = apply(here, rows("staff").collect()).await;
    assert_eq!((same.same, same.change_id), (IMPORTED as u64, None));
    let second = apply(here, rows("leavers").take(10).collect()).await;
    assert_eq!((second.changed, second.added), (10, 0));
}

pub(crate) async fn claims_and_vetoes(here: &RecipientStore) {
    let withdraw = |text: &str, source| Change::Withdraw { address: address(text), source };
    // An address stays while one source claims it.
    apply(here, vec![withdraw("user00000@other.test", file("staff"))]).await;
    assert_eq!(reason(here, "user00000@other.test"), "listed");
    apply(here, vec![withdraw("user00000@other.test", file("leavers"))]).await;
    assert_eq!(reason(here, "user00000@other.test"), "undecided");

    // A person's removal stands over all files, until a person adds the address again.
    apply(here, vec![veto("user00001@other.test")]).await;
    assert_eq!(reason(here, "user00001@other.test"), "vetoed");
    let applied = apply(here, vec![claim("user00001@other.test", Structure::Mailbox, file("staff"))]).await;
    assert_eq!((applied.vetoed, applied.change_id), (1, None));
    assert_eq!(applied.notes, [Note::Vetoed { address: address("user00001@other.test") }]);
    assert_eq!(reason(here, "user00001@other.test"), "vetoed");
    apply(here, vec![mailbox("user00001@other.test")]).await;
    assert_eq!(reason(here, "user00001@other.test"), "listed");

    // The strongest source says what it is; the weaker word is kept.
    apply(here, vec![alias("u2@other.test", "user00002")]).await;
    let applied = apply(here, vec![claim("u2@other.test", Structure::Mailbox, file("staff"))]).await;
    assert!(matches!(applied.notes.as_slice(), [Note::StructureStands { .. }]), "{:?}", applied.notes);
    assert_eq!(kind(here, "u2@other.test").await, EntryKind::Alias);
    apply(here, vec![withdraw("u2@other.test", Source::Hand)]).await;
    assert_eq!(kind(here, "u2@other.test").await, EntryKind::Mailbox);
    let claims = here.account(&address("u2@other.test")).await.unwrap().unwrap().entry.record.claims;
    assert_eq!(claims.len(), 1);
    assert_eq!(claims[0].source, file("staff"));
}

pub(crate) async fn aliases_that_cannot_be(here: &RecipientStore) {
    let at = |text: &str| address(&format!("{text}@other.test"));
    apply(here, vec![mailbox("cara@other.test"), mailbox("dan@other.test"), alias("c@other.test", "cara")]).await;
    let of_alias = refused(here, vec![mailbox("new@other.test"), alias("cc@other.test", "c")]).await;
    assert_eq!(of_alias, Refusal::AliasOfAlias { alias: at("cc"), account: at("c"), of: at("cara") });
    assert_eq!(reason(here, "new@other.test"), "undecided", "nothing of a refused set stays");
    let missing = refused(here, vec![alias("cc@other.test", "nobody")]).await;
    assert_eq!(missing, Refusal::AliasOfMissing { alias: at("cc"), account: at("nobody") });
    let mailbox_there = refused(here, vec![alias("dan@other.test", "cara")]).await;
    assert_eq!(mailbox_there, Refusal::AliasIsAccount { alias: at("dan"), account: at("cara") });
    let elsewhere = refused(here, vec![alias("c@other.test", "dan")]).await;
    assert_eq!(elsewhere, Refusal::AliasElsewhere { alias: at("c"), account: at("dan"), of: at("cara") });
    let itself = refused(here, vec![alias("cara@other.test", "cara")]).await;
    assert_eq!(itself, Refusal::AliasIsAccount { alias: at("cara"), account: at("cara") });
    let account = refused(here, vec![mailbox("c@other.test")]).await;
    assert_eq!(account, Refusal::AccountIsAlias { address: at("c"), of: at("cara") });
    // Ann is in another domain: an alias never leads across.
    let across = refused(here, vec![alias("cc@other.test", "ann")]).await;
    assert_eq!(across, Refusal::AliasOfMissing { alias: at("cc"), account: at("ann") });
    apply(here, vec![veto("dan@other.test")]).await;
    let vetoed = refused(here, vec![alias("d@other.test", "dan")]).await;
    assert_eq!(vetoed, Refusal::AliasOfMissing { alias: at("d"), account: at("dan") });
    let unlisted = refused(here, vec![Change::SetActive { address: at("dan"), active: true }]).await;
    assert_eq!(unlisted, Refusal::NotListed { address: at("dan") });
    let unknown = refused(here, vec![mailbox("a@unknown.test")]).await;
    assert_eq!(unknown, Refusal::UnknownDomain { name: name("unknown.test") });
}

pub(crate) async fn accounts_go_with_their_aliases(here: &RecipientStore) {
    apply(here, vec![alias("c2@other.test", "cara")]).await;
    let applied = apply(here, vec![veto("cara@other.test")]).await;
    assert_eq!((applied.removed, applied.notes.len()), (3, 2));
    for gone in ["cara@other.test", "c@other.test", "c2@other.test"] {
        assert_eq!(reason(here, gone), "vetoed", "{gone}");
    }
    // Withdrawn by its only source, an account leaves nothing behind; an alias that a file knows stays by itself.
    let staff = |text: &str| claim(text, Structure::Mailbox, file("staff"));
    apply(here, vec![staff("eve@other.test"), alias("e1@other.test", "eve"), alias("e2@other.test", "eve")]).await;
    apply(here, vec![staff("e2@other.test")]).await;
    let applied =
        apply(here, vec![Change::Withdraw { address: address("eve@other.test"), source: file("staff") }]).await;
    assert_eq!((applied.removed, applied.changed), (2, 1));
    assert_eq!(reason(here, "e1@other.test"), "undecided");
    assert_eq!(kind(here, "e2@other.test").await, EntryKind::Mailbox);
}

pub(crate) async fn modes_and_switches(here: &RecipientStore) {
    let enforce = |soft_until| domain("other.test", DomainChange::Mode(Mode::enforce(soft_until)));
    apply(here, vec![enforce(Some(Timestamp::from_secs(1_800_000_001)))]).await;
    assert_eq!(reason(here, "nobody@other.test"), "unlisted-soft");
    apply(here, vec![enforce(None)]).await;
    assert_eq!(reason(here, "nobody@other.test"), "unlisted");
    assert_eq!(reason(here, "nobody@example.test"), "undecided");

    apply(here, vec![Change::SetActive { address: address("bob@example.test"), active: false }]).await;
    assert_eq!(reason(here, "bob@example.test"), "switched-off");
    assert_eq!(reason(here, "bob+x@example.test"), "switched-off");
    apply(here, vec![Change::SetActive { address: address("bob@example.test"), active: true }]).await;
    assert_eq!(reason(here, "bob@example.test"), "listed");

    let minus = SubAddressing { plus: false, minus: true };
    apply(here, vec![domain("example.test", DomainChange::SubAddressing(minus))]).await;
    assert_eq!((reason(here, "bob-x@example.test"), reason(here, "bob+x@example.test")), ("sub-address", "undecided"));
    let plus = SubAddressing { plus: true, minus: false };
    apply(here, vec![domain("example.test", DomainChange::SubAddressing(plus))]).await;
    assert_eq!(reason(here, "bob+x@example.test"), "sub-address");
    apply(here, vec![domain("example.test", DomainChange::PlusRefused(true))]).await;
    assert_eq!(reason(here, "bob+x@example.test"), "undecided");
    let details = here.domain(&name("example.test")).await.unwrap().unwrap();
    assert!(details.plus_refused && details.sub_addressing == plus && !details.separators().plus);
    apply(here, vec![domain("example.test", DomainChange::SubAddressing(minus))]).await;
    assert_eq!(reason(here, "abuse@example.test"), "system");
    apply(here, vec![domain("example.test", DomainChange::AcceptAbuse(false))]).await;
    assert_eq!(reason(here, "abuse@example.test"), "undecided");

    let forms = |name: &str| here.snapshot().domain(&self::name(name)).unwrap().bounce_addresses;
    assert_eq!(forms("example.test"), BounceAddresses { batv: true, srs: false });
    let wanted = BounceAddresses { batv: false, srs: true };
    apply(here, vec![domain("example.test", DomainChange::BounceAddresses(wanted))]).await;
    assert_eq!(forms("example.test"), wanted);
    let falls_back = || here.snapshot().domain(&self::name("example.test")).unwrap().fall_back;
    assert!(!falls_back(), "off by default");
    apply(here, vec![domain("example.test", DomainChange::FallBack(true))]).await;
    assert!(falls_back() && here.domain(&name("example.test")).await.unwrap().unwrap().fall_back);

    apply(here, vec![domain("example.test", DomainChange::Hold(true))]).await;
    let id = here.snapshot().domain(&name("example.test")).unwrap().id;
    assert!(here.routes().get(&id).unwrap().hold);
    apply(here, vec![domain("example.test", DomainChange::Active(false))]).await;
    assert_eq!(reason(here, "bob@example.invalid"), "domain-inactive");
    apply(here, vec![domain("example.test", DomainChange::Active(true))]).await;
    apply(here, vec![domain("example.test", DomainChange::RemoveAlias(name("example.invalid")))]).await;
    assert_eq!(reason(here, "bob@example.invalid"), "relay-denied");
    let gone = refused(here, vec![domain("example.test", DomainChange::RemoveAlias(name("example.invalid")))]).await;
    assert!(matches!(gone, Refusal::NoSuchDomainAlias { .. }));
}

pub(crate) async fn a_plan_grows_old(here: &RecipientStore) {
    let set = |text: &str| ChangeSet { changes: vec![mailbox(text)], summary: "planned".to_owned() };
    let base = here.snapshot().version();
    apply(here, vec![mailbox("gil@other.test")]).await;
    here.apply(&set("fay@example.test"), &actor(), Some(base)).await.expect("another domain's change does not matter");
    match here.apply(&set("hal@example.test"), &actor(), Some(base)).await {
        Err(ApplyError::Moved { base: planned, now }) => assert_eq!((planned, now), (base, base + 2)),
        other => panic!("{other:?}"),
    }
    assert_eq!(reason(here, "hal@example.test"), "undecided");
}

pub(crate) async fn both_show_the_same(here: &RecipientStore, there: &RecipientStore) {
    let (ours, theirs) = (here.snapshot(), there.snapshot());
    assert_eq!(ours.version(), theirs.version());
    assert_eq!(ours.addresses(), theirs.addresses());
    assert_eq!(ours.domains(), theirs.domains());
    assert_eq!(here.routes(), there.routes());
    for summary in here.domains().await.unwrap() {
        let domain = ours.domain(&summary.name).unwrap();
        let (mut listed, mut after) = (ListCounts::default(), None);
        loop {
            let page = there.addresses(&summary.name, after.as_ref(), 7_000).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.address.local().clone());
            for entry in page {
                let local = entry.address.local().as_str();
                let known = ours.entry(domain.id, local).unwrap();
                assert_eq!(theirs.entry(domain.id, local), Some(known), "{}", entry.address);
                assert_eq!(
                    (known.id, known.kind, known.standing),
                    (entry.id, entry.record.kind, entry.record.standing)
                );
                *match (entry.record.standing, entry.record.kind) {
                    (Standing::Vetoed, _) => &mut listed.vetoed,
                    (_, EntryKind::Mailbox) => &mut listed.mailboxes,
                    (_, EntryKind::Alias) => &mut listed.aliases,
                    (_, EntryKind::List) => &mut listed.lists,
                } += 1;
            }
        }
        assert_eq!(listed, summary.counts, "{}: the counts are those of the rows", summary.name);
    }
}

pub(crate) async fn both_write_at_once(here: &RecipientStore, there: &RecipientStore) {
    const EACH: u64 = 25;
    let before = here.snapshot().version();
    let write = |recipients: RecipientStore, side: &'static str| async move {
        for n in 0..EACH {
            let text = format!("{side}{n}@example.test");
            let applied = apply(&recipients, vec![mailbox(&text)]).await;
            assert_eq!(applied.added, 1);
            assert_eq!(reason(&recipients, &text), "listed", "one's own change shows at once");
        }
    };
    tokio::join!(write(here.clone(), "left"), write(there.clone(), "right"));
    let last = here.changes(None, None, 1).await.unwrap().pop().unwrap();
    assert_eq!(last.id, before + 2 * EACH, "no version is lost or given twice");
    apply(here, vec![mailbox("last@example.test")]).await;
    for side in ["left", "right"] {
        for n in 0..EACH {
            assert_eq!(reason(here, &format!("{side}{n}@example.test")), "listed");
        }
    }
}

pub(crate) async fn a_domain_goes(there: &RecipientStore) {
    apply(there, vec![added("gone.test", "Maple"), mailbox("ina@gone.test"), alias("i@gone.test", "ina")]).await;
    let addresses = there.snapshot().addresses();
    let applied = apply(there, vec![domain("gone.test", DomainChange::Remove)]).await;
    assert_eq!((applied.removed, applied.domains), (2, 1));
    assert_eq!(there.snapshot().addresses(), addresses - 2);
    assert_eq!(reason(there, "ina@gone.test"), "relay-denied");
    // It can come again, to somebody else, and begins empty.
    apply(there, vec![added("gone.test", "Oak")]).await;
    assert_eq!(reason(there, "ina@gone.test"), "undecided");
    // Removed and added again in one set: another row, the same name.
    let set = vec![mailbox("ina@gone.test"), domain("gone.test", DomainChange::Hold(true)), veto("ina@gone.test")];
    apply(there, set).await;
    apply(there, vec![mailbox("ina@gone.test")]).await;
    let withdraw = Change::Withdraw { address: address("ina@gone.test"), source: Source::Hand };
    let release = domain("gone.test", DomainChange::Hold(false));
    let applied = apply(there, vec![withdraw, release, mailbox("ina@gone.test")]).await;
    assert_eq!((applied.added, applied.removed), (1, 1));
    assert_eq!(reason(there, "ina@gone.test"), "listed");
    let snapshot = there.snapshot();
    let found = snapshot.lookup(snapshot.domain(&name("gone.test")).unwrap(), &address("ina@gone.test"));
    let account = there.account(&address("ina@gone.test")).await.unwrap().unwrap();
    assert_eq!(found, Match::Mailbox(account.entry.id));
}

pub(crate) async fn pages_of_a_long_list(there: &RecipientStore) {
    let mut filter = AccountFilter {
        domain: name("other.test"),
        search: Some("USER0001".to_owned()),
        auto_added: false,
        without_mail: None,
        after: None,
        limit: 4,
    };
    let mut found = Vec::new();
    loop {
        let page = there.accounts(&filter, Timestamp::from_secs(1_800_000_000)).await.unwrap();
        let Some(last) = page.last() else { break };
        filter.after = Some(last.entry.address.local().clone());
        found.extend(page.iter().map(|account| account.entry.address.to_string()));
    }
    let expected: Vec<_> = (10..20).map(|n| format!("user{n:05}@other.test")).collect();
    assert_eq!(found, expected);
    let by_alias = AccountFilter {
        domain: name("example.test"),
        search: Some("a.l".to_owned()),
        auto_added: false,
        without_mail: None,
        after: None,
        limit: 9,
    };
    let found = there.accounts(&by_alias, Timestamp::from_secs(1_800_000_000)).await.unwrap();
    assert_eq!(found.iter().map(|a| a.entry.address.to_string()).collect::<Vec<_>>(), ["ann@example.test"]);
    let literal = AccountFilter { search: Some("_nn".to_owned()), ..by_alias };
    assert!(
        there.accounts(&literal, Timestamp::from_secs(1_800_000_000)).await.unwrap().is_empty(),
        "_ is a letter of a name, not a pattern"
    );
}

pub(crate) async fn the_log_tells_everything(again: &RecipientStore) {
    let all = again.changes(None, None, 10_000).await.unwrap();
    let ids: Vec<_> = all.iter().map(|entry| entry.id).collect();
    let expected: Vec<_> = (1..=again.snapshot().version()).rev().collect();
    assert_eq!(ids, expected, "every version has its entry");
    assert!(all.iter().all(|entry| entry.actor == actor()));
    let import = all.iter().find(|entry| entry.summary == "staff.txt").unwrap();
    assert_eq!(import.added, IMPORTED as u64);
    let (mut rows, mut after) = (0, None);
    loop {
        let (page, next) = again.change_rows(import.id, after, 9_000).await.unwrap();
        for row in &page {
            let ChangeRow::Address { before: None, after: Some(record), .. } = row else { panic!("{row:?}") };
            assert_eq!(record.claims[0].source, file("staff"));
        }
        rows += page.len();
        after = next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(rows, IMPORTED);
    let of_domain = again.changes(Some(&name("gone.test")), None, 100).await.unwrap();
    assert_eq!(of_domain.last().unwrap().domains, 1, "the log of a domain begins with its addition");
    let removal = all.iter().find(|entry| entry.removed == 2 && entry.domains == 1).unwrap();
    let (rows, _) = again.change_rows(removal.id, None, 100).await.unwrap();
    assert_eq!(rows.len(), 3, "two addresses and their domain, enough to bring them back");
    assert_eq!(again.change(removal.id).await.unwrap().unwrap(), *removal);
}

async fn counts(recipients: &RecipientStore, domain_name: &str) -> ListCounts {
    recipients.domain(&name(domain_name)).await.unwrap().unwrap().summary.counts
}

async fn kind(recipients: &RecipientStore, text: &str) -> EntryKind {
    recipients.account(&address(text)).await.unwrap().unwrap().entry.record.kind
}
