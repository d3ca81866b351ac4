//! The small tables, each once: what is read of a row, who owns it, by what it is found. Knows SQL, not what a field
//! is called outside nor what may be done with it.

use super::columns::{
    AdminColumn, BrandingColumn, ContactColumn, CustomerColumn, DomainAliasColumn, DomainColumn, DomainNameColumn,
    MailServerColumn, ResellerColumn, SenderRuleColumn,
};
use super::query::{Query, QueryValue};
use super::table::{Owners, Page, Placed, Table, column, text};
use super::{ContactOwner, View};
use crate::error::StoreError;
use doorlist_core::access::{LoginId, Scope};
use doorlist_core::address::DomainName;

mod rows;

pub use rows::{
    AdminRow, BrandingRow, ContactRow, CustomerRow, DomainAliasRow, DomainNameRow, DomainRow, MailServerRow,
    ResellerRow, SenderRuleRow,
};

pub(super) const BY_CUSTOMER: Owners =
    Owners { reseller: Some("c.reseller_id"), customer: Some("c.id"), domain: Some("d.id"), account: None };

const RESELLERS: Table<ResellerColumn> = Table {
    select: "r.id, r.name, r.allow_branding, r.allow_customer_branding, b.id, r.created, r.updated",
    from: "reseller AS r LEFT JOIN branding AS b ON b.reseller_id = r.id",
    only: "TRUE",
    owners: Owners { reseller: Some("r.id"), customer: None, domain: None, account: None },
    column: |by| match by {
        ResellerColumn::Id => column("r.id"),
        ResellerColumn::Name => text("r.name"),
        ResellerColumn::CreatedAt => column("r.created"),
    },
    search: &["r.name"],
    order: "LOWER(r.name), r.id",
};

const CUSTOMERS: Table<CustomerColumn> = Table {
    select: "c.id, c.name, c.reseller_id, c.allow_branding, c.is_full_user_list, c.reported_user_count, b.id, \
             c.created, c.updated",
    from: "customer AS c LEFT JOIN branding AS b ON b.customer_id = c.id",
    only: "TRUE",
    owners: Owners { reseller: Some("c.reseller_id"), customer: Some("c.id"), domain: None, account: None },
    column: |by| match by {
        CustomerColumn::Id => column("c.id"),
        CustomerColumn::Name => text("c.name"),
        CustomerColumn::Reseller => column("c.reseller_id"),
        CustomerColumn::CreatedAt => column("c.created"),
    },
    search: &["c.name"],
    order: "LOWER(c.name), c.id",
};

const DOMAINS: Table<DomainColumn> = Table {
    // Servers that were named with a port of their own say where mail goes.
    select: "d.id, d.name, d.customer_id, d.mode, d.soft_until, d.active, d.hold, \
             COALESCE((SELECT s.port FROM mail_server AS s WHERE s.domain_id = d.id \
                       ORDER BY s.preference, s.place LIMIT 1), d.delivery_port), \
             d.message_max, d.created, d.updated, d.policy_priority",
    from: "domain AS d JOIN customer AS c ON c.id = d.customer_id",
    only: "TRUE",
    owners: BY_CUSTOMER,
    column: |by| match by {
        DomainColumn::Id => column("d.id"),
        DomainColumn::Name => column("d.name"),
        DomainColumn::Customer => column("d.customer_id"),
        DomainColumn::CustomerName => text("c.name"),
        DomainColumn::CustomerReseller => column("c.reseller_id"),
        DomainColumn::CreatedAt => column("d.created"),
        DomainColumn::Active => column("d.active"),
        DomainColumn::HoldEmail => column("d.hold"),
        DomainColumn::PolicyPriority => column("COALESCE(d.policy_priority, 5)"),
    },
    search: &["d.name"],
    order: "d.id",
};

