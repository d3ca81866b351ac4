//! Rounds of the agent with a directory and a Doorlist that the test makes up.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::round::Round;
use super::settings::AgentSettings;
use crate::exit::Exit;
use crate::output::Output;
use crate::remote::canned::{Act, Canned, TIMES, answer, pushed, secret};
use doorlist_actions::{DirectoryReader, DirectoryReading, ReadFailure, ReadWish, TestReport, Waited};
use doorlist_core::address::LocalPart;
use doorlist_core::change::Structure;
use doorlist_core::source_rows::{RowPosition, SourceRow};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Mutex;
use tempfile::TempDir;

/// A directory with these names; none at all: it cannot be reached.
struct Names(Mutex<Option<Vec<&'static str>>>);

impl DirectoryReader for Names {
    fn read<'a>(&'a self, wish: &'a ReadWish<'a>) -> Waited<'a, Result<DirectoryReading, ReadFailure>> {
        assert_eq!((wish.password, wish.since), (Some(&b"pass word "[..]), None), "whole, and with its password");
        let row = |name: &&str| SourceRow {
            local: LocalPart::parse(name.as_bytes()).unwrap(),
            structure: Structure::Mailbox,
            switched_off: false,
            place: RowPosition::Item(1),
        };
        let names = self.0.lock().unwrap();
        let read = names.as_ref().map(|names| DirectoryReading {
            rows: names.iter().map(row).collect(),
            entries: names.len() as u64,
            changed: None,
            marker: None,
            skipped: Vec::new(),
            problems: Vec::new(),
            problems_total: 0,
            references: 0,
            reference_urls: Vec::new(),
            unpaged: false,
            server: "ldaps://l.test:636".to_owned(),
        });
        let away = || ReadFailure { message: "page 7 did not come".to_owned(), cause: None };
        Box::pin(async move { read.ok_or_else(away) })
    }

    fn test<'a>(&'a self, _: &'a ReadWish<'a>) -> Waited<'a, TestReport> {
        Box::pin(async { TestReport::default() })
    }
}

/// An agent with its files.
struct Site {
    folder: TempDir,
    directory: Names,
}

impl Site {
    fn new(names: &[&'static str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        secret(folder.path(), "key", "agent@example.test:s3cret\n");
        secret(folder.path(), "password", "pass word \n");
        Self { folder, directory: Names(Mutex::new(Some(names.to_vec()))) }
    }

    fn has(&self, names: Option<&[&'static str]>) {
        *self.directory.0.lock().unwrap() = names.map(<[_]>::to_vec);
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state.json")
    }

    fn settings(&self, url: &str) -> AgentSettings {
        let text = format!(
            "server = \"{url}\"\nkey_file = \"key\"\nstate_file = \"state.json\"\n[[domain]]\nname = \"example.test\"\n\
             url = \"ldaps://l.test\"\nbase = \"dc=t\"\nbind_dn = \"cn=a\"\npassword_file = \"password\"\n\
             limit_accounts_add = 9\n"
        );
        let file = self.folder.path().join("agent.toml");
        std::fs::write(&file, text).unwrap();
        AgentSettings::read(&file).unwrap()
    }

    async fn run(&self, url: &str, dry_run: bool) -> Exit {
        let settings = self.settings(url);
        let round = Round { settings: &settings, reader: &self.directory, dry_run, times: TIMES };
        round.run(&mut Output::new(true)).await.unwrap()
    }
}

/// Answers with a port that is the same for all rounds, so that the address is.
async fn rounds(site: &Site, acts: Vec<Act>, steps: &[(Option<&[&'static str]>, Exit, usize)]) -> Vec<String> {
    let canned = Canned::start(acts);
    for (names, exit, requests) in steps {
        site.has(*names);
        assert_eq!(site.run(&canned.url(), false).await, *exit, "{names:?}");
        assert_eq!(canned.heard_of(*requests).len(), *requests, "{names:?}");
    }
    canned.end()
}

#[tokio::test]
async fn only_what_changed_is_pushed() {
    let site = Site::new(&[]);
    let acts = vec![pushed(|plan| plan.applied.added = 2), pushed(|plan| plan.applied.added = 1)];
    let two: &[_] = &["ann", "bob"];
    let three: &[_] = &["ann", "bob", "cara"];
    let steps = [(Some(two), Exit::DONE, 1), (Some(two), Exit::DONE, 1), (Some(three), Exit::DONE, 2)];
    let heard = rounds(&site, acts, &steps).await;
    assert!(heard[0].contains("ann@example.test") && heard[0].contains("\"accounts_add\":9"), "{}", heard[0]);
    assert!(heard[1].contains("cara@example.test"), "{}", heard[1]);
    assert_eq!(std::fs::metadata(site.state()).unwrap().permissions().mode() & 0o777, 0o600);
    // What was pushed elsewhere is not known here: another Doorlist gets all of it.
    let other = Canned::start(vec![pushed(|_| {})]);
    assert_eq!(site.run(&other.url(), false).await, Exit::DONE);
    assert_eq!(other.end().len(), 1);
}

#[tokio::test]
async fn a_reading_that_fails_or_is_empty_is_not_pushed() {
    let site = Site::new(&[]);
    let one: &[_] = &["ann"];
    let steps = [
        (Some(one), Exit::DONE, 1),
        (None, Exit::FAILURE, 1),
        (Some(&[][..]), Exit::FAILURE, 1),
        (Some(one), Exit::DONE, 1),
    ];
    rounds(&site, vec![pushed(|_| {})], &steps).await;
}

#[tokio::test]
async fn what_was_not_taken_over_is_pushed_again() {
    let site = Site::new(&[]);
    let one: &[_] = &["ann"];
    let no = || answer(429, "", "");
    let steps = [
        (Some(one), Exit::LATER, 3),
        (Some(one), Exit::NO_PERMISSION, 4),
        (Some(one), Exit::DONE, 5),
        (Some(one), Exit::DONE, 5),
    ];
    rounds(&site, vec![no(), no(), no(), answer(401, "", ""), pushed(|_| {})], &steps).await;
}

/// It waits for a person there, who is not helped by more of the same; a domain may only be pushed so often.
#[tokio::test]
async fn what_a_limit_stopped_is_not_pushed_again_until_it_changes() {
    let site = Site::new(&[]);
    let (one, two): (&[_], &[_]) = (&["ann"], &["ann", "bob"]);
    let held = || {
        pushed(|plan| {
            (plan.written, plan.held) = (false, Some("more than half".to_owned()));
        })
    };
    let stopped = Exit::of_action(4);
    let steps = [
        (Some(one), stopped, 1),
        (Some(one), stopped, 1),
        (Some(one), stopped, 1),
        (Some(two), stopped, 2),
        (Some(two), stopped, 2),
        (Some(one), Exit::DONE, 3),
        (Some(one), Exit::DONE, 3),
    ];
    rounds(&site, vec![held(), held(), pushed(|_| {})], &steps).await;
}

#[tokio::test]
async fn a_dry_run_remembers_nothing() {
    let site = Site::new(&["ann"]);
    let planned = pushed(|plan| {
        plan.written = false;
        plan.applied.added = 1;
    });
    let canned = Canned::start(vec![planned]);
    assert_eq!(site.run(&canned.url(), true).await, Exit::of_action(2));
    assert!(canned.end()[0].contains("test_run=1"));
    assert!(!site.state().exists());
}

#[tokio::test]
async fn a_password_that_others_may_read_is_not_used() {
    let site = Site::new(&["ann"]);
    let password = site.folder.path().join("password");
    std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(site.run("https://doorlist.example.test", false).await, Exit::NO_PERMISSION);
}
