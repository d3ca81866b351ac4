//! The small tables, each once: what is read of a row, who owns it, by what it is found. Knows SQL, not what a field
//! is called outside nor what may be done with it.

use super::table::{Owners, Page, Placed, Query, Table, Value, column, text};
use super::{ContactOwner, View};
use crate::error::StoreError;
use doorlist_core::access::{LoginId, Scope};
use doorlist_core::address::DomainName;

mod read;
mod rows;

pub use rows::{
    AdminRow, BrandingRow, ContactRow, CustomerRow, DomainAliasRow, DomainNameRow, DomainRow, MailServerRow,
    ResellerRow, SenderRuleRow,
};

use read::{admin, branding, contact, customer, domain, domain_alias, domain_name_row, mail_server, reseller, rule};

pub(super) const BY_CUSTOMER: Owners =
    Owners { reseller: Some("c.reseller_id"), customer: Some("c.id"), domain: Some("d.id"), account: None };

const RESELLERS: Table<ResellerRow> = Table {
    select: "r.id, r.name, r.allow_branding, r.allow_customer_branding, r.created, r.updated, b.id",
    from: "reseller AS r LEFT JOIN branding AS b ON b.reseller_id = r.id",
    only: "TRUE",
    owners: Owners { reseller: Some("r.id"), customer: None, domain: None, account: None },
    columns: &[column("id", "r.id"), text("name", "r.name"), column("created_at", "r.created")],
    search: &["r.name"],
    order: "LOWER(r.name), r.id",
    read: reseller,
    width: 7,
};

const CUSTOMERS: Table<CustomerRow> = Table {
    select: "c.id, c.name, c.reseller_id, c.allow_branding, c.is_full_user_list, c.reported_user_count, c.created, \
             c.updated, b.id",
    from: "customer AS c LEFT JOIN branding AS b ON b.customer_id = c.id",
    only: "TRUE",
    owners: Owners { reseller: Some("c.reseller_id"), customer: Some("c.id"), domain: None, account: None },
    columns: &[
        column("id", "c.id"),
        text("name", "c.name"),
        column("reseller", "c.reseller_id"),
        column("created_at", "c.created"),
    ],
    search: &["c.name"],
    order: "LOWER(c.name), c.id",
    read: customer,
    width: 9,
};

const DOMAINS: Table<DomainRow> = Table {
    select: "d.id, d.name, d.customer_id, d.mode, d.soft_until, d.active, d.hold, d.delivery_port, d.message_max, \
             d.created, d.updated",
    from: "domain AS d JOIN customer AS c ON c.id = d.customer_id",
    only: "TRUE",
    owners: BY_CUSTOMER,
    columns: &[
        column("id", "d.id"),
        column("name", "d.name"),
        column("customer", "d.customer_id"),
        text("customer__name", "c.name"),
        column("customer__reseller", "c.reseller_id"),
        column("created_at", "d.created"),
        column("active", "d.active"),
        column("hold_email", "d.hold"),
    ],
    search: &["d.name"],
    order: "d.id",
    read: domain,
    width: 11,
};

const DOMAIN_ALIASES: Table<DomainAliasRow> = Table {
    select: "a.id, a.name, a.domain_id, d.name, a.active, a.created, a.updated",
    from: "domain_alias AS a JOIN domain AS d ON d.id = a.domain_id JOIN customer AS c ON c.id = d.customer_id",
    only: "TRUE",
    owners: BY_CUSTOMER,
    columns: &[
        column("id", "a.id"),
        column("name", "a.name"),
        column("domain", "a.domain_id"),
        column("created_at", "a.created"),
    ],
    search: &["a.name"],
    order: "a.id",
    read: domain_alias,
    width: 7,
};

const DOMAIN_NAMES: Table<DomainNameRow> = Table {
    select: "n.id, n.name, n.is_alias, n.domain_id, n.created, n.updated",
    from: "(SELECT id, name, FALSE AS is_alias, id AS domain_id, created, updated FROM domain
            UNION ALL SELECT id, name, TRUE AS is_alias, domain_id, created, updated FROM domain_alias) AS n
           JOIN domain AS d ON d.id = n.domain_id JOIN customer AS c ON c.id = d.customer_id",
    only: "TRUE",
    owners: BY_CUSTOMER,
    columns: &[
        column("id", "n.id"),
        column("name", "n.name"),
        column("domain", "n.domain_id"),
        column("created_at", "n.created"),
    ],
    search: &["n.name"],
    order: "n.id",
    read: domain_name_row,
    width: 6,
};

