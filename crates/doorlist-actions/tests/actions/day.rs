//! A day of a Doorlist: actions on a store of their own, with a world that the test makes up.

use doorlist_actions::{
    ActionError, Actions, AuditArchive, AuditPart, Caller, Check, Clock, DirectoryReader, DirectoryReading, DomainAdd,
    ErrorKind, FileBytes, ImportFile, ImportReport, JOBS_MAX, Notifier, ReadFailure, ReadWish, Request, Response,
    RetentionTerms, SecretStore, Services, SpoolQueue, TestReport, TxtLookup, Waited, WorkPool,
};
use doorlist_core::address::{Address, DomainName, LocalPart};
use doorlist_core::change::{Actor, MailServer, NamedBy, ServerTls, Via};
use doorlist_core::preview::{AskedOutcome, AskingSource};
use doorlist_core::time::Timestamp;
use doorlist_core::verdict::ContentVerdict;
use doorlist_store::contact_book::MailPermit;
use doorlist_store::mail_log::{AskedNote, MailLogConfig};
use doorlist_store::recipients::{Applied, EXAMPLES_MAX};
use doorlist_store::spool::{Spool, SpoolConfig};
use doorlist_store::{Audit, ContactBook, Logins, MailLog, RecipientStore, SourceBook, StoreUrl, Tenants, WriteCheck};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{HashMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Handle;

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

pub(crate) struct Day {
    pub(crate) services: Arc<Services>,
    pub(crate) spool: Spool,
    pub(crate) world: Arc<World>,
    _folder: tempfile::TempDir,
}

/// Marker and password with which a directory was asked.
pub(crate) type Asked = (Option<String>, Option<Vec<u8>>);

/// What the actions are told of the world.
pub(crate) struct World {
    /// Milliseconds since the Unix epoch.
    now: AtomicI64,
    /// What directories answer, one after the other; the last one goes on answering.
    pub(crate) answers: Mutex<VecDeque<Result<DirectoryReading, ReadFailure>>>,
    /// A directory answers when nobody holds this.
    pub(crate) gate: tokio::sync::Mutex<()>,
    pub(crate) begun: tokio::sync::Notify,
    /// Markers with which they were asked, and the password.
    pub(crate) asked: Mutex<Vec<Asked>>,
    /// TXT records by name.
    pub(crate) texts: Mutex<HashMap<String, Vec<String>>>,
    keys: AtomicI64,
    /// The key that seals and signs.
    pub(crate) secret: Mutex<String>,
    /// Parts of the audit that were kept.
    pub(crate) parts: Mutex<Vec<AuditPart>>,
    /// Who was told what.
    pub(crate) told: Mutex<Vec<(Vec<Address>, String, String)>>,
}

impl World {
    pub(crate) fn pass(&self, time: Duration) {
        self.now.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::Relaxed))
    }

    /// The directory answers this from now on.
    pub(crate) fn answers(&self, answer: Result<DirectoryReading, ReadFailure>) {
        *self.answers.lock().unwrap() = VecDeque::from([answer]);
    }
}

impl DirectoryReader for World {
    fn read<'a>(&'a self, wish: &'a ReadWish<'a>) -> Waited<'a, Result<DirectoryReading, ReadFailure>> {
        let asked = (wish.since.map(str::to_owned), wish.password.map(<[u8]>::to_vec));
        self.asked.lock().unwrap().push(asked);
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(async move {
            self.begun.notify_waiters();
            drop(self.gate.lock().await);
            answer.expect("the test says what the directory answers")
        })
    }

    fn test<'a>(&'a self, _: &'a ReadWish<'a>) -> Waited<'a, TestReport> {
        Box::pin(async { TestReport::default() })
    }
}

/// Seals by writing the name in front: enough to see that names and secrets are kept together.
impl SecretStore for World {
    fn seal(&self, name: &str, secret: &[u8]) -> Result<String, String> {
        Ok(format!("{name}|{}", String::from_utf8_lossy(secret)))
    }

    fn open(&self, name: &str, sealed: &str) -> Result<Vec<u8>, String> {
        let secret = sealed.strip_prefix(name).and_then(|rest| rest.strip_prefix('|'));
        secret.map(|secret| secret.as_bytes().to_vec()).ok_or_else(|| "it is another one's".to_owned())
    }