const DOMAIN_ALIASES: Table<DomainAliasColumn> = Table {
    select: "a.id, a.name, a.domain_id, d.name, a.active, a.created, a.updated",
    from: "domain_alias AS a JOIN domain AS d ON d.id = a.domain_id JOIN customer AS c ON c.id = d.customer_id",
    only: "TRUE",
    owners: BY_CUSTOMER,
    column: |by| match by {
        DomainAliasColumn::Id => column("a.id"),
        DomainAliasColumn::Name => column("a.name"),
        DomainAliasColumn::Domain => column("a.domain_id"),
        DomainAliasColumn::CreatedAt => column("a.created"),
    },
    search: &["a.name"],
    order: "a.id",
};

const DOMAIN_NAMES: Table<DomainNameColumn> = Table {
    select: "n.id, n.name, n.is_alias, n.domain_id, n.created, n.updated",
    from: "(SELECT id, name, FALSE AS is_alias, id AS domain_id, created, updated FROM domain
            UNION ALL SELECT id, name, TRUE AS is_alias, domain_id, created, updated FROM domain_alias) AS n
           JOIN domain AS d ON d.id = n.domain_id JOIN customer AS c ON c.id = d.customer_id",
    only: "TRUE",
    owners: BY_CUSTOMER,
    column: |by| match by {
        DomainNameColumn::Id => column("n.id"),
        DomainNameColumn::Name => column("n.name"),
        DomainNameColumn::Domain => column("n.domain_id"),
        DomainNameColumn::CreatedAt => column("n.created"),
    },
    search: &["n.name"],
    order: "n.id",
};

const MAIL_SERVERS: Table<MailServerColumn> = Table {
    select: "s.id, s.host, s.domain_id, d.name, s.port, s.preference, s.place, s.created, s.updated",
    from: "mail_server AS s JOIN domain AS d ON d.id = s.domain_id JOIN customer AS c ON c.id = d.customer_id",
    only: "TRUE",
    owners: BY_CUSTOMER,
    column: |by| match by {
        MailServerColumn::Id => column("s.id"),
        MailServerColumn::Domain => column("s.domain_id"),
        MailServerColumn::Server => text("s.host"),
        MailServerColumn::Priority => column("s.preference"),
        MailServerColumn::CreatedAt => column("s.created"),
    },
    search: &["s.host"],
    order: "s.id",
};

/// The contacts of one kind of owner.
macro_rules! contacts {
    ($owner:literal, $confirmed:literal, $from:literal, $only:literal, $owners:expr) => {
        Table {
            select: concat!(
                "t.id, ",
                $owner,
                ", t.email, t.first_name, t.last_name, t.address, t.address2, t.city, t.state, t.country, t.zipcode, \
                 t.phone, t.is_technical, t.is_billing, t.is_emergency, t.created, t.updated, ",
                $confirmed
            ),
            from: $from,
            only: $only,
            owners: $owners,
            column: |by| match by {
                ContactColumn::Id => column("t.id"),
                ContactColumn::Email => text("t.email"),
                ContactColumn::Owner => column($owner),
                ContactColumn::FirstName => text("t.first_name"),
                ContactColumn::LastName => text("t.last_name"),
                ContactColumn::IsTechnical => column("t.is_technical"),
                ContactColumn::IsBilling => column("t.is_billing"),
                ContactColumn::IsEmergency => column("t.is_emergency"),
                ContactColumn::CreatedAt => column("t.created"),
            },
            search: &["t.email", "t.first_name", "t.last_name"],
            order: "t.id",
        }
    };
}