const MAIL_SERVERS: Table<MailServerRow> = Table {
    select: "s.id, s.host, s.domain_id, d.name, s.port, s.preference, s.place, s.created, s.updated",
    from: "mail_server AS s JOIN domain AS d ON d.id = s.domain_id JOIN customer AS c ON c.id = d.customer_id",
    only: "TRUE",
    owners: BY_CUSTOMER,
    columns: &[
        column("id", "s.id"),
        column("domain", "s.domain_id"),
        text("server", "s.host"),
        column("priority", "s.preference"),
        column("created_at", "s.created"),
    ],
    search: &["s.host"],
    order: "s.id",
    read: mail_server,
    width: 9,
};

/// Everything of a contact but its owner, which stands behind.
macro_rules! contacts {
    ($owner:literal, $confirmed:literal, $name:literal, $from:literal, $only:literal, $owners:expr) => {
        Table {
            select: concat!(
                "t.id, t.email, t.first_name, t.last_name, t.address, t.address2, t.city, t.state, t.country, \
                 t.zipcode, t.phone, t.is_technical, t.is_billing, t.is_emergency, t.created, t.updated, ",
                $owner,
                ", ",
                $confirmed
            ),
            from: $from,
            only: $only,
            owners: $owners,
            columns: &[
                column("id", "t.id"),
                text("email", "t.email"),
                column($name, $owner),
                text("first_name", "t.first_name"),
                text("last_name", "t.last_name"),
                column("is_technical", "t.is_technical"),
                column("is_billing", "t.is_billing"),
                column("is_emergency", "t.is_emergency"),
                column("created_at", "t.created"),
            ],
            search: &["t.email", "t.first_name", "t.last_name"],
            order: "t.id",
            read: contact,
            width: 18,
        }
    };
}

const RESELLER_CONTACTS: Table<ContactRow> = contacts!(
    "t.reseller_id",
    "CAST(NULL AS BIGINT)",
    "reseller",
    "contact AS t",
    "t.reseller_id IS NOT NULL",
    Owners { reseller: Some("t.reseller_id"), customer: None, domain: None, account: None }
);
const CUSTOMER_CONTACTS: Table<ContactRow> = contacts!(
    "t.customer_id",
    "(SELECT f.confirmed FROM confirmed_address AS f
      WHERE f.address = t.email AND f.scope = 'customer' AND f.scope_id = c.id)",
    "customer",
    "contact AS t JOIN customer AS c ON c.id = t.customer_id",
    "t.customer_id IS NOT NULL",
    Owners { reseller: Some("c.reseller_id"), customer: Some("c.id"), domain: None, account: None }
);
const DOMAIN_CONTACTS: Table<ContactRow> = contacts!(
    "t.domain_id",
    "(SELECT f.confirmed FROM confirmed_address AS f
      WHERE f.address = t.email AND f.scope = 'customer' AND f.scope_id = c.id)",
    "domain",
    "contact AS t JOIN domain AS d ON d.id = t.domain_id JOIN customer AS c ON c.id = d.customer_id",
    "t.domain_id IS NOT NULL",
    BY_CUSTOMER
);
const ACCOUNT_CONTACTS: Table<ContactRow> = contacts!(
    "t.address_id",
    "CAST(NULL AS BIGINT)",
    "email_account",
    "contact AS t JOIN address AS a ON a.id = t.address_id JOIN domain AS d ON d.id = a.domain_id
     JOIN customer AS c ON c.id = d.customer_id",
    "t.address_id IS NOT NULL",
    Owners { reseller: Some("c.reseller_id"), customer: Some("c.id"), domain: Some("d.id"), account: Some("a.id") }
);

