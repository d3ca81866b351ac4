//! Keys of the API: made, listed and revoked by command, renewed over the API. Must not know how a key travels.

use crate::action::{Action, Reach};
use crate::actions::{Actions, Editable};
use crate::error::{ActionError, ErrorKind};
use doorlist_core::access::{LoginId, Scope};
use doorlist_core::address::{Address, DomainName};
use doorlist_core::network::Network;
use doorlist_core::time::Timestamp;
use doorlist_store::logins::{KeyLimits, KeyOwner, KeyRecord, KeyRefused, KeyTerms, NewKey};
use doorlist_store::tenants::AccountRow;
use serde::{Deserialize, Serialize};
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

/// A key that the operator wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewApiKey {
    /// A login, or the address of an email account.
    pub login: String,
    /// What it is called; the one without a name replaces the former one without a name.
    pub name: String,
    /// The key may only read.
    pub read_only: bool,
    /// The domains the key is limited to; `None` for no limit.
    pub domains: Vec<DomainName>,
    /// Only from these networks.
    pub networks: Vec<Network>,
    /// It ends after so many days.
    pub days: Option<u16>,
}

/// A key that was made. It is told once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeKey {
    pub id: u32,
    pub login: String,
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
    pub id: u32,
    pub prefix: String,
    pub login: String,
    /// What it is called.
    pub name: String,
    /// What it is good for.
    pub limits: KeyLimits,
    /// When it was made.
    pub created: Timestamp,
    pub created_by: String,
    /// Until when it is good.
    pub expires: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used: Option<Timestamp>,
}

impl Action for NewApiKey {
    type Answer = MadeKey;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<MadeKey, ActionError> {
        let usage = |message: String| Err(ActionError::new(ErrorKind::Usage, message));
        if self.name.chars().count() > KEY_NAME_MAX || self.name.chars().any(char::is_control) {
            return usage(format!("the name of a key must have at most {KEY_NAME_MAX} characters"));
        }
        if self.domains.len() > LIMITS_MAX || self.networks.len() > LIMITS_MAX {
            return usage(format!("a key can have at most {LIMITS_MAX} domains and {LIMITS_MAX} networks"));
        }
        if self.days.is_some_and(|days| days == 0 || days > DAYS_MAX) {
            return usage(format!("a key must expire after 1 to {DAYS_MAX} days"));
        }
        let (owner, grants) = key_owner(actions, &self.login).await?;
        let mut domains = Vec::new();
        for name in &self.domains {
            domains.push(actions.services.domain_details(name).await?.summary.id);
        }
        let limits = KeyLimits {
            read_only: self.read_only,
            domains: (!domains.is_empty()).then_some(domains),
            networks: self.networks.clone(),
        };
        let expires = self.days.map(|days| actions.now() + Duration::from_hours(24 * u64::from(days)));
        let terms = KeyTerms { limits, expires };
        let kept = KeyWish { owner, grants: &grants, name: &self.name, terms: &terms };
        let (id, key) = make_key(actions, &kept).await?;
        Ok(MadeKey { id, login: self.login.to_lowercase(), key })
    }
}

/// Lists keys in the order of their numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyList {
    pub after: Option<u32>,
}

impl Action for KeyList {
    type Answer = Vec<KeyEntry>;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Vec<KeyEntry>, ActionError> {
        let keys = actions.services.logins.keys(self.after.unwrap_or(0), KEYS_PAGE).await?;
        Ok(keys.into_iter().map(entry).collect())
    }
}

/// Revokes a key of the API.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyRevoke {
    pub id: u32,
}

/// A key that was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRevoked {
    pub id: u32,
}

impl Action for KeyRevoke {
    type Answer = KeyRevoked;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<KeyRevoked, ActionError> {
        if actions.services.logins.revoke_key(self.id).await? {
            return Ok(KeyRevoked { id: self.id });
        }
        let message = format!("key {} does not exist; `apikey list` shows the keys", self.id);
        Err(ActionError::new(ErrorKind::NotFound, message))
    }
}

impl Actions {
    /// A new key of an admin in place of the former one. It is told once.
    ///
    /// The caller knows the key, so it has those of the login's grants alone that the caller could give; a login that
    /// serves others, too, keeps its key for them.
    ///
    /// # Errors
    /// When the caller may not.
    pub async fn admin_key(&self, scope: Scope, id: LoginId) -> Result<String, ActionError> {
        self.may_have_admins(scope).await?;
        if self.view().admin(scope, id).await?.is_none() {
            return Err(ActionError::NotFound);
        }
        let login = self.services.logins.login_by_id(id).await?.ok_or(ActionError::NotFound)?;
        let grants = self.grants_looked_after(&login).await?;
        self.fresh_key(KeyOwner::Login(id), &grants).await
    }

    /// A new key of an account in place of the former one. It is told once.
    pub async fn account_key(&self, account: &Editable<AccountRow>) -> Result<String, ActionError> {
        self.fresh_key(KeyOwner::Account(account.row().id), &[]).await
    }

    /// A key with the caller's own limits; none that they do not cover goes for it.
    async fn fresh_key(&self, owner: KeyOwner, grants: &[u64]) -> Result<String, ActionError> {
        let wish = KeyWish { owner, grants, name: "", terms: &self.caller().terms };
        let (_, key) = make_key(self, &wish).await?;
        Ok(key)
    }
}

/// A key to be made.
struct KeyWish<'a> {
    owner: KeyOwner,
    /// Which of the login's grants it has.
    grants: &'a [u64],
    name: &'a str,
    terms: &'a KeyTerms,
}

/// Draws a key and keeps what is needed to know it again.
async fn make_key(actions: &Actions, wish: &KeyWish<'_>) -> Result<(u32, String), ActionError> {
    let secrets = &actions.services.secrets;
    let key = secrets.key().map_err(|why| ActionError::new(ErrorKind::Unavailable, why))?;
    let (hash, prefix) = (secrets.hash(&key), key.chars().take(PREFIX_LEN).collect::<String>());
    let KeyWish { owner, grants, name, terms } = *wish;
    let (maker, by) = (&actions.caller().terms, actions.caller().login.as_str());
    let new = NewKey { hash: &hash, prefix: &prefix, name, terms, grants, maker, by };
    match actions.services.logins.add_key(owner, &new, actions.now()).await? {
        Ok(id) => Ok((id, key)),
        Err(KeyRefused::BeyondMaker) => Err(ActionError::BeyondKey),
        Err(KeyRefused::Full(full)) => Err(full.into()),
    }
}

async fn key_owner(actions: &Actions, login: &str) -> Result<(KeyOwner, Vec<u64>), ActionError> {
    if let Some(found) = actions.services.logins.login(login).await? {
        return Ok((KeyOwner::Login(found.id), found.grant_numbers()));
    }
    if let Ok(address) = login.parse::<Address>()
        && let Some(found) = actions.services.recipients.account(&address).await?
        && found.entry.record.account.is_none()
        && found.entry.record.veto.is_none()
    {
        return Ok((KeyOwner::Account(found.entry.id), Vec::new()));
    }
    let message = format!("there is no login or email account {login}; create a login with `admin create`");
    Err(ActionError::new(ErrorKind::NotFound, message))
}

fn entry(key: KeyRecord) -> KeyEntry {
    let KeyRecord { id, prefix, login, name, limits, created, created_by, expires, last_used, .. } = key;
    KeyEntry { id, prefix, login, name, limits, created, created_by, expires, last_used }
}
