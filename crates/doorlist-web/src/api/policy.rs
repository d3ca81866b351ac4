//! Mail policies of domains and accounts. Only the message size limit has an effect; priority and `use_domain_policy` are
//! kept for clients. Doorlist does not offer the other fields.

use super::body::Body;
use super::exchange::{Fault, of};
use super::link::uri;
use super::resource::{Resource, rows};
use super::show::Object;
use super::spec::FieldWriter::{Above, Holder, Nobody, Unsupported};
use super::spec::{Field, FieldDefault, Filtering, Spec};
use doorlist_actions::{AccountPatch, Actions, DomainPatch};
use doorlist_core::list::AddressId;
use doorlist_store::StoreError;
use doorlist_store::tenants::{
    AccountColumn, AccountRow, DomainColumn, DomainRow, Page, Placed, Query, UnknownColumn, View,
};
use serde_json::json;

/// The priority in answers if none was set.
const DOMAIN_PRIORITY: i64 = 5;
const ACCOUNT_PRIORITY: i64 = 1;

/// The description of fields without effect.
const KEPT: &str = "Kept as it is written; has no effect on mail.";

/// A field with Y or N.
const fn switch(name: &'static str, default: &'static str) -> Field {
    Field::text(name, Unsupported)
        .default(FieldDefault::Text(default))
        .help("Not supported: the value cannot be changed.")
}

const fn nothing(name: &'static str) -> Field {
    Field::text(name, Unsupported).nullable().help("Not supported: always null.")
}

const fn level(name: &'static str) -> Field {
    Field::float(name, Unsupported).nullable().help("Not supported: always null.")
}

/// The fields of both, but for the owner.
macro_rules! fields {
    ($owner:expr, $priority:expr, $limit_by:expr) => {
        &[
            nothing("addr_extension_bad_header"),
            nothing("addr_extension_banned"),
            nothing("addr_extension_spam"),
            nothing("addr_extension_virus"),
            nothing("archive_quarantine_to"),
            switch("bad_header_lover", "N"),
            switch("bad_header_quarantine_to", "sql:"),
            switch("banned_files_lover", "N"),
            switch("banned_quarantine_to", "sql:"),
            switch("bypass_banned_checks", "N"),
            switch("bypass_header_checks", "Y"),
            switch("bypass_spam_checks", "N"),
            switch("bypass_virus_checks", "N"),
            $owner,
            Field::id(),
            Field::integer("message_size_limit", $limit_by).nullable().help("Bytes; null for the limit of the server."),
            Field::integer("priority", Holder).default(FieldDefault::Integer($priority)).help(KEPT),
            Field::resource_uri(),
            Field::float("spam_kill_level", Unsupported).default(FieldDefault::Float(7.0)).help("Not supported."),
            switch("spam_lover", "N"),
            level("spam_quarantine_cutoff_level"),
            switch("spam_quarantine_to", "sql:"),
            nothing("spam_subject_tag"),
            nothing("spam_subject_tag2"),
            nothing("spam_subject_tag3"),
            level("spam_tag2_level"),
            level("spam_tag3_level"),
            Field::float("spam_tag_level", Unsupported).default(FieldDefault::Float(-9999.0)).help("Not supported."),
            switch("unchecked_lover", "Y"),
            nothing("unchecked_quarantine_to"),
            switch("virus_lover", "N"),
            switch("virus_quarantine_to", "sql:"),
            switch("warnbadhrecip", "N"),
            switch("warnbannedrecip", "N"),
            switch("warnvirusrecip", "N"),
        ]
    };
}

pub(crate) struct DomainPolicies;

pub(crate) static DOMAIN: Spec = Spec {
    name: "policy_domain",
    about: "The mail policy of a domain. It has the number of the domain.",
    fields: fields!(Field::one("domain", "domain", Nobody), DOMAIN_PRIORITY, Holder),
    extra: &[nothing("anti_spam_preset").write_only(), Field::flag("is_default", false, Unsupported)],
    list_methods: &["get"],
    detail_methods: &["get", "put", "patch"],
    filtering: &[("domain", Filtering::Only(&["exact"]))],
    quiet: &[("priority", Filtering::All)],
    deep: false,
    related: &[],
    ordering: None,
    natural_key: None,
    in_index: true,
};

pub(crate) struct AccountPolicies;

