//! The office: one function per action of a person or a script, on the store and the rules.
//!
//! The command line and the control socket call these, later the API and the page too; nothing of an action is written
//! twice. A [`Request`] goes in, a [`Response`] comes out, both plain data that travel over a socket unchanged. What
//! the office needs of the world it declares as traits ([`QueueControl`], [`DirectoryReader`], [`Vault`], [`Notices`]). It must not know SQL, sockets, SMTP,
//! or how an answer is printed.

mod accounts;
mod audit_trail;
mod change_log;
mod check;
mod connections;
mod contacts;
pub mod desk;
mod domains;
mod error;
mod export;
mod file_bytes;
mod guarded;
mod import;
mod json_list;
mod logins;
mod office;
mod plans;
mod push;
mod push_parts;
mod push_reader;
mod queue;
mod remote;
mod request;
mod response;
mod retention;
mod senders;
mod server_setup;
mod spool_queue;
mod sync;
mod sync_report;
mod uploads;
mod work_pool;
mod world;

pub use accounts::ADDRESSES_MAX;
pub use audit_trail::{
    AuditAnswer, AuditEvent, AuditHead, AuditLink, AuditNews, AuditNote, AuditPartCheck, AuditRecord, AuditRequest,
    AuditRow, AuditTerms, AuditVerdict, AuditWriter, HeadFinding,
};
pub use connections::{
    EVERY_MINUTES, EVERY_MINUTES_MAX, EVERY_MINUTES_MIN, Password, PutSource, SourceEntry, SourceSettings, Tell,
};
pub use contacts::ContactAction;
pub use doorlist_store::contact_book::{KnownContact, Standing};
pub use error::{ActionError, ErrorKind};
pub use file_bytes::FileBytes;
pub use guarded::PlanReport;
pub use logins::{AdminOf, KeyEntry, MadeKey, MembershipAction, NewApiKey};
pub use office::{Clock, Office};
pub use push::{ITEMS_MAX, PushItem, PushReport};
pub use push_parts::{PART_ITEMS_MAX, PARTS_MAX, PartTaken, PartWish, PushAnswer};
pub use push_reader::{ITEM_OCTETS_MAX, PushFault, PushReader, PushState};
pub use queue::{
    QueueAnswer, QueueControl, QueueEntry, QueueFilter, QueueOrder, QueueRecipient, QueueSelection, QueueState,
};
pub use remote::{Reach, Reached, reach};
pub use request::{ExportFormat, ImportFile, ModeWish, Request};
pub use response::{AccountReport, CheckReport, DomainAdded, ExportPage, FileReading, ImportReport, Response};
pub use retention::RetentionTerms;
pub use senders::{RulesOf, SENDER_PAGE, SenderAction, SenderRuleChange, SenderRuleEntry};
pub use server_setup::{ServerSetup, SetupStep};
pub use spool_queue::SpoolQueue;
pub use sync_report::SyncReport;
pub use uploads::{LINK_TERM, LINK_TERM_MAX, UploadAnswer, UploadRequest};
pub use work_pool::{JOBS_MAX, WorkPool};
pub use world::{
    AuditArchive, AuditPart, DirectoryReader, DirectoryReading, NoNotices, Notices, Proofs, ReadFailure, ReadWish,
    TestReport, TestStep, Vault, Waited,
};
