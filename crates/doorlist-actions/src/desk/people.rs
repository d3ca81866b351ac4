//! Contacts, admins and keys.

use super::{Caller, Desk, DeskError, Editable};
use doorlist_core::access::{CustomerId, Grant, LoginId, Role, Scope};
use doorlist_core::address::Address;
use doorlist_core::list::AddressId;
use doorlist_store::logins::KeyOwner;
use doorlist_store::tenants::{AccountRow, AdminRow, ContactFields, ContactOwner, ContactRow, Placed};

/// Characters of one field of a contact.
const FIELD_MAX: usize = 1_000;
/// Characters of a login name.
const USERNAME_MAX: usize = 254;

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
    /// A new contact.
    ///
    /// # Errors
    /// When the caller may not, or a field is wrong.
    pub async fn create_contact(
        &self,
        of: ContactOwner,
        owner: u32,
        fields: &ContactFields,
    ) -> Result<Placed<ContactRow>, DeskError> {
        let fields = self.contact_fields(of, owner, fields).await?;
        let id = self.office.tenants.add_contact(of, owner, &fields, (self.office.clock)()).await?;
        self.ask(of, owner, &fields).await;
        self.view().contact(of, id).await?.ok_or(DeskError::NotFound)
    }

    /// Asks a contact that may be told something for its confirmation. If it cannot be asked now, the hourly sweep does.
    async fn ask(&self, of: ContactOwner, owner: u32, fields: &ContactFields) {
        let customer = match of {
            ContactOwner::Customer => Some(CustomerId(owner)),
            ContactOwner::Domain => self.view().domain(owner).await.ok().flatten().map(|domain| domain.row.customer),
            ContactOwner::Reseller | ContactOwner::Account => None,
        };
        if let (true, Some(customer), Ok(address)) = (fields.is_technical, customer, fields.email.parse()) {
            let _ = self.office.ask_contact(customer, &address).await;
        }
    }

    /// Checks the fields, and that the caller may change the owner. An account's contact has the account's address.
    async fn contact_fields(
        &self,
        of: ContactOwner,
        owner: u32,
        fields: &ContactFields,
    ) -> Result<ContactFields, DeskError> {
        let mut fields = fields.clone();
        let (lineage, field) = match of {
            ContactOwner::Reseller => (self.view().reseller(owner).await?.map(|found| found.lineage), "reseller"),
            ContactOwner::Customer => (self.view().customer(owner).await?.map(|found| found.lineage), "customer"),
            ContactOwner::Domain => (self.view().domain(owner).await?.map(|found| found.lineage), "domain"),
            ContactOwner::Account => {
                let found = self.view().account(AddressId(owner)).await?;
                fields.email = found.as_ref().map(|found| found.row.address().to_string()).unwrap_or_default();
                (found.map(|found| found.lineage), "email_account")
            }
        };
        let lineage = lineage.ok_or(DeskError::NoObject { noun: field, id: owner })?;
        self.may_change(&lineage)?;
        fields.email = address("email", &fields.email)?.to_string();
        check_texts(&fields)?;
        Ok(fields)
    }

    /// What is known of a contact.
    ///
    /// # Errors
    /// When a field is wrong.
    pub async fn update_contact(
        &self,
        of: ContactOwner,
        contact: &Editable<ContactRow>,
        fields: &ContactFields,
    ) -> Result<(), DeskError> {
        let fields = self.contact_fields(of, contact.row().owner, fields).await?;
        self.office.tenants.put_contact(contact.row().id, &fields, (self.office.clock)()).await?;
        self.ask(of, contact.row().owner, &fields).await;
        Ok(())
    }

    /// A contact goes.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove_contact(&self, contact: &Editable<ContactRow>) -> Result<(), DeskError> {
        self.office.tenants.remove_contact(contact.row().id).await?;
        Ok(())
    }

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
    /// # Errors
    /// When the caller may not, or the address is none.
    pub async fn create_admin(&self, scope: Scope, new: &NewAdmin) -> Result<Placed<AdminRow>, DeskError> {
        self.may_have_admins(scope).await?;
        let address = address("email", &new.email)?;
        let email = address.to_string();
        let username = new.username.as_deref().filter(|name| !name.is_empty()).unwrap_or(&email);
        check_username(username, &email)?;
        // A login that others gave their own grants is theirs to name: it is found by its address alone.
        if let Some(login) = self.office.logins.login(username).await?
            && login.email != email
        {
            return Err(DeskError::invalid("username", "User with this Username already exists."));
        }
        let grant = Grant { role: Role::Admin, scope };
        let grant = (grant, new.active);
        let id = self.office.logins.grant(username, &email, grant, None, (self.office.clock)()).await?;
        // A tenant's word that somebody is its admin says nothing of who reads the mailbox.
        if self.is_operator() {
            self.office.vouch_for_admin(&address, scope).await.map_err(DeskError::Failed)?;
        }
        self.view().admin(scope, id).await?.ok_or(DeskError::NotFound)
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
        let mut grants = Vec::new();
        for held in &login.grants {
            let lineage = match held.grant.scope {
                Scope::Reseller(_) | Scope::Customer(_) => self.scope_seen(held.grant.scope).await.ok(),
                Scope::Domain(id) => self.view().domain(id.0).await?.map(|found| found.lineage),
                Scope::All => Some(doorlist_core::access::Lineage::default()),
                Scope::Account(_) => None,
            };
            if lineage.is_some_and(|lineage| self.may_change(&lineage).is_ok()) {
                grants.push(held.number);
            }
        }
        self.fresh_key(KeyOwner::Login(id), &grants).await
    }

    /// A new key of an account in place of the former one. It is told once.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn account_key(&self, account: &Editable<AccountRow>) -> Result<String, DeskError> {
        self.fresh_key(KeyOwner::Account(account.row().id), &[]).await
    }

    /// Whoever has a limited key makes no key with less limits.
    async fn fresh_key(&self, owner: KeyOwner, grants: &[u64]) -> Result<String, DeskError> {
        let Caller { limits, expires, .. } = self.caller();
        let wish = crate::logins::KeyWish { owner, grants, name: "", limits, expires: *expires };
        let (_, key) = self.office.make_key(&wish, &self.caller().login).await?;
        Ok(key)
    }
}

