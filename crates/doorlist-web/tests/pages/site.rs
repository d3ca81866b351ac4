//! A listener with both pages, over services on a store of their own.

use doorlist_actions::{
    Actions, AuditArchive, AuditPart, Caller, Clock, DirectoryReader, DirectoryReading, DomainAdd, ImportRequest,
    JOBS_MAX, NoNotifier, PlanList, ReadFailure, ReadWish, Response, RetentionTerms, SecretStore, Services, SpoolQueue,
    TestReport, TxtLookup, Waited, WorkPool,
};
use doorlist_core::change::{Actor, MailServer, NamedBy, ServerTls, Via};
use doorlist_core::time::Timestamp;
use doorlist_store::mail_log::MailLogConfig;
use doorlist_store::spool::{Spool, SpoolConfig};
use doorlist_store::{Audit, ContactBook, Logins, MailLog, RecipientStore, SourceBook, StoreUrl, Tenants, WriteCheck};
use doorlist_web::{confirmations, serve, uploads};
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

pub(super) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
/// The name of the threads of the work pool.
const WORK: &str = "work";
/// How long anything of a test may take.
const TEST_WAIT: Duration = Duration::from_secs(20);

/// The outside world of the services: it has nothing, and its hashes of tokens can be held up.
#[derive(Default)]
pub(super) struct Outside {
    state: Mutex<Hashing>,
    changed: Condvar,
}

#[derive(Default)]
struct Hashing {
    /// Whether jobs of the work pool wait before they look a token up.
    held: bool,
    /// Jobs of the work pool that came to look a token up.
    jobs: usize,
    /// Tokens that were looked up at all.
    all: usize,
}

impl Outside {
    pub(super) fn hold(&self, held: bool) {
        self.state.lock().unwrap().held = held;
        self.changed.notify_all();
    }

    /// Files whose taking began.
    pub(super) fn begun(&self) -> usize {
        self.state.lock().unwrap().jobs
    }

    pub(super) fn looked_up(&self) -> usize {
        self.state.lock().unwrap().all
    }

    /// Waits until the taking of so many files began.
    pub(super) async fn until_begun(self: &Arc<Self>, number: usize) {
        let outside = Arc::clone(self);
        let wait = move || {
            let state = outside.state.lock().unwrap();
            let (_state, waited) = outside.changed.wait_timeout_while(state, TEST_WAIT, |s| s.jobs < number).unwrap();
            assert!(!waited.timed_out(), "{number} files were not begun");
        };
        tokio::task::spawn_blocking(wait).await.unwrap();
    }
}

impl SecretStore for Outside {
    fn seal(&self, _: &str, _: &[u8]) -> Result<String, String> {
        Err("no secrets here".to_owned())
    }

    fn open(&self, _: &str, _: &str) -> Result<Vec<u8>, String> {
        Err("no secrets here".to_owned())
    }

    fn token(&self) -> Result<String, String> {
        Ok(TOKEN.to_owned())
    }

    fn key(&self) -> Result<String, String> {
        Err("no keys here".to_owned())
    }

    fn hash_password(&self, _: &str) -> Result<String, String> {
        Err("no passwords here".to_owned())
    }

    fn hash(&self, token: &str) -> String {
        let mut state = self.state.lock().unwrap();
        state.all += 1;
        if std::thread::current().name() == Some(WORK) {
            state.jobs += 1;
            self.changed.notify_all();
            drop(self.changed.wait_while(state, |state| state.held).unwrap());
        }
        format!("hash of {token}")
    }

    fn make_key(&self) -> Result<(), String> {
        Ok(())
    }

    fn mac(&self, _: &str, _: &str) -> Result<String, String> {
        Err("no key here".to_owned())
    }

    fn is_mac(&self, _: &str, _: &str, _: &str) -> Result<bool, String> {
        Err("no key here".to_owned())
    }
}

impl DirectoryReader for Outside {
    fn read<'a>(&'a self, _: &'a ReadWish<'a>) -> Waited<'a, Result<DirectoryReading, ReadFailure>> {
        Box::pin(async { Err(ReadFailure { message: "no directory here".to_owned(), cause: None }) })
    }

    fn test<'a>(&'a self, _: &'a ReadWish<'a>) -> Waited<'a, TestReport> {
        Box::pin(async { TestReport::default() })
    }
}

impl TxtLookup for Outside {
    fn txt<'a>(&'a self, _: &'a str) -> Waited<'a, Result<Vec<String>, String>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

impl AuditArchive for Outside {
    fn keep<'a>(&'a self, _: &'a AuditPart) -> Waited<'a, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }

