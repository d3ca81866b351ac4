//! Verdicts: what scanners say of a message at the end of DATA, before its 250.
//!
//! Scanners run on threads of their own, so that neither their waiting nor their arithmetic delays a session. Each has a
//! time limit, and all have a limit on messages at once. A scanner that fails, hangs or panics never loses or refuses
//! mail: the verdict is then *unchecked*, and at most the sender is asked to come again.
//!
//! | module | what it is |
//! |---|---|
//! | [`builtin`] | SPF, DKIM, DMARC and ARC by `mail-auth`, and the test messages of scanners |
//! | [`rspamd`] | Rspamd over HTTP, with the same methods beside it |
//! | `authenticate` | the evaluation of SPF, DKIM and DMARC within time and DNS limits |
//! | `dns_budget` | counts the DNS look-ups of a message |
//! | `samples` | finds GTUBE and EICAR, plain and encoded |
//! | `structure` | limits of header fields and parts |

pub(crate) mod authenticate;
pub mod builtin;
mod dns_budget;
pub mod rspamd;
mod samples;
mod structure;

use doorlist_core::queue_id::QueueId;
use doorlist_core::verdict::{Assessment, ContentVerdict};
use doorlist_store::spool::{ClientInfo, MessageBody};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// Time for one message, from the end of DATA. Senders wait 10 minutes (RFC 5321 §4.5.3.2.6), stopping 30 s.
pub const TIME_MAX: Duration = Duration::from_secs(10);
/// Behind its time limit, a scanner that keeps to it has so much longer to say what it found.
const GRACE: Duration = Duration::from_millis(500);
/// Messages at once; further ones wait, within their time.
const MESSAGES_MAX: usize = 256;
/// At least so many threads: one message that takes long must not stop the others.
const THREADS_MIN: usize = 2;

/// A complete message, as a scanner gets it.
#[derive(Clone, Debug)]
pub struct ScannedMessage {
    pub id: QueueId,
    pub client: ClientInfo,
    /// The reverse path as written; empty for the null sender.
    pub sender: Box<str>,
    pub recipients: Vec<Box<str>>,
    /// The message as it is stored: with our `Received:` field in front.
    pub body: MessageBody,
}

/// What a scanner found, and whether it failed at that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanOutcome {
    pub assessment: Assessment,
    /// Why something is missing; for the metric.
    pub failure: Option<ScanFailure>,
}

impl ScanOutcome {
    /// Whether another attempt may have a verdict where this one has none.
    pub fn may_be_checked_later(&self) -> bool {
        self.failure.is_some_and(ScanFailure::may_pass)
    }
}

/// A pending answer of a scanner.
pub type PendingScan<'a> = Pin<Box<dyn Future<Output = ScanOutcome> + Send + 'a>>;

/// Looks at a message. Runs on the threads for verdicts, and may compute there.
pub trait Scanner: Send + Sync + 'static {
    /// Answers before `until`, with what is known by then.
    fn assess<'a>(&'a self, message: &'a ScannedMessage, until: Instant) -> PendingScan<'a>;
}

/// The label of failures and verdicts.
type VerdictLabels = [(&'static str, &'static str); 1];

/// The scanner of the gateway with its threads and limits.
pub struct Verdicts(Option<Running>);

struct Running {
    scanner: Arc<dyn Scanner>,
    /// Taken when it is dropped.
    threads: Option<Runtime>,
    places: Arc<Semaphore>,
    verdicts: Family<VerdictLabels, Counter>,
    failures: Family<VerdictLabels, Counter>,
}

/// Why a scanner gave no verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanFailure {
    /// Not done within its time, or no place was free.
    Late,
    Panicked,
    /// The program that scans does not answer, or not in its protocol.
    NoAnswer,
    /// The program that scans does not want this message: it is too large for it.
    Unwanted,
    /// The scanner for viruses behind that program does not answer.
    NoVirusScanner,
    /// The name servers that would tell whose message it is do not answer.
    NoNameServer,
    /// The message could not be read back in time.
    Unreadable,
}

