//! Roles and permissions along reseller > customer > domain > email account. A login has grants, an object has a
//! [`Lineage`]; [`Access::on`] says what the login may do with the object.

mod limits;

pub use limits::{KeyLimits, KeyTerms};

use crate::domain::DomainId;
use crate::list::AddressId;
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// The number of a reseller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResellerId(pub u32);

/// The number of a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CustomerId(pub u32);

/// The number of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LoginId(pub u32);

/// A part of the tenant tree, with everything below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "scope", content = "id")]
pub enum Scope {
    All,
    Reseller(ResellerId),
    Customer(CustomerId),
    Domain(DomainId),
    /// One email account: its own key.
    Account(AddressId),
}

/// The role of a login in its scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Full control: the operator, an admin, or the holder of an account.
    Admin,
    /// May read, but change nothing.
    Auditor,
}

/// A role in a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    pub role: Role,
    #[serde(flatten)]
    pub scope: Scope,
}

/// The owners of an object from the top down, including itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lineage {
    /// Under this reseller, or this reseller itself.
    pub reseller: Option<ResellerId>,
    /// Under this customer, or itself.
    pub customer: Option<CustomerId>,
    /// Under this domain, or itself.
    pub domain: Option<DomainId>,
    /// Under this account, or itself.
    pub account: Option<AddressId>,
}

impl Lineage {
    fn is_in(&self, scope: Scope) -> bool {
        match scope {
            Scope::All => true,
            Scope::Reseller(id) => self.reseller == Some(id),
            Scope::Customer(id) => self.customer == Some(id),
            Scope::Domain(id) => self.domain == Some(id),
            Scope::Account(id) => self.account == Some(id),
        }
    }

    /// The lineage of the direct owner: whoever may change the owner may add and remove this object.
    pub fn parent(&self) -> Self {
        let mut parent = *self;
        if parent.account.take().is_none() && parent.domain.take().is_none() && parent.customer.take().is_none() {
            parent.reseller = None;
        }
        parent
    }
}

/// Permission on an object, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Missing, or not visible to the caller.
    Nothing,
    See,
    Change,
}

/// The permissions of a caller: its grants, limited by its key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Roles in scopes; a login with several customers has several.
    pub grants: Vec<Grant>,
    /// The key may only read.
    pub read_only: bool,
    /// The key is limited to these domains and everything below them.
    pub only_domains: Option<Vec<DomainId>>,
}

impl Access {
    /// Grant of an operator: every action on every tenant.
    pub fn operator() -> Self {
        Self { grants: vec![Grant { role: Role::Admin, scope: Scope::All }], ..Self::default() }
    }

    pub fn on(&self, object: &Lineage) -> Permission {
        if let Some(only) = &self.only_domains
            && !object.domain.is_some_and(|domain| only.contains(&domain))
        {
            return Permission::Nothing;
        }
        let permission = |grant: &Grant| match grant.role {
            _ if !object.is_in(grant.scope) => Permission::Nothing,
            Role::Admin if !self.read_only => Permission::Change,
            Role::Admin | Role::Auditor => Permission::See,
        };
        self.grants.iter().map(permission).max().unwrap_or(Permission::Nothing)
    }

    /// Whether the caller is an operator, who sees everything.
    pub fn sees_all(&self) -> bool {
        self.only_domains.is_none() && self.grants.iter().any(|grant| grant.scope == Scope::All)
    }
}
