//! "Send the file to us": a link that takes one file, once, without a login. What comes is planned, and waits for the
//! operator. Must not know how the page looks.

use super::{FileInput, ImportReport, check_source};
use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::apply_source::Then;
use crate::caller::Caller;
use crate::error::{ActionError, ErrorKind};
use crate::services::Services;
use doorlist_core::access::{KeyLimits, KeyTerms};
use doorlist_core::address::DomainName;
use doorlist_core::change::PlanId;
use doorlist_core::time::Timestamp;
use doorlist_store::recipients::EXAMPLES_MAX;
use doorlist_store::source_book::UploadLink;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// A link can be used for so long, unless it is said otherwise.
pub const LINK_TERM: Duration = Duration::from_hours(7 * 24);
/// The longest that a link can be used.
pub const LINK_TERM_MAX: Duration = Duration::from_hours(90 * 24);

/// A link that was made. The token is shown once and kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadRequest {
    /// Whose list it is for.
    pub domain: DomainName,
    /// What stands behind `/upload/` in the link.
    pub token: String,
    /// The link as far as we know our own name.
    pub url: Option<String>,
    pub expires: Timestamp,
}

/// What whoever handed a file in is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadAnswer {
    /// The plan that waits for the operator; `None`: the list is so already.
    pub plan: Option<PlanId>,
    /// How the file was read.
    pub format: String,
    /// Number of addresses in it.
    pub addresses: u64,
    /// Number of bad rows.
    pub bad_rows: u64,
}

/// Makes a link behind which a customer hands in a file, without a login.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImportRequest {
    /// The domain that the file is for.
    pub domain: DomainName,
    /// The name under which the file will own its claims.
    pub source: String,
    /// Days for which the link can be used: 1 to 90, by default 7.
    pub days: Option<u16>,
}

impl Action for ImportRequest {
    type Answer = UploadRequest;

    fn reach(&self) -> Reach {
        Reach::domain(&self.domain, false)
    }

    async fn run(self, actions: &Actions) -> Result<UploadRequest, ActionError> {
        let services = &actions.services;
        let term = self.days.map_or(LINK_TERM, |days| Duration::from_hours(24 * u64::from(days)));
        let details = services.domain_details(&self.domain).await?.summary;
        let now = actions.now();
        // It is good from everywhere until its term is over.
        let limits = KeyLimits { domains: Some(vec![details.id]), ..KeyLimits::default() };
        actions.may_make(&KeyTerms { limits, expires: Some(now + term) })?;
        if term.is_zero() || term > LINK_TERM_MAX {
            return Err(ActionError::new(ErrorKind::Usage, "a link must expire after 1 to 90 days"));
        }
        check_source(&self.source)?;
        let token = services.secrets.token().map_err(|why| ActionError::new(ErrorKind::Store, why))?;
        let link = UploadLink {
            token_hash: services.secrets.hash(&token),
            domain: details.name.clone(),
            source: self.source,
            made: now,
            actor: actions.caller().login.clone(),
            expires: now + term,
            used: None,
            plan: None,
        };
        services.book.add_link(&link).await??;
        let url = services.web_base.as_ref().map(|base| format!("{}/upload/{token}", base.trim_end_matches('/')));
        Ok(UploadRequest { domain: details.name, token, url, expires: link.expires })
    }
}

impl Services {
    /// For which domain a link takes a file; an error that fits the page if it takes none.
    ///
    /// # Errors
    /// When there is no such link, it was used, or its time is over: not to be told apart.
    pub async fn upload_link(&self, token: &str) -> Result<DomainName, ActionError> {
        let link = self.book.link(&self.secrets.hash(token)).await?;
        let link = link.filter(|link| link.used.is_none() && link.expires > self.now());
        link.map(|link| link.domain).ok_or_else(no_link)
    }

    /// Takes the file of a link. A file that cannot be read leaves the link as it was; of two that come at once, one is
    /// taken.
    ///
    /// # Errors
    /// When the link takes no file, or the file is no list.
    pub async fn upload(
        self: &Arc<Self>,
        token: &str,
        file_name: &str,
        bytes: Vec<u8>,
    ) -> Result<UploadAnswer, ActionError> {
        let (services, token, file_name) = (Arc::clone(self), token.to_owned(), file_name.to_owned());
        let job = async move { Box::pin(services.take_upload(&token, &file_name, &bytes)).await };
        self.work.run(job).await?
    }

    async fn take_upload(
        self: &Arc<Self>,
        token: &str,
        file_name: &str,
        bytes: &[u8],
    ) -> Result<UploadAnswer, ActionError> {
        let hash = self.secrets.hash(token);
        let link = self.book.link(&hash).await?.ok_or_else(no_link)?;
        if !self.book.use_link(&hash, self.now()).await? {
            return Err(no_link());
        }
        let input = FileInput {
            domain: &link.domain,
            source: Some(&link.source),
            name: Some(file_name),
            bytes,
            format: None,
            columns: &[],
            mirror: false,
            clean: false,
            examples_max: EXAMPLES_MAX,
        };
        match Actions::of(self, Caller::upload_link(&link.actor)).import(&input, Then::Wait).await {
            Err(error) => {
                self.book.end_link(&hash, None).await?;
                Err(error)
            }
            Ok(report) => {
                self.book.end_link(&hash, report.plan.plan).await?;
                self.tell_of_upload(&link, file_name, &report).await;
                Ok(UploadAnswer {
                    plan: report.plan.plan,
                    format: report.reading.format,
                    addresses: report.reading.addresses,
                    bad_rows: report.reading.problems_total,
                })
            }
        }
    }

    async fn tell_of_upload(&self, link: &UploadLink, file_name: &str, report: &ImportReport) {
        let Some(to) = &self.operator else { return };
        let applied = &report.plan.applied;
        let next = match report.plan.plan {
            Some(id) => {
                format!("Review it with `doorlist plan show {0}`, apply it with `doorlist plan apply {0}`.", id.0)
            }
            None => "The list already has these addresses; there is nothing to do.".to_owned(),
        };
        let text = format!(
            "A file was uploaded for {}: {file_name}.\n\n{} would be added, {} changed; {} rows could not be \
             read.\n{next}\n",
            link.domain, applied.added, applied.changed, report.reading.problems_total
        );
        // The plan waits either way, and `plan list` shows it.
        self.tell_named_by_operator(
            std::slice::from_ref(to),
            &format!("Uploaded list of {} is pending", link.domain),
            &text,
        )
        .await;
    }
}

fn no_link() -> ActionError {
    ActionError::new(ErrorKind::NotFound, "this link is not valid: it was used, or it has expired. Ask for a new one")
}