    fn token(&self) -> Result<String, String> {
        Ok(format!("token{}", self.keys.fetch_add(1, Ordering::Relaxed)))
    }

    fn key(&self) -> Result<String, String> {
        let number = self.keys.fetch_add(1, Ordering::Relaxed);
        Ok(format!("{number:040x}"))
    }

    fn hash_password(&self, password: &str) -> Result<String, String> {
        Ok(format!("hash of password {password}"))
    }

    fn hash(&self, token: &str) -> String {
        format!("hash of {token}")
    }

    fn make_key(&self) -> Result<(), String> {
        Ok(())
    }

    /// Not a good one, but nobody makes it without the secret.
    fn mac(&self, purpose: &str, data: &str) -> Result<String, String> {
        let mut hasher = std::hash::DefaultHasher::new();
        (purpose, data, self.secret.lock().unwrap().as_str()).hash(&mut hasher);
        Ok(format!("{:016x}", hasher.finish()))
    }

    fn is_mac(&self, purpose: &str, data: &str, mac: &str) -> Result<bool, String> {
        Ok(self.mac(purpose, data)? == mac)
    }
}

impl AuditArchive for World {
    fn keep<'a>(&'a self, part: &'a AuditPart) -> Waited<'a, Result<(), String>> {
        self.parts.lock().unwrap().push(part.clone());
        Box::pin(async { Ok(()) })
    }

    fn prune(&self, before: Timestamp, number_max: usize) -> Waited<'_, Result<Vec<String>, String>> {
        let mut parts = self.parts.lock().unwrap();
        parts.retain(|part| part.newest >= before);
        let too_many = parts.len().saturating_sub(number_max);
        let gone = parts.drain(..too_many).map(|part| part.first.to_string()).collect();
        Box::pin(async { Ok(gone) })
    }
}

impl TxtLookup for World {
    fn txt<'a>(&'a self, name: &'a str) -> Waited<'a, Result<Vec<String>, String>> {
        let texts = self.texts.lock().unwrap().get(name).cloned().unwrap_or_default();
        Box::pin(async { Ok(texts) })
    }
}

impl Notifier for World {
    fn tell<'a>(&'a self, to: Vec<MailPermit>, subject: &'a str, text: &'a str) -> Waited<'a, Result<(), String>> {
        let to = to.iter().map(|permit| permit.address().clone()).collect();
        self.told.lock().unwrap().push((to, subject.to_owned(), text.to_owned()));
        Box::pin(async { Ok(()) })
    }
}

