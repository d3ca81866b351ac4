//! The real pieces of one installation, on SQLite in a folder that goes with it, with the clock and the organisations'
//! own servers in the hands of the trial.

use super::callout::Callout;
use super::own_server::OwnServer;
use super::ports::BareWorld;
use anyhow::{Context as _, Result, anyhow};
use doorlist_actions::{
    Actions, AliasSuggest, AuditArchive, Caller, Clock, DirectoryReader, DomainAdd, JOBS_MAX, Learner, Notifier,
    RetentionTerms, RouteStanding, SecretStore, ServerProbe, ServerState, Services, SpoolQueue, SuggestedAlias,
    TxtLookup, TypedRequest as _, Waited, WorkPool,
};
use doorlist_core::address::{Address, DomainName, LocalPart};
use doorlist_core::change::{Actor, MailServer, NamedBy, ServerTls, Via, host_and_port};
use doorlist_core::domain::{DomainId, Mode};
use doorlist_core::time::Timestamp;
use doorlist_store::mail_log::MailLogConfig;
use doorlist_store::recipients::{AddressEntry, PAGE_MAX};
use doorlist_store::spool::SpoolConfig;
use doorlist_store::{
    Audit, ContactBook, LearningBook, Logins, MailLog, RecipientStore, SourceBook, Spool, StoreUrl, Tenants, WriteCheck,
};
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tempfile::TempDir;
use tokio::runtime::Handle;

/// Listed names that are kept for the known control, as the gateway takes them.
const LISTED_KEPT: u32 = 3;
const PORT: u16 = 25;

/// An installation with its store, spool and learner.
pub(crate) struct World {
    pub(crate) services: Arc<Services>,
    pub(crate) spool: Spool,
    pub(crate) book: LearningBook,
    learner: Learner,
    servers: Arc<TrialServers>,
    bare: Arc<BareWorld>,
    _folder: TempDir,
}

/// The servers of all organisations, as the actions see them.
pub(crate) struct TrialServers {
    callout: Mutex<Callout>,
    domains: Mutex<HashMap<DomainName, DomainId>>,
    now: Arc<AtomicI64>,
    start: Timestamp,
}

/// The place of the server of a name, as evidence has it.
pub(crate) fn server_of(name: &DomainName) -> String {
    host_and_port(&host_of(name), PORT)
}

fn host_of(name: &DomainName) -> String {
    format!("mail.{name}")
}

