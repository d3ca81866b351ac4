//! One round of the agent: reads each domain, compares it with the last push, and pushes it. A failure of one domain
//! does not affect the others.

use super::items;
use super::memory::{LastPush, Memory};
use super::settings::{AgentSettings, DomainSettings};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::remote::{OutgoingPush, PushSize, Remote, RemoteTimeouts, secret_file};
use doorlist_actions::{DirectoryReader, DirectoryReading, PlanReport, PushItem, ReadWish, returned_nothing};
use doorlist_core::source_rows::normalize;
use ring::digest::{Context as Digest, SHA256};
use serde::Serialize;
use std::fmt::Write;
use std::time::Instant;

/// Maximum octets of a password file.
const PASSWORD_MAX: u64 = 8 * 1024;
/// Maximum characters of the server's reason for a pending plan.
const HELD_SHOWN_MAX: usize = 300;

pub(super) struct Round<'a> {
    pub(super) settings: &'a AgentSettings,
    pub(super) reader: &'a dyn DirectoryReader,
    /// Changes nothing, there or here.
    pub(super) dry_run: bool,
    pub(super) times: RemoteTimeouts,
}

/// The result of a domain.
#[derive(Debug, Default, Serialize)]
struct DomainResult {
    domain: String,
    /// `applied`, `same`, `unchanged` (not pushed), `planned` (a dry run), `held` (in 0 parts: some time ago) or `failed`.
    outcome: &'static str,
    added: u64,
    changed: u64,
    removed: u64,
    missing: u64,
    /// Number of accounts and aliases in the directory.
    addresses: u64,
    /// Number of parts of the push.
    parts: usize,
    /// Number of invalid addresses in the directory and the push.
    problems: u64,
    millis: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip)]
    exit: Option<Exit>,
}

