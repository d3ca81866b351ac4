//! Runs the scripts in `tests/policy/*.txt`: a list, then recipients with the answer that each must get.
//!
//! `domain NAME monitor|soft|enforce [inactive] [minus] [no-abuse] [no-batv] [srs] [also ALIAS]` begins a domain; `mailbox`, `alias`,
//! `list`, `vetoed`, `off` list a local part of it; `block PATTERN`, `allow PATTERN` and `max OCTETS` are its policy, or
//! with `for LOCAL` that of the account; `spam refuse` is the domain's alone. `flagged`, `attack` and `normal` set the
//! source, `sender PATH` (`<>`: null), `size OCTETS` and `others OCTETS [refuse]` (`none`) what the transaction brings,
//! `server says exists` (or `no`, `nothing`), `server is new and says no` and `server is not asked` what the domain's server
//! made of the address. A line `RECIPIENT -> verdict reason [enforce verdict]` is a check; a recipient is written as in RCPT
//! TO, without the angle brackets.
#![allow(clippy::unwrap_used, clippy::panic)]

mod relay;

use super::*;
use crate::domain::{BounceAddresses, SubAddressing};
use crate::list::{AddressId, DomainTable, EntryKind, Seed, SnapshotBuilder, Standing};
use crate::mail_policy::{AccountPolicy, DomainPolicy, PolicyClass, PolicyTable, SpamTreatment};
use crate::sender_rules::{Sender, SenderPattern};
use std::collections::BTreeMap;
use std::sync::Arc;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

/// What a domain (no account) or an account set.
#[derive(Default)]
struct Set {
    rules: Vec<(SenderPattern, bool)>,
    max: Option<u64>,
    spam: SpamTreatment,
}

struct Script {
    domains: DomainTable,
    builder: SnapshotBuilder,
    current: Option<DomainId>,
    rows: u32,
    ids: BTreeMap<(DomainId, String), AddressId>,
    aliases: Vec<(AddressId, AddressId)>,
    set: BTreeMap<(DomainId, Option<AddressId>), Set>,
}

/// What the lines before a check said.
struct Asking {
    source: SourceStanding,
    offer: Offer,
    known: Option<Knowledge>,
}

impl Script {
    fn new() -> Self {
        let builder = SnapshotBuilder::new(Seed([7; 16]), 16);
        let (ids, aliases, set) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        Self { domains: DomainTable::new(), builder, current: None, rows: 0, ids, aliases, set }
    }

