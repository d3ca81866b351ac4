//! What a person or a script can ask for, as data. Must not know how it was typed or sent.

mod words;

pub use words::{ExportFormat, ModeWish};

use crate::audit_trail::AuditRequest;
use crate::connections::{Password, PutSource};
use crate::contacts::ContactAction;
use crate::file_bytes::FileBytes;
use crate::logins::{AdminOf, MembershipAction, NewApiKey};
use crate::push::PushItem;
use crate::queue::{QueueFilter, QueueOrder, QueueSelection};
use crate::senders::{RulesOf, SenderAction};
use doorlist_core::address::{Address, DomainName, LocalPart};
use doorlist_core::change::{MailServer, PlanId};
use doorlist_core::queue_id::QueueId;
use doorlist_core::shrink_guard::OperationLimits;
use doorlist_store::directory::AccountFilter;
use doorlist_store::mail_log::MailFilter;
use serde::{Deserialize, Serialize};

/// One action with its arguments.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum Request {
    /// What a RCPT for this address would be answered, and why. Changes nothing.
    Check {
        /// As written, also `postmaster` alone.
        address: String,
        /// From this sender; without it only the list is asked.
        #[serde(default)]
        from: Option<String>,
    },
    /// A new domain.
    DomainAdd {
        /// Which.
        name: DomainName,
        /// Where its mail goes.
        servers: Vec<MailServer>,
        /// Whose it is; by default a customer with the domain's own name.
        customer: Option<String>,
    },
    /// All domains, by name.
    DomainList,
    /// One domain.
    DomainShow {
        /// Which.
        name: DomainName,
    },
    /// The domain, its list and its aliases go.
    DomainRemove {
        /// Which.
        name: DomainName,
    },
    /// What happens to unlisted addresses.
    DomainMode {
        /// Which.
        name: DomainName,
        /// The mode wanted.
        mode: ModeWish,
        /// Without the soft period.
        now: bool,
        /// The domain's name, typed once more: needed to enforce an empty list.
        confirmed: Option<DomainName>,
    },
    /// Settings of a domain; what is not given stays.
    DomainSet {
        /// Which.
        name: DomainName,
        /// Where its mail goes: all of its servers.
        servers: Option<Vec<MailServer>>,
        /// Whether `user+tag` follows `user`.
        plus: Option<bool>,
        /// Whether `user-tag` follows `user`.
        minus: Option<bool>,
        /// Whether `abuse@` is always accepted.
        accept_abuse: Option<bool>,
    },
    /// Deliveries wait, or go on.
    DomainHold {
        /// Which.
        name: DomainName,
        /// Wait.
        hold: bool,
    },
    /// Served, or refused altogether.
    DomainActive {
        /// Which.
        name: DomainName,
        /// Served.
        active: bool,
    },
    /// Another name with the same list and servers.
    DomainAliasAdd {
        /// The domain.
        name: DomainName,
        /// Its other name.
        alias: DomainName,
    },
    /// That name no more.
    DomainAliasRemove {
        /// The other name.
        alias: DomainName,
    },
    /// Accounts are added by hand.
    AccountAdd {
        /// Which.
        addresses: Vec<Address>,
        /// As distribution lists.
        list: bool,
    },
    /// Accounts and their aliases are removed by hand: a veto stays.
    AccountRemove {
        /// Which.
        addresses: Vec<Address>,
    },
    /// An account with its aliases and claims.
    AccountShow {
        /// Which.
        address: Address,
    },
    /// Accounts of a domain, a page at a time.
    AccountList {
        /// Which.
        filter: AccountFilter,
    },
    /// Further local parts of an account.
    AliasAdd {
        /// Whose.
        account: Address,
        /// Which.
        locals: Vec<LocalPart>,
    },
    /// Aliases are removed by hand: a veto stays.
    AliasRemove {
        /// Which.
        addresses: Vec<Address>,
    },
    /// A file's addresses are added or updated.
    Import(Box<ImportFile>),
    /// A link behind which a customer hands in a file, without a login.
    ImportRequest {
        /// For which list.
        domain: DomainName,
        /// The name under which the file will own its claims.
        source: String,
        /// How long the link can be used.
        days: Option<u16>,
    },
    /// A directory to be read on a schedule, new or changed.
    SourcePut(Box<PutSource>),
    /// All of them.
    SourceList,
    /// One of them.
    SourceShow {
        /// Which.
        name: String,
    },
    /// A directory is read no more.
    SourceRemove {
        /// Which.
        name: String,
        /// What it claims goes with it; otherwise that stays.
        withdraw: bool,
    },
    /// Tries a connection step by step.
    SyncTest {
        /// Which.
        name: String,
    },
    /// Reads a directory and shows what would come of it.
    SyncPreview {
        /// Which.
        name: String,
    },
    /// Reads a directory now.
    SyncRun {
        /// Which.
        name: String,
        /// Why the limits are passed over.
        reason: Option<String>,
        /// Only what has changed since the last reading, where the directory can tell.
        #[serde(default)]
        changes: bool,
    },
    /// What came of earlier readings, newest first.
    SyncHistory {
        /// Of which source.
        name: String,
        /// Before this one.
        before: Option<u64>,
        /// At most so many.
        limit: u32,
    },
    /// The full state of a domain, from an identity system.
    Push {
        /// Which.
        domain: DomainName,
        /// Its accounts.
        items: Vec<PushItem>,
        /// How many changes it may make.
        #[serde(default)]
        limits: OperationLimits,
        /// Write it; otherwise the plan alone is shown.
        apply: bool,
        /// Why the limits are passed over.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Plans, newest first.
    PlanList {
        /// Of one domain.
        domain: Option<DomainName>,
        /// Older than this one.
        before: Option<PlanId>,
        /// At most so many.
        limit: u32,
    },
    /// One plan with its rows, a page at a time.
    PlanShow {
        /// Which.
        id: PlanId,
        /// Behind this row.
        after: Option<u64>,
        /// At most so many rows.
        limit: u32,
    },
    /// A plan that waits is applied.
    PlanApply {
        /// Which.
        id: PlanId,
        /// Why the limit that stopped it is passed over.
        reason: Option<String>,
    },
    /// A plan that waits is thrown away.
    PlanDiscard {
        /// Which.
        id: PlanId,
    },
    /// A change is taken back.
    ChangesUndo {
        /// Which.
        id: u64,
    },
    /// The list as text, a page at a time.
    Export {
        /// Which.
        domain: DomainName,
        /// How.
        format: ExportFormat,
        /// Behind this local part, in byte order.
        after: Option<LocalPart>,
    },
    /// The change log, newest first.
    ChangesList {
        /// Of one domain.
        domain: Option<DomainName>,
        /// Older than this entry.
        before: Option<u64>,
        /// At most so many.
        limit: u32,
    },
    /// One change with what was there before and after, a page at a time.
    ChangesShow {
        /// Which.
        id: u64,
        /// Behind this row.
        after: Option<u64>,
        /// At most so many rows.
        limit: u32,
    },
    /// Messages that wait.
    QueueList {
        /// Which.
        filter: QueueFilter,
    },
    /// One message that waits.
    QueueShow {
        /// Which.
        id: QueueId,
    },
    /// Retry, hold, release or delete messages that wait.
    QueueOrder {
        /// What.
        order: QueueOrder,
        /// With which.
        selection: QueueSelection,
    },
    /// The mail log, newest first.
    Log {
        /// What to look for.
        filter: MailFilter,
    },
    /// Somebody becomes an admin or an auditor.
    AdminCreate {
        /// Who: the address is the login.
        email: Address,
        /// Of what.
        of: AdminOf,
        /// Only looks.
        auditor: bool,
        /// With this password.
        password: Option<Password>,
    },
    /// What other tenants offer to a login.
    Membership {
        /// Which login.
        login: String,
        /// What is done.
        what: MembershipAction,
    },
    /// A key of the API.
    KeyCreate(Box<NewApiKey>),
    /// Keys, in the order of their numbers.
    KeyList {
        /// Behind this one.
        after: Option<u32>,
    },
    /// A key is good no more.
    KeyRevoke {
        /// Which.
        id: u32,
    },
    /// Something about the audit.
    Audit(AuditRequest),
    /// Technical contacts, and whether they get notices.
    Contacts {
        /// What is done.
        what: ContactAction,
    },
    /// Senders allowed and blocked.
    Senders {
        /// For whom.
        of: RulesOf,
        /// What is done.
        what: SenderAction,
    },
}

/// A file to be imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportFile {
    /// Into which list.
    pub domain: DomainName,
    /// The name under which the file owns its claims.
    pub source: String,
    /// What the file is called.
    #[serde(default)]
    pub name: Option<String>,
    /// The file.
    pub file: FileBytes,
    /// How it is written; found out if it is not said.
    #[serde(default)]
    pub format: Option<String>,
    /// What its columns are: `column=field`.
    #[serde(default)]
    pub columns: Vec<String>,
    /// What the source claimed before and the file has not goes.
    #[serde(default)]
    pub mirror: bool,
    /// Write it; otherwise the plan alone is shown.
    #[serde(default)]
    pub apply: bool,
    /// Write it over the limits, for this reason.
    #[serde(default)]
    pub reason: Option<String>,
}
