//! What actions work on: the store, the queue, the ports of `ports`, and the settings that they follow. Whatever needs no
//! caller is a method of [`Services`]; all else is one of [`Actions`](crate::Actions).

use crate::error::{ActionError, ErrorKind};
use crate::ports::{AuditArchive, DirectoryReader, Notifier, SecretStore, ServerState, TxtLookup};
use crate::queue::QueueControl;
use crate::retention::RetentionTerms;
use crate::sources::Password;
use crate::work_pool::WorkPool;
use doorlist_core::address::{Address, DomainName};
use doorlist_core::time::Timestamp;
use doorlist_store::recipients::{DomainDetails, Refusal};
use doorlist_store::{Audit, ContactBook, Logins, MailLog, RecipientStore, SourceBook, Tenants, WriteCheck};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Tells the time, which actions take as a parameter.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Everything that actions work on.
#[derive(Clone)]
pub struct Services {
    /// Domains and their recipients.
    pub recipients: RecipientStore,
    /// Whether anything can be stored.
    pub writes: WriteCheck,
    /// What became of each message.
    pub mail_log: MailLog,
    /// Messages that wait for delivery.
    pub queue: Arc<dyn QueueControl>,
    /// Sources, their runs, and upload links.
    pub book: SourceBook,
    /// Resellers, customers, and the objects of the API.
    pub tenants: Tenants,
    /// Logins and API keys.
    pub logins: Logins,
    /// Who did what over HTTP.
    pub audit: Audit,
    /// Takes the parts of the audit that leave the store.
    pub archive: Arc<dyn AuditArchive>,
    /// How long everything is kept.
    pub retention: RetentionTerms,
    pub reader: Arc<dyn DirectoryReader>,
    /// Seals secrets and makes tokens.
    pub secrets: Arc<dyn SecretStore>,
    /// Which addresses our own mail may go to.
    pub contacts: ContactBook,
    /// Sends our own mail.
    pub notifier: Arc<dyn Notifier>,
    /// Threads for heavy work.
    pub work: WorkPool,
    /// Looks up TXT records.
    pub txt: Arc<dyn TxtLookup>,
    /// Callers other than the operator must verify a domain by a TXT record (`api.verify_domains`).
    pub verification_needed: bool,
    /// Pushes of one domain within twelve hours (`api.pushes_per_12h`).
    pub pushes_max: u32,
    /// The operator's address, for notices of what waits for a decision.
    pub operator: Option<Address>,
    /// Base of links to our pages: `https://mx.example.test`.
    pub web_base: Option<String>,
    /// The name of this node.
    pub node: String,
    /// The number of this node: each has an audit of its own.
    pub node_number: u16,
    /// `None`: no server runs in this process.
    pub server: Option<Arc<dyn ServerState>>,
    pub clock: Clock,
}

impl Services {
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Identifies one call of this node as the holder of a lease, since two calls of one process are two.
    pub(crate) fn lease_holder(&self) -> String {
        static CALLS: AtomicU64 = AtomicU64::new(0);
        format!("{}/{}", self.node, CALLS.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) async fn domain_details(&self, name: &DomainName) -> Result<DomainDetails, ActionError> {
        let details = self.recipients.domain(name).await?;
        details.ok_or_else(|| Refusal::UnknownDomain { name: name.clone() }.into())
    }

    /// A password as it is stored. Each hash takes tens of milliseconds and megabytes: the pool makes it.
    pub(crate) async fn hashed(&self, password: Password) -> Result<String, ActionError> {
        let secrets = Arc::clone(&self.secrets);
        let hash = move || secrets.hash_password(password.text());
        self.work.compute(hash).await?.map_err(|why| ActionError::new(ErrorKind::Usage, why))
    }
}
