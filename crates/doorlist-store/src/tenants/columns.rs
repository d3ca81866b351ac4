//! By what each list is found and ordered: an enum of columns for each, so that a column that a list does not have cannot
//! be asked for. Names come from outside: [`FromStr`] knows them or says so. Must not know SQL.

use std::fmt::Debug;
use std::str::FromStr;

/// The columns of one list.
pub trait ListColumn: Copy + Eq + Debug + Send + Sync + FromStr<Err = UnknownColumn> + 'static {
    /// The number of a row.
    const ID: Self;
}

/// The list has no column of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this list has no column {0:?}")]
pub struct UnknownColumn(pub String);

macro_rules! columns {
    ($($(#[$doc:meta])* $list:ident { $($column:ident = $name:literal,)* })*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $list {
            $(
                #[doc = concat!("`", $name, "`")]
                $column,
            )*
        }

        impl ListColumn for $list {
            const ID: Self = Self::Id;
        }

        impl FromStr for $list {
            type Err = UnknownColumn;

            fn from_str(name: &str) -> Result<Self, UnknownColumn> {
                match name {
                    $($name => Ok(Self::$column),)*
                    _ => Err(UnknownColumn(name.to_owned())),
                }
            }
        }
    )* };
}

columns! {
    ResellerColumn {
        Id = "id",
        Name = "name",
        CreatedAt = "created_at",
    }
    CustomerColumn {
        Id = "id",
        Name = "name",
        Reseller = "reseller",
        CreatedAt = "created_at",
    }
    DomainColumn {
        Id = "id",
        Name = "name",
        Customer = "customer",
        CustomerName = "customer__name",
        CustomerReseller = "customer__reseller",
        CreatedAt = "created_at",
        Active = "active",
        HoldEmail = "hold_email",
        PolicyPriority = "policy_priority",
    }
    /// Columns of domain aliases.
    DomainAliasColumn {
        Id = "id",
        Name = "name",
        Domain = "domain",
        CreatedAt = "created_at",
    }
    /// Columns of all names of domains, aliases among them.
    DomainNameColumn {
        Id = "id",
        Name = "name",
        Domain = "domain",
        CreatedAt = "created_at",
    }
    /// Columns of mail servers.
    MailServerColumn {
        Id = "id",
        Domain = "domain",
        Server = "server",
        Priority = "priority",
        CreatedAt = "created_at",
    }
    /// Columns of contacts, whoever their owner is.
    ContactColumn {
        Id = "id",
        Email = "email",
        Owner = "owner",
        FirstName = "first_name",
        LastName = "last_name",
        IsTechnical = "is_technical",
        IsBilling = "is_billing",
        IsEmergency = "is_emergency",
        CreatedAt = "created_at",
    }
    BrandingColumn {
        Id = "id",
        Reseller = "reseller",
        Customer = "customer",
        CreatedAt = "created_at",
    }
    AdminColumn {
        Id = "id",
        Scope = "scope",
        ScopeId = "scope_id",
        Email = "email",
        Username = "username",
        DateJoined = "date_joined",
        LastLogin = "last_login",
        IsActive = "is_active",
    }
    /// Columns of sender rules.
    SenderRuleColumn {
        Id = "id",
        Domain = "domain",
        Account = "email_account",
        Email = "email",
        Allow = "allow",
        CreatedAt = "created_at",
    }
    /// Columns of email accounts.
    AccountColumn {
        Id = "id",
        LocalPart = "localpart",
        Domain = "domain",
        DomainName = "domain__name",
        DomainCustomer = "domain__customer",
        DomainActive = "domain__active",
        Priority = "priority",
        PolicyPriority = "policy_priority",
        UseDomainPolicy = "use_domain_policy",
        CreatedAt = "created_at",
        UpdatedAt = "updated_at",
    }
    AliasColumn {
        Id = "id",
        LocalPart = "localpart",
        Domain = "domain",
        Account = "email_account",
        CreatedAt = "created_at",
        UpdatedAt = "updated_at",
    }
}