const BRANDINGS: Table<BrandingRow> = Table {
    select: "b.id, b.reseller_id, b.customer_id, b.settings, b.created, b.updated",
    from: "branding AS b LEFT JOIN customer AS c ON c.id = b.customer_id",
    only: "TRUE",
    owners: Owners {
        reseller: Some("COALESCE(b.reseller_id, c.reseller_id)"),
        customer: Some("c.id"),
        domain: None,
        account: None,
    },
    columns: &[
        column("id", "b.id"),
        column("reseller", "b.reseller_id"),
        column("customer", "b.customer_id"),
        column("created_at", "b.created"),
    ],
    search: &[],
    order: "b.id",
    read: branding,
    width: 6,
};

const ADMINS: Table<AdminRow> = Table {
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
    columns: &[
        column("id", "l.id"),
        column("scope", "g.scope"),
        column("scope_id", "g.scope_id"),
        text("email", "l.email"),
        column("username", "COALESCE(l.name, l.username)"),
        column("date_joined", "g.created"),
        column("last_login", "g.last_used"),
        column("is_active", "(l.active AND g.active)"),
    ],
    search: &["COALESCE(l.name, l.username)", "l.email"],
    order: "l.id",
    read: admin,
    width: 8,
};

const SENDER_RULES: Table<SenderRuleRow> = Table {
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
    columns: &[
        column("id", "w.id"),
        column("domain", "w.domain_id"),
        column("email_account", "w.address_id"),
        column("email", "w.sender"),
        column("allow", "w.allow"),
        column("created_at", "w.created"),
    ],
    search: &["w.sender"],
    order: "w.id",
    read: rule,
    width: 7,
};

/// Two readings of each noun: a page, and the one of a number.
macro_rules! nouns {
    ($($page:ident, $one:ident, $row:ty, $table:ident;)*) => {
        impl View {
            $(
                /// A page of them.
                pub async fn $page(&self, query: &Query) -> Result<Page<$row>, StoreError> {
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
    resellers, reseller, ResellerRow, RESELLERS;
    customers, customer, CustomerRow, CUSTOMERS;
    domains, domain, DomainRow, DOMAINS;
    domain_aliases, domain_alias, DomainAliasRow, DOMAIN_ALIASES;
    domain_names, domain_name, DomainNameRow, DOMAIN_NAMES;
    mail_servers, mail_server, MailServerRow, MAIL_SERVERS;
    brandings, branding, BrandingRow, BRANDINGS;
    sender_rules, sender_rule, SenderRuleRow, SENDER_RULES;
}

impl View {
    /// The domain of this name; an alias is not one.
    pub async fn domain_of_name(&self, name: &DomainName) -> Result<Option<Placed<DomainRow>>, StoreError> {
        self.one(&DOMAINS, Query::default().with("name", Value::Text(name.to_string()))).await
    }

    /// A page of the contacts of one kind of owner.
    pub async fn contacts(&self, of: ContactOwner, query: &Query) -> Result<Page<ContactRow>, StoreError> {
        self.page(contacts_of(of), query).await
    }

    /// The contact of this number.
    pub async fn contact(&self, of: ContactOwner, id: u32) -> Result<Option<Placed<ContactRow>>, StoreError> {
        self.by_id(contacts_of(of), id).await
    }

    /// A page of the admins of a reseller or a customer.
    pub async fn admins(&self, scope: Scope, query: &Query) -> Result<Page<AdminRow>, StoreError> {
        self.page(&ADMINS, &in_scope(query.clone(), scope)).await
    }

    /// An admin of a reseller or a customer.
    pub async fn admin(&self, scope: Scope, login: LoginId) -> Result<Option<Placed<AdminRow>>, StoreError> {
        self.one(&ADMINS, in_scope(Query::default(), scope).with("id", Value::Int(login.0.into()))).await
    }
}

fn contacts_of(owner: ContactOwner) -> &'static Table<ContactRow> {
    match owner {
        ContactOwner::Reseller => &RESELLER_CONTACTS,
        ContactOwner::Customer => &CUSTOMER_CONTACTS,
        ContactOwner::Domain => &DOMAIN_CONTACTS,
        ContactOwner::Account => &ACCOUNT_CONTACTS,
    }
}

fn in_scope(query: Query, scope: Scope) -> Query {
    let (word, id) = super::owners::scope_columns(scope);
    query.with("scope", Value::Text(word.to_owned())).with("scope_id", Value::Int(id))
}
