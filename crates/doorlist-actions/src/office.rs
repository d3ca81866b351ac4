//! The counter: a request goes in, its action is called, the answer comes out. Must not know any action from inside.

use crate::audit_trail::AuditRequest;
use crate::connections::PutSource;
use crate::domains::DomainSettings;
use crate::error::{ActionError, ErrorKind};
use crate::guarded::Then;
use crate::queue::QueueControl;
use crate::request::Request;
use crate::response::Response;
use crate::retention::RetentionTerms;
use crate::sync_report::SyncTrigger;
use crate::work_pool::WorkPool;
use crate::world::{AuditArchive, DirectoryReader, Notices, Proofs, Vault};
use doorlist_core::address::Address;
use doorlist_core::change::{Actor, Change, ChangeSet};
use doorlist_core::time::Timestamp;
use doorlist_store::directory::Applied;
use doorlist_store::{Audit, ContactBook, Directory, Logins, MailLog, SourceBook, Tenants};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Where actions take the time from.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Everything that actions work on.
#[derive(Clone)]
pub struct Office {
    /// The list.
    pub directory: Directory,
    /// What happened to mail.
    pub mail_log: MailLog,
    /// Mail that waits.
    pub queue: Arc<dyn QueueControl>,
    /// Sources, what came of reading them, links for files.
    pub book: SourceBook,
    /// Tenants and what belongs to them.
    pub tenants: Tenants,
    /// Logins and keys.
    pub logins: Logins,
    /// Who did what over HTTP.
    pub audit: Audit,
    /// Where parts of it go that are taken out of the store.
    pub archive: Arc<dyn AuditArchive>,
    /// How long things are kept.
    pub retention: RetentionTerms,
    /// Reads directories.
    pub reader: Arc<dyn DirectoryReader>,
    /// Keeps passwords and makes tokens.
    pub vault: Arc<dyn Vault>,
    /// To which addresses our own mail may go.
    pub contacts: ContactBook,
    /// Tells people by mail.
    pub notices: Arc<dyn Notices>,
    /// Does what is heavy.
    pub work: WorkPool,
    /// Looks up whose domain it is.
    pub proofs: Arc<dyn Proofs>,
    /// Whoever is not the operator proves that a domain is theirs.
    pub proof_needed: bool,
    /// Pushes of one domain that are taken within twelve hours.
    pub pushes_max: u32,
    /// Who is told what waits for the operator.
    pub operator: Option<Address>,
    /// Under which name people reach our pages: `https://mx.example.test`.
    pub web_base: Option<String>,
    /// Which of several nodes this is.
    pub node: String,
    /// Its number: each node has an audit of its own.
    pub node_number: u16,
    /// The time.
    pub clock: Clock,
}

impl Office {
    /// Who holds a lease: this call of this node, since two callers of one process are two.
    pub(crate) fn lease_holder(&self) -> String {
        static CALLS: AtomicU64 = AtomicU64::new(0);
        format!("{}/{}", self.node, CALLS.fetch_add(1, Ordering::Relaxed))
    }

    /// Does what is asked, in the name of `actor`; what is heavy, on the threads for that.
    pub async fn run(&self, request: Request, actor: &Actor) -> Result<Response, ActionError> {
        if !is_heavy(&request) {
            return self.run_here(request, actor).await;
        }
        let (office, actor) = (self.clone(), actor.clone());
        self.work.run(async move { Box::pin(office.run_here(request, &actor)).await }).await?
    }

    async fn run_here(&self, request: Request, actor: &Actor) -> Result<Response, ActionError> {
        match request {
            Request::Check { address, from } => Ok(Response::Checked(self.check(&address, from.as_deref()).await?)),
            Request::DomainList => Ok(Response::Domains(self.directory.domains().await?)),
            Request::DomainShow { name } => Ok(Response::Domain(self.domain_show(&name).await?)),
            Request::AccountShow { address } => Ok(Response::Account(self.account_report(&address).await?)),
            Request::AccountList { filter } => Ok(Response::Accounts(self.account_list(&filter).await?)),
            Request::Export { domain, format, after } => {
                Ok(Response::Export(self.export(&domain, format, after.as_ref()).await?))
            }
            Request::ChangesList { domain, before, limit } => {
                Ok(Response::Changes(self.changes_list(domain.as_ref(), before, limit).await?))
            }
            Request::ChangesShow { id, after, limit } => self.changes_show(id, after, limit).await,
            Request::PlanList { domain, before, limit } => {
                Ok(Response::Plans(self.plan_list(domain.as_ref(), before, limit).await?))
            }
            Request::SourceList => Ok(Response::Sources(self.source_list().await?)),
            Request::SourceShow { name } => Ok(Response::Source(self.source_show(&name).await?)),
            Request::SyncTest { name } => Ok(Response::SyncTested(self.sync_test(&name).await?)),
            Request::SyncPreview { name } => {
                Ok(Response::Synced(Box::new(self.sync(&name, SyncTrigger::Preview, actor).await?)))
            }
            Request::SyncHistory { name, before, limit } => {
                Ok(Response::SyncRuns(self.sync_history(&name, before, limit).await?))
            }
            Request::PlanShow { id, after, limit } => self.plan_show(id, after, limit).await,
            Request::QueueList { filter } => Ok(Response::Queue(self.queue.list(&filter).await?)),
            Request::QueueShow { id } => match self.queue.show(id).await? {
                Some(entry) => Ok(Response::QueueMessage(entry)),
                None => Err(not_in_queue(&id.to_string())),
            },
            Request::QueueOrder { order, selection } => self.queue_order(order, &selection).await,
            Request::Log { filter } => Ok(Response::Log(self.mail_log.search(&filter).await?)),
            Request::AdminCreate { email, of, auditor, password } => {
                let login = self.admin_create(&email, &of, auditor, password.as_ref()).await?;
                Ok(Response::AdminCreated { login })
            }
            Request::Membership { login, what } => Ok(Response::Memberships(self.membership(&login, what).await?)),
            Request::KeyCreate(wish) => Ok(Response::KeyMade(self.key_create(&wish, actor).await?)),
            Request::KeyList { after } => Ok(Response::Keys(self.key_list(after).await?)),
            Request::Audit(what) => Ok(Response::Audit(self.about_audit(what).await?)),
            Request::KeyRevoke { id } => self.key_revoke(id).await.map(|()| Response::KeyRevoked { id }),
            Request::Senders { of, what } => self.senders(&of, what).await,
            Request::Contacts { what } => self.contacts_for_operator(what).await,
            change => self.run_change(change, actor).await,
        }
    }

