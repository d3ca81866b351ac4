//! What a person or a script can ask for, as data: the one table of requests. Each stands in the file of its action, with
//! its arguments, its answer, what it reaches and how it is done; here it gets the name under which it travels. Must not
//! know how it was typed or sent.

use crate::accounts::{AccountAdd, AccountConfirm, AccountList, AccountRemove, AccountShow};
use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::admins::{AdminCreate, AdminList, AdminRemove, MembershipAccept, MembershipDecline, MembershipList};
use crate::aliases::{AliasAdd, AliasPromote, AliasReassign, AliasRemove, AliasSuggest};
use crate::audit::{AuditCheckPart, AuditHeadShow, AuditList, AuditVerify};
use crate::candidates::{CandidateAdd, CandidateAlias, CandidateIgnore, CandidateList, CandidateRefuse};
use crate::changes::{ChangesList, ChangesShow, ChangesUndo};
use crate::check::Check;
use crate::contacts::{ContactConfirm, ContactList};
use crate::domains::{
    DomainAdd, DomainAliasAdd, DomainAliasRemove, DomainCompleteness, DomainList, DomainMode, DomainPreview,
    DomainProbe, DomainRemove, DomainRoutes, DomainSet, DomainShow, DomainUnlisted,
};
use crate::error::ActionError;
use crate::export::Export;
use crate::harvest::{HarvestBlock, HarvestExtend, HarvestRelease, HarvestSources, HarvestStatus};
use crate::imports::{ImportFile, ImportRequest};
use crate::keys::{KeyList, KeyRevoke, NewApiKey};
use crate::mail_log::MailLogSearch;
use crate::plans::{PlanApply, PlanDiscard, PlanList, PlanShow};
use crate::pushes::Push;
use crate::queue::{QueueList, QueueMove, QueueShow, QueueSummary};
use crate::response::Response;
use crate::senders::{SenderList, SenderPut, SenderRemove};
use crate::sources::{PutSource, SourceList, SourceRemove, SourceShow};
use crate::status::Status;
use crate::storage::StorageCheck;
use crate::syncs::{SyncHistory, SyncPreview, SyncRun, SyncTest};
use serde::de::{Error as _, IntoDeserializer, value::Error as NameError};
use serde::{Deserialize, Deserializer, Serialize};

/// An action with its arguments. It travels as an object whose `action` says which.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Request {
    /// A request that changes nothing.
    Query(Query),
    /// A request that changes something.
    Change(Change),
}

/// A request whose answer is known by its type.
pub trait TypedRequest: Into<Request> {
    type Answer;

    /// The answer in a response to it; any other response is given back.
    ///
    /// # Errors
    /// The response, which comes from a server of another version.
    fn answer(response: Response) -> Result<Self::Answer, Box<Response>>;
}

