//! A relay with its store in a folder of the test, and a log that can be waited for.

use crate::fake::{Fake, PATIENCE};
use crate::tls::usual_roots;
use doorlist_core::change::{Actor, Change, ChangeSet, DomainChange, MailServer, NamedBy, ServerTls, Via};
use doorlist_core::domain::DomainId;
use doorlist_core::queue_id::QueueId;
use doorlist_core::time::Timestamp;
use doorlist_core::verdict::{Assessment, Authentication, AuthenticationResult, ContentVerdict, SpfCheck, SpfIdentity};
use doorlist_gateway::config::{Outbound, RelayConfig};
use doorlist_gateway::journal::{Journal, JournalFormat, LineRenderer};
use doorlist_gateway::relay::resolver::{LookupError, MailExchanger, PendingLookup, Resolver};
use doorlist_gateway::relay::{QueueHandle, Relay, RelayParts, Surroundings};
use doorlist_store::mail_log::{MailAction, MailFilter, MailLogConfig};
use doorlist_store::spool::{ClientInfo, Envelope, EnvelopeRecipient, MessageKind, SpoolConfig};
use doorlist_store::{MailLog, RecipientStore, Spool, StoreUrl};
use prometheus_client::registry::Registry;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::sync::Notify;

/// What a test changes of the world.
pub(crate) struct Wishes {
    pub(crate) config: RelayConfig,
    pub(crate) retry: Duration,
    pub(crate) postmaster: Option<&'static str>,
    pub(crate) listeners: Vec<SocketAddr>,
    pub(crate) roots: rustls::RootCertStore,
    pub(crate) active_max: usize,
}

impl Default for Wishes {
    fn default() -> Self {
        // Bounces go to a port where nobody is, unless a test says where.
        let outbound = Outbound::SmartHost { host: "127.0.0.1".to_owned(), port: 1 };
        let config = RelayConfig {
            outbound,
            connect: Duration::from_secs(5),
            reply: Duration::from_secs(5),
            final_reply: Duration::from_secs(5),
            keep_open: Duration::from_secs(2),
            ..RelayConfig::default()
        };
        Self {
            config,
            retry: Duration::from_millis(50),
            postmaster: None,
            listeners: Vec::new(),
            roots: usual_roots(),
            active_max: 200_000,
        }
    }
}

impl Wishes {
    /// Mail for others goes there.
    pub(crate) fn outbound(mut self, fake: &Fake) -> Self {
        self.config.outbound = Outbound::SmartHost { host: "127.0.0.1".to_owned(), port: fake.address.port() };
        self
    }
}

/// The running relay and all that it stands on.
pub(crate) struct Home {
    pub(crate) relay: Relay,
    pub(crate) recipients: RecipientStore,
    pub(crate) spool: Spool,
    pub(crate) mail_log: MailLog,
    pub(crate) registry: Registry,
    log: Log,
    folder: tempfile::TempDir,
}

/// No name has an answer: tests use addresses.
pub(crate) struct NoNames;

impl Resolver for NoNames {
    fn mail_exchangers<'a>(&'a self, _: &'a str) -> PendingLookup<'a, Vec<MailExchanger>> {
        Box::pin(std::future::ready(Err(LookupError::Temporary("no names in this test".to_owned()))))
    }
    fn addresses<'a>(&'a self, _: &'a str) -> PendingLookup<'a, Vec<IpAddr>> {
        Box::pin(std::future::ready(Ok(vec![IpAddr::from([127, 0, 0, 1])])))
    }
}

/// A server of a domain.
pub(crate) fn server(address: SocketAddr) -> MailServer {
    MailServer {
        host: address.ip().to_string(),
        port: address.port(),
        preference: 10,
        tls: ServerTls::Opportunistic,
        xforward: false,
        named_by: NamedBy::Machine,
    }
}

