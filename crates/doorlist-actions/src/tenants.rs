//! Resellers and customers, and how their pages look.

use crate::actions::{Actions, Editable};
use crate::error::ActionError;
use doorlist_core::access::{CustomerId, Lineage, Permission, ResellerId, Scope};
use doorlist_core::address::DomainName;
use doorlist_store::tenants::{
    BrandingRow, CustomerColumn, CustomerFields, CustomerPatch, CustomerRefused, CustomerRow, DomainColumn, NameTaken,
    OPERATOR, PAGE_ROWS_MAX, Query, QueryValue, ResellerFields, ResellerRow,
};

/// Characters of a name.
const NAME_MAX: usize = doorlist_store::recipients::CUSTOMER_NAME_MAX;
/// Octets of a branding's settings.
const BRANDING_MAX: usize = 64 * 1024;

impl Actions {
    /// A new reseller: by the operator.
    ///
    /// # Errors
    /// When the caller may not, or the name is none or taken.
    pub async fn create_reseller(&self, fields: &ResellerFields) -> Result<ResellerId, ActionError> {
        self.may_change(&Lineage::default())?;
        check_name(&fields.name)?;
        let made = self.services.tenants.add_reseller(fields, self.now()).await?;
        made.map_err(|NameTaken| taken("Reseller"))
    }

    /// What is set for a reseller.
    ///
    /// # Errors
    /// When the name is none or taken.
    pub async fn update_reseller(
        &self,
        reseller: &Editable<ResellerRow>,
        fields: &ResellerFields,
    ) -> Result<(), ActionError> {
        let row = reseller.row();
        let is_operators_word = fields.allow_branding != row.allow_branding
            || fields.allow_customer_branding != row.allow_customer_branding;
        if is_operators_word {
            self.may_change(&reseller.lineage().parent())?;
        }
        check_name(&fields.name)?;
        let put = self.services.tenants.put_reseller(reseller.row().id, fields, self.now()).await?;
        put.map_err(|NameTaken| taken("Reseller"))
    }

    /// A reseller goes, with its customers and their domains.
    ///
    /// # Errors
    /// When it is the operator's own.
    pub async fn remove_reseller(&self, reseller: &Editable<ResellerRow>) -> Result<(), ActionError> {
        let id = reseller.row().id;
        if id == OPERATOR {
            return Err(ActionError::invalid("", "the operator's own reseller cannot be removed"));
        }
        loop {
            let query = page().with(CustomerColumn::Reseller, QueryValue::Int(id.0.into()));
            let customers = self.view().customers(&query).await?;
            if customers.rows.is_empty() {
                break;
            }
            for customer in customers.rows {
                self.remove_customer(&Editable(customer)).await?;
            }
        }
        Ok(self.services.tenants.remove_reseller(id).await?)
    }

    /// A new customer. Without a reseller it is the caller's own, or the operator's.
    ///
    /// # Errors
    /// When the caller may not, or the name is none or taken.
    pub async fn create_customer(
        &self,
        mut fields: CustomerFields,
        reseller: Option<ResellerId>,
    ) -> Result<CustomerId, ActionError> {
        fields.reseller = reseller.or_else(|| self.own_reseller()).ok_or(ActionError::Forbidden)?;
        self.may_have_customers(fields.reseller).await?;
        check_name(&fields.name)?;
        let made = self.services.tenants.add_customer(&fields, self.now()).await?;
        Ok(made?)
    }

    /// The first one whose admin the caller is.
    fn own_reseller(&self) -> Option<ResellerId> {
        let scopes = self.access().grants.iter().map(|grant| grant.scope);
        let own = scopes.filter_map(|scope| match scope {
            Scope::Reseller(id) => Some(id),
            Scope::All => Some(OPERATOR),
            _ => None,
        });
        own.min()
    }

    async fn may_have_customers(&self, reseller: ResellerId) -> Result<(), ActionError> {
        let found = self.view().reseller(reseller.0).await?;
        let found = found.ok_or(ActionError::NoObject { resource: "reseller", id: reseller.0 })?;
        self.may_change(&found.lineage)
    }