pub(crate) static ACCOUNT: Spec = Spec {
    name: "policy_user",
    about: "The mail policy of an account. It has the number of the account.",
    fields: fields!(Field::one("email_account", "email_account", Nobody), ACCOUNT_PRIORITY, Above),
    extra: &[nothing("anti_spam_preset").write_only(), Field::flag("use_domain_policy", true, Holder).help(KEPT)],
    list_methods: &["get"],
    detail_methods: &["get", "put", "patch"],
    filtering: &[("email_account", Filtering::Only(&["exact"]))],
    quiet: &[("priority", Filtering::All), ("use_domain_policy", Filtering::All)],
    deep: false,
    related: &[],
    ordering: None,
    natural_key: None,
    in_index: true,
};

fn shown(spec: &'static Spec, id: u32, priority: Option<i64>, message_max: Option<u64>) -> Object {
    let fields = spec.fields.iter().chain(spec.extra).filter(|field| !field.write_only);
    let mut object: Object = fields.map(|field| (field.name.to_owned(), field.default_value())).collect();
    object.insert("id".to_owned(), id.into());
    object.insert("message_size_limit".to_owned(), json!(message_max));
    if let Some(priority) = priority {
        object.insert("priority".to_owned(), priority.into());
    }
    object.insert("resource_uri".to_owned(), uri(spec.name, id).into());
    object
}

/// The largest message, if it was given: `Some(None)` is no limit of its own.
#[allow(clippy::option_option, reason = "not given, null, and a value are three things")]
fn message_max(body: &mut Body) -> Option<Option<u64>> {
    if !body.has("message_size_limit") {
        return None;
    }
    if body.raw("message_size_limit").is_some_and(|it| it.is_null() || it.as_str() == Some("")) {
        return Some(None);
    }
    body.integer_within("message_size_limit", 1, i64::from(u32::MAX)).map(|octets| Some(octets.cast_unsigned()))
}

impl Resource for DomainPolicies {
    const SPEC: &'static Spec = &DOMAIN;
    rows!(DomainRow by DomainColumn: domains, domain, |row| row.id.0);

    fn column(name: &str) -> Result<DomainColumn, UnknownColumn> {
        match name {
            "domain" => Ok(DomainColumn::Id),
            "priority" => Ok(DomainColumn::PolicyPriority),
            name => name.parse(),
        }
    }

    fn show(row: &DomainRow) -> Object {
        let mut object = shown(&DOMAIN, row.id.0, row.policy_priority, row.message_max);
        object.insert("domain".to_owned(), uri("domain", row.id.0).into());
        object
    }

    async fn update(actions: &Actions, found: Placed<DomainRow>, mut body: Body) -> Result<Placed<DomainRow>, Fault> {
        let domain = of("policy_domain", actions.editable(Some(found)))?;
        let (message_max, priority) = (message_max(&mut body), body.integer("priority"));
        body.finish()?;
        let patch = DomainPatch { message_max, ..DomainPatch::default() };
        of("policy_domain", actions.update_domain(&domain, &patch).await)?;
        if let Some(priority) = priority {
            of("policy_domain", actions.put_policy_priority(&domain, priority).await)?;
        }
        actions.view().domain(domain.row().id.0).await?.ok_or(Fault::NotFound)
    }
}

impl Resource for AccountPolicies {
    const SPEC: &'static Spec = &ACCOUNT;
    type Row = AccountRow;
    type Column = AccountColumn;

    async fn list(view: &View, query: &Query<AccountColumn>) -> Result<Page<AccountRow>, StoreError> {
        view.accounts(query).await
    }

    fn column(name: &str) -> Result<AccountColumn, UnknownColumn> {
        match name {
            "email_account" => Ok(AccountColumn::Id),
            "priority" => Ok(AccountColumn::PolicyPriority),
            name => name.parse(),
        }
    }

    async fn by_id(view: &View, id: u32) -> Result<Option<Placed<AccountRow>>, StoreError> {
        view.account(AddressId(id)).await
    }

    fn id(row: &AccountRow) -> u32 {
        row.id.0
    }

    fn show(row: &AccountRow) -> Object {
        let mut object = shown(&ACCOUNT, row.id.0, row.policy_priority, row.message_max);
        if let Some(uses) = row.use_domain_policy {
            object.insert("use_domain_policy".to_owned(), uses.into());
        }
        object.insert("email_account".to_owned(), uri("email_account", row.id.0).into());
        object
    }

    async fn update(actions: &Actions, found: Placed<AccountRow>, mut body: Body) -> Result<Placed<AccountRow>, Fault> {
        let account = of("policy_user", actions.editable(Some(found)))?;
        let patch = AccountPatch {
            message_max: message_max(&mut body),
            policy_priority: body.integer("priority"),
            use_domain_policy: body.flag("use_domain_policy"),
            ..AccountPatch::default()
        };
        body.finish()?;
        of("policy_user", actions.update_account(&account, &patch).await)?;
        actions.view().account(account.row().id).await?.ok_or(Fault::NotFound)
    }
}
