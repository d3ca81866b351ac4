//! Admins, their keys, and the memberships that other tenants offer to a login.

use super::people::address;
use super::{Caller, Desk, DeskError, Editable};
use doorlist_core::access::{Grant, KeyTerms, LoginId, Role, Scope};
use doorlist_core::visible::is_hidden;
use doorlist_store::logins::{KeyOwner, LoginRecord, MembershipRow};
use doorlist_store::tenants::{AccountRow, AdminRow, Placed};

/// Characters of a login name.
const USERNAME_MAX: usize = 254;
/// Logins of one name that are looked through for the caller's own.
const SAME_NAME_MAX: u32 = 1_000;

/// An admin that is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewAdmin {
    /// Mail address.
    pub email: String,
    /// Login name; without one it is the address.
    pub username: Option<String>,
    /// May log in.
    pub active: bool,
}

impl Desk {
    /// Whether the caller may look after the admins of this reseller or customer.
    ///
    /// # Errors
    /// When there is no such scope for these eyes, or the caller may only look.
    pub async fn may_have_admins(&self, scope: Scope) -> Result<(), DeskError> {
        let lineage = self.scope_seen(scope).await?;
        self.may_change(&lineage)
    }

    /// Where a scope stands, if the caller sees it.
    ///
    /// # Errors
    /// When the caller does not.
    pub async fn scope_seen(&self, scope: Scope) -> Result<doorlist_core::access::Lineage, DeskError> {
        let lineage = match scope {
            Scope::Reseller(id) => self.view().reseller(id.0).await?.map(|found| found.lineage),
            Scope::Customer(id) => self.view().customer(id.0).await?.map(|found| found.lineage),
            _ => None,
        };
        lineage.ok_or(DeskError::NotFound)
    }

    /// Somebody becomes an admin; who is one already stays it.
    ///
    /// A login of that name which the caller looks after elsewhere gets one more role. Any other is somebody else's: the
    /// scope gets a login of its own, as for a name that nobody has, and the other one may accept it as a membership.
    ///
    /// # Errors
    /// When the caller may not, or the address is none.
    pub async fn create_admin(&self, scope: Scope, new: &NewAdmin) -> Result<Placed<AdminRow>, DeskError> {
        self.may_have_admins(scope).await?;
        let address = address("email", &new.email)?;
        let email = address.to_string();
        let username = new.username.as_deref().filter(|name| !name.is_empty()).unwrap_or(&email);
        check_username(username, &email)?;
        let login = self.looked_after(username).await?;
        if login.as_ref().is_some_and(|login| login.email != email) {
            return Err(DeskError::invalid("username", "User with this Username already exists."));
        }
        let grant = Grant { role: Role::Admin, scope };
        let held = login.as_ref().and_then(|login| login.grants.iter().find(|held| held.grant == grant));
        let is_so = held.is_some_and(|held| held.active == new.active);
        let (now, given) = ((self.office.clock)(), (grant, new.active));
        let id = match login {
            Some(login) if is_so => login.id,
            Some(login) => {
                self.may_make(&KeyTerms::default())?;
                self.office.logins.grant_to(login.id, given, now).await??;
                login.id
            }
            None => {
                self.may_make(&KeyTerms::default())?;
                self.office.logins.add_login(username, &email, given, now).await??
            }
        };
        // A tenant's word that somebody is its admin says nothing of who reads the mailbox.
        if self.is_operator() {
            self.office.vouch_for_admin(&address, scope).await.map_err(DeskError::Failed)?;
        }
        self.view().admin(scope, id).await?.ok_or(DeskError::NotFound)
    }

    /// The login of this name that is the caller's to look after: one that has a role in a scope that the caller may change.
    async fn looked_after(&self, username: &str) -> Result<Option<LoginRecord>, DeskError> {
        for login in self.office.logins.logins_named(username, SAME_NAME_MAX).await? {
            if self.is_operator() || !self.grants_looked_after(&login).await?.is_empty() {
                return Ok(Some(login));
            }
        }
        Ok(None)
    }

