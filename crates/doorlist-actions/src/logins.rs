//! Logins and keys, as the operator makes them by command. Must not know how a key travels.

use crate::connections::Password;
use crate::desk::DeskError;
use crate::error::{ActionError, ErrorKind};
use crate::office::Office;
use doorlist_core::access::{CustomerId, Grant, LoginId, ResellerId, Role, Scope};
use doorlist_core::address::{Address, DomainName};
use doorlist_core::change::Actor;
use doorlist_core::network::Network;
use doorlist_core::time::Timestamp;
use doorlist_store::logins::{KeyLimits, KeyOwner, KeyRecord, KeyRefused, KeyTerms, MembershipRow, NewKey};
use doorlist_store::tenants::{CustomerColumn, ListColumn, Query, ResellerColumn, Value};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Characters of a key that are kept to tell keys apart.
const PREFIX_LEN: usize = 8;
/// Characters of a key's name.
const KEY_NAME_MAX: usize = 100;
/// Keys that one page of a list has.
pub(crate) const KEYS_PAGE: u32 = 1_000;
/// Domains and networks of one key.
const LIMITS_MAX: usize = 100;
/// The longest life that can be given to a key.
const DAYS_MAX: u16 = 3_650;

/// Of whom somebody is to be an admin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminOf {
    /// Of everything: an operator.
    Everything,
    /// Of the reseller of this name.
    Reseller(String),
    /// Of the customer of this name.
    Customer(String),
    /// Of this domain.
    Domain(DomainName),
}

/// What is done about memberships that other tenants offer to a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MembershipAction {
    /// They are listed.
    List,
    /// One is accepted.
    Accept(u32),
    /// One is declined, or given back.
    Decline(u32),
}

/// A key that the operator wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewApiKey {
    /// A login, or the address of an email account.
    pub login: String,
    /// What it is called; the one without a name replaces the former one without a name.
    pub name: String,
    /// It only looks.
    pub read_only: bool,
    /// Only these domains.
    pub domains: Vec<DomainName>,
    /// Only from these networks.
    pub networks: Vec<Network>,
    /// It ends after so many days.
    pub days: Option<u16>,
}

/// A key that was made. It is told once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeKey {
    /// Its number.
    pub id: u32,
    /// Whose it is.
    pub login: String,
    /// The key itself.
    pub key: String,
}

impl std::fmt::Debug for MadeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MadeKey({}, {})", self.id, self.login)
    }
}

/// A key in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEntry {
    /// Its number.
    pub id: u32,
    /// Its first characters.
    pub prefix: String,
    /// Whose it is.
    pub login: String,
    /// What it is called.
    pub name: String,
    /// What it is good for.
    pub limits: KeyLimits,
    /// When it was made.
    pub created: Timestamp,
    /// By whom.
    pub created_by: String,
    /// Until when it is good.
    pub expires: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used: Option<Timestamp>,
}

/// A key to be made.
pub(crate) struct KeyWish<'a> {
    pub(crate) owner: KeyOwner,
    /// Which of the login's grants it has.
    pub(crate) grants: &'a [u64],
    pub(crate) name: &'a str,
    pub(crate) terms: &'a KeyTerms,
    /// What whoever makes it is limited to.
    pub(crate) maker: &'a KeyTerms,
}

impl Office {
    /// Makes somebody an admin or an auditor.
    pub(crate) async fn admin_create(
        &self,
        email: &Address,
        of: &AdminOf,
        auditor: bool,
        password: Option<&Password>,
    ) -> Result<String, ActionError> {
        let scope = self.scope_of(of).await?;
        let role = if auditor { Role::Auditor } else { Role::Admin };
        let hash = match password {
            Some(password) => Some(self.hashed(password.without_line_end()).await?),
            None => None,
        };
        let (address, email) = (email, email.to_string());
        let grant = Grant { role, scope };
        self.logins.grant(&email, &email, (grant, true), hash.as_deref(), (self.clock)()).await??;
        self.vouch_for_admin(address, scope).await?;
        Ok(email)
    }

    /// What the operator does about the memberships of a login; what they are afterwards.
    pub(crate) async fn membership(
        &self,
        login: &str,
        what: MembershipAction,
    ) -> Result<Vec<MembershipRow>, ActionError> {
        let missing = |message: String| ActionError::new(ErrorKind::NotFound, message);
        let found = self.logins.login(login).await?;
        let of = found.ok_or_else(|| missing(format!("there is no login {login}; nothing was changed")))?.id;
        let now = (self.clock)();
        let done = match what {
            MembershipAction::List => true,
            MembershipAction::Accept(id) => self.logins.accept_membership(of, LoginId(id), now).await?,
            MembershipAction::Decline(id) => self.logins.decline_membership(of, LoginId(id)).await?,
        };
        if !done {
            let message = format!("{login} has no such membership; `doorlist admin memberships {login}` shows them");
            return Err(missing(message));
        }
        Ok(self.logins.memberships(of, now).await?)
    }

    /// A password as it is kept. Each hash takes tens of milliseconds and megabytes: it is made by the pool.
    pub(crate) async fn hashed(&self, password: Password) -> Result<String, ActionError> {
        let vault = Arc::clone(&self.vault);
        let hash = move || vault.hash_password(password.text());
        self.work.compute(hash).await?.map_err(|why| ActionError::new(ErrorKind::Usage, why))
    }