impl Home {
    pub(crate) async fn start(wishes: Wishes) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::Sqlite(folder.path().to_owned());
        let recipients = RecipientStore::open(&url).await.unwrap();
        let spool = Spool::open(&url, SpoolConfig::default()).await.unwrap();
        let mail_log = MailLog::open(&url, MailLogConfig::default()).await.unwrap();
        Self::on(folder, recipients, spool, mail_log, wishes).await
    }

    /// Stops the relay and starts another on the same store.
    pub(crate) async fn restart(self, wishes: Wishes) -> Self {
        self.relay.shutdown(Duration::from_secs(5)).await;
        Self::on(self.folder, self.recipients, self.spool, self.mail_log, wishes).await
    }

    async fn on(
        folder: tempfile::TempDir,
        recipients: RecipientStore,
        spool: Spool,
        mail_log: MailLog,
        wishes: Wishes,
    ) -> Self {
        let log = Log::default();
        let journal = Journal::start(
            LineRenderer::new(JournalFormat::Text, "gw.example.test", "doorlist"),
            Box::new(log.clone()),
        )
        .unwrap();
        let parts = RelayParts {
            config: wishes.config,
            hostname: "gw.example.test".into(),
            postmaster: wishes.postmaster.map(|address| address.parse().unwrap()),
            recipients: recipients.clone(),
            spool: spool.clone(),
            mail_log: mail_log.clone(),
            journal,
            surroundings: Surroundings {
                listeners: wishes.listeners,
                resolver: Arc::new(NoNames),
                roots: Arc::new(wishes.roots),
                retry_first: wishes.retry,
                retry_longest: wishes.retry * 2,
                active_max: wishes.active_max,
            },
        };
        let mut registry = Registry::with_prefix("doorlist");
        let relay = Relay::start(parts, &mut registry).await.unwrap();
        Self { relay, recipients, spool, mail_log, registry, log, folder }
    }

    pub(crate) fn queue(&self) -> QueueHandle {
        self.relay.handle()
    }

    pub(crate) async fn change(&self, name: &str, change: DomainChange) {
        let set = ChangeSet {
            changes: vec![Change::Domain { name: name.parse().unwrap(), change }],
            summary: "test".to_owned(),
        };
        let actor = Actor { name: "test".to_owned(), via: Via::Command };
        self.recipients.apply(&set, &actor, None).await.unwrap();
    }

    /// A protected domain with these servers.
    pub(crate) async fn domain(&self, name: &str, servers: Vec<MailServer>) -> DomainId {
        self.domain_of("Test", name, servers).await
    }

    /// The same, of this customer.
    pub(crate) async fn domain_of(&self, customer: &str, name: &str, servers: Vec<MailServer>) -> DomainId {
        self.change(name, DomainChange::Add { customer: customer.to_owned(), servers }).await;
        self.id(name)
    }

    pub(crate) fn id(&self, name: &str) -> DomainId {
        self.recipients.snapshot().domain(&name.parse().unwrap()).unwrap().id
    }

    /// Puts a message into the spool and hands it to the relay.
    pub(crate) async fn post(&self, sender: &str, recipients: &[&str], body: &[u8]) -> QueueId {
        self.post_as(sender, recipients, body, |_| {}).await
    }

    /// The same of a sender whose domain was authenticated by SPF.
    pub(crate) async fn post_authenticated(&self, sender: &str, recipients: &[&str], body: &[u8]) -> QueueId {
        self.post_as(sender, recipients, body, |envelope| envelope.assessment = sent_by(sender)).await
    }

    /// The same, with the envelope changed.
    pub(crate) async fn post_as(
        &self,
        sender: &str,
        recipients: &[&str],
        body: &[u8],
        change: impl FnOnce(&mut Envelope),
    ) -> QueueId {
        let list = self.recipients.snapshot();
        let recipients = recipients.iter().map(|path| {
            let domain = path.rsplit_once('@').unwrap().1.parse().unwrap();
            EnvelopeRecipient {
                path: (*path).into(),
                domain: list.domain(&domain).map(|domain| domain.id),
                address: None,
                system: path.starts_with("postmaster@"),
                unlisted: false,
            }
        });
        let mut envelope = Envelope {
            sender: sender.into(),
            recipients: recipients.collect(),
            received_at: now(),
            client: ClientInfo {
                address: "192.0.2.7".parse().ok(),
                port: 9,
                helo: "client.example.test".into(),
                tls: None,
            },
            eight_bit: false,
            smtp_utf8: false,
            kind: MessageKind::Inbound,
            message_id: None,
            size: body.len() as u64,
            assessment: Assessment::default(),
        };
        change(&mut envelope);
        let id = self.spool.next_id();
        let mut writer = self.spool.body(None);
        writer.write(body).await.unwrap();
        let spooled = self.spool.accept(id, envelope, writer).await.unwrap();
        self.relay.enqueue(spooled);
        id
    }

    /// Waits for a line of the log that has all these words; the line.
    pub(crate) async fn logged(&self, words: &[&str]) -> String {
        self.log.line(words).await
    }

    /// Everything logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// Waits until a message has left the queue.
    pub(crate) async fn removed(&self, id: QueueId) {
        self.logged(&[&format!("{id}: removed")]).await;
        assert!(self.spool.get(id).await.unwrap().is_none());
    }

    /// What the mail log says about this message, oldest first.
    pub(crate) async fn actions(&self, id: QueueId) -> Vec<MailAction> {
        self.mail_log.flush().await;
        let filter = MailFilter { queue_id: Some(id), ..MailFilter::default() };
        let mut found = self.mail_log.search(&filter).await.unwrap();
        found.reverse();
        found.into_iter().map(|logged| logged.entry.action).collect()
    }

    /// The metrics as Prometheus reads them.
    pub(crate) fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        text
    }
}

/// What is known of a message whose sender passed SPF.
pub(crate) fn sent_by(sender: &str) -> Assessment {
    let spf = SpfCheck {
        result: AuthenticationResult::Pass,
        identity: SpfIdentity::MailFrom,
        domain: sender.rsplit_once('@').and_then(|(_, domain)| domain.parse().ok()),
    };
    let authentication = Some(Authentication { spf, ..Authentication::default() });
    Assessment { verdict: ContentVerdict::Unchecked, authentication }
}

pub(crate) fn now() -> Timestamp {
    let millis = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    Timestamp::from_millis(millis.try_into().unwrap())
}

/// A log that can be waited for.
#[derive(Clone, Default)]
pub(crate) struct Log {
    bytes: Arc<Mutex<Vec<u8>>>,
    written: Arc<Notify>,
}

impl Log {
    /// Waits for a line that has all these words.
    pub(crate) async fn line(&self, words: &[&str]) -> String {
        let find = async {
            loop {
                let written = self.written.notified();
                let text = self.text();
                if let Some(line) = text.lines().find(|line| words.iter().all(|word| line.contains(word))) {
                    return line.to_owned();
                }
                written.await;
            }
        };
        match tokio::time::timeout(PATIENCE, find).await {
            Ok(line) => line,
            Err(_) => panic!("no line with {words:?} in\n{}", self.text()),
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.bytes.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.bytes.lock().unwrap().extend_from_slice(bytes);
        self.written.notify_waiters();
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
