//! Everything that a person or a script can do, on the store and the rules: one place for permission, limits, confirmation,
//! the line in the change log, and the change itself, whichever surface asks.
//!
//! A surface makes [`Actions`] for a [`Caller`] and gives it a [`Request`], plain data that travels over a socket unchanged;
//! a [`Response`] comes back. Each request is a struct in the file of its action; `request.rs` is the table of all of them.
//! The API's objects are changed by methods of the same files. What actions need of the outside are the traits of `ports`
//! and [`QueueControl`]. Must not know SQL, sockets, SMTP, or how an answer is printed.

mod accounts;
mod action;
mod actions;
mod admins;
mod aliases;
mod apply_source;
mod audit;
mod caller;
mod candidates;
mod changes;
mod check;
mod contacts;
mod domains;
mod error;
mod export;
mod harvest;
mod imports;
mod keys;
mod learning;
mod mail_log;
mod permission;
mod plans;
mod ports;
mod pushes;
mod queue;
mod request;
mod response;
mod retention;
mod senders;
mod services;
mod sources;
mod status;
mod storage;
mod syncs;
mod tenants;
mod time_text;
mod work_pool;

pub use accounts::{
    ADDRESSES_MAX, AccountAdd, AccountConfirm, AccountList, AccountPatch, AccountRemove, AccountReport, AccountShow,
    BulkAdded, NewAccount, TIMELINE_MAX, TimelineEntry, TimelineEvent,
};
pub use action::Reach;
pub use actions::{Actions, Editable};
pub use admins::{
    AdminCreate, AdminCreated, AdminList, AdminOf, AdminRemove, MembershipAccept, MembershipDecline, MembershipList,
    NewAdmin,
};
pub use aliases::{AliasAdd, AliasPromote, AliasReason, AliasReassign, AliasRemove, AliasSuggest, SuggestedAlias};
pub use apply_source::PlanReport;
pub use audit::{
    AuditCheckPart, AuditEvent, AuditHead, AuditHeadShow, AuditLink, AuditList, AuditNews, AuditNote, AuditPartCheck,
    AuditPartChecked, AuditPlace, AuditRecord, AuditRow, AuditTerms, AuditVerdict, AuditVerify, AuditWriter,
    HeadFinding,
};
pub use caller::{Caller, Credentials};
pub use candidates::{CandidateAdd, CandidateAlias, CandidateEntry, CandidateIgnore, CandidateList, CandidateRefuse};
pub use changes::{ChangePage, ChangesList, ChangesShow, ChangesUndo};
pub use check::{Check, CheckReport, MissingClaim};
pub use contacts::{ContactConfirm, ContactConfirmed, ContactList, ContactPage};
pub use domains::{
    CompletenessOfAll, CompletenessReport, DomainAdd, DomainAdded, DomainAliasAdd, DomainAliasRemove,
    DomainCompleteness, DomainList, DomainMode, DomainPatch, DomainPreview, DomainProbe, DomainRemove, DomainRoutes,
    DomainSet, DomainShow, DomainUnlisted, ENFORCE_LOOK_DAYS, Enforcement, MISSING_MAX, MissingRecipient, ModeWish,
    NewDomain, NewServer, PREVIEW_NAMES_MAX, PreviewReport, PreviewedRecipient, RouteStanding, ServerPatch,
    ServerProbe, ServerSetup, SetupStep, UNLISTED_MAX, UnlistedRecipient, UnlistedReport, VERIFICATION_NAME,
    VERIFICATION_WORD,
};
pub use doorlist_store::contact_book::{ContactStanding, KnownContact};
pub use doorlist_store::mail_policy::RuleOwner;
pub use error::{ActionError, ErrorKind};
pub use export::{Export, ExportFormat, ExportPage};
pub use harvest::{
    FlaggedSource, HARVEST_SOURCES_MAX, HarvestBlock, HarvestDomain, HarvestExtend, HarvestNames, HarvestRelease,
    HarvestReleased, HarvestReport, HarvestSources, HarvestStatus, HarvestTarget,
};
pub use imports::{
    FileBytes, FileReading, ImportFile, ImportReport, ImportRequest, LINK_TERM, LINK_TERM_MAX, UploadAnswer,
    UploadRequest,
};
pub use keys::{KeyEntry, KeyList, KeyRevoke, KeyRevoked, MadeKey, NewApiKey};
pub use learning::{Learned, Learner};
pub use mail_log::MailLogSearch;
pub use permission::Reached;
pub use plans::{PlanApply, PlanDiscard, PlanList, PlanPage, PlanShow};
pub use ports::{
    AuditArchive, AuditPart, DirectoryReader, DirectoryReading, NoNotifier, Notifier, ReadFailure, ReadWish,
    SecretStore, ServerState, TestReport, TestStep, TxtLookup, Waited,
};
pub use pushes::{
    ITEM_OCTETS_MAX, ITEMS_MAX, PART_ITEMS_MAX, PARTS_MAX, PUSH_WINDOW, PartTaken, PartWish, Push, PushAnswer,
    PushFault, PushItem, PushPartOf, PushReader, PushReport, PushState, PushWish,
};
pub use queue::{
    AGES_MINUTES, QueueAges, QueueAnswer, QueueControl, QueueEntry, QueueFilter, QueueList, QueueMatch, QueueMove,
    QueueOrder, QueueRecipient, QueueSelection, QueueShape, QueueShow, QueueState, QueueSummary, SpoolQueue,
};
pub use request::{Change, Query, Request, TypedRequest};
pub use response::{Response, exit_code};
pub use retention::RetentionTerms;
pub use senders::{
    NewSenderRule, RulesOf, SENDER_PAGE, SenderList, SenderPut, SenderRemove, SenderRuleChange, SenderRuleEntry,
};
pub use services::{Clock, Services};
pub use sources::{
    EVERY_MINUTES, EVERY_MINUTES_MAX, EVERY_MINUTES_MIN, Password, PutSource, SourceEntry, SourceList, SourceRemove,
    SourceSettings, SourceShow, Tell,
};
pub use status::{DomainStatus, FailingSource, QueueStatus, ServerStatus, SourceStatus, Status, StatusReport};
pub use storage::StorageCheck;
pub use syncs::{SyncHistory, SyncPreview, SyncReport, SyncRun, SyncTest, UNPAGED, returned_nothing};
pub use work_pool::{JOBS_MAX, WorkPool};
