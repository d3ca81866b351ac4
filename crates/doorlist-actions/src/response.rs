//! What an action answers, as data, and the exit code that a script gets. Must not know how it is printed.

use crate::audit_trail::AuditAnswer;
use crate::connections::SourceEntry;
use crate::guarded::PlanReport;
use crate::logins::{KeyEntry, MadeKey};
use crate::push::PushReport;
use crate::queue::QueueEntry;
use crate::senders::{SenderRuleChange, SenderRuleEntry};
use crate::server_setup::ServerSetup;
use crate::sync_report::SyncReport;
use crate::uploads::UploadRequest;
use crate::world::TestReport;
use doorlist_core::address::{DomainName, LocalPart};
use doorlist_core::change::PlanId;
use doorlist_core::policy::{Decision, Verdict};
use doorlist_core::source_rows::RowProblem;
use doorlist_core::time::Timestamp;
use doorlist_store::contact_book::KnownContact;
use doorlist_store::directory::{
    AccountDetails, AddressEntry, Applied, ChangeEntry, ChangeRow, DomainDetails, DomainSummary, PlanEntry,
};
use doorlist_store::logins::MembershipRow;
use doorlist_store::mail_log::LoggedMail;
use doorlist_store::source_book::RunRecord;
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
    Account(AccountReport),
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
    /// To `SourcePut` and `SourceShow`.
    Source(SourceEntry),
    /// To `SourceList`.
    Sources(Vec<SourceEntry>),
    /// To `SyncTest`.
    SyncTested(TestReport),
    /// To `SyncPreview` and `SyncRun`.
    Synced(Box<SyncReport>),
    /// To `SyncHistory`.
    SyncRuns(Vec<RunRecord>),
    /// To `Push`.
    Pushed(PushReport),
    /// To `ImportRequest`.
    UploadRequest(UploadRequest),
    /// To `PlanList`.
    Plans(Vec<PlanEntry>),
    /// To `PlanShow`.
    Plan {
        /// The plan.
        entry: PlanEntry,
        /// This page of its rows.
        rows: Vec<ChangeRow>,
        /// What to ask for next; `None`: that was all.
        next: Option<u64>,
    },
    /// To `PlanDiscard`.
    Discarded(PlanId),
    /// To `QueueList`.
    Queue(Vec<QueueEntry>),
    /// To `QueueShow`.
    QueueMessage(QueueEntry),
    /// To `QueueOrder`: messages that it was done with.
    QueueDone(u64),
    /// To `Log`.
    Log(Vec<LoggedMail>),
    /// To `Membership`: what the login is offered and what it has accepted, afterwards.
    Memberships(Vec<MembershipRow>),
    /// To `AdminCreate`.
    AdminCreated {
        /// The login.
        login: String,
    },
    /// To `KeyCreate`.
    KeyMade(MadeKey),
    /// To `KeyList`.
    Keys(Vec<KeyEntry>),
    /// To `Audit`.
    Audit(AuditAnswer),
    /// To `Contacts`: a page of the list.
    Contacts {
        /// This page.
        contacts: Vec<KnownContact>,
        /// What to ask for next; `None`: that was all.
        next: Option<u32>,
    },
    /// To `Contacts`: the confirmation of an address.
    ContactConfirmed {
        /// Customers for whom the address is confirmed.
        customers: u64,
    },
    /// To `KeyRevoke`.
    KeyRevoked {
        /// Which.
        id: u32,
    },
    /// To `Senders`: what became of a rule.
    SenderRule(SenderRuleChange),
    /// To `Senders`: a page of rules.
    SenderRules(Vec<SenderRuleEntry>),
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

/// An address with everything that is known of where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountReport {
    /// What it is, its aliases and claims.
    #[serde(flatten)]
    pub details: AccountDetails,
    /// When each source that claims it was last read whole.
    pub last_seen: Vec<(String, Timestamp)>,
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
    /// What follows from the file.
    pub plan: PlanReport,
    /// How it was read.
    pub reading: FileReading,
}

/// How a file was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileReading {
    /// What it was taken for.
    pub format: String,
    /// How: encoding, separator, what each column was taken for.
    pub details: Vec<String>,
    /// Addresses that it names.
    pub addresses: u64,
    /// Rows that say the same again.
    pub repeated: u64,
    /// Rows that could not be taken, the first of them.
    pub problems: Vec<RowProblem>,
    /// How many they are.
    pub problems_total: u64,
    /// Where the file contradicts itself.
    pub conflicts: Vec<RowProblem>,
    /// How often.
    pub conflicts_total: u64,
    /// What was rightly left out, by kind.
    pub skipped: Vec<(String, u64)>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// The rows that could not be taken, as a CSV with a column `error`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rejected: String,
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
            Response::Import(report) => report.plan.exit_code(),
            Response::Pushed(report) => report.plan.exit_code(),
            Response::Synced(report) => report.exit_code(),
            Response::SyncTested(report) if !report.good => 1,
            Response::Audit(AuditAnswer::Verified(verdict)) if !verdict.is_whole() => 1,
            _ => 0,
        }
    }
}