impl World {
    pub(crate) async fn open(start: Timestamp) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a folder for the store")?;
        let url = StoreUrl::Sqlite(folder.path().join("state"));
        let recipients = RecipientStore::open(&url).await?;
        let spool = Spool::open(&url, SpoolConfig::default()).await?;
        let mail_log = MailLog::open(&url, MailLogConfig { days: u16::MAX, ..MailLogConfig::default() }).await?;
        let now = Arc::new(AtomicI64::new(start.as_millis()));
        let (callout, domains) = (Mutex::default(), Mutex::default());
        let servers = Arc::new(TrialServers { callout, domains, now: Arc::clone(&now), start });
        let clock: Clock = Arc::new(move || Timestamp::from_millis(now.load(Ordering::Relaxed)));
        let bare = Arc::new(BareWorld::default());
        let queue = Arc::new(SpoolQueue::new(spool.clone(), recipients.clone(), mail_log.clone(), Arc::clone(&clock)));
        let services = Services {
            writes: WriteCheck::new(recipients.clone(), spool.clone(), 0),
            work: WorkPool::new(Handle::current(), 1, JOBS_MAX),
            book: SourceBook::of(&recipients),
            contacts: ContactBook::of(&recipients),
            tenants: Tenants::of(&recipients),
            logins: Logins::of(&recipients),
            audit: Audit::of(&recipients),
            archive: Arc::clone(&bare) as Arc<dyn AuditArchive>,
            retention: RetentionTerms::default(),
            mail_log,
            queue,
            reader: Arc::clone(&bare) as Arc<dyn DirectoryReader>,
            secrets: Arc::clone(&bare) as Arc<dyn SecretStore>,
            notifier: Arc::clone(&bare) as Arc<dyn Notifier>,
            operator: Some("postmaster@mx.example.test".parse()?),
            web_base: None,
            txt: Arc::clone(&bare) as Arc<dyn TxtLookup>,
            verification_needed: false,
            pushes_max: 1,
            node: "trial".to_owned(),
            node_number: 0,
            server: Some(Arc::clone(&servers) as Arc<dyn ServerState>),
            clock,
            recipients,
        };
        let services = Arc::new(services);
        let learner = Learner::new(Services::clone(&services), spool.clone());
        let book = LearningBook::of(&services.recipients);
        Ok(Self { services, spool, book, learner, servers, bare, _folder: folder })
    }

    pub(crate) fn set_clock(&self, now: Timestamp) {
        self.servers.now.store(now.as_millis(), Ordering::Relaxed);
    }

    /// Adds an organisation's domain with nothing but its mail server.
    pub(crate) async fn add(&self, server: Arc<OwnServer>) -> Result<DomainId> {
        let name = server.organisation.name.clone();
        let at = MailServer {
            host: host_of(&name),
            port: PORT,
            preference: 10,
            tls: ServerTls::Opportunistic,
            xforward: false,
            named_by: NamedBy::Machine,
        };
        let add = DomainAdd { name: name.clone(), servers: vec![at], customer: None };
        self.actions().run(add).await?;
        let id = self.services.recipients.snapshot().domain(&name).map(|domain| domain.id);
        let id = id.with_context(|| format!("{name} was added and is not there"))?;
        self.callout().add(id, server);
        lock(&self.servers.domains).insert(name, id);
        Ok(id)
    }

    pub(crate) fn callout(&self) -> MutexGuard<'_, Callout> {
        lock(&self.servers.callout)
    }

    /// The learner looks once. How many addresses it added.
    pub(crate) async fn learn(&mut self) -> Result<u64> {
        let learned = self.learner.look().await?;
        let domains: Vec<DomainId> = lock(&self.servers.domains).values().copied().collect();
        let count = learned.iter().map(|one| one.addresses).sum();
        for id in domains.into_iter().filter(|_| count > 0) {
            let listed = self.services.recipients.some_mailboxes(id, LISTED_KEPT).await?;
            if let Some(name) = self.callout().name(id) {
                name.listed = listed;
            }
        }
        Ok(count)
    }

    /// Looks at the ends of trials. The notices that went out.
    pub(crate) async fn look_at_trials(&self) -> Result<Vec<String>> {
        self.learner.look_at_trials().await?;
        Ok(self.bare.take_notices())
    }

    fn actions(&self) -> Actions {
        let caller = Caller::on_machine(Actor { name: "trial".to_owned(), via: Via::Command });
        Actions::of(&self.services, caller)
    }

    /// Accounts that could be aliases of others.
    pub(crate) async fn suggested(&self, name: &DomainName) -> Result<Vec<SuggestedAlias>> {
        let response = self.actions().run(AliasSuggest { domain: name.clone() }).await?;
        AliasSuggest::answer(response).map_err(|other| anyhow!("alias suggestions of {name}: {other:?}"))
    }

    pub(crate) fn mode(&self, name: &DomainName) -> Option<Mode> {
        self.services.recipients.snapshot().domain(name).map(|domain| domain.mode)
    }

    /// Everything that is listed.
    pub(crate) async fn listed(&self, name: &DomainName) -> Result<Vec<AddressEntry>> {
        let mut all: Vec<AddressEntry> = Vec::new();
        loop {
            let after: Option<LocalPart> = all.last().map(|entry| entry.address.local().clone());
            let page = self.services.recipients.addresses(name, after.as_ref(), PAGE_MAX).await?;
            let is_last = page.len() < PAGE_MAX as usize;
            all.extend(page);
            if is_last {
                return Ok(all);
            }
        }
    }
}

impl TrialServers {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::Relaxed))
    }
}

impl ServerState for TrialServers {
    fn started(&self) -> Timestamp {
        self.start
    }

    fn sources_flagged(&self) -> u64 {
        0
    }

    fn routes(&self, name: &DomainName) -> Vec<RouteStanding> {
        let Some(id) = lock(&self.domains).get(name).copied() else { return Vec::new() };
        let now = self.now();
        let route = lock(&self.callout).name(id).map(|asked| asked.route(now));
        route.map(|route| RouteStanding::of(server_of(name), &route, now)).into_iter().collect()
    }

    fn probe<'a>(&'a self, name: &'a DomainName, address: Option<&'a Address>) -> Waited<'a, Vec<ServerProbe>> {
        let id = lock(&self.domains).get(name).copied();
        let now = self.now();
        let mut answers = Vec::new();
        let mut callout = lock(&self.callout);
        match (id.and_then(|id| callout.name(id)), address) {
            (Some(asked), None) => asked.ask_controls(now),
            (Some(asked), Some(address)) => {
                answers.push((address.clone(), asked.ask_now(address.local(), now)));
            }
            (None, _) => {}
        }
        drop(callout);
        let standing = self.routes(name).pop();
        let probe = ServerProbe { server: server_of(name), answers, dialogue: Vec::new(), failure: None, standing };
        Box::pin(async { vec![probe] })
    }
}

/// What was held by a thread that panicked is still whole: each change is one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