const RESELLER_CONTACTS: Table<ContactColumn> = contacts!(
    "t.reseller_id",
    "CAST(NULL AS BIGINT)",
    "contact AS t",
    "t.reseller_id IS NOT NULL",
    Owners { reseller: Some("t.reseller_id"), customer: None, domain: None, account: None }
);
const CUSTOMER_CONTACTS: Table<ContactColumn> = contacts!(
    "t.customer_id",
    "(SELECT f.confirmed FROM confirmed_address AS f
      WHERE f.address = t.email AND f.scope = 'customer' AND f.scope_id = c.id)",
    "contact AS t JOIN customer AS c ON c.id = t.customer_id",
    "t.customer_id IS NOT NULL",
    Owners { reseller: Some("c.reseller_id"), customer: Some("c.id"), domain: None, account: None }
);
const DOMAIN_CONTACTS: Table<ContactColumn> = contacts!(
    "t.domain_id",
    "(SELECT f.confirmed FROM confirmed_address AS f
      WHERE f.address = t.email AND f.scope = 'customer' AND f.scope_id = c.id)",
    "contact AS t JOIN domain AS d ON d.id = t.domain_id JOIN customer AS c ON c.id = d.customer_id",
    "t.domain_id IS NOT NULL",
    BY_CUSTOMER
);
const ACCOUNT_CONTACTS: Table<ContactColumn> = contacts!(
    "t.address_id",
    "CAST(NULL AS BIGINT)",
    "contact AS t JOIN address AS a ON a.id = t.address_id JOIN domain AS d ON d.id = a.domain_id
     JOIN customer AS c ON c.id = d.customer_id",
    "t.address_id IS NOT NULL",
    Owners { reseller: Some("c.reseller_id"), customer: Some("c.id"), domain: Some("d.id"), account: Some("a.id") }
);

const BRANDINGS: Table<BrandingColumn> = Table {
    select: "b.id, b.reseller_id, b.customer_id, b.settings, b.created, b.updated",
    from: "branding AS b LEFT JOIN customer AS c ON c.id = b.customer_id",
    only: "TRUE",
    owners: Owners {
        reseller: Some("COALESCE(b.reseller_id, c.reseller_id)"),
        customer: Some("c.id"),
        domain: None,
        account: None,
    },
    column: |by| match by {
        BrandingColumn::Id => column("b.id"),
        BrandingColumn::Reseller => column("b.reseller_id"),
        BrandingColumn::Customer => column("b.customer_id"),
        BrandingColumn::CreatedAt => column("b.created"),
    },
    search: &[],
    order: "b.id",
};

const ADMINS: Table<AdminColumn> = Table {
    // Of a login that serves others, too, nothing is shown but what it is here.
    select: "l.id, g.scope, g.scope_id, COALESCE(l.name, l.username), l.email, (l.active AND g.active), g.created, \
             g.last_used",
    from: "login_grant AS g JOIN login AS l ON l.id = g.login_id
           LEFT JOIN customer AS c ON g.scope = 'customer' AND c.id = g.scope_id",
    only: "g.role = 'admin' AND g.scope IN ('reseller', 'customer')",
    owners: Owners {
        reseller: Some("CASE WHEN g.scope = 'reseller' THEN g.scope_id ELSE c.reseller_id END"),
        customer: Some("c.id"),
        domain: None,
        account: None,
    },
    column: |by| match by {
        AdminColumn::Id => column("l.id"),
        AdminColumn::Scope => column("g.scope"),
        AdminColumn::ScopeId => column("g.scope_id"),
        AdminColumn::Email => text("l.email"),
        AdminColumn::Username => column("COALESCE(l.name, l.username)"),
        AdminColumn::DateJoined => column("g.created"),
        AdminColumn::LastLogin => column("g.last_used"),
        AdminColumn::IsActive => column("(l.active AND g.active)"),
    },
    search: &["COALESCE(l.name, l.username)", "l.email"],
    order: "l.id",
};

const SENDER_RULES: Table<SenderRuleColumn> = Table {
    select: "w.id, w.domain_id, w.address_id, w.sender, w.allow, w.created, w.updated",
    from: "sender_rule AS w LEFT JOIN address AS a ON a.id = w.address_id
           JOIN domain AS d ON d.id = COALESCE(w.domain_id, a.domain_id) JOIN customer AS c ON c.id = d.customer_id",
    only: "TRUE",
    owners: Owners {
        reseller: Some("c.reseller_id"),
        customer: Some("c.id"),
        domain: Some("d.id"),
        account: Some("w.address_id"),
    },
    column: |by| match by {
        SenderRuleColumn::Id => column("w.id"),
        SenderRuleColumn::Domain => column("w.domain_id"),
        SenderRuleColumn::Account => column("w.address_id"),
        SenderRuleColumn::Email => column("w.sender"),
        SenderRuleColumn::Allow => column("w.allow"),
        SenderRuleColumn::CreatedAt => column("w.created"),
    },
    search: &["w.sender"],
    order: "w.id",
};