    /// The actions that change the list.
    async fn run_change(&self, request: Request, actor: &Actor) -> Result<Response, ActionError> {
        let applied = match request {
            Request::DomainAdd { name, servers, customer } => {
                return Ok(Response::DomainAdded(self.domain_add(name, servers, customer, actor).await?));
            }
            Request::Import(import) => return Ok(Response::Import(self.import_file(&import, actor).await?)),
            Request::ImportRequest { domain, source, days } => {
                let term = days.map(|days| Duration::from_hours(24 * u64::from(days)));
                let made = self.upload_request(&domain, &source, term, actor).await?;
                return Ok(Response::UploadRequest(made));
            }
            Request::SourcePut(put) => {
                let PutSource { name, domain, settings, password, replace } = *put;
                let entry = self.source_put(&name, &domain, &settings, password.as_ref(), replace).await?;
                return Ok(Response::Source(entry));
            }
            Request::SourceRemove { name, withdraw } => self.source_remove(&name, withdraw, actor).await?,
            Request::SyncRun { name, reason, changes } => {
                let trigger = match reason {
                    Some(reason) => SyncTrigger::Override(reason),
                    None if changes => SyncTrigger::Schedule,
                    None => SyncTrigger::Command,
                };
                return Ok(Response::Synced(Box::new(self.sync(&name, trigger, actor).await?)));
            }
            Request::Push { domain, items, limits, apply, reason } => {
                let then = Then::of(apply, reason.as_deref());
                let mut reading = self.reading_of(&domain).await?;
                items.iter().try_for_each(|item| reading.take(item))?;
                drop(items);
                return Ok(Response::Pushed(self.push_at_once(reading, limits, then, actor).await?));
            }
            Request::PlanDiscard { id } => {
                self.plan_discard(id).await?;
                return Ok(Response::Discarded(id));
            }
            Request::PlanApply { id, reason } => self.plan_apply(id, reason.as_deref(), actor).await?,
            Request::ChangesUndo { id } => self.changes_undo(id, actor).await?,
            Request::DomainRemove { name } => self.domain_remove(name, actor).await?,
            Request::DomainMode { name, mode, now, confirmed } => {
                self.domain_mode(name, mode, now, confirmed, actor).await?
            }
            Request::DomainSet { name, servers, plus, minus, accept_abuse } => {
                self.domain_set(name, DomainSettings { servers, plus, minus, accept_abuse }, actor).await?
            }
            Request::DomainHold { name, hold } => self.domain_hold(name, hold, actor).await?,
            Request::DomainActive { name, active } => self.domain_active(name, active, actor).await?,
            Request::DomainAliasAdd { name, alias } => self.domain_alias_add(name, alias, actor).await?,
            Request::DomainAliasRemove { alias } => self.domain_alias_remove(alias, actor).await?,
            Request::AccountAdd { addresses, list } => self.account_add(addresses, list, actor).await?,
            Request::AccountRemove { addresses } => self.account_remove(addresses, actor).await?,
            Request::AliasAdd { account, locals } => self.alias_add(account, locals, actor).await?,
            Request::AliasRemove { addresses } => self.alias_remove(addresses, actor).await?,
            _ => return Err(ActionError::new(ErrorKind::Usage, "this request changes nothing")),
        };
        Ok(Response::Applied(applied))
    }

    /// Every change of an action goes through here.
    pub(crate) async fn apply(
        &self,
        changes: Vec<Change>,
        summary: String,
        actor: &Actor,
    ) -> Result<Applied, ActionError> {
        Ok(self.directory.apply(&ChangeSet { changes, summary }, actor, None).await?)
    }
}

/// Whether a request reads a file or a large body, makes or takes over a plan, or goes through many rows. Reading a
/// directory waits for that directory most of the time: only what comes of it is heavy.
fn is_heavy(request: &Request) -> bool {
    matches!(
        request,
        Request::Import(_)
            | Request::Push { .. }
            | Request::PlanApply { .. }
            | Request::ChangesUndo { .. }
            | Request::SourceRemove { .. }
            | Request::DomainRemove { .. }
            | Request::Export { .. }
            | Request::Audit(AuditRequest::Verify { .. } | AuditRequest::CheckPart(_))
    )
}

pub(crate) fn not_in_queue(what: &str) -> ActionError {
    ActionError::new(
        ErrorKind::NotFound,
        format!(
            "{what} is not in the queue; it may be delivered: search with \
                                                   `doorlist log`"
        ),
    )
}