impl Day {
    pub(crate) async fn begin() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::Sqlite(folder.path().join("state"));
        Self::on(&url, folder).await
    }

    /// The same on a store of its own.
    pub(crate) async fn on(url: &StoreUrl, folder: tempfile::TempDir) -> Self {
        let recipients = RecipientStore::open(url).await.unwrap();
        let spool = Spool::open(url, SpoolConfig::default()).await.unwrap();
        let config = MailLogConfig { days: u16::MAX, ..MailLogConfig::default() };
        let mail_log = MailLog::open(url, config).await.unwrap();
        let world = Arc::new(World {
            now: AtomicI64::new(NOW.as_millis()),
            answers: Mutex::default(),
            gate: tokio::sync::Mutex::default(),
            begun: tokio::sync::Notify::default(),
            asked: Mutex::default(),
            told: Mutex::default(),
            texts: Mutex::default(),
            keys: AtomicI64::new(1),
            secret: Mutex::new("secret".to_owned()),
            parts: Mutex::default(),
        });
        let clock: Clock = {
            let world = Arc::clone(&world);
            Arc::new(move || world.now())
        };
        let queue = Arc::new(SpoolQueue::new(spool.clone(), recipients.clone(), mail_log.clone(), Arc::clone(&clock)));
        let services = Arc::new(Services {
            writes: WriteCheck::new(recipients.clone(), spool.clone(), 0),
            work: WorkPool::new(Handle::current(), 1, JOBS_MAX),
            book: SourceBook::of(&recipients),
            contacts: ContactBook::of(&recipients),
            tenants: Tenants::of(&recipients),
            logins: Logins::of(&recipients),
            audit: Audit::of(&recipients),
            archive: Arc::clone(&world) as Arc<dyn AuditArchive>,
            retention: RetentionTerms::default(),
            recipients,
            mail_log,
            queue,
            reader: Arc::clone(&world) as Arc<dyn DirectoryReader>,
            secrets: Arc::clone(&world) as Arc<dyn SecretStore>,
            notifier: Arc::clone(&world) as Arc<dyn Notifier>,
            operator: Some("postmaster@example.test".parse().unwrap()),
            web_base: Some("https://mx.example.test/".to_owned()),
            txt: Arc::clone(&world) as Arc<dyn TxtLookup>,
            verification_needed: true,
            pushes_max: 2,
            node: "one".to_owned(),
            node_number: 0,
            server: None,
            clock,
        });
        Self { services, spool, world, _folder: folder }
    }

    /// This happened to a recipient, so many seconds after the day began.
    pub(crate) fn asked(&self, recipient: &str, sender: &str, outcome: AskedOutcome, at: i64) {
        self.note(recipient, sender, outcome, None, at);
    }

    /// The same of a message with this verdict.
    pub(crate) fn note(
        &self,
        recipient: &str,
        sender: &str,
        outcome: AskedOutcome,
        verdict: Option<ContentVerdict>,
        at: i64,
    ) {
        let list = self.services.recipients.snapshot();
        self.services.mail_log.record_asked(AskedNote {
            time: Timestamp::from_secs(NOW.as_secs() + at),
            domain: list.domain(&name("example.test")).unwrap().id,
            recipient: (outcome != AskedOutcome::Listed).then(|| recipient.into()),
            source: AskingSource::Ordinary,
            outcome,
            verdict,
            sender: sender.into(),
        });
    }

    pub(crate) async fn with_a_domain() -> Self {
        let day = Self::begin().await;
        day.ask(DomainAdd { name: name("example.test"), servers: vec![server()], customer: None }).await.unwrap();
        day
    }

    /// Asks as the control socket does: as JSON, both ways.
    pub(crate) async fn ask(&self, request: impl Into<Request>) -> Result<Response, ActionError> {
        let request: Request = request.into();
        let caller = Caller::on_machine(Actor { name: "root".to_owned(), via: Via::Command });
        let answer = Actions::of(&self.services, caller).run(travelled(&request)).await;
        answer.map(|response| travelled(&response)).map_err(|error| travelled(&error))
    }

    pub(crate) async fn done(&self, request: impl Into<Request>) -> Applied {
        match self.ask(request).await.unwrap() {
            Response::Applied(applied) => applied,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn refused(&self, request: impl Into<Request>, kind: ErrorKind, exit_code: u8, word: &str) {
        let error = self.ask(request).await.unwrap_err();
        assert_eq!((error.kind(), error.exit_code()), (kind, exit_code), "{error}");
        assert!(error.to_string().contains(word), "{word:?} is not in {error}");
    }

    /// The exit code of `check`, and its reason.
    pub(crate) async fn check(&self, text: &str) -> (u8, &'static str) {
        let response = self.ask(Check { address: text.to_owned(), from: None }).await.unwrap();
        match &response {
            Response::Checked(report) => (response.exit_code(), report.decision.reason.word()),
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn travelled<T: Serialize + DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

pub(crate) fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

pub(crate) fn addresses(texts: &[&str]) -> Vec<Address> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

pub(crate) fn local(text: &str) -> LocalPart {
    LocalPart::parse(text.as_bytes()).unwrap()
}

pub(crate) fn server() -> MailServer {
    MailServer {
        host: "mail.example.test".to_owned(),
        port: 25,
        preference: 10,
        tls: ServerTls::Opportunistic,
        xforward: false,
        named_by: NamedBy::Machine,
    }
}

pub(crate) fn file(text: impl Into<Vec<u8>>) -> ImportFile {
    ImportFile {
        domain: name("example.test"),
        source: Some("staff".to_owned()),
        name: Some("staff.txt".to_owned()),
        file: FileBytes::from(text.into()),
        format: None,
        columns: Vec::new(),
        mirror: false,
        clean: false,
        examples_max: EXAMPLES_MAX,
        apply: false,
        reason: None,
    }
}

pub(crate) fn import(text: impl Into<Vec<u8>>, apply: bool) -> Request {
    Box::new(ImportFile { apply, ..file(text) }).into()
}

impl Day {
    pub(crate) async fn import(&self, wish: ImportFile) -> ImportReport {
        match self.ask(Box::new(wish)).await.unwrap() {
            Response::Import(report) => report,
            other => panic!("{other:?}"),
        }
    }
}
