//! The resource `email_account`.

use super::body::Body;
use super::exchange::{Fault, of};
use super::link::uri;
use super::resource::{Resource, id_of};
use super::show::{Object, object_of, time};
use super::spec::FieldWriter::{Above, Holder, Nobody, Unsupported};
use super::spec::{Field, FieldDefault, FieldKind, Filtering, READ_WRITE, READ_WRITE_LIST, Spec};
use doorlist_actions::Password;
use doorlist_actions::{AccountPatch, ActionError, Actions, NewAccount};
use doorlist_core::address::{Address, LocalPart};
use doorlist_core::change::Source;
use doorlist_core::domain::DomainId;
use doorlist_core::list::AddressId;
use doorlist_store::StoreError;
use doorlist_store::tenants::{AccountColumn, AccountRow, Page, Placed, Query, View};
use serde_json::json;

/// The priority in answers if none was set.
const PRIORITY: i64 = 8;

pub(crate) struct EmailAccounts;

pub(crate) static SPEC: Spec = Spec {
    name: "email_account",
    about: "A mailbox or a distribution list of a domain.",
    fields: &[
        Field::text("change_pwd", Holder).nullable().write_only().help("1 to change the password."),
        Field::text("confirm_password", Holder)
            .nullable()
            .write_only()
            .help("The password again, if it is to be compared."),
        Field::one("contact", "contact_email_account", Nobody).nullable(),
        Field::text("create_opt", Holder).nullable().write_only().help("generate_pwd or set_pwd."),
        Field::time("created_at"),
        Field::one("domain", "domain", Holder).required().help("Cannot be changed later."),
        Field::id(),
        Field::text("localpart", Above).required(),
        Field::text("password", Holder).nullable().write_only(),
        Field::one("policy", "policy_user", Nobody).nullable(),
        Field::integer("priority", Holder).default(FieldDefault::Integer(7)),
        Field::resource_uri(),
        Field::flag("send_welcome", false, Unsupported).write_only().help("Not supported: no mail is sent."),
        Field::time("updated_at"),
        Field::flag("use_domain_notifications", true, Holder),
    ],
    extra: &[
        Field::text("absolute_url", Nobody),
        Field::text("aliases", Nobody).help("Local parts, separated by commas."),
        Field::flag("auto_added", false, Nobody).help("Whether the account was added by learning from delivered mail."),
        Field::flag("distribution_list", false, Above),
        Field::text("domain_name", Nobody),
        Field::many("localpart_aliases", "localpart_alias"),
        Field::one("notification_task", "notification_account_task", Nobody).nullable(),
        Field::many("notification_tasks", "notification_account_task"),
        Field::text("source", Nobody).nullable().help("Sources that list the account, the strongest first."),
        Field::text("status", Above)
            .help("active, inactive, or missing: its source no longer lists it, and it is removed after 7 days."),
    ],
    list_methods: READ_WRITE_LIST,
    detail_methods: READ_WRITE,
    filtering: &[
        ("localpart", Filtering::All),
        ("domain", Filtering::AllWithRelations),
        ("id", Filtering::Only(&["in"])),
    ],
    quiet: &[],
    deep: true,
    related: &[
        ("domain__name", FieldKind::Text),
        ("domain__customer", FieldKind::One("customer")),
        ("domain__active", FieldKind::Boolean),
    ],
    ordering: Some(&["localpart", "priority", "domain", "created_at"]),
    natural_key: Some("the address"),
    in_index: true,
};

impl Resource for EmailAccounts {
    const SPEC: &'static Spec = &SPEC;
    type Row = AccountRow;
    type Column = AccountColumn;

    async fn list(view: &View, query: &Query<AccountColumn>) -> Result<Page<AccountRow>, StoreError> {
        view.accounts(query).await
    }

    async fn by_id(view: &View, id: u32) -> Result<Option<Placed<AccountRow>>, StoreError> {
        view.account(AddressId(id)).await
    }

    async fn by_name(view: &View, name: &str) -> Result<Option<Placed<AccountRow>>, StoreError> {
        match name.parse::<Address>() {
            Ok(address) => view.account_of(&address).await,
            Err(_) => Ok(None),
        }
    }

    fn id(row: &AccountRow) -> u32 {
        row.id.0
    }

