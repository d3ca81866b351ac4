//! Rows of the small tables, as plain data, and the order of their columns.

use crate::db::columns_of;
use crate::tenants::ContactFields;
use doorlist_core::access::{CustomerId, LoginId, ResellerId, Scope};
use doorlist_core::address::DomainName;
use doorlist_core::domain::{DomainId, Mode};
use doorlist_core::list::AddressId;
use doorlist_core::time::Timestamp;

/// A reseller with what is set for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResellerRow {
    pub id: ResellerId,
    pub name: String,
    /// Its pages may look its own way.
    pub allow_branding: bool,
    /// Its customers' pages may look their own way.
    pub allow_customer_branding: bool,
    pub branding: Option<u32>,
    pub created: Timestamp,
    pub updated: Timestamp,
}

/// A customer with what is set for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerRow {
    pub id: CustomerId,
    pub name: String,
    /// Whose customer it is.
    pub reseller: ResellerId,
    /// Its pages may look their own way.
    pub allow_branding: bool,
    /// A note of the customer's: all of its users are listed.
    pub is_full_user_list: bool,
    /// How many users the customer says that it has.
    pub reported_user_count: Option<i64>,
    pub branding: Option<u32>,
    pub created: Timestamp,
    pub updated: Timestamp,
}

/// A domain with its settings and counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainRow {
    pub id: DomainId,
    pub name: DomainName,
    pub customer: CustomerId,
    /// How unlisted recipients are handled.
    pub mode: Mode,
    pub active: bool,
    pub hold: bool,
    /// TCP port of servers that are named without one.
    pub delivery_port: u16,
    /// The largest message that is taken for it, in octets.
    pub message_max: Option<u64>,
    pub created: Timestamp,
    /// When its settings were last changed.
    pub updated: Timestamp,
    /// The priority of its mail policy, kept for those who ask for it.
    pub policy_priority: Option<i64>,
}

/// Another name of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainAliasRow {
    pub id: u32,
    pub name: DomainName,
    pub domain: DomainId,
    pub domain_name: DomainName,
    pub active: bool,
    pub created: Timestamp,
    pub updated: Timestamp,
}

/// A name of a domain: its own, or an alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainNameRow {
    /// The number of the domain or of the alias.
    pub id: u32,
    pub name: DomainName,
    pub is_alias: bool,
    pub domain: DomainId,
    pub created: Timestamp,
    pub updated: Timestamp,
}

/// A domain's own mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailServerRow {
    pub id: u32,
    /// Host name or IP address.
    pub host: String,
    /// Whose server it is.
    pub domain: DomainId,
    pub domain_name: DomainName,
    pub port: u16,
    /// As in MX: lowest first.
    pub preference: u16,
    /// Where it stands among the domain's servers.
    pub place: u32,
    pub created: Timestamp,
    pub updated: Timestamp,
}

/// Who is reached about what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactRow {
    pub id: u32,
    /// Whose contact it is: the number of a reseller, customer, domain or account.
    pub owner: u32,
    pub fields: ContactFields,
    pub created: Timestamp,
    pub updated: Timestamp,
    /// When its address was confirmed for its customer, by link or by the operator.
    pub confirmed: Option<Timestamp>,
}

/// How a tenant's pages look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrandingRow {
    pub id: u32,
    /// Of a reseller, or
    pub reseller: Option<ResellerId>,
    pub customer: Option<CustomerId>,
    /// What is set: a JSON object.
    pub settings: String,
    pub created: Timestamp,
    pub updated: Timestamp,
}

/// An admin of a reseller or a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminRow {
    /// The number of the login: the same one may be an admin of several.
    pub id: LoginId,
    pub scope: Scope,
    pub username: String,
    pub email: String,
    pub active: bool,
    /// When the login was made.
    pub created: Timestamp,
    /// When it last logged in.
    pub last_login: Option<Timestamp>,
}

/// A sender that a domain or an account takes mail from, or does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderRuleRow {
    pub id: u32,
    /// Of which domain, or
    pub domain: Option<DomainId>,
    pub account: Option<AddressId>,
    /// An address, or a domain.
    pub sender: String,
    pub allow: bool,
    pub created: Timestamp,
    pub updated: Timestamp,
}

// The order of columns in each table's `select`.
columns_of! {
    ResellerRow { id, name, allow_branding, allow_customer_branding, branding, created, updated }
    CustomerRow {
        id, name, reseller, allow_branding, is_full_user_list, reported_user_count, branding, created, updated
    }
    DomainRow { id, name, customer, mode, active, hold, delivery_port, message_max, created, updated, policy_priority }
    DomainAliasRow { id, name, domain, domain_name, active, created, updated }
    DomainNameRow { id, name, is_alias, domain, created, updated }
    MailServerRow { id, host, domain, domain_name, port, preference, place, created, updated }
    ContactRow { id, owner, fields, created, updated, confirmed }
    ContactFields {
        email, first_name, last_name, address, address2, city, state, country, zipcode, phone, is_technical,
        is_billing, is_emergency
    }
    BrandingRow { id, reseller, customer, settings, created, updated }
    AdminRow { id, scope, username, email, active, created, last_login }
    SenderRuleRow { id, domain, account, sender, allow, created, updated }
}