    async fn scope_of(&self, of: &AdminOf) -> Result<Scope, ActionError> {
        let everything = self.tenants.seen_by(&doorlist_core::access::Access::operator());
        let missing = |what: &str, name: &str| {
            ActionError::new(ErrorKind::NotFound, format!("there is no {what} {name:?}; it is made over the API"))
        };
        match of {
            AdminOf::Everything => Ok(Scope::All),
            AdminOf::Reseller(name) => {
                let found = everything.resellers(&first(ResellerColumn::Name, name)).await?.rows.pop();
                found.map(|it| Scope::Reseller(ResellerId(it.row.id.0))).ok_or_else(|| missing("reseller", name))
            }
            AdminOf::Customer(name) => {
                let found = everything.customers(&first(CustomerColumn::Name, name)).await?.rows.pop();
                found.map(|it| Scope::Customer(CustomerId(it.row.id.0))).ok_or_else(|| missing("customer", name))
            }
            AdminOf::Domain(name) => Ok(Scope::Domain(self.domain_show(name).await?.summary.id)),
        }
    }

    /// Makes a key of a login or an account.
    pub(crate) async fn key_create(&self, wish: &NewApiKey, actor: &Actor) -> Result<MadeKey, ActionError> {
        let usage = |message: String| Err(ActionError::new(ErrorKind::Usage, message));
        if wish.name.chars().count() > KEY_NAME_MAX || wish.name.chars().any(char::is_control) {
            return usage(format!("a key's name has at most {KEY_NAME_MAX} characters"));
        }
        if wish.domains.len() > LIMITS_MAX || wish.networks.len() > LIMITS_MAX {
            return usage(format!("a key is limited to at most {LIMITS_MAX} domains and networks"));
        }
        if wish.days.is_some_and(|days| days == 0 || days > DAYS_MAX) {
            return usage(format!("a key ends after 1 to {DAYS_MAX} days"));
        }
        let (owner, grants) = self.key_owner(&wish.login).await?;
        let mut domains = Vec::new();
        for name in &wish.domains {
            domains.push(self.domain_show(name).await?.summary.id);
        }
        let limits = KeyLimits {
            read_only: wish.read_only,
            domains: (!domains.is_empty()).then_some(domains),
            networks: wish.networks.clone(),
        };
        let expires = wish.days.map(|days| (self.clock)() + Duration::from_hours(24 * u64::from(days)));
        let (terms, maker) = (KeyTerms { limits, expires }, KeyTerms::default());
        let kept = KeyWish { owner, grants: &grants, name: &wish.name, terms: &terms, maker: &maker };
        let (id, key) = self.make_key(&kept, &actor.name).await?;
        Ok(MadeKey { id, login: wish.login.to_lowercase(), key })
    }

    async fn key_owner(&self, login: &str) -> Result<(KeyOwner, Vec<u64>), ActionError> {
        if let Some(found) = self.logins.login(login).await? {
            return Ok((KeyOwner::Login(found.id), found.grant_numbers()));
        }
        if let Ok(address) = login.parse::<Address>()
            && let Some(found) = self.directory.account(&address).await?
            && found.entry.record.account.is_none()
            && found.entry.record.veto.is_none()
        {
            return Ok((KeyOwner::Account(found.entry.id), Vec::new()));
        }
        let message = format!("there is no login and no email account {login}; `admin create` makes a login");
        Err(ActionError::new(ErrorKind::NotFound, message))
    }

    /// Draws a key and keeps what is needed to know it again.
    pub(crate) async fn make_key(&self, wish: &KeyWish<'_>, by: &str) -> Result<(u32, String), DeskError> {
        let failed = |why| DeskError::Failed(ActionError::new(ErrorKind::Unavailable, why));
        let key = self.vault.key().map_err(failed)?;
        let (hash, prefix) = (self.vault.hash(&key), key.chars().take(PREFIX_LEN).collect::<String>());
        let KeyWish { owner, grants, name, terms, maker } = *wish;
        let new = NewKey { hash: &hash, prefix: &prefix, name, terms, grants, maker, by };
        match self.logins.add_key(owner, &new, (self.clock)()).await? {
            Ok(id) => Ok((id, key)),
            Err(KeyRefused::BeyondMaker) => Err(DeskError::BeyondKey),
            Err(KeyRefused::Full(full)) => Err(full.into()),
        }
    }

    pub(crate) async fn key_list(&self, after: Option<u32>) -> Result<Vec<KeyEntry>, ActionError> {
        let keys = self.logins.keys(after.unwrap_or(0), KEYS_PAGE).await?;
        Ok(keys.into_iter().map(entry).collect())
    }

    pub(crate) async fn key_revoke(&self, id: u32) -> Result<(), ActionError> {
        if self.logins.revoke_key(id).await? {
            return Ok(());
        }
        Err(ActionError::new(ErrorKind::NotFound, format!("there is no key {id}; `apikey list` shows them")))
    }
}

fn entry(key: KeyRecord) -> KeyEntry {
    let KeyRecord { id, prefix, login, name, limits, created, created_by, expires, last_used, .. } = key;
    KeyEntry { id, prefix, login, name, limits, created, created_by, expires, last_used }
}

impl From<DeskError> for ActionError {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Failed(error) => error,
            DeskError::NotFound => Self::new(ErrorKind::NotFound, error.to_string()),
            other => Self::new(ErrorKind::Refused, other.to_string()),
        }
    }
}

/// The first row with this name.
fn first<C: ListColumn>(column: C, name: &str) -> Query<C> {
    Query { limit: 1, ..Query::default() }.with(column, Value::Text(name.to_owned()))
}
