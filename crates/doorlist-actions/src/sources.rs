//! Connections to directories: added, changed, shown, removed. Must not know how a directory is read.

use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use crate::imports::check_source;
use crate::services::Services;
use doorlist_core::address::{Address, DomainName};
use doorlist_core::change::{Change, Source};
use doorlist_core::connection::{DirectoryConnection, LdapBind};
use doorlist_core::shrink_guard::OperationLimits;
use doorlist_core::source_rows;
use doorlist_core::time::Timestamp;
use doorlist_store::recipients::{Applied, Coverage, EXAMPLES_MAX, Note, SourcePlan};
use doorlist_store::source_book::{SourceHealth, StoredConnection};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Minutes between two readings, unless it is said otherwise.
pub const EVERY_MINUTES: u32 = 60;
/// The shortest time between two readings.
pub const EVERY_MINUTES_MIN: u32 = 5;
/// The longest: a directory is read once a day at least.
pub const EVERY_MINUTES_MAX: u32 = 24 * 60;
/// People who are told.
pub(crate) const RECIPIENTS_MAX: usize = 20;

/// A directory that is read on a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceSettings {
    /// How it is reached and read.
    pub connection: DirectoryConnection,
    pub every_minutes: u32,
    /// How many changes one run may make.
    #[serde(default)]
    pub limits: OperationLimits,
    /// Who is told what came of it.
    #[serde(default)]
    pub recipients: Vec<Address>,
    /// When they are told.
    #[serde(default)]
    pub tell: Tell,
}

/// Adds a directory to be read on a schedule, or changes one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutSource {
    pub name: String,
    /// Whose list it keeps.
    pub domain: DomainName,
    pub settings: SourceSettings,
    /// Its password; without one the kept one stays, if it goes nowhere else than before.
    pub password: Option<Password>,
    /// It is there and changed; otherwise it is new.
    pub replace: bool,
}

/// When people are told of a reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tell {
    Always,
    /// When something changed or went wrong.
    #[default]
    Changes,
    /// When something went wrong or waits for a person.
    Trouble,
}

/// A password on its way. It is never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    pub fn new(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// As typed into a terminal or a file.
    pub(crate) fn without_line_end(&self) -> Self {
        Self(self.0.trim_end_matches(['\r', '\n']).to_owned())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// A connection as people see it; its password is not among it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceEntry {
    pub name: String,
    /// Whose list it keeps.
    pub domain: DomainName,
    pub settings: SourceSettings,
    /// A password is kept for it.
    pub has_password: bool,
    /// When it is read next.
    pub next_run: Timestamp,
    /// When it was last read whole, and taken over.
    pub full_read: Option<Timestamp>,
    /// How its readings go.
    pub health: SourceHealth,
}

impl Action for PutSource {
    type Answer = SourceEntry;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    /// Its password is asked for anew when it would go elsewhere than before.
    async fn run(self, actions: &Actions) -> Result<SourceEntry, ActionError> {
        let Self { name, domain, settings, password, replace } = self;
        let services = &actions.services;
        check_source(&name)?;
        check_settings(&settings)?;
        let domain = services.domain_details(&domain).await?.summary.name;
        let before = services.book.connection(&name).await?;
        let usage = |message: String| Err(ActionError::new(ErrorKind::Refused, message));
        match (&before, replace) {
            (Some(_), false) => return usage(format!("source {name} already exists; change it with `source set`")),
            (None, true) => return Err(no_source(&name)),
            _ => {}
        }
        let secret = match (&password, &before) {
            (Some(password), _) => Some(services.seal(&name, password)?),
            (None, Some(before)) => kept_secret(before, &settings)?,
            (None, None) => None,
        };
        if secret.is_none() && matches!(settings.connection.bind, LdapBind::Simple { .. }) {
            let message = format!("source {name} needs a bind password; give it with --password-file");
            return Err(ActionError::new(ErrorKind::Usage, message));
        }
        let text = serde_json::to_string(&settings).map_err(|e| ActionError::new(ErrorKind::Store, e.to_string()))?;
        let stored = StoredConnection {
            name,
            domain,
            settings: text,
            secret,
            marker: None,
            next_run: actions.now(),
            full_read: None,
            health: before.map(|before| before.health).unwrap_or_default(),
        };
        services.book.put_connection(&stored).await?;
        entry(&stored)
    }
}

/// Lists the sources of all domains.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SourceList;

impl Action for SourceList {
    type Answer = Vec<SourceEntry>;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Vec<SourceEntry>, ActionError> {
        actions.services.book.connections().await?.iter().map(entry).collect()
    }
}

/// Shows a source without its password.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SourceShow {
    pub name: String,
}

impl Action for SourceShow {
    type Answer = SourceEntry;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<SourceEntry, ActionError> {
        entry(&actions.services.stored_source(&self.name).await?)
    }
}