fn address(field: &'static str, text: &str) -> Result<Address, DeskError> {
    if text.is_empty() {
        return Err(DeskError::invalid(field, "This field is required."));
    }
    text.parse::<Address>().map_err(|why| DeskError::invalid(field, format!("Enter a valid e-mail address: {why}")))
}

/// A name that is an address is that of its holder: nobody takes somebody else's before them.
fn check_username(name: &str, email: &str) -> Result<(), DeskError> {
    if name.contains('@') && name.to_lowercase() != email.to_lowercase() {
        return Err(DeskError::invalid("username", "a login name with an @ is the address in email"));
    }
    let fits = name.chars().count() <= USERNAME_MAX && !name.chars().any(|c| c.is_control() || c == ':' || c == ' ');
    if fits {
        return Ok(());
    }
    let message = format!("a login name has at most {USERNAME_MAX} characters, no blanks and no colon");
    Err(DeskError::invalid("username", message))
}

fn check_texts(fields: &ContactFields) -> Result<(), DeskError> {
    let ContactFields { first_name, last_name, city, state, country, address, address2, zipcode, phone, .. } = fields;
    let texts = [
        ("first_name", Some(first_name)),
        ("last_name", Some(last_name)),
        ("city", Some(city)),
        ("state", Some(state)),
        ("country", Some(country)),
        ("address", address.as_ref()),
        ("address2", address2.as_ref()),
        ("zipcode", zipcode.as_ref()),
        ("phone", phone.as_ref()),
    ];
    for (field, text) in texts {
        if text.is_some_and(|text| text.chars().count() > FIELD_MAX || text.contains('\0')) {
            return Err(DeskError::invalid(field, format!("at most {FIELD_MAX} characters")));
        }
    }
    Ok(())
}
