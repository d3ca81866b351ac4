//! From a key to a caller. Whatever is wrong with credentials, the answer is the same. Must not know how they travelled.

use super::DeskError;
use crate::office::Office;
use doorlist_core::access::{Access, Grant, LoginId, Role, Scope};
use doorlist_core::list::{AddressId, Standing};
use doorlist_core::time::Timestamp;
use doorlist_store::logins::{KeyOwner, KeyRecord, KeyTerms};
use std::net::IpAddr;

/// Characters of a key; longer ones are not looked up.
const KEY_CHARS_MAX: usize = 200;

/// What somebody shows.
pub struct Credentials<'a> {
    /// The login, where it was given with the key.
    pub login: Option<&'a str>,
    /// The key.
    pub key: &'a str,
    /// From where.
    pub from: Option<IpAddr>,
}

/// Who asks, proven.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The login, or the address of the account: as it stands in the logs.
    pub login: String,
    /// The first characters of the key.
    pub key: String,
    /// The number of the key.
    pub key_id: u32,
    /// What the key is limited to, and until when it is good.
    pub terms: KeyTerms,
    /// What the caller may do.
    pub access: Access,
    /// Of a login's key: which login.
    pub login_id: Option<LoginId>,
    /// Of an email account's own key.
    pub account: Option<AddressId>,
}

impl Office {
    /// Who stands behind these credentials; `None`: nobody.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn identify(&self, shown: &Credentials<'_>) -> Result<Option<Caller>, DeskError> {
        if shown.key.is_empty() || shown.key.len() > KEY_CHARS_MAX {
            return Ok(None);
        }
        let now = (self.clock)();
        let Some(key) = self.logins.key(&self.vault.hash(shown.key)).await? else { return Ok(None) };
        if !is_good(&key, shown, now) {
            return Ok(None);
        }
        let caller = match key.owner {
            KeyOwner::Login(id) => self.login_behind(id, &key).await?,
            KeyOwner::Account(id) => self.account_behind(id, &key).await?,
        };
        if caller.is_some() {
            self.logins.note_use(&key, now).await?;
        }
        Ok(caller)
    }

    async fn login_behind(&self, id: LoginId, key: &KeyRecord) -> Result<Option<Caller>, DeskError> {
        let Some(login) = self.logins.login_by_id(id).await?.filter(|login| login.active) else { return Ok(None) };
        let grants = login.grants_of(key);
        if grants.is_empty() {
            return Ok(None);
        }
        let access = Access { grants, read_only: key.limits.read_only, only_domains: key.limits.domains.clone() };
        Ok(Some(Caller { login_id: Some(id), ..caller(login.username, key, access) }))
    }

    async fn account_behind(&self, id: AddressId, key: &KeyRecord) -> Result<Option<Caller>, DeskError> {
        let Some(entry) = self.directory.entry_of(id).await? else { return Ok(None) };
        if entry.record.standing != Standing::Active || entry.record.account.is_some() {
            return Ok(None);
        }
        let access = Access {
            grants: vec![Grant { role: Role::Admin, scope: Scope::Account(id) }],
            read_only: key.limits.read_only,
            only_domains: None,
        };
        Ok(Some(Caller { account: Some(id), ..caller(entry.address.to_string(), key, access) }))
    }
}

fn caller(login: String, key: &KeyRecord, access: Access) -> Caller {
    Caller {
        login,
        key: key.prefix.clone(),
        key_id: key.id,
        terms: KeyTerms { limits: key.limits.clone(), expires: key.expires },
        access,
        login_id: None,
        account: None,
    }
}

fn is_good(key: &KeyRecord, shown: &Credentials<'_>, now: Timestamp) -> bool {
    let is_its_login = shown.login.is_none_or(|login| login.to_lowercase() == key.login);
    let networks = &key.limits.networks;
    let is_from_there = networks.is_empty()
        || shown.from.is_some_and(|from| networks.iter().any(|network| network.contains(from.to_canonical())));
    is_its_login && is_from_there && key.expires.is_none_or(|expires| now < expires)
}
