//! `doorlist doctor`: checks the installation, one line per check: ok, warn or fail, with a fix. Changes nothing.

mod contacts;
mod domains;
mod lists;
mod machine;
mod next_hops;

pub(crate) use domains::tell_of_wrong_servers;

use crate::cli::Global;
use crate::command_target::{self, CommandTarget};
use crate::config::{Config, Sources};
use crate::exit::{Exit, Failure, OrExit};
use crate::output::{Colour, Output};
use crate::privileges::Keep;
use crate::state_dir::{LockState, StateDir};
use doorlist_actions::{ChangesList, DomainList, StorageCheck};
use doorlist_core::counted::counted;
use serde::Serialize;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Maximum time for everything that waits for a database, a name server or a mail server.
const ANSWERS_MAX: Duration = Duration::from_millis(4500);

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Level {
    Ok,
    Warn,
    Fail,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    check: &'static str,
    level: Level,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    todo: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, text: text.into(), todo: None }
    }

    fn warn(check: &'static str, text: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { check, level: Level::Warn, text: text.into(), todo: Some(todo.into()) }
    }

    fn fail(check: &'static str, text: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { check, level: Level::Fail, text: text.into(), todo: Some(todo.into()) }
    }
}

/// Prints findings, and remembers whether one failed.
struct Chart {
    out: Output,
    failed: bool,
}

impl Chart {
    fn add(&mut self, findings: impl IntoIterator<Item = Finding>) -> Result<(), Failure> {
        for finding in findings {
            self.failed |= finding.level == Level::Fail;
            if self.out.is_json() {
                self.out.object(&finding)?;
                continue;
            }
            let (word, colour) = match finding.level {
                Level::Ok => ("ok  ", Colour::Green),
                Level::Warn => ("warn", Colour::Yellow),
                Level::Fail => ("FAIL", Colour::Red),
            };
            self.out.coloured_line((word, colour), &format!("  {:<12} {}", finding.check, finding.text))?;
            if let Some(todo) = &finding.todo {
                self.out.line(&format!("                    -> {todo}"))?;
            }
        }
        Ok(self.out.flush()?)
    }
}

/// Runs all checks, with the settings that are valid. A file that cannot be read ends it: nobody knows what it sets.
pub(crate) fn doctor(global: &Global) -> Result<Exit, Failure> {
    let (config, problems) = Config::load_what_is_right(&Sources::of_process(global.config.as_deref(), &global.set))?;
    let mut chart = Chart { out: Output::new(global.json), failed: false };
    if problems.is_empty() {
        chart.add([Finding::ok("config", "all settings are valid")])?;
    }
    let todo = "correct it: a server does not start with it, and one that runs keeps its settings; the checks below use \
                the default of this setting";
    chart.add(problems.iter().map(|problem| Finding::fail("config", problem.to_string(), todo)))?;
    chart.add(machine::hostname(&config))?;
    // As the owner of the state folder, but with the right to try ports below 1024.
    match StateDir::enter(&config, Keep::BindPorts) {
        Ok(state) => with_state(&config, &state, &mut chart)?,
        Err(failure) if failure.exit == Exit::NO_INPUT => {
            chart.add([Finding::warn("state", failure.to_string(), "start the server: doorlist serve")])?;
            chart.add(machine::ports(&config, false))?;
        }
        Err(failure) => {
            let todo = "correct this first: commands and the server cannot open the state folder either; the other \
                        checks were skipped";
            chart.add([Finding::fail("state", failure.to_string(), todo)])?;
        }
    }
    Ok(match (problems.is_empty(), chart.failed) {
        (false, _) => Exit::CONFIG,
        (true, true) => Exit::FAILURE,
        (true, false) => Exit::DONE,
    })
}