impl Round<'_> {
    /// Handles all domains, one after the other, and prints a line for each. Returns the worst exit code.
    pub(super) async fn run(&self, out: &mut Output) -> Result<Exit, Failure> {
        let mut memory = Memory::read(&self.settings.state_file);
        let mut exits = Vec::new();
        for domain in &self.settings.domains {
            let began = Instant::now();
            let mut told = DomainResult { domain: domain.name.to_string(), ..DomainResult::default() };
            if let Err(failure) = self.domain(domain, &mut memory, &mut told).await {
                told.outcome = "failed";
                told.why = Some(failure.to_string());
                told.exit = Some(failure.exit);
            }
            told.millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            exits.push(told.exit.unwrap_or(Exit::DONE));
            if out.is_json() {
                out.object(&told)?
            } else {
                out.line(&told.line())?
            }
            out.flush()?;
        }
        Ok(worst(&exits))
    }

    async fn domain(
        &self,
        domain: &DomainSettings,
        memory: &mut Memory,
        told: &mut DomainResult,
    ) -> Result<(), Failure> {
        let reading = self.read(domain).await?;
        let (server, entries) = (reading.server, reading.entries);
        told.problems = reading.problems_total;
        let list = normalize(reading.rows);
        told.addresses = list.rows.len() as u64;
        if list.rows.is_empty() {
            let why = format_args!(
                "{}; an empty answer never removes recipients, and nothing was pushed. Check base, filter, attributes and \
                 the read permissions of the bind account",
                returned_nothing(&server, entries, &domain.name)
            );
            return Err(Failure::because(Exit::FAILURE, why));
        }
        let items = items::of(&list, &domain.name);
        let (hash, now) = (self.hash(domain, &items), jiff::Timestamp::now().as_millisecond());
        if !self.dry_run
            && let Some(last) = memory.last(&domain.name, &hash, now, self.settings.every)
        {
            told.pushed_before(last);
            return Ok(());
        }
        let remote = Remote::open(&self.settings.remote, self.times)?;
        let push = OutgoingPush {
            domain: &domain.name,
            items: &items,
            limits: domain.source.limits,
            test_run: self.dry_run,
            size: PushSize::default(),
        };
        let pushed = remote.push(&push).await;
        if self.dry_run {
            let (report, parts) = pushed?;
            told.take(&report.plan, parts, report.problems_total);
            return Ok(());
        }
        match &pushed {
            Ok((report, _)) if report.plan.written || report.plan.held.is_some() => {
                memory.keep(&domain.name, hash, now, waits(&report.plan).filter(|_| !report.plan.written));
            }
            _ => memory.forget(&domain.name),
        }
        let kept = memory.write(&self.settings.state_file);
        let (report, parts) = pushed?;
        told.take(&report.plan, parts, report.problems_total);
        kept
    }

    /// Reads the whole directory.
    async fn read(&self, domain: &DomainSettings) -> Result<DirectoryReading, Failure> {
        let password = match &domain.password_file {
            Some(path) => Some(secret_file::read(path, "the password file", PASSWORD_MAX)?),
            None => None,
        };
        let wish = ReadWish {
            connection: &domain.source.connection,
            password: password.as_ref().map(|bytes| without_line_end(bytes)),
            domain: &domain.name,
            domain_aliases: &domain.aliases,
            since: None,
        };
        self.reader.read(&wish).await.map_err(|failure| {
            let cause = failure.cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
            Failure::because(Exit::FAILURE, format_args!("{}{cause}; nothing was pushed", failure.message))
        })
    }

    /// A hash of the content and the target of a push.
    fn hash(&self, domain: &DomainSettings, items: &[PushItem]) -> String {
        let mut digest = Digest::new(&SHA256);
        // What cannot be written as JSON is not pushed either.
        let said = serde_json::to_vec(&(&self.settings.remote.url, &domain.name, &domain.source.limits, items));
        digest.update(&said.unwrap_or_default());
        digest.finish().as_ref().iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

impl DomainResult {
    fn take(&mut self, plan: &PlanReport, parts: usize, problems: u64) {
        let applied = &plan.applied;
        (self.added, self.changed, self.removed) = (applied.added, applied.changed, applied.removed);
        self.missing = applied.missing;
        self.problems += problems;
        self.parts = parts;
        self.outcome = match (&plan.held, plan.written) {
            (Some(_), false) => "held",
            (_, false) => "planned",
            (_, true) if applied.change_id.is_none() => "same",
            _ => "applied",
        };
        self.why = waits(plan);
        self.exit = Some(Exit::of_action(plan.exit_code()));
    }

    /// The same content was pushed recently and is not pushed again.
    fn pushed_before(&mut self, last: LastPush<'_>) {
        match last {
            LastPush::Applied => self.outcome = "unchanged",
            LastPush::Held(why) => {
                self.outcome = "held";
                self.why = Some(format!("{why}; the directory has not changed since, so nothing was pushed again"));
                self.exit = Some(Exit::of_action(4));
            }
        }
    }

    fn line(&self) -> String {
        let DomainResult { domain, outcome, added, changed, removed, missing, addresses, parts, millis, .. } = self;
        let why = self.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        let problems = if self.problems > 0 { format!(", {} invalid addresses", self.problems) } else { String::new() };
        let counts = match *outcome {
            "failed" => String::new(),
            // It was not pushed.
            _ if *parts == 0 => format!(" {addresses} addresses{problems},"),
            _ => format!(
                " +{added} ~{changed} -{removed}, {missing} newly missing, {addresses} addresses{problems} in {parts} parts,"
            ),
        };
        format!("{} {domain} {outcome}{counts} {millis} ms{why}", crate::commands::time(now()))
    }
}

/// The limit that stopped a push, and the pending plan.
fn waits(plan: &PlanReport) -> Option<String> {
    let held: String = plan.held.as_ref()?.chars().take(HELD_SHOWN_MAX).collect();
    Some(match plan.plan {
        Some(id) => format!("{held}; the changes are pending there as plan {}", id.0),
        None => held,
    })
}

/// Removes the line end, but not spaces, which may belong to a password.
fn without_line_end(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|b| !matches!(b, b'\r' | b'\n')).map_or(0, |at| at + 1);
    &bytes[..end]
}

fn now() -> doorlist_core::time::Timestamp {
    doorlist_core::time::Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
}

/// The worst exit code: a failure, then a limit, then a change, then nothing.
fn worst(exits: &[Exit]) -> Exit {
    let rank = |exit: &Exit| match *exit {
        Exit::DONE => 0,
        exit if exit == Exit::of_action(2) => 1,
        exit if exit == Exit::of_action(4) => 2,
        _ => 3,
    };
    // Of equal ones the first.
    exits.iter().rev().max_by_key(|exit| rank(exit)).copied().unwrap_or(Exit::DONE)
}