    /// The numbers of a login's grants that the caller could give.
    async fn grants_looked_after(&self, login: &LoginRecord) -> Result<Vec<u64>, DeskError> {
        let mut numbers = Vec::new();
        for held in &login.grants {
            let lineage = match held.grant.scope {
                Scope::Reseller(_) | Scope::Customer(_) => self.scope_seen(held.grant.scope).await.ok(),
                Scope::Domain(id) => self.view().domain(id.0).await?.map(|found| found.lineage),
                Scope::All => Some(doorlist_core::access::Lineage::default()),
                Scope::Account(_) => None,
            };
            if lineage.is_some_and(|lineage| self.may_change(&lineage).is_ok()) {
                numbers.push(held.number);
            }
        }
        Ok(numbers)
    }

    /// Somebody is no admin any more.
    ///
    /// # Errors
    /// When the caller may not.
    pub async fn remove_admin(&self, scope: Scope, id: LoginId) -> Result<(), DeskError> {
        self.may_have_admins(scope).await?;
        if self.view().admin(scope, id).await?.is_none() {
            return Err(DeskError::NotFound);
        }
        self.may_make(&KeyTerms::default())?;
        Ok(self.office.logins.revoke(id, scope).await?)
    }

    /// A new key of an admin in place of the former one. It is told once.
    ///
    /// The caller knows the key, so it has those of the login's grants alone that the caller could give; a login that
    /// serves others, too, keeps its key for them.
    ///
    /// # Errors
    /// When the caller may not.
    pub async fn admin_key(&self, scope: Scope, id: LoginId) -> Result<String, DeskError> {
        self.may_have_admins(scope).await?;
        if self.view().admin(scope, id).await?.is_none() {
            return Err(DeskError::NotFound);
        }
        let login = self.office.logins.login_by_id(id).await?.ok_or(DeskError::NotFound)?;
        let grants = self.grants_looked_after(&login).await?;
        self.fresh_key(KeyOwner::Login(id), &grants).await
    }

    /// A new key of an account in place of the former one. It is told once.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn account_key(&self, account: &Editable<AccountRow>) -> Result<String, DeskError> {
        self.fresh_key(KeyOwner::Account(account.row().id), &[]).await
    }

    /// A key with the caller's own limits; none that they do not cover goes for it.
    async fn fresh_key(&self, owner: KeyOwner, grants: &[u64]) -> Result<String, DeskError> {
        let Caller { terms, login, .. } = self.caller();
        let wish = crate::logins::KeyWish { owner, grants, name: "", terms, maker: terms };
        let (_, key) = self.office.make_key(&wish, login).await?;
        Ok(key)
    }

    /// The memberships that the caller's own login holds beside its own, and those that it is offered.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn memberships(&self) -> Result<Vec<MembershipRow>, DeskError> {
        let Some(login) = self.caller().login_id else { return Ok(Vec::new()) };
        Ok(self.office.logins.memberships(login, (self.office.clock)()).await?)
    }

    /// The caller's own login takes a membership that it is offered. A key that it has already does no more by it.
    ///
    /// # Errors
    /// When there is no such offer, or the key is limited.
    pub async fn accept_membership(&self, id: LoginId) -> Result<(), DeskError> {
        let login = self.caller().login_id.ok_or(DeskError::NotFound)?;
        self.may_make(&KeyTerms::default())?;
        let done = self.office.logins.accept_membership(login, id, (self.office.clock)()).await?;
        if done { Ok(()) } else { Err(DeskError::NotFound) }
    }

    /// The caller's own login declines a membership, or gives it back.
    ///
    /// # Errors
    /// When there is no such one, or the key is limited.
    pub async fn decline_membership(&self, id: LoginId) -> Result<(), DeskError> {
        let login = self.caller().login_id.ok_or(DeskError::NotFound)?;
        self.may_make(&KeyTerms::default())?;
        let done = self.office.logins.decline_membership(login, id).await?;
        if done { Ok(()) } else { Err(DeskError::NotFound) }
    }
}

/// A name that is an address is that of its holder: nobody takes somebody else's before them.
fn check_username(name: &str, email: &str) -> Result<(), DeskError> {
    if name.contains('@') && name.to_lowercase() != email.to_lowercase() {
        return Err(DeskError::invalid("username", "a login name with an @ is the address in email"));
    }
    let fits = name.chars().count() <= USERNAME_MAX && !name.chars().any(|c| is_hidden(c) || c == ':' || c == ' ');
    if fits {
        return Ok(());
    }
    let message = format!("a login name has at most {USERNAME_MAX} characters, no blanks and no colon");
    Err(DeskError::invalid("username", message))
}