/// A closed set of requests: its enum, and what each of them does.
macro_rules! requests {
    ($(#[$about:meta])* $set:ident { $($name:ident($action:ty) => $answer:ident,)* }) => {
        $(#[$about])*
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case", tag = "action")]
        pub enum $set {
            $($name($action),)*
        }

        impl $set {
            /// All of the set, as their variants are written.
            pub const NAMES: &[&str] = &[$(stringify!($name),)*];

            /// Whether one of them has this name.
            fn knows(name: &str) -> bool {
                #[derive(Deserialize)]
                #[serde(rename_all = "snake_case")]
                enum Name {
                    $($name,)*
                }
                Name::deserialize(IntoDeserializer::<NameError>::into_deserializer(name)).is_ok()
            }

            fn reach(&self) -> Reach {
                match self {
                    $($set::$name(action) => action.reach(),)*
                }
            }

            fn is_heavy(&self) -> bool {
                match self {
                    $($set::$name(action) => action.is_heavy(),)*
                }
            }

            async fn run(self, actions: &Actions) -> Result<Response, ActionError> {
                match self {
                    $($set::$name(action) => Box::pin(action.run(actions)).await.map(Response::$answer),)*
                }
            }
        }

        $(
            impl From<$action> for Request {
                fn from(action: $action) -> Self {
                    Request::$set($set::$name(action))
                }
            }

            impl TypedRequest for $action {
                type Answer = <$action as Action>::Answer;

                fn answer(response: Response) -> Result<Self::Answer, Box<Response>> {
                    match response {
                        Response::$answer(answer) => Ok(answer),
                        other => Err(Box::new(other)),
                    }
                }
            }
        )*
    };
}

requests! {
    /// Requests that change nothing.
    Query {
        Check(Check) => Checked,
        Status(Status) => Status,
        DomainList(DomainList) => Domains,
        DomainShow(DomainShow) => Domain,
        DomainUnlisted(DomainUnlisted) => Unlisted,
        DomainPreview(DomainPreview) => Preview,
        DomainCompleteness(DomainCompleteness) => Completeness,
        DomainRoutes(DomainRoutes) => Routes,
        DomainProbe(DomainProbe) => Probed,
        AccountShow(AccountShow) => Account,
        AccountList(AccountList) => Accounts,
        AliasSuggest(AliasSuggest) => AliasSuggestions,
        CandidateList(CandidateList) => Candidates,
        Export(Export) => Export,
        ChangesList(ChangesList) => Changes,
        ChangesShow(ChangesShow) => Change,
        PlanList(PlanList) => Plans,
        PlanShow(PlanShow) => Plan,
        SourceList(SourceList) => Sources,
        SourceShow(SourceShow) => Source,
        SyncTest(SyncTest) => SyncTested,
        SyncPreview(SyncPreview) => Synced,
        SyncHistory(SyncHistory) => SyncRuns,
        QueueList(QueueList) => Queue,
        QueueShow(QueueShow) => QueueMessage,
        QueueSummary(QueueSummary) => QueueShape,
        Log(MailLogSearch) => Log,
        StorageCheck(StorageCheck) => Storage,
        MembershipList(MembershipList) => Memberships,
        AdminList(AdminList) => Admins,
        KeyList(KeyList) => Keys,
        AuditList(AuditList) => AuditLines,
        AuditHead(AuditHeadShow) => AuditHead,
        AuditVerify(AuditVerify) => AuditVerified,
        AuditCheckPart(AuditCheckPart) => AuditPartChecked,
        ContactList(ContactList) => Contacts,
        SenderList(SenderList) => SenderRules,
        HarvestStatus(HarvestStatus) => Harvest,
        HarvestSources(HarvestSources) => HarvestSources,
    }
}

requests! {
    /// Requests that change something.
    Change {
        DomainAdd(DomainAdd) => DomainAdded,
        DomainRemove(DomainRemove) => Applied,
        DomainMode(DomainMode) => Applied,
        DomainSet(DomainSet) => Applied,
        DomainAliasAdd(DomainAliasAdd) => Applied,
        DomainAliasRemove(DomainAliasRemove) => Applied,
        AccountAdd(AccountAdd) => Applied,
        AccountRemove(AccountRemove) => Applied,
        AccountConfirm(AccountConfirm) => Applied,
        AliasAdd(AliasAdd) => Applied,
        AliasRemove(AliasRemove) => Applied,
        AliasReassign(AliasReassign) => Applied,
        AliasPromote(AliasPromote) => Applied,
        CandidateAdd(CandidateAdd) => Applied,
        CandidateAlias(CandidateAlias) => Applied,
        CandidateRefuse(CandidateRefuse) => Applied,
        CandidateIgnore(CandidateIgnore) => Candidates,
        Import(Box<ImportFile>) => Import,
        ImportRequest(ImportRequest) => UploadRequest,
        SourcePut(Box<PutSource>) => Source,
        SourceRemove(SourceRemove) => Applied,
        SyncRun(SyncRun) => Synced,
        Push(Push) => Pushed,
        PlanApply(PlanApply) => Applied,
        PlanDiscard(PlanDiscard) => Discarded,
        ChangesUndo(ChangesUndo) => Applied,
        QueueOrder(QueueMove) => QueueDone,
        AdminCreate(AdminCreate) => AdminCreated,
        AdminRemove(AdminRemove) => Admins,
        MembershipAccept(MembershipAccept) => Memberships,
        MembershipDecline(MembershipDecline) => Memberships,
        KeyCreate(Box<NewApiKey>) => KeyMade,
        KeyRevoke(KeyRevoke) => KeyRevoked,
        ContactConfirm(ContactConfirm) => ContactConfirmed,
        SenderPut(SenderPut) => SenderRule,
        SenderRemove(SenderRemove) => SenderRule,
        HarvestBlock(HarvestBlock) => HarvestBlocked,
        HarvestRelease(HarvestRelease) => HarvestReleased,
        HarvestExtend(HarvestExtend) => HarvestExtended,
    }
}

impl Request {
    /// What it touches, and whether it may come from another machine.
    pub fn reach(&self) -> Reach {
        match self {
            Request::Query(query) => query.reach(),
            Request::Change(change) => change.reach(),
        }
    }

    pub(crate) fn is_heavy(&self) -> bool {
        match self {
            Request::Query(query) => query.is_heavy(),
            Request::Change(change) => change.is_heavy(),
        }
    }

    pub(crate) async fn run(self, actions: &Actions) -> Result<Response, ActionError> {
        match self {
            Request::Query(query) => query.run(actions).await,
            Request::Change(change) => change.run(actions).await,
        }
    }
}

/// By its name: what is wrong with a request is then told of the very one that is meant.
impl<'de> Deserialize<'de> for Request {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(from)?;
        let name = value.get("action").and_then(|name| name.as_str()).unwrap_or_default();
        let read = match (Query::knows(name), Change::knows(name)) {
            (true, _) => Query::deserialize(value).map(Request::Query),
            (false, true) => Change::deserialize(value).map(Request::Change),
            (false, false) => return Err(D::Error::custom(format_args!("unknown action {name:?}"))),
        };
        read.map_err(D::Error::custom)
    }
}
