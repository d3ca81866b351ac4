//! Runs the scripts in `tests/policy/*.txt`: a list, then recipients with the answer that each must get.
//!
//! `domain NAME setting-up|soft|enforce [inactive] [minus] [no-abuse] [also ALIAS]` begins a domain; `mailbox`, `alias`,
//! `list`, `vetoed`, `off` list a local part of it; `flagged` and `normal` set the source. A line `RECIPIENT -> verdict
//! reason [enforce verdict]` is a check; a recipient is written as in RCPT TO, without the angle brackets.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::domain::SubAddressing;
use crate::list::{AddressId, DomainTable, Kind, Seed, SnapshotBuilder, Standing};
use std::sync::Arc;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

struct Script {
    domains: DomainTable,
    builder: SnapshotBuilder,
    current: Option<DomainId>,
    rows: u32,
}

impl Script {
    fn new() -> Self {
        let builder = SnapshotBuilder::new(Seed([7; 16]), 16);
        Self { domains: DomainTable::new(), builder, current: None, rows: 0 }
    }

    fn domain(&mut self, words: &[&str]) {
        let id = DomainId(self.domains.len() as u32 + 1);
        let mode = match words[1] {
            "setting-up" => Mode::SettingUp,
            "soft" => Mode::Enforce { soft_until: Some(NOW + crate::domain::SOFT_PERIOD) },
            "enforce" => Mode::Enforce { soft_until: Some(NOW) },
            other => panic!("no mode {other}"),
        };
        let domain = Arc::new(ProtectedDomain {
            id,
            name: words[0].parse().unwrap(),
            mode,
            active: !words.contains(&"inactive"),
            hold: false,
            sub_addressing: SubAddressing { plus: true, minus: words.contains(&"minus") },
            accept_abuse: !words.contains(&"no-abuse"),
        });
        let names = words.iter().position(|w| *w == "also").map_or(&[][..], |at| &words[at + 1..]);
        for name in names.iter().chain([&words[0]]) {
            self.domains.insert(name.parse().unwrap(), domain.clone());
        }
        self.current = Some(id);
    }

    fn row(&mut self, word: &str, local: &str) {
        let (kind, standing) = match word {
            "mailbox" => (Kind::Mailbox, Standing::Active),
            "alias" => (Kind::Alias, Standing::Active),
            "list" => (Kind::List, Standing::Active),
            "off" => (Kind::Mailbox, Standing::SwitchedOff),
            "vetoed" => (Kind::Mailbox, Standing::Vetoed),
            other => panic!("no word {other}"),
        };
        self.rows += 1;
        let local = crate::address::LocalPart::parse(local.as_bytes()).unwrap();
        self.builder.push(self.current.unwrap(), local.as_str(), kind, standing, AddressId(self.rows));
    }
}

/// As the command parser does: source route off, then the last `@` outside quotes.
fn recipient(path: &str) -> Result<Recipient, AddressError> {
    if path.eq_ignore_ascii_case("postmaster") {
        return Ok(Recipient::Postmaster);
    }
    let (route, mailbox) = match path.strip_prefix('@') {
        Some(rest) => (true, rest.split_once(':').unwrap().1),
        None => (false, path),
    };
    let (local, domain) = mailbox.rsplit_once('@').ok_or(AddressError::NoAt)?;
    Recipient::from_path(local.as_bytes(), domain.as_bytes(), route)
}

fn answer(path: &str, list: &Snapshot, source: SourceStanding) -> String {
    let lower = |v: Verdict| format!("{v:?}").to_lowercase();
    match recipient(path) {
        Err(error) => format!("syntax: {error}"),
        Ok(recipient) => {
            let d = decide(&recipient, list, source, NOW);
            let differs =
                if d.in_enforce == d.verdict { String::new() } else { format!(" enforce {}", lower(d.in_enforce)) };
            format!("{} {}{differs}", lower(d.verdict), d.reason.word())
        }
    }
}

fn run(name: &str, text: &str) -> usize {
    let mut script = Script::new();
    let is_check = |line: &str| line.contains(" -> ");
    let lines = || {
        text.lines().enumerate().map(|(n, l)| (n + 1, l.trim())).filter(|(_, l)| !l.is_empty() && !l.starts_with('#'))
    };
    for (_, line) in lines().filter(|(_, line)| !is_check(line)) {
        match line.split_once(' ') {
            Some(("domain", rest)) => script.domain(&rest.split_whitespace().collect::<Vec<_>>()),
            Some((word, local)) => script.row(word, local),
            None => assert!(matches!(line, "flagged" | "normal"), "{name}: {line}"),
        }
    }
    let list = script.builder.build(1, Arc::new(script.domains)).unwrap();
    let (mut source, mut checks) = (SourceStanding::Normal, 0);
    for (number, line) in lines() {
        match line.split_once(" -> ") {
            None if line == "flagged" => source = SourceStanding::Flagged,
            None if line == "normal" => source = SourceStanding::Normal,
            None => {}
            Some((path, expected)) => {
                assert_eq!(answer(path.trim(), &list, source), expected.trim(), "{name}:{number}: {path}");
                checks += 1;
            }
        }
    }
    checks
}

#[test]
fn policy_scripts() {
    let folder = "tests/policy";
    let mut checks = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        checks += run(&path.file_name().unwrap().to_string_lossy(), &std::fs::read_to_string(&path).unwrap());
    }
    assert!(checks >= 80, "only {checks} checks were read");
}