fn with_state(config: &Config, state: &StateDir, chart: &mut Chart) -> Result<(), Failure> {
    let served = matches!(state.look()?, LockState::Served);
    let path = state.path().display();
    chart.add([match served {
        true => Finding::ok("server", format!("a server is running on {path}")),
        false => Finding::warn("server", format!("no server is running on {path}"), "start the server: doorlist serve"),
    }])?;
    chart.add(machine::ports(config, served))?;
    chart.add(machine::certificate(config))?;
    chart.add(machine::secret_key(config))?;
    chart.add(machine::key_modes(config))?;
    chart.add(machine::disk(config, state))?;
    chart.add(machine::open_files(config))?;
    let actor = command_target::actor();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().or_exit(Exit::SYSTEM)?;
    runtime.block_on(async {
        let end = Instant::now() + ANSWERS_MAX;
        let mut target = match timeout_at(end, CommandTarget::open(config, state, actor)).await {
            Ok(Ok(target)) => target,
            Ok(Err(failure)) => return chart.add([store_failed(&failure)]),
            Err(_) => return chart.add([store_failed(&late())]),
        };
        let storage = timeout_at(end, storage(&mut target)).await;
        chart.add([storage.unwrap_or_else(|_| store_failed(&late()))])?;
        let of_list = timeout_at(end, async { vec![store(&mut target).await, clock(&mut target).await] }).await;
        chart.add(of_list.unwrap_or_else(|_| vec![store_failed(&late())]))?;
        let lists = timeout_at(end, lists::lists(&mut target)).await;
        chart.add(lists.unwrap_or_else(|_| vec![store_failed(&late())]))?;
        let contacts = timeout_at(end, contacts::contacts(&mut target, config)).await;
        chart.add(contacts.unwrap_or_else(|_| vec![store_failed(&late())]))?;
        chart.add(domains::domains(&mut target, config, end).await)
    })
}

fn late() -> Failure {
    Failure::because(Exit::LATER, format_args!("no answer within {} ms", ANSWERS_MAX.as_millis()))
}

/// Checks by a write whether anything can be stored.
async fn storage(target: &mut CommandTarget) -> Finding {
    let todo = "see that the database takes writes and has room; until then no mail is accepted";
    match target.ask(StorageCheck).await {
        Ok(None) => Finding::ok("storage", "changes and mail can be stored"),
        Ok(Some(why)) => Finding::fail("storage", why, todo),
        Err(failure) => Finding::fail("storage", failure.to_string(), todo),
    }
}

fn store_failed(failure: &Failure) -> Finding {
    let todo = "check that the database is reachable and that state.dir belongs to this user; until then mail is \
                deferred";
    Finding::fail("store", failure.to_string(), todo)
}

async fn store(target: &mut CommandTarget) -> Finding {
    match target.ask(DomainList).await {
        Ok(domains) if domains.is_empty() => {
            let todo = "doorlist domain add example.test --server mail.example.test";
            Finding::warn("store", "reachable; no domains", todo)
        }
        Ok(domains) => {
            let addresses: u64 = domains
                .iter()
                .map(|domain| domain.counts.mailboxes + domain.counts.lists + domain.counts.aliases)
                .sum();
            let (addresses, domains) = (counted(addresses, "address"), counted(domains.len() as u64, "domain"));
            Finding::ok("store", format!("reachable; {addresses} in {domains}"))
        }
        Err(failure) => store_failed(&failure),
    }
}

/// Checks the clock without a time server: if it is behind the last change, it was set back.
async fn clock(target: &mut CommandTarget) -> Finding {
    let now = command_target::clock()();
    let text = format!("current time {}", crate::commands::time(now));
    match target.ask(ChangesList { domain: None, before: None, limit: 1 }).await {
        Ok(changes) if changes.first().is_some_and(|change| change.time > now) => {
            let todo = "set the clock and enable NTP: queue times and the 72 hours of temporary rejection depend on \
                        it";
            Finding::fail("clock", format!("{text} is earlier than the last change of the list"), todo)
        }
        _ => Finding::ok("clock", text),
    }
}
