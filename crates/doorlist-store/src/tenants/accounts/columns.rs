//! What stands behind the columns of accounts and aliases, and which of them are more than a column.

use super::What;
use crate::tenants::columns::{AccountColumn, AliasColumn, ListColumn};

/// What is special about a column of either list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::tenants) enum ColumnRole {
    Id,
    LocalPart,
    Domain,
    /// The account that an alias leads to.
    Account,
    CreatedAt,
}

/// The columns of either list.
pub(in crate::tenants) trait AddressColumn: ListColumn {
    const LIST: What;

    fn sql(self) -> &'static str;

    fn role(self) -> Option<ColumnRole>;
}

impl AddressColumn for AccountColumn {
    const LIST: What = What::Accounts;

    fn sql(self) -> &'static str {
        match self {
            AccountColumn::Id => "a.id",
            AccountColumn::LocalPart => "a.local",
            AccountColumn::Domain => "d.id",
            AccountColumn::DomainName => "d.name",
            AccountColumn::DomainCustomer => "d.customer_id",
            AccountColumn::DomainActive => "d.active",
            AccountColumn::Priority => {
                "COALESCE((SELECT s.priority FROM account_setting AS s WHERE s.address_id = a.id), 8)"
            }
            AccountColumn::PolicyPriority => {
                "COALESCE((SELECT s.policy_priority FROM account_setting AS s WHERE s.address_id = a.id), 1)"
            }
            AccountColumn::UseDomainPolicy => {
                "COALESCE((SELECT s.use_domain_policy FROM account_setting AS s WHERE s.address_id = a.id), TRUE)"
            }
            AccountColumn::CreatedAt => "a.created",
            AccountColumn::UpdatedAt => "a.updated",
        }
    }

    fn role(self) -> Option<ColumnRole> {
        match self {
            AccountColumn::Id => Some(ColumnRole::Id),
            AccountColumn::LocalPart => Some(ColumnRole::LocalPart),
            AccountColumn::Domain => Some(ColumnRole::Domain),
            AccountColumn::CreatedAt => Some(ColumnRole::CreatedAt),
            AccountColumn::DomainName
            | AccountColumn::DomainCustomer
            | AccountColumn::DomainActive
            | AccountColumn::Priority
            | AccountColumn::PolicyPriority
            | AccountColumn::UseDomainPolicy
            | AccountColumn::UpdatedAt => None,
        }
    }
}

impl AddressColumn for AliasColumn {
    const LIST: What = What::Aliases;

    fn sql(self) -> &'static str {
        match self {
            AliasColumn::Id => "a.id",
            AliasColumn::LocalPart => "a.local",
            AliasColumn::Domain => "d.id",
            AliasColumn::Account => "a.account_id",
            AliasColumn::CreatedAt => "a.created",
            AliasColumn::UpdatedAt => "a.updated",
        }
    }

    fn role(self) -> Option<ColumnRole> {
        match self {
            AliasColumn::Id => Some(ColumnRole::Id),
            AliasColumn::LocalPart => Some(ColumnRole::LocalPart),
            AliasColumn::Domain => Some(ColumnRole::Domain),
            AliasColumn::Account => Some(ColumnRole::Account),
            AliasColumn::CreatedAt => Some(ColumnRole::CreatedAt),
            AliasColumn::UpdatedAt => None,
        }
    }
}