/// Removes a source. What it claims stays, or is withdrawn with it, as one change that can be undone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SourceRemove {
    pub name: String,
    /// Withdraw what it claims.
    pub withdraw: bool,
}

impl Action for SourceRemove {
    type Answer = Applied;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    fn is_heavy(&self) -> bool {
        true
    }

    async fn run(self, actions: &Actions) -> Result<Applied, ActionError> {
        let (services, name) = (&actions.services, self.name.as_str());
        let stored = services.stored_source(name).await?;
        let source = Source::Directory(name.to_owned());
        let mut applied = Applied { version: services.recipients.snapshot().version(), ..Applied::default() };
        if self.withdraw {
            let plan = SourcePlan {
                domain: &stored.domain,
                source: &source,
                list: &source_rows::NormalizedRows::default(),
                coverage: Coverage::Ended,
                file: None,
                examples_max: EXAMPLES_MAX,
            };
            let summary = format!("{source} removed with its recipients");
            if let Some(id) = services.recipients.plan_source(&plan, &actions.actor(), Some(&summary)).await?.id {
                applied = actions.apply(vec![Change::Plan { id }], summary).await?;
            }
        }
        services.book.remove_connection(name).await?;
        let plans = services.recipients.overtake_plans(&stored.domain, &source, services.now()).await?;
        if plans > 0 {
            applied.add_notes(vec![Note::PlansDiscarded { source: name.to_owned(), plans }]);
        }
        Ok(applied)
    }
}

impl Services {
    pub(crate) async fn stored_source(&self, name: &str) -> Result<StoredConnection, ActionError> {
        self.book.connection(name).await?.ok_or_else(|| no_source(name))
    }

    fn seal(&self, name: &str, password: &Password) -> Result<String, ActionError> {
        let text = password.0.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(ActionError::new(ErrorKind::Usage, "the password is empty"));
        }
        self.secrets.seal(&secret_name(name), text.as_bytes()).map_err(|why| ActionError::new(ErrorKind::Store, why))
    }

    /// The password of a connection, for the one who reads.
    pub(crate) fn password_of(&self, stored: &StoredConnection) -> Result<Option<Vec<u8>>, ActionError> {
        let open = |sealed| self.secrets.open(&secret_name(&stored.name), sealed);
        let opened = stored.secret.as_deref().map(open).transpose();
        opened.map_err(|why| {
            let message = format!("cannot read the password of source {}: {why}; set it again", stored.name);
            ActionError::new(ErrorKind::Unavailable, message)
        })
    }
}

fn kept_secret(before: &StoredConnection, settings: &SourceSettings) -> Result<Option<String>, ActionError> {
    let was = settings_of(before)?;
    if before.secret.is_some() && settings.connection.needs_password_again(&was.connection) {
        let message = "server, port, encryption, trusted certificate or bind DN changed: give the password again \
                       with --password-file, so that the stored one is not sent to another server. Nothing was \
                       changed";
        return Err(ActionError::new(ErrorKind::Unconfirmed, message));
    }
    Ok(before.secret.clone())
}

/// What a secret is sealed for: that of another connection cannot be put in its place.
fn secret_name(name: &str) -> String {
    format!("source:{name}")
}

fn check_settings(settings: &SourceSettings) -> Result<(), ActionError> {
    let usage = |message: String| Err(ActionError::new(ErrorKind::Usage, message));
    if let Err(error) = settings.connection.validate() {
        return usage(error.to_string());
    }
    if !(EVERY_MINUTES_MIN..=EVERY_MINUTES_MAX).contains(&settings.every_minutes) {
        return usage(format!(
            "the interval between two syncs must be {EVERY_MINUTES_MIN} to {EVERY_MINUTES_MAX} \
                              minutes"
        ));
    }
    if settings.recipients.len() > RECIPIENTS_MAX {
        return usage(format!("a source has at most {RECIPIENTS_MAX} report addresses"));
    }
    Ok(())
}

pub(crate) fn settings_of(stored: &StoredConnection) -> Result<SourceSettings, ActionError> {
    serde_json::from_str(&stored.settings).map_err(|error| {
        let message = format!("cannot read the settings of source {}: {error}; set them again", stored.name);
        ActionError::new(ErrorKind::Store, message)
    })
}

fn entry(stored: &StoredConnection) -> Result<SourceEntry, ActionError> {
    Ok(SourceEntry {
        name: stored.name.clone(),
        domain: stored.domain.clone(),
        settings: settings_of(stored)?,
        has_password: stored.secret.is_some(),
        next_run: stored.next_run,
        full_read: stored.full_read,
        health: stored.health.clone(),
    })
}

fn no_source(name: &str) -> ActionError {
    ActionError::new(ErrorKind::NotFound, format!("source {name} does not exist; `source list` shows the sources"))
}
