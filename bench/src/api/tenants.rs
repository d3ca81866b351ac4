//! The list for these figures: a domain with a million accounts among ten thousand small ones, written directly to the
//! store.

use super::client::Client;
use crate::load::DOMAIN;
use crate::processes::Processes;
use crate::server::{Disk, Doorlist, Task, await_ready, free_address, fresh_folder, must};
use anyhow::{Context as _, Result};
use doorlist_core::change::{Actor, Change, ChangeSet, DomainChange, Source, Structure, Via};
use doorlist_store::StoreUrl;
use doorlist_store::recipients::RecipientStore;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Accounts of the one domain.
pub(super) const ACCOUNTS: u32 = 1_000_000;
/// Further domains, and the accounts of each.
pub(super) const DOMAINS: u32 = 10_000;
pub(super) const ACCOUNTS_EACH: u32 = 3;
/// Customers of the further domains. The first has the one domain, too.
pub(super) const CUSTOMERS: u32 = 100;
/// The number of the one domain: it is the first.
pub(super) const BIG: u32 = 1;

const OPERATOR: &str = "ops@example.test";
const ADMIN: &str = "it@example.test";
/// Limits of the API that must not hide what it can do.
const SETTINGS: &[(&str, &str)] =
    &[("DOORLIST__API__REQUESTS_PER_KEY", "1000000"), ("DOORLIST__API__REQUESTS_PER_ADDRESS", "1000000")];

/// A filled store with its keys.
pub(super) struct Filled {
    doorlist: Doorlist,
    task: Task,
    pub(super) operator: String,
    /// Of an admin of the first customer.
    pub(super) admin: String,
}

/// A server on it.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) processes: Processes,
}

impl Filled {
    /// Makes it in `folder`.
    pub(super) fn make(doorlist: Doorlist, folder: PathBuf, next_hop: SocketAddr) -> Result<Self> {
        fresh_folder(&folder)?;
        let begun = Instant::now();
        doorlist.fill(next_hop, 0..1)?;
        further_domains(&folder.join("state"))?;
        eprintln!("bench:   {DOMAINS} domains after {:.1} s", begun.elapsed().as_secs_f64());
        doorlist.import(1..ACCOUNTS)?;
        eprintln!("bench:   {ACCOUNTS} accounts after {:.1} s", begun.elapsed().as_secs_f64());
        let key = |login: &str, scope: &[&str]| -> Result<String> {
            must(doorlist.command().args(["admin", "create", login]).args(scope))?;
            let said = must(doorlist.command().args(["apikey", "create", login, "--login-key-only"]))?;
            Ok(said.trim().to_owned())
        };
        let (operator, admin) = (key(OPERATOR, &[])?, key(ADMIN, &["--customer", &customer(0)])?);
        let task = Task { folder, next_hop, listed: 1, disk: Disk::AsIs };
        Ok(Self { doorlist, task, operator, admin })
    }

    /// Starts the server, on one core alone if that is said.
    pub(super) fn start(&self, core: Option<usize>) -> Result<Server> {
        let (smtp, address) = (free_address()?, free_address()?);
        let mut command = self.doorlist.serve(&self.task, smtp);
        command.env("DOORLIST__WEB__LISTEN", address.to_string()).envs(SETTINGS.iter().copied());
        if let Some(core) = core {
            command = on_core(&command, core);
        }
        let mut processes = Processes::start("doorlist-api", &command, &self.task.folder.join("output"))?;
        await_ready(smtp, &mut processes)?;
        Client::new(address, &self.operator).await_ready()?;
        Ok(Server { address, processes })
    }
}

/// The same command on one core alone.
fn on_core(command: &Command, core: usize) -> Command {
    let mut pinned = Command::new("taskset");
    pinned.args(["--cpu-list", &core.to_string()]).arg(command.get_program()).args(command.get_args());
    for (key, value) in command.get_envs() {
        pinned.env(key, value.unwrap_or_default());
    }
    if let Some(folder) = command.get_current_dir() {
        pinned.current_dir(folder);
    }
    pinned
}

fn customer(number: u32) -> String {
    format!("Customer {number}")
}

/// The name of a further domain.
pub(super) fn domain(number: u32) -> String {
    format!("d{number:05}.example.test")
}

fn further_domains(state: &Path) -> Result<()> {
    let set = |name: &str, change| Ok::<_, anyhow::Error>(Change::Domain { name: name.parse()?, change });
    let mut changes = vec![set(DOMAIN, DomainChange::Customer(customer(0)))?];
    for number in 0..DOMAINS {
        let add = DomainChange::Add { customer: customer(number % CUSTOMERS), servers: Vec::new() };
        changes.push(set(&domain(number), add)?);
    }
    let mut accounts = Vec::new();
    for number in 0..DOMAINS * ACCOUNTS_EACH {
        let address = format!("some{}.one@{}", number % ACCOUNTS_EACH, domain(number / ACCOUNTS_EACH)).parse()?;
        accounts.push(Change::Claim { address, structure: Structure::Mailbox, source: Source::Api });
    }
    let actor = Actor { name: "bench".to_owned(), via: Via::System };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let recipients = RecipientStore::open(&StoreUrl::Sqlite(state.to_path_buf())).await?;
        for changes in [changes, accounts] {
            let set = ChangeSet { changes, summary: "set up".to_owned() };
            recipients.apply(&set, &actor, None).await.context("the further domains")?;
        }
        Ok(())
    })
}
