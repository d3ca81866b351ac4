//! Contacts of resellers, customers, domains and accounts, as the API keeps them.

use crate::actions::{Actions, Editable};
use crate::error::ActionError;
use doorlist_core::access::CustomerId;
use doorlist_core::address::Address;
use doorlist_core::list::AddressId;
use doorlist_store::tenants::{ContactFields, ContactOwner, ContactRow, Placed};

/// Characters of one field of a contact.
const FIELD_MAX: usize = 1_000;

impl Actions {
    /// A new contact.
    ///
    /// # Errors
    /// When the caller may not, or a field is wrong.
    pub async fn create_contact(
        &self,
        of: ContactOwner,
        owner: u32,
        fields: &ContactFields,
    ) -> Result<Placed<ContactRow>, ActionError> {
        let fields = self.contact_fields(of, owner, fields).await?;
        let id = self.services.tenants.add_contact(of, owner, &fields, self.now()).await??;
        self.ask(of, owner, &fields).await;
        self.view().contact(of, id).await?.ok_or(ActionError::NotFound)
    }

    /// Asks a contact that may be told something for its confirmation. If it cannot be asked now, the next sweep does.
    async fn ask(&self, of: ContactOwner, owner: u32, fields: &ContactFields) {
        let customer = match of {
            ContactOwner::Customer => Some(CustomerId(owner)),
            ContactOwner::Domain => self.view().domain(owner).await.ok().flatten().map(|domain| domain.row.customer),
            ContactOwner::Reseller | ContactOwner::Account => None,
        };
        if let (true, Some(customer), Ok(address)) = (fields.is_technical, customer, fields.email.parse()) {
            let _ = self.services.ask_contact(customer, &address).await;
        }
    }

    /// Checks the fields, and that the caller may change the owner. An account's contact has the account's address.
    async fn contact_fields(
        &self,
        of: ContactOwner,
        owner: u32,
        fields: &ContactFields,
    ) -> Result<ContactFields, ActionError> {
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
        let lineage = lineage.ok_or(ActionError::NoObject { resource: field, id: owner })?;
        self.may_change(&lineage)?;
        fields.email = email_address("email", &fields.email)?.to_string();
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
    ) -> Result<(), ActionError> {
        let fields = self.contact_fields(of, contact.row().owner, fields).await?;
        self.services.tenants.put_contact(contact.row().id, &fields, self.now()).await?;
        self.ask(of, contact.row().owner, &fields).await;
        Ok(())
    }

    pub async fn remove_contact(&self, contact: &Editable<ContactRow>) -> Result<(), ActionError> {
        self.services.tenants.remove_contact(contact.row().id).await?;
        Ok(())
    }
}

pub(crate) fn email_address(field: &'static str, text: &str) -> Result<Address, ActionError> {
    if text.is_empty() {
        return Err(ActionError::invalid(field, "This field is required."));
    }
    text.parse::<Address>().map_err(|why| ActionError::invalid(field, format!("Enter a valid e-mail address: {why}")))
}

fn check_texts(fields: &ContactFields) -> Result<(), ActionError> {
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
            return Err(ActionError::invalid(field, format!("at most {FIELD_MAX} characters")));
        }
    }
    Ok(())
}
