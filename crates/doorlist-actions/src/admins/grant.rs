//! Making somebody an admin or an auditor, and taking that back.

use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::contacts::email_address;
use crate::error::{ActionError, ErrorKind};
use crate::sources::Password;
use doorlist_core::access::{CustomerId, Grant, KeyTerms, Lineage, LoginId, ResellerId, Role, Scope};
use doorlist_core::address::{Address, DomainName};
use doorlist_core::visible::is_hidden;
use doorlist_store::logins::LoginRecord;
use doorlist_store::tenants::{
    AdminColumn, AdminRow, CustomerColumn, ListColumn, Placed, Query, QueryValue, ResellerColumn,
};
use serde::{Deserialize, Serialize};

/// Characters of a login name.
const USERNAME_MAX: usize = 254;
/// Logins of one name that are looked through for the caller's own.
const SAME_NAME_MAX: u32 = 1_000;

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
    Domain(DomainName),
}

/// Makes somebody an admin or an auditor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AdminCreate {
    /// The address, which is the login.
    pub email: Address,
    pub of: AdminOf,
    /// As an auditor, who only looks.
    pub auditor: bool,
    pub password: Option<Password>,
}

/// A login that is an admin or an auditor now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminCreated {
    pub login: String,
}

impl Action for AdminCreate {
    type Answer = AdminCreated;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<AdminCreated, ActionError> {
        let scope = actions.scope_of(&self.of).await?;
        let hash = match &self.password {
            Some(password) => Some(actions.services.hashed(password.without_line_end()).await?),
            None => None,
        };
        let login = self.email.to_string();
        let role = if self.auditor { Role::Auditor } else { Role::Admin };
        let id = actions.make_admin(Grant { role, scope }, &NewAdmin::of(&login)).await?;
        if let Some(hash) = hash {
            actions.services.logins.set_password(id, &hash).await?;
        }
        Ok(AdminCreated { login })
    }
}

/// An admin that is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewAdmin {
    pub email: String,
    /// Login name; without one it is the address.
    pub username: Option<String>,
    /// `None`: as it stands, and active where it is new.
    pub active: Option<bool>,
}

impl NewAdmin {
    /// An active one whose login name is the address.
    pub fn of(email: &str) -> Self {
        Self { email: email.to_owned(), username: None, active: Some(true) }
    }
}

impl Actions {
    pub(super) async fn scope_of(&self, of: &AdminOf) -> Result<Scope, ActionError> {
        let everything = self.view();
        let missing = |what: &str, name: &str| {
            ActionError::new(ErrorKind::NotFound, format!("{what} {name:?} does not exist; create it over the API"))
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
            AdminOf::Domain(name) => Ok(Scope::Domain(self.services.domain_details(name).await?.summary.id)),
        }
    }

    /// Whether the caller may look after the admins of this reseller or customer.
    ///
    /// # Errors
    /// When there is no such scope for these eyes, or the caller may only look.
    pub async fn may_have_admins(&self, scope: Scope) -> Result<(), ActionError> {
        let lineage = self.scope_seen(scope).await?;
        self.may_change(&lineage)
    }

    /// Where a scope stands, if the caller sees it.
    ///
    /// # Errors
    /// When the caller does not.
    pub async fn scope_seen(&self, scope: Scope) -> Result<Lineage, ActionError> {
        let lineage = match scope {
            Scope::Reseller(id) => self.view().reseller(id.0).await?.map(|found| found.lineage),
            Scope::Customer(id) => self.view().customer(id.0).await?.map(|found| found.lineage),
            Scope::Domain(id) => self.view().domain(id.0).await?.map(|found| found.lineage),
            Scope::All => self.is_operator().then(Lineage::default),
            Scope::Account(_) => None,
        };
        lineage.ok_or(ActionError::NotFound)
    }

    /// Somebody becomes an admin of a reseller or a customer; who is one already stays it.
    ///
    /// # Errors
    /// When the caller may not, or the address is none.
    pub async fn create_admin(&self, scope: Scope, new: &NewAdmin) -> Result<Placed<AdminRow>, ActionError> {
        let id = self.make_admin(Grant { role: Role::Admin, scope }, new).await?;
        self.view().admin(scope, id).await?.ok_or(ActionError::NotFound)
    }