/// Two readings of each noun: a page, and the one of a number.
macro_rules! nouns {
    ($($page:ident, $one:ident, $row:ty, $column:ty, $table:ident;)*) => {
        impl View {
            $(
                /// A page of them.
                pub async fn $page(&self, query: &Query<$column>) -> Result<Page<$row>, StoreError> {
                    self.page(&$table, query).await
                }
                /// The one of this number.
                pub async fn $one(&self, id: u32) -> Result<Option<Placed<$row>>, StoreError> {
                    self.by_id(&$table, id).await
                }
            )*
        }
    };
}

nouns! {
    resellers, reseller, ResellerRow, ResellerColumn, RESELLERS;
    customers, customer, CustomerRow, CustomerColumn, CUSTOMERS;
    domains, domain, DomainRow, DomainColumn, DOMAINS;
    domain_aliases, domain_alias, DomainAliasRow, DomainAliasColumn, DOMAIN_ALIASES;
    domain_names, domain_name, DomainNameRow, DomainNameColumn, DOMAIN_NAMES;
    mail_servers, mail_server, MailServerRow, MailServerColumn, MAIL_SERVERS;
    brandings, branding, BrandingRow, BrandingColumn, BRANDINGS;
    sender_rules, sender_rule, SenderRuleRow, SenderRuleColumn, SENDER_RULES;
}

impl View {
    /// The domain of this name; an alias is not one.
    pub async fn domain_of_name(&self, name: &DomainName) -> Result<Option<Placed<DomainRow>>, StoreError> {
        self.one(&DOMAINS, Query::default().with(DomainColumn::Name, QueryValue::Text(name.to_string()))).await
    }

    /// A page of the contacts of one kind of owner.
    pub async fn contacts(
        &self,
        of: ContactOwner,
        query: &Query<ContactColumn>,
    ) -> Result<Page<ContactRow>, StoreError> {
        self.page(contacts_of(of), query).await
    }

    /// The contact of this number.
    pub async fn contact(&self, of: ContactOwner, id: u32) -> Result<Option<Placed<ContactRow>>, StoreError> {
        self.by_id(contacts_of(of), id).await
    }

    /// A page of the admins of a reseller or a customer.
    pub async fn admins(&self, scope: Scope, query: &Query<AdminColumn>) -> Result<Page<AdminRow>, StoreError> {
        self.page(&ADMINS, &in_scope(query.clone(), scope)).await
    }

    /// An admin of a reseller or a customer.
    pub async fn admin(&self, scope: Scope, login: LoginId) -> Result<Option<Placed<AdminRow>>, StoreError> {
        self.one(&ADMINS, in_scope(Query::default(), scope).with(AdminColumn::Id, QueryValue::Int(login.0.into())))
            .await
    }
}

fn contacts_of(owner: ContactOwner) -> &'static Table<ContactColumn> {
    match owner {
        ContactOwner::Reseller => &RESELLER_CONTACTS,
        ContactOwner::Customer => &CUSTOMER_CONTACTS,
        ContactOwner::Domain => &DOMAIN_CONTACTS,
        ContactOwner::Account => &ACCOUNT_CONTACTS,
    }
}

fn in_scope(query: Query<AdminColumn>, scope: Scope) -> Query<AdminColumn> {
    let (word, id) = super::owners::scope_columns(scope);
    query.with(AdminColumn::Scope, QueryValue::Text(word.to_owned())).with(AdminColumn::ScopeId, QueryValue::Int(id))
}