impl Verdicts {
    /// No scanner: every message is *unchecked*.
    pub fn none() -> Self {
        Self(None)
    }

    /// Whether there is a scanner.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Starts the threads of a scanner.
    ///
    /// # Errors
    /// When the system starts no threads.
    pub fn start(scanner: Arc<dyn Scanner>, registry: &mut Registry) -> std::io::Result<Self> {
        let threads = std::thread::available_parallelism().map_or(THREADS_MIN, |cores| cores.get().max(THREADS_MIN));
        let threads =
            Builder::new_multi_thread().worker_threads(threads).thread_name("verdict").enable_all().build()?;
        let (verdicts, failures) =
            (Family::<VerdictLabels, Counter>::default(), Family::<VerdictLabels, Counter>::default());
        registry.register("verdicts", "Messages by the verdict on their content", verdicts.clone());
        registry.register("verdict_failures", "Messages whose scanner gave no verdict, by reason", failures.clone());
        for verdict in ContentVerdict::ALL {
            drop(verdicts.get_or_create(&[("verdict", verdict.word())]));
        }
        let places = Arc::new(Semaphore::new(MESSAGES_MAX));
        Ok(Self(Some(Running { scanner, threads: Some(threads), places, verdicts, failures })))
    }

    /// What the scanner says. Never fails, and never waits longer than [`TIME_MAX`] and a moment.
    pub async fn assess(&self, message: ScannedMessage) -> ScanOutcome {
        let Some(running) = &self.0 else { return ScanOutcome::default() };
        let until = Instant::now() + TIME_MAX;
        let assessed = timeout_at(until + GRACE, running.scan(message, until)).await;
        let failed = |failure| ScanOutcome { failure: Some(failure), ..ScanOutcome::default() };
        let outcome = assessed.unwrap_or(Err(ScanFailure::Late)).unwrap_or_else(failed);
        if let Some(failure) = outcome.failure {
            running.failures.get_or_create(&[("reason", failure.word())]).inc();
        }
        running.verdicts.get_or_create(&[("verdict", outcome.assessment.verdict.word())]).inc();
        outcome
    }
}

impl Running {
    async fn scan(&self, message: ScannedMessage, until: Instant) -> Result<ScanOutcome, ScanFailure> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_closed| ScanFailure::Late)?;
        let threads = self.threads.as_ref().ok_or(ScanFailure::Late)?;
        let scanner = Arc::clone(&self.scanner);
        // Dropped with the set: whoever is late is stopped where it waits next.
        let mut job = JoinSet::new();
        let scan = async move {
            let _place = place;
            scanner.assess(&message, until).await
        };
        job.spawn_on(scan, threads.handle());
        match job.join_next().await {
            Some(Ok(outcome)) => Ok(outcome),
            Some(Err(error)) if error.is_panic() => Err(ScanFailure::Panicked),
            _ => Err(ScanFailure::Late),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            // A runtime must not wait for its threads on a thread of another one.
            threads.shutdown_background();
        }
    }
}

impl ScanFailure {
    fn word(self) -> &'static str {
        match self {
            ScanFailure::Late => "late",
            ScanFailure::Panicked => "panic",
            ScanFailure::NoAnswer => "no answer",
            ScanFailure::Unwanted => "unwanted",
            ScanFailure::NoVirusScanner => "no virus scanner",
            ScanFailure::NoNameServer => "no name server",
            ScanFailure::Unreadable => "unreadable",
        }
    }

    /// Whether it may be over when the message comes again. What a message itself leads to is not: it would never be
    /// accepted.
    fn may_pass(self) -> bool {
        match self {
            ScanFailure::Panicked | ScanFailure::Unwanted => false,
            ScanFailure::Late
            | ScanFailure::NoAnswer
            | ScanFailure::NoVirusScanner
            | ScanFailure::NoNameServer
            | ScanFailure::Unreadable => true,
        }
    }
}