    /// Gives somebody a role.
    ///
    /// A login of that name which the caller looks after elsewhere gets one more role. Any other is somebody else's: the
    /// scope gets a login of its own, as for a name that nobody has, and the other one may accept it as a membership.
    ///
    /// # Errors
    /// When the caller may not, or the address is none.
    async fn make_admin(&self, grant: Grant, new: &NewAdmin) -> Result<LoginId, ActionError> {
        let scope = grant.scope;
        self.may_have_admins(scope).await?;
        let address = email_address("email", &new.email)?;
        let email = address.to_string();
        let username = new.username.as_deref().filter(|name| !name.is_empty()).unwrap_or(&email);
        check_username(username, &email)?;
        let login = match self.looked_after(username, scope).await? {
            // Who is named by the address alone may be an admin here under a user name.
            None if username == email => self.admin_of_address(scope, &email).await?,
            login => login,
        };
        if login.as_ref().is_some_and(|login| login.email != email) {
            return Err(ActionError::invalid("username", "User with this Username already exists."));
        }
        let held = login.as_ref().and_then(|login| login.grants.iter().find(|held| held.grant == grant));
        let active = new.active.or(held.map(|held| held.active)).unwrap_or(true);
        let is_so = held.is_some_and(|held| held.active == active);
        let (now, given) = (self.now(), (grant, active));
        let id = match login {
            Some(login) if is_so => login.id,
            Some(login) => {
                self.may_make(&KeyTerms::default())?;
                self.services.logins.grant_to(login.id, given, now).await??;
                login.id
            }
            None => {
                self.may_make(&KeyTerms::default())?;
                self.services.logins.add_login(username, &email, given, now).await??
            }
        };
        // A tenant's word that somebody is its admin says nothing of who reads the mailbox.
        if self.is_operator() {
            self.services.vouch_for_admin(&address, scope).await?;
        }
        Ok(id)
    }

    /// The login of this scope that has this address.
    async fn admin_of_address(&self, scope: Scope, email: &str) -> Result<Option<LoginRecord>, ActionError> {
        let admin = self.view().admins(scope, &first(AdminColumn::Email, email)).await?.rows.pop();
        match admin {
            Some(admin) => Ok(self.services.logins.login_by_id(admin.row.id).await?),
            None => Ok(None),
        }
    }

    /// The login of this name that is the caller's to look after: one that has a role in a scope that the caller may change.
    /// An operator looks after all, but gives nothing of this scope to a login that another tenant made for itself.
    async fn looked_after(&self, username: &str, scope: Scope) -> Result<Option<LoginRecord>, ActionError> {
        for login in self.services.logins.logins_named(username, SAME_NAME_MAX).await? {
            let is_ours = match self.is_operator() {
                true => !login.is_of_tenant || login.grants.iter().any(|held| held.grant.scope == scope),
                false => !self.grants_looked_after(&login).await?.is_empty(),
            };
            if is_ours {
                return Ok(Some(login));
            }
        }
        Ok(None)
    }

    /// The numbers of a login's grants that the caller could give.
    pub(crate) async fn grants_looked_after(&self, login: &LoginRecord) -> Result<Vec<u64>, ActionError> {
        let mut numbers = Vec::new();
        for held in &login.grants {
            let lineage = self.scope_seen(held.grant.scope).await.ok();
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
    pub async fn remove_admin(&self, scope: Scope, id: LoginId) -> Result<(), ActionError> {
        self.may_have_admins(scope).await?;
        if self.view().admin(scope, id).await?.is_none() {
            return Err(ActionError::NotFound);
        }
        self.may_make(&KeyTerms::default())?;
        Ok(self.services.logins.revoke(id, scope).await?)
    }
}

/// A name that is an address is that of its holder: nobody takes somebody else's before them.
fn check_username(name: &str, email: &str) -> Result<(), ActionError> {
    if name.contains('@') && name.to_lowercase() != email.to_lowercase() {
        return Err(ActionError::invalid("username", "a login name with an @ is the address in email"));
    }
    let fits = name.chars().count() <= USERNAME_MAX && !name.chars().any(|c| is_hidden(c) || c == ':' || c == ' ');
    if fits {
        return Ok(());
    }
    let message = format!("a login name has at most {USERNAME_MAX} characters, no blanks and no colon");
    Err(ActionError::invalid("username", message))
}

/// The first row with this name.
fn first<C: ListColumn>(column: C, name: &str) -> Query<C> {
    Query { limit: 1, ..Query::default() }.with(column, QueryValue::Text(name.to_owned()))
}
