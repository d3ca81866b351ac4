//! The scanner that is built in: it authenticates the sender, and knows the test messages of filters. Memory is bounded:
//! what the spool still holds is looked at there, larger messages are read back one budget's worth at a time.

use super::authenticate::Authenticator;
use super::samples::Samples;
use super::structure::PartCounts;
use super::{PendingScan, ScanFailure, ScanOutcome, ScannedMessage, Scanner};
use crate::relay::resolver::SystemResolver;
use doorlist_core::verdict::{Assessment, ContentFinding, ContentVerdict, builtin_verdict};
use doorlist_store::spool::MessageBody;
use mail_auth::MessageAuthenticator;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// Octets of a message that is looked at; of a larger one the sender's SPF is evaluated, nothing else.
const MESSAGE_MAX: u64 = 32 * 1024 * 1024;
/// Memory for all messages that are read back.
const MEMORY_MAX: u64 = 64 * 1024 * 1024;
/// The memory is counted in units of this size.
const UNIT: u64 = 1024;

/// SPF, DKIM, DMARC, ARC, and the test messages of filters.
pub struct Builtin {
    authenticator: Authenticator,
    samples: Samples,
    memory: Arc<Semaphore>,
}

/// The bytes of a message, as far as they can be had.
enum Contents {
    Shared(MessageBody),
    ReadBack {
        bytes: Vec<u8>,
        /// Its part of the memory, as long as it lives.
        _share: OwnedSemaphorePermit,
    },
    TooLarge,
    /// The spool could not read it, or memory was short for too long.
    Unreadable,
}

impl Builtin {
    /// `hostname` is ours, for macros in SPF records.
    pub fn new(resolver: &SystemResolver, hostname: &str) -> Self {
        let methods = MessageAuthenticator(resolver.dns().clone());
        let units = usize::try_from(MEMORY_MAX / UNIT).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            authenticator: Authenticator { methods, hostname: hostname.to_owned() },
            samples: Samples::new(),
            memory: Arc::new(Semaphore::new(units)),
        }
    }

    async fn look(&self, message: &ScannedMessage, until: Instant) -> ScanOutcome {
        let now = Instant::now();
        let read_until = now + until.saturating_duration_since(now) / 4;
        let contents = timeout_at(read_until, self.read(&message.body)).await.unwrap_or(Contents::Unreadable);
        let bytes = match &contents {
            Contents::Shared(body) => body.in_memory(),
            Contents::ReadBack { bytes, .. } => Some(bytes.as_slice()),
            Contents::TooLarge | Contents::Unreadable => None,
        };
        let counts = bytes.map(PartCounts::of).unwrap_or_default();
        let to_authenticate = bytes.filter(|_| !counts.has_too_many_fields());
        let authentication = self.authenticator.evaluate(message, to_authenticate, until).await;
        let finding = match (bytes, &contents) {
            (None, Contents::TooLarge) => ContentFinding::OverLimit,
            (None, _) => {
                let assessment = Assessment { authentication: Some(authentication), ..Assessment::default() };
                return ScanOutcome { assessment, failure: Some(ScanFailure::Unreadable) };
            }
            (Some(bytes), _) => match self.samples.find(bytes) {
                ContentFinding::Nothing if counts.is_over_limit() => ContentFinding::OverLimit,
                finding => finding,
            },
        };
        let verdict = builtin_verdict(finding, &authentication);
        let is_open = verdict == ContentVerdict::Unchecked && authentication.may_be_from_its_author();
        let failure = is_open.then_some(ScanFailure::NoNameServer);
        ScanOutcome { assessment: Assessment { verdict, authentication: Some(authentication) }, failure }
    }

    async fn read(&self, body: &MessageBody) -> Contents {
        if body.in_memory().is_some() {
            return Contents::Shared(body.clone());
        }
        if body.len() > MESSAGE_MAX {
            return Contents::TooLarge;
        }
        let units = u32::try_from(body.len().div_ceil(UNIT)).unwrap_or(u32::MAX);
        let Ok(share) = Arc::clone(&self.memory).acquire_many_owned(units).await else { return Contents::Unreadable };
        let Ok(mut reader) = body.reader().await else { return Contents::Unreadable };
        let mut bytes = Vec::with_capacity(usize::try_from(body.len()).unwrap_or_default());
        loop {
            match reader.chunk().await {
                Ok(Some(chunk)) => bytes.extend_from_slice(chunk),
                Ok(None) => return Contents::ReadBack { bytes, _share: share },
                Err(_) => return Contents::Unreadable,
            }
        }
    }
}

impl Scanner for Builtin {
    fn assess<'a>(&'a self, message: &'a ScannedMessage, until: Instant) -> PendingScan<'a> {
        Box::pin(self.look(message, until))
    }
}
