//! Who asks for an action: the operator on the machine, a key's holder, the schedule, an upload link. Whatever is wrong with
//! credentials, the answer is the same. Must not know how they travelled.

use crate::error::ActionError;
use crate::services::Services;
use doorlist_core::access::{Access, Grant, LoginId, Role, Scope};
use doorlist_core::change::{Actor, Via};
use doorlist_core::list::{AddressId, Standing};
use doorlist_core::time::Timestamp;
use doorlist_store::WorkProgress;
use doorlist_store::logins::{KeyOwner, KeyRecord, KeyTerms};
use std::net::IpAddr;
use std::sync::Arc;

/// Characters of a key; longer ones are not looked up.
const KEY_CHARS_MAX: usize = 200;

/// What a request shows to be let in.
pub struct Credentials<'a> {
    /// The login, where it was given with the key.
    pub login: Option<&'a str>,
    pub key: &'a str,
    pub from: Option<IpAddr>,
}

/// Who asks, authenticated, and what that allows.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The login, or the address of the account, or the user on the machine: as it stands in the logs.
    pub login: String,
    /// The way on which changes of this caller are logged.
    pub via: Via,
    /// A command on the machine itself, or the service's own schedule: the operator, by the state folder's owner.
    pub on_machine: bool,
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
    /// How far the work is that the caller waits for.
    pub progress: Arc<WorkProgress>,
}

impl Caller {
    /// The operator, with a command on the machine.
    pub fn on_machine(actor: Actor) -> Self {
        Self {
            login: actor.name,
            via: actor.via,
            on_machine: true,
            key: String::new(),
            key_id: 0,
            terms: KeyTerms::default(),
            access: Access::operator(),
            login_id: None,
            account: None,
            progress: Arc::default(),
        }
    }

    /// The same, and somebody looks how far the work is.
    #[must_use]
    pub fn watched_by(self, progress: Arc<WorkProgress>) -> Self {
        Self { progress, ..self }
    }

    /// The schedule, which reads directories.
    pub(crate) fn schedule() -> Self {
        Self::on_machine(Actor { name: "schedule".to_owned(), via: Via::Sync })
    }

    /// Whoever hands a file in by a link, which its maker had the right to make.
    pub(crate) fn upload_link(maker: &str) -> Self {
        Self::on_machine(Actor { name: format!("upload link of {maker}"), via: Via::Import })
    }

    /// The name and way under which changes stand in the change log.
    pub(crate) fn actor(&self) -> Actor {
        Actor { name: self.login.clone(), via: self.via }
    }
}

impl Services {
    /// Who stands behind these credentials; `None`: nobody.
    pub async fn identify(&self, shown: &Credentials<'_>) -> Result<Option<Caller>, ActionError> {
        if shown.key.is_empty() || shown.key.len() > KEY_CHARS_MAX {
            return Ok(None);
        }
        let now = self.now();
        let Some(key) = self.logins.key(&self.secrets.hash(shown.key)).await? else { return Ok(None) };
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

    async fn login_behind(&self, id: LoginId, key: &KeyRecord) -> Result<Option<Caller>, ActionError> {
        let Some(login) = self.logins.login_by_id(id).await?.filter(|login| login.active) else { return Ok(None) };
        let grants = login.grants_of(key);
        if grants.is_empty() {
            return Ok(None);
        }
        let access = Access { grants, read_only: key.limits.read_only, only_domains: key.limits.domains.clone() };
        Ok(Some(Caller { login_id: Some(id), ..caller(login.username, key, access) }))
    }

    async fn account_behind(&self, id: AddressId, key: &KeyRecord) -> Result<Option<Caller>, ActionError> {
        let Some(entry) = self.recipients.entry_of(id).await? else { return Ok(None) };
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
        via: Via::Api,
        on_machine: false,
        key: key.prefix.clone(),
        key_id: key.id,
        terms: KeyTerms { limits: key.limits.clone(), expires: key.expires },
        access,
        login_id: None,
        account: None,
        progress: Arc::default(),
    }
}

fn is_good(key: &KeyRecord, shown: &Credentials<'_>, now: Timestamp) -> bool {
    let is_its_login = shown.login.is_none_or(|login| {
        let login = login.to_lowercase();
        login == key.login || key.email.as_ref().is_some_and(|email| login == email.to_lowercase())
    });
    let networks = &key.limits.networks;
    let is_from_there = networks.is_empty()
        || shown.from.is_some_and(|from| networks.iter().any(|network| network.contains(from.to_canonical())));
    is_its_login && is_from_there && key.expires.is_none_or(|expires| now < expires)
}