    fn show(row: &AccountRow) -> Object {
        let id = row.id.0;
        let aliases: Vec<&str> = row.aliases.iter().map(LocalPart::as_str).collect();
        let sources: Vec<String> = row.sources.iter().map(Source::to_string).collect();
        object_of(json!({
            "absolute_url": format!("/user/{}/", row.address()),
            "aliases": aliases.join(","),
            "auto_added": row.sources.first() == Some(&Source::Learned),
            "change_pwd": null,
            "contact": row.contact.map(|id| uri("contact_email_account", id)),
            "create_opt": null,
            "created_at": time(row.created),
            "distribution_list": row.is_list,
            "domain": uri("domain", row.domain.0),
            "domain_name": row.domain_name.as_str(),
            "id": id,
            "localpart": row.local.as_str(),
            "notification_task": null,
            "notification_tasks": [],
            "policy": uri("policy_user", id),
            "priority": row.priority.unwrap_or(PRIORITY),
            "resource_uri": uri("email_account", id),
            "source": if sources.is_empty() { None } else { Some(sources.join(",")) },
            "status": status(row),
            "updated_at": time(row.updated),
            "use_domain_notifications": row.use_domain_notifications.unwrap_or(true),
        }))
    }

    async fn create(actions: &Actions, mut body: Body) -> Result<Placed<AccountRow>, Fault> {
        let local = localpart(&mut body, "localpart");
        let mut patch = patch(&mut body);
        let domain = body.required_link("domain", "domain")?;
        body.finish()?;
        let domain = DomainId(id_of(actions.view(), "domain", domain).await?);
        let Some(local) = local else { return Err(Fault::NotFound) };
        patch.active = patch.active.filter(|active| !active);
        of("email_account", actions.create_account(&NewAccount { domain, local, patch }).await)
    }

    async fn update(actions: &Actions, found: Placed<AccountRow>, mut body: Body) -> Result<Placed<AccountRow>, Fault> {
        let account = of("email_account", actions.editable(Some(found)))?;
        let row = account.row();
        let local = if body.has("localpart") { localpart(&mut body, "localpart") } else { None };
        if let Some(link) = body.link("domain", "domain")?
            && id_of(actions.view(), "domain", link).await? != row.domain.0
        {
            body.wrong("domain", "an account cannot be moved to another domain: create a new one there");
        }
        let patch = AccountPatch { local, ..patch(&mut body) };
        body.finish()?;
        of("email_account", actions.update_account(&account, &patch).await)?;
        actions.view().account(row.id).await?.ok_or(Fault::NotFound)
    }

    async fn remove(actions: &Actions, found: Placed<AccountRow>) -> Result<(), ActionError> {
        actions.remove_account(&actions.removable(Some(found))?).await
    }
}

fn status(row: &AccountRow) -> &'static str {
    match (row.active, row.missing) {
        (false, _) => "inactive",
        (true, true) => "missing",
        (true, false) => "active",
    }
}

fn patch(body: &mut Body) -> AccountPatch {
    let status = body.text("status");
    let active = match status.as_deref() {
        None => None,
        Some("active") => Some(true),
        Some("inactive") => Some(false),
        // As it is shown while its source has it no more: nothing is changed by it.
        Some("missing") => None,
        Some(_) => {
            body.wrong("status", "expected active or inactive");
            None
        }
    };
    AccountPatch {
        is_list: body.flag("distribution_list"),
        active,
        priority: body.integer("priority"),
        use_domain_notifications: body.flag("use_domain_notifications"),
        password: password(body),
        ..AccountPatch::default()
    }
}

/// A new password, perhaps given twice. `generate_pwd` or an empty one means none.
fn password(body: &mut Body) -> Option<Password> {
    let option = body.text("create_opt");
    if !matches!(option.as_deref(), None | Some("" | "generate_pwd" | "set_pwd")) {
        body.wrong("create_opt", "expected generate_pwd or set_pwd");
    }
    let password = body.text("password").filter(|text| !text.is_empty());
    let again = body.text("confirm_password");
    if option.as_deref() == Some("set_pwd") && password.is_none() {
        body.wrong("password", "This field is required.");
    }
    if again.is_some_and(|again| again != password.as_deref().unwrap_or_default()) {
        body.wrong("confirm_password", "The two passwords are not the same.");
        return None;
    }
    password.map(Password::new)
}

/// A local part in any spelling; a library sends numbers, too.
pub(crate) fn localpart(body: &mut Body, field: &str) -> Option<LocalPart> {
    let text = body.required_text(field);
    if text.is_empty() {
        return None;
    }
    match LocalPart::parse(text.trim().as_bytes()) {
        Ok(local) => Some(local),
        Err(why) => {
            body.wrong(field, format!("Enter a valid local part: {why}"));
            None
        }
    }
}