    fn domain(&mut self, words: &[&str]) {
        let id = DomainId(self.domains.len() as u32 + 1);
        let mode = match words[1] {
            "learn" => Mode::NEW,
            "monitor" => Mode::Monitor,
            "soft" => Mode::enforce(Some(NOW + crate::domain::SOFT_PERIOD)),
            "enforce" => Mode::enforce(Some(NOW)),
            "empty" => Mode::Enforce { soft_until: None, empty: true },
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
            bounce_addresses: BounceAddresses { batv: !words.contains(&"no-batv"), srs: words.contains(&"srs") },
            fall_back: false,
            plus_refused: false,
        });
        let names = words.iter().position(|w| *w == "also").map_or(&[][..], |at| &words[at + 1..]);
        for name in names.iter().chain([&words[0]]) {
            self.domains.insert(name.parse().unwrap(), domain.clone());
        }
        self.current = Some(id);
    }

    /// `block`, `allow`, `max` and `spam`.
    fn policy(&mut self, word: &str, rest: &str) {
        let (what, local) = rest.split_once(" for ").map_or((rest, None), |(what, local)| (what, Some(local)));
        let domain = self.current.unwrap();
        let account = local.map(|local| self.ids[&(domain, local.to_owned())]);
        let set = self.set.entry((domain, account)).or_default();
        match word {
            "max" => set.max = Some(what.parse().unwrap()),
            "spam" => set.spam = spam(what),
            _ => set.rules.push((what.parse().unwrap(), word == "allow")),
        }
    }

    fn policies(&self) -> PolicyTable {
        let mut table = PolicyTable::default();
        for ((domain, account), set) in &self.set {
            let (rules, message_max) = (Arc::new(set.rules.iter().cloned().collect()), set.max);
            match account {
                Some(account) => table.put_account(*account, AccountPolicy { rules, message_max }),
                None => {
                    let spam = set.spam;
                    table.put_domain(*domain, DomainPolicy { rules, message_max, spam, technical_contact: None });
                }
            }
        }
        for (alias, account) in &self.aliases {
            table.put_alias(*alias, Some(*account));
        }
        table
    }

    fn row(&mut self, word: &str, local: &str) {
        let (local, account) = local.split_once(" of ").map_or((local, None), |(local, of)| (local, Some(of)));
        let (kind, standing) = match word {
            "mailbox" => (EntryKind::Mailbox, Standing::Active),
            "alias" => (EntryKind::Alias, Standing::Active),
            "list" => (EntryKind::List, Standing::Active),
            "off" => (EntryKind::Mailbox, Standing::SwitchedOff),
            "vetoed" => (EntryKind::Mailbox, Standing::Vetoed),
            other => panic!("no word {other}"),
        };
        self.rows += 1;
        let local = crate::address::LocalPart::parse(local.as_bytes()).unwrap();
        let (domain, id) = (self.current.unwrap(), AddressId(self.rows));
        self.builder.push(domain, local.as_str(), kind, standing, id);
        self.ids.insert((domain, local.as_str().to_owned()), id);
        if let Some(account) = account {
            self.aliases.push((id, self.ids[&(domain, account.to_owned())]));
        }
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

fn answer(path: &str, list: &Snapshot, policies: &PolicyTable, asking: &Asking) -> String {
    let lower = |v: Verdict| format!("{v:?}").to_lowercase();
    match recipient(path) {
        Err(error) => format!("syntax: {error}"),
        Ok(recipient) => {
            let mut d = decide_for(&recipient, list, asking.source, NOW, policies, &asking.offer);
            if let Some(known) = asking.known {
                d = asking.offer.knowing(&recipient, d, known, policies);
            }
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
            Some((word @ ("block" | "allow" | "max" | "spam"), rest)) => script.policy(word, rest),
            Some(("sender" | "size" | "others" | "server", _)) => {}
            Some((word, local)) => script.row(word, local),
            None => assert!(matches!(line, "flagged" | "attack" | "normal"), "{name}: {line}"),
        }
    }
    let policies = script.policies();
    let list = script.builder.build(1, Arc::new(script.domains)).unwrap();
    let offer =
        Offer { sender: Sender::default(), return_path: ReturnPath::Address, size: None, size_max: 1000, others: None };
    let (mut asking, mut checks) = (Asking { source: SourceStanding::Normal, offer, known: None }, 0);
    for (number, line) in lines() {
        match line.split_once(" -> ") {
            None => asking.hear(line),
            Some((path, expected)) => {
                assert_eq!(answer(path.trim(), &list, &policies, &asking), expected.trim(), "{name}:{number}: {path}");
                checks += 1;
            }
        }
    }
    checks
}

fn spam(word: &str) -> SpamTreatment {
    let known = [SpamTreatment::Tag, SpamTreatment::Refuse];
    known.into_iter().find(|spam| spam.word() == word).unwrap_or_else(|| panic!("no treatment {word}"))
}

impl Asking {
    fn hear(&mut self, line: &str) {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("flagged", _) => self.source = SourceStanding::Flagged,
            ("attack", _) => self.source = SourceStanding::UnderAttack,
            ("normal", _) => self.source = SourceStanding::Normal,
            ("sender", path) => {
                let path = path.trim_matches(['<', '>']);
                self.offer.sender = Sender::from_path(path);
                self.offer.return_path = if path.is_empty() { ReturnPath::Null } else { ReturnPath::Address };
            }
            ("size", octets) => self.offer.size = octets.parse().ok(),
            ("server", "says exists") => self.known = Some(Knowledge::Exists),
            ("server", "says no") => self.known = Some(Knowledge::Absent),
            ("server", "is new and says no") => self.known = Some(Knowledge::AbsentOnNewRoute),
            ("server", "says nothing") => self.known = Some(Knowledge::Undecided),
            ("server", "is not asked") => self.known = None,
            ("server", other) => panic!("no server {other}"),
            ("others", class) => {
                let (octets, word) = class.split_once(' ').unwrap_or((class, "tag"));
                let class = |size_max| PolicyClass { size_max, spam: spam(word) };
                self.offer.others = octets.parse().ok().map(class);
            }
            _ => {}
        }
    }
}

#[test]
fn policy_scripts() {
    let folder = "tests/policy";
    let mut checks = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        checks += run(&path.file_name().unwrap().to_string_lossy(), &std::fs::read_to_string(&path).unwrap());
    }
    assert!(checks >= 200, "only {checks} checks were read");
}
