//! What the actions need of the world and the trial does not have: directories, secrets, DNS, an archive. Notices are
//! kept, to see which were sent.

use doorlist_actions::{
    AuditArchive, AuditPart, DirectoryReader, DirectoryReading, Notifier, ReadFailure, ReadWish, SecretStore,
    TestReport, TxtLookup, Waited,
};
use doorlist_core::time::Timestamp;
use doorlist_store::contact_book::MailPermit;
use std::sync::{Mutex, PoisonError};

/// A world without anything but mail.
#[derive(Debug, Default)]
pub(crate) struct BareWorld {
    notices: Mutex<Vec<String>>,
}

impl BareWorld {
    /// The subjects of notices since the last call.
    pub(crate) fn take_notices(&self) -> Vec<String> {
        std::mem::take(&mut *self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn missing<T>() -> Result<T, String> {
    Err("a trial has none".to_owned())
}

impl DirectoryReader for BareWorld {
    fn read<'a>(&'a self, _: &'a ReadWish<'a>) -> Waited<'a, Result<DirectoryReading, ReadFailure>> {
        let message = "a trial has no directory".to_owned();
        Box::pin(async { Err(ReadFailure { message, cause: None }) })
    }

    fn test<'a>(&'a self, _: &'a ReadWish<'a>) -> Waited<'a, TestReport> {
        Box::pin(async { TestReport::default() })
    }
}

impl SecretStore for BareWorld {
    fn seal(&self, _: &str, _: &[u8]) -> Result<String, String> {
        missing()
    }

    fn open(&self, _: &str, _: &str) -> Result<Vec<u8>, String> {
        missing()
    }

    fn token(&self) -> Result<String, String> {
        missing()
    }

    fn key(&self) -> Result<String, String> {
        missing()
    }

    fn hash_password(&self, _: &str) -> Result<String, String> {
        missing()
    }

    fn hash(&self, token: &str) -> String {
        token.to_owned()
    }

    fn make_key(&self) -> Result<(), String> {
        missing()
    }

    fn mac(&self, _: &str, _: &str) -> Result<String, String> {
        missing()
    }

    fn is_mac(&self, _: &str, _: &str, _: &str) -> Result<bool, String> {
        missing()
    }
}

impl AuditArchive for BareWorld {
    fn keep<'a>(&'a self, _: &'a AuditPart) -> Waited<'a, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }

    fn prune(&self, _: Timestamp, _: usize) -> Waited<'_, Result<Vec<String>, String>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

impl TxtLookup for BareWorld {
    fn txt<'a>(&'a self, _: &'a str) -> Waited<'a, Result<Vec<String>, String>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

impl Notifier for BareWorld {
    fn tell<'a>(&'a self, _: Vec<MailPermit>, subject: &'a str, _: &'a str) -> Waited<'a, Result<(), String>> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).push(subject.to_owned());
        Box::pin(async { Ok(()) })
    }
}
