//! What an action answers, as data, and the exit code that a script gets. Must not know how it is printed.

use crate::queue::QueueEntry;
use crate::server_setup::ServerSetup;
use doorlist_core::address::{DomainName, LocalPart};
use doorlist_core::plain_list::RowError;
use doorlist_core::policy::{Decision, Verdict};
use doorlist_store::directory::{
    AccountDetails, AddressEntry, Applied, ChangeEntry, ChangeRow, DomainDetails, DomainSummary,
};
use doorlist_store::mail_log::LoggedMail;
use serde::{Deserialize, Serialize};

/// The answer to a [`Request`](crate::Request).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer", content = "with")]
pub enum Response {
    /// To `Check`.
    Checked(CheckReport),
    /// To `DomainAdd`.
    DomainAdded(DomainAdded),
    /// To `DomainList`.
    Domains(Vec<DomainSummary>),
    /// To `DomainShow`.
    Domain(DomainDetails),
    /// To every other change of the list.
    Applied(Applied),
    /// To `AccountShow`.
    Account(AccountDetails),
    /// To `AccountList`; shorter than the limit: the last page.
    Accounts(Vec<AccountDetails>),
    /// To `Import`.
    Import(ImportReport),
    /// To `Export`.
    Export(ExportPage),
    /// To `ChangesList`.
    Changes(Vec<ChangeEntry>),
    /// To `ChangesShow`.
    Change {
        /// Its line in the log.
        entry: ChangeEntry,
        /// This page of its rows.
        rows: Vec<ChangeRow>,
        /// What to ask for next; `None`: that was all.
        next: Option<u64>,
    },
    /// To `QueueList`.
    Queue(Vec<QueueEntry>),
    /// To `QueueShow`.
    QueueMessage(QueueEntry),
    /// To `QueueOrder`: messages that it was done with.
    QueueDone(u64),
    /// To `Log`.
    Log(Vec<LoggedMail>),
}

/// What a RCPT for an address would be answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// As asked.
    pub address: String,
    /// The very decision that a RCPT would get.
    pub decision: Decision,
    /// Its reason as a sentence.
    pub sentence: String,
    /// Whose list was asked.
    pub domain: Option<DomainName>,
    /// The entry that decided, if one did and the store could be read.
    pub entry: Option<AddressEntry>,
}

/// A domain that was added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainAdded {
    /// What was written.
    pub applied: Applied,
    /// What its servers must allow and switch off.
    pub setup: ServerSetup,
}

/// The plan of an import, or what it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// Written, or only planned.
    pub written: bool,
    /// What was (or would be) done.
    pub applied: Applied,
    /// Rows that could not be taken, the first of them.
    pub errors: Vec<RowError>,
    /// How many they are.
    pub errors_total: u64,
    /// Rows that name an address a second time.
    pub repeated: u64,
}

/// A page of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportPage {
    /// Whole lines; the first page begins with the header where the format has one.
    pub text: String,
    /// What to ask for next; `None`: that was all.
    pub next: Option<LocalPart>,
}

impl Response {
    /// 0 done, 2 a dry run that would change something, 3 refused and 4 deferred of `check`.
    pub fn exit_code(&self) -> u8 {
        match self {
            Response::Checked(report) => match report.decision.verdict {
                Verdict::Accept => 0,
                Verdict::Reject => 3,
                Verdict::Defer => 4,
            },
            Response::Import(report) if !report.written && report.applied.changes_something() => 2,
            _ => 0,
        }
    }
}
