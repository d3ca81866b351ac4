//! The servers that are attacked: each with its guards as shipped, and a listener that is told its clients' addresses.

use crate::load::DOMAIN;
use crate::packages::Packages;
use crate::processes::Processes;
use crate::server::{Disk, Doorlist, PostfixMore, Task, await_ready, free_address, fresh_folder, postfix};
use anyhow::{Context as _, Result};
use doorlist_core::change::{
    Actor, Change, ChangeSet, DomainChange, MailServer, NamedBy, ServerTls, Source, Structure, Via,
};
use doorlist_core::harvest::DeliveryDay;
use doorlist_core::network::SourceKey;
use doorlist_core::time::Timestamp;
use doorlist_store::harvest::HarvestNotes;
use doorlist_store::recipients::RecipientStore;
use doorlist_store::{HarvestBook, StoreUrl};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Local part of the one address of each further domain.
const ONLY: &str = "some.one";

/// What a server is set up with.
pub(super) struct Setup<'a> {
    pub(super) packages: &'a Packages,
    pub(super) work: &'a Path,
    pub(super) next_hop: SocketAddr,
}

/// A server that runs.
pub(super) struct Target {
    /// Its listener for peers that speak the PROXY protocol.
    pub(super) address: SocketAddr,
    processes: Processes,
}

impl Target {
    pub(super) fn end(mut self) -> Result<()> {
        self.processes.assure_running()?;
        self.processes.stop()
    }
}

/// The source of a sender with a good record (RFC 1918 §3).
pub(super) fn friend(number: u32) -> Ipv4Addr {
    let [.., high, low] = number.to_be_bytes();
    Ipv4Addr::new(172, 16, high, low)
}

/// A listed address of one of the domains, of which the first is the load's own.
pub(super) fn listed_of(domain: u32) -> String {
    match domain {
        0 => crate::load::listed(0),
        _ => format!("{ONLY}@{}", further(domain)),
    }
}

fn further(domain: u32) -> String {
    format!("d{domain:03}.{DOMAIN}")
}

impl Setup<'_> {
    /// Doorlist with names `0..listed` of the load's domain, further domains to make so many, and friends.
    pub(super) fn doorlist(&self, listed: u32, domains: u32, friends: u32) -> Result<Target> {
        let folder = self.work.join("doorlist-harvest");
        fresh_folder(&folder)?;
        let doorlist = Doorlist::new(self.packages, &folder);
        doorlist.fill(self.next_hop, 0..listed)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.write(&folder.join("state"), domains, friends))?;
        let (plain, address) = (free_address()?, free_address()?);
        let task = Task { folder, next_hop: self.next_hop, listed, disk: Disk::AsIs };
        let mut command = doorlist.serve(&task, plain);
        command.env("DOORLIST__SMTP__LISTEN", format!("{plain},{address} proxy_from=127.0.0.0/8"));
        command.env("DOORLIST__GUARD__ENABLED", "true");
        let mut processes = Processes::start("doorlist-harvest", &command, &task.folder.join("output"))?;
        await_ready(plain, &mut processes)?;
        Ok(Target { address, processes })
    }

    /// Further domains and records of friends, into the store of a server that does not run yet.
    async fn write(&self, state: &Path, domains: u32, friends: u32) -> Result<()> {
        let recipients = RecipientStore::open(&StoreUrl::Sqlite(state.to_path_buf())).await?;
        let mut changes = Vec::new();
        for number in 1..domains {
            let change = DomainChange::Add { customer: "harvest".to_owned(), servers: vec![self.server()] };
            changes.push(Change::Domain { name: further(number).parse()?, change });
            let address = listed_of(number).parse()?;
            changes.push(Change::Claim { address, structure: Structure::Mailbox, source: Source::Api });
        }
        if !changes.is_empty() {
            let actor = Actor { name: "bench".to_owned(), via: Via::Command };
            let set = ChangeSet { changes, summary: "set up".to_owned() };
            recipients.apply(&set, &actor, None).await.context("the domains")?;
        }
        let now = Timestamp::from_millis(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?);
        HarvestBook::of(&recipients).write(&good_records(friends, now), 0, now).await.context("the good records")
    }

    fn server(&self) -> MailServer {
        MailServer {
            host: self.next_hop.ip().to_string(),
            port: self.next_hop.port(),
            preference: 10,
            tls: ServerTls::Opportunistic,
            xforward: false,
            named_by: NamedBy::Machine,
        }
    }

    /// Postfix with its delays and limits as packaged.
    pub(super) fn postfix(&self, listed: u32) -> Result<Target> {
        let folder = self.work.join("postfix-harvest");
        fresh_folder(&folder)?;
        let (plain, address) = (free_address()?, free_address()?);
        let task = Task { folder, next_hop: self.next_hop, listed, disk: Disk::AsIs };
        let master = format!("{address} inet n - n - - smtpd -o smtpd_upstream_proxy_protocol=haproxy\n");
        let more = PostfixMore { master, with_guards: true, ..PostfixMore::default() };
        let command = postfix::prepare(&task, plain, &more)?;
        let mut processes = Processes::start("postfix-harvest", &command, &task.folder.join("output"))?;
        await_ready(plain, &mut processes)?;
        Ok(Target { address, processes })
    }
}

/// Two clean deliveries to two entries, yesterday and the day before, of each friend.
fn good_records(friends: u32, now: Timestamp) -> HarvestNotes {
    let mut notes = HarvestNotes::default();
    for (number, days_ago) in (0..friends).flat_map(|number| [(number, 1), (number, 2)]) {
        let at = now - Duration::from_hours(24 * days_ago);
        let mut day = DeliveryDay::delivery(at, 1);
        day.add(&DeliveryDay::delivery(at, 2));
        notes.days.insert((SourceKey::from(std::net::IpAddr::V4(friend(number))), day.day), day);
    }
    notes
}