    /// Changes what is set for a customer, whose it is among it.
    ///
    /// # Errors
    /// When the name is none or taken, or the caller may not give it to that reseller.
    pub async fn update_customer(
        &self,
        customer: &Editable<CustomerRow>,
        patch: &CustomerPatch,
    ) -> Result<(), ActionError> {
        if let Some(name) = &patch.name {
            check_name(name)?;
        }
        // Clients send whole objects: whose it was is no wish to bring it back there.
        let reseller = patch.reseller.filter(|reseller| *reseller != customer.row().reseller);
        // All of it is the reseller's word; a customer's admin may send it back as it is.
        if let Err(not_theirs) = self.may_change(&customer.lineage().parent()) {
            let is_same = reseller.is_none() && !is_word_of_reseller(patch, customer.row());
            return if is_same { Ok(()) } else { Err(not_theirs) };
        }
        if let Some(reseller) = reseller {
            self.may_have_customers(reseller).await?;
        }
        let patch = CustomerPatch { reseller, ..patch.clone() };
        let put = self.services.tenants.put_customer(customer.row().id, &patch, self.now()).await?;
        Ok(put?)
    }

    /// A customer goes, with its domains: these are one change, whose undo brings the customer back, too.
    ///
    /// # Errors
    /// When the store fails; domains that are gone by then stay gone.
    pub async fn remove_customer(&self, customer: &Editable<CustomerRow>) -> Result<(), ActionError> {
        let id = customer.row().id;
        loop {
            let domains = self.domains_of(id).await?;
            if domains.is_empty() {
                break;
            }
            let count = domains.len();
            let name = &customer.row().name;
            let summary = match domains.as_slice() {
                [one] => format!("customer {name} removed with its domain {one}"),
                _ => format!("customer {name} removed with its {count} domains"),
            };
            crate::domains::remove_all(self, domains, summary).await?;
        }
        Ok(self.services.tenants.remove_customer(id, self.now()).await?)
    }

    /// The names of all domains of a customer.
    async fn domains_of(&self, id: CustomerId) -> Result<Vec<DomainName>, ActionError> {
        let mut names = Vec::new();
        loop {
            let mut query = page().with(DomainColumn::Customer, QueryValue::Int(id.0.into()));
            query.offset = names.len() as u64;
            let found = self.view().domains(&query).await?;
            if found.rows.is_empty() {
                return Ok(names);
            }
            names.extend(found.rows.into_iter().map(|domain| domain.row.name));
        }
    }

    /// How a tenant's pages look: a JSON object.
    ///
    /// # Errors
    /// When it is too much.
    pub async fn update_branding(&self, branding: &Editable<BrandingRow>, settings: &str) -> Result<(), ActionError> {
        if settings.len() > BRANDING_MAX {
            return Err(ActionError::invalid("", format!("branding has at most {BRANDING_MAX} octets in all")));
        }
        Ok(self.services.tenants.put_branding(branding.row().id, settings, self.now()).await?)
    }

    /// Whether the caller sees a customer, and where it stands.
    pub(crate) async fn customer_to_change(&self, id: CustomerId) -> Result<Editable<CustomerRow>, ActionError> {
        let found = self.view().customer(id.0).await?;
        let found = found.ok_or(ActionError::NoObject { resource: "customer", id: id.0 })?;
        match self.access().on(&found.lineage) {
            Permission::Change => Ok(Editable(found)),
            _ => Err(ActionError::Forbidden),
        }
    }
}

pub(crate) fn page<C>() -> Query<C> {
    Query { limit: PAGE_ROWS_MAX, ..Query::default() }
}

/// Whether something changes that a reseller says of its customer.
fn is_word_of_reseller(patch: &CustomerPatch, now: &CustomerRow) -> bool {
    patch.name.as_ref().is_some_and(|name| *name != now.name)
        || patch.allow_branding.is_some_and(|allow| allow != now.allow_branding)
        || patch.is_full_user_list.is_some_and(|full| full != now.is_full_user_list)
        || patch.reported_user_count.is_some_and(|count| count != now.reported_user_count)
}

impl From<CustomerRefused> for ActionError {
    fn from(refused: CustomerRefused) -> Self {
        match refused {
            CustomerRefused::Taken => taken("Customer"),
            CustomerRefused::Full(full) => full.into(),
        }
    }
}

fn taken(what: &str) -> ActionError {
    ActionError::invalid("name", format!("{what} with this Name already exists."))
}

fn check_name(name: &str) -> Result<(), ActionError> {
    if name.trim().is_empty() {
        return Err(ActionError::invalid("name", "This field is required."));
    }
    if name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        return Err(ActionError::invalid(
            "name",
            format!("a name has at most {NAME_MAX} characters, no control characters"),
        ));
    }
    Ok(())
}
