//! The answer to a request, as it travels, and the exit code that a script gets. Must not know how it is printed.

use crate::accounts::AccountReport;
use crate::admins::AdminCreated;
use crate::aliases::SuggestedAlias;
use crate::audit::{AuditHead, AuditPartChecked, AuditRow, AuditVerdict};
use crate::candidates::CandidateEntry;
use crate::changes::ChangePage;
use crate::check::CheckReport;
use crate::contacts::{ContactConfirmed, ContactPage};
use crate::domains::{CompletenessReport, DomainAdded, PreviewReport, RouteStanding, ServerProbe, UnlistedReport};
use crate::export::ExportPage;
use crate::harvest::{FlaggedSource, HarvestReleased, HarvestReport};
use crate::imports::{ImportReport, UploadRequest};
use crate::keys::{KeyEntry, KeyRevoked, MadeKey};
use crate::plans::PlanPage;
use crate::ports::TestReport;
use crate::pushes::PushReport;
use crate::queue::{QueueEntry, QueueShape};
use crate::senders::{SenderRuleChange, SenderRuleEntry};
use crate::sources::SourceEntry;
use crate::status::StatusReport;
use crate::syncs::SyncReport;
use doorlist_core::change::PlanId;
use doorlist_core::harvest::Block;
use doorlist_core::policy::Verdict;
use doorlist_core::time::Timestamp;
use doorlist_store::logins::{MembershipRow, RoleRow};
use doorlist_store::mail_log::LoggedMail;
use doorlist_store::recipients::{AccountDetails, Applied, ChangeEntry, DomainDetails, DomainSummary, PlanEntry};
use doorlist_store::source_book::RunRecord;
use serde::{Deserialize, Serialize};

/// The answer to a [`Request`](crate::Request): which answer belongs to which request stands in its table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer", content = "with")]
pub enum Response {
    Checked(CheckReport),
    Status(StatusReport),
    DomainAdded(DomainAdded),
    Domains(Vec<DomainSummary>),
    Domain(DomainDetails),
    Unlisted(UnlistedReport),
    Preview(PreviewReport),
    Completeness(CompletenessReport),
    Routes(Vec<RouteStanding>),
    Probed(Vec<ServerProbe>),
    Applied(Applied),
    Account(AccountReport),
    Accounts(Vec<AccountDetails>),
    AliasSuggestions(Vec<SuggestedAlias>),
    Candidates(Vec<CandidateEntry>),
    Import(ImportReport),
    Export(ExportPage),
    Changes(Vec<ChangeEntry>),
    Change(ChangePage),
    Source(SourceEntry),
    Sources(Vec<SourceEntry>),
    SyncTested(TestReport),
    Synced(Box<SyncReport>),
    SyncRuns(Vec<RunRecord>),
    Pushed(PushReport),
    UploadRequest(UploadRequest),
    Plans(Vec<PlanEntry>),
    Plan(PlanPage),
    Discarded(PlanId),
    Queue(Vec<QueueEntry>),
    QueueMessage(QueueEntry),
    QueueShape(QueueShape),
    QueueDone(u64),
    Log(Vec<LoggedMail>),
    Storage(Option<String>),
    Memberships(Vec<MembershipRow>),
    Admins(Vec<RoleRow>),
    AdminCreated(AdminCreated),
    KeyMade(MadeKey),
    Keys(Vec<KeyEntry>),
    KeyRevoked(KeyRevoked),
    AuditLines(Vec<AuditRow>),
    AuditHead(AuditHead),
    AuditVerified(AuditVerdict),
    AuditPartChecked(AuditPartChecked),
    Contacts(ContactPage),
    ContactConfirmed(ContactConfirmed),
    SenderRule(SenderRuleChange),
    SenderRules(Vec<SenderRuleEntry>),
    Harvest(HarvestReport),
    HarvestSources(Vec<FlaggedSource>),
    HarvestBlocked(Block),
    HarvestReleased(HarvestReleased),
    HarvestExtended(Timestamp),
}

impl Response {
    /// 0 done, 2 a dry run that would change something, 3 refused and 4 deferred of `check`.
    pub fn exit_code(&self) -> u8 {
        match self {
            Response::Checked(report) => exit_code(report.decision.verdict),
            Response::Import(ImportReport { plan, .. }) | Response::Pushed(PushReport { plan, .. }) => plan.exit_code(),
            Response::Synced(report) => report.exit_code(),
            Response::SyncTested(report) if !report.good => 1,
            Response::AuditVerified(verdict) if !verdict.is_whole() => 1,
            _ => 0,
        }
    }
}

/// The exit code of `check`.
pub fn exit_code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Accept => 0,
        Verdict::Reject => 3,
        Verdict::Defer => 4,
    }
}