    fn prune(&self, _: Timestamp, _: usize) -> Waited<'_, Result<Vec<String>, String>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

/// The token of the upload link, and of the contact's link.
pub(super) const TOKEN: &str = "good_Token-43";

/// A listener and what is behind it.
pub(super) struct Site {
    pub(super) address: SocketAddr,
    pub(super) services: Arc<Services>,
    pub(super) outside: Arc<Outside>,
    work: Option<Runtime>,
    _folder: tempfile::TempDir,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.outside.hold(false);
        self.work.take().unwrap().shutdown_background();
    }
}

impl Site {
    /// With a domain `example.test`, and an upload link for it.
    pub(super) async fn start() -> Self {
        let (folder, outside) = (tempfile::tempdir().unwrap(), Arc::new(Outside::default()));
        let work = tokio::runtime::Builder::new_multi_thread().worker_threads(4).thread_name(WORK).enable_all().build();
        let work = work.unwrap();
        let pool = WorkPool::new(work.handle().clone(), 3, JOBS_MAX);
        let services = Arc::new(services(&StoreUrl::Sqlite(folder.path().join("state")), &outside, pool).await);
        let address = listen(Arc::new(OnceLock::from(Arc::clone(&services)))).await;
        let site = Self { address, services, outside, work: Some(work), _folder: folder };
        let name = "example.test".parse().unwrap();
        site.command().run(DomainAdd { name, servers: vec![server()], customer: None }).await.unwrap();
        let ask = ImportRequest { domain: "example.test".parse().unwrap(), source: "customer".to_owned(), days: None };
        let Response::UploadRequest(made) = site.command().run(ask).await.unwrap() else { panic!("no link") };
        assert_eq!(made.url, Some(format!("https://mx.example.test/upload/{TOKEN}")));
        site
    }

    /// The operator at the command line.
    pub(super) fn command(&self) -> Actions {
        let actor = Actor { name: "root".to_owned(), via: Via::Command };
        Actions::of(&self.services, Caller::on_machine(actor))
    }

    /// How many plans wait.
    pub(super) async fn plans(&self) -> usize {
        match self.command().run(PlanList { domain: None, before: None, limit: 10 }).await.unwrap() {
            Response::Plans(plans) => plans.len(),
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn get(&self, path: &str) -> String {
        get(self.address, path).await
    }
}

fn server() -> MailServer {
    MailServer {
        host: "192.0.2.1".to_owned(),
        port: 25,
        preference: 10,
        tls: ServerTls::Opportunistic,
        xforward: false,
        named_by: NamedBy::Machine,
    }
}

async fn services(url: &StoreUrl, outside: &Arc<Outside>, work: WorkPool) -> Services {
    let recipients = RecipientStore::open(url).await.unwrap();
    let spool = Spool::open(url, SpoolConfig::default()).await.unwrap();
    let mail_log = MailLog::open(url, MailLogConfig::default()).await.unwrap();
    let clock: Clock = Arc::new(|| NOW);
    let writes = WriteCheck::new(recipients.clone(), spool.clone(), 0);
    let queue = Arc::new(SpoolQueue::new(spool, recipients.clone(), mail_log.clone(), Arc::clone(&clock)));
    Services {
        writes,
        work,
        book: SourceBook::of(&recipients),
        contacts: ContactBook::of(&recipients),
        tenants: Tenants::of(&recipients),
        logins: Logins::of(&recipients),
        audit: Audit::of(&recipients),
        archive: Arc::clone(outside) as Arc<dyn AuditArchive>,
        retention: RetentionTerms::default(),
        txt: Arc::clone(outside) as Arc<dyn TxtLookup>,
        verification_needed: true,
        pushes_max: 50,
        node_number: 0,
        server: None,
        recipients,
        mail_log,
        queue,
        reader: Arc::clone(outside) as Arc<dyn DirectoryReader>,
        secrets: Arc::clone(outside) as Arc<dyn SecretStore>,
        notifier: Arc::new(NoNotifier),
        operator: None,
        web_base: Some("https://mx.example.test".to_owned()),
        node: "one".to_owned(),
        clock,
    }
}

/// Both pages over these services, which may come later.
pub(super) async fn listen(services: Arc<OnceLock<Arc<Services>>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = uploads(Arc::clone(&services)).merge(confirmations(services));
    tokio::spawn(serve(listener, router, std::future::pending()));
    address
}

/// Sends `request` and reads until the server closes.
pub(super) async fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that has answered may close before all is sent.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

pub(super) async fn get(address: SocketAddr, path: &str) -> String {
    ask(address, "GET", path).await
}

/// The whole answer to a request without a body.
pub(super) async fn ask(address: SocketAddr, method: &str, path: &str) -> String {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    exchange(address, request.as_bytes()).await
}
