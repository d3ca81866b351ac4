//! The resource `domain`. The switch "Accept mail only for mailboxes in this list" has two names, `bounce_unlisted`
//! and `userlist_complete`: both are shown, either is accepted.

use super::body::Body;
use super::exchange::{Fault, of};
use super::link::uri;
use super::resource::{Resource, id_of, rows};
use super::show::{Object, object_of, time};
use super::spec::FieldWriter::{Above, Holder, Nobody, Unsupported};
use super::spec::{Field, FieldDefault, FieldKind, Filtering, READ_WRITE, READ_WRITE_LIST, Spec};
use doorlist_actions::{ActionError, Actions, DomainPatch, Enforcement, NewDomain};
use doorlist_core::access::CustomerId;
use doorlist_core::address::DomainName;
use doorlist_core::domain::Mode;
use doorlist_core::time::Timestamp;
use doorlist_store::StoreError;
use doorlist_store::tenants::{DomainRow, Placed, View};
use serde_json::json;

/// The step of dates in answers, in milliseconds.
const DATE_STEP_MS: i64 = 1_000;

pub(crate) struct Domains;

pub(crate) static SPEC: Spec = Spec {
    name: "domain",
    about: "A domain whose mail this gateway receives.",
    fields: &[
        Field::flag("active", true, Above),
        Field::flag("bounce_unlisted", false, Holder).help(
            "Accept mail only for mailboxes in this list; for the first three days, unlisted recipients are deferred. \
             Same as userlist_complete.",
        ),
        Field::time("created_at"),
        Field::one("customer", "customer", Above).required(),
        Field::integer("deliveryport", Holder).default(FieldDefault::Integer(25)).help(
            "TCP port to which mail is delivered: that of the mail server with the lowest preference. Setting it \
             changes the port of all mail servers of the domain.",
        ),
        Field::flag("hold_email", false, Holder).help("Accept mail, but do not deliver it."),
        Field::id(),
        Field::text("name", Holder).required().unique(),
        Field::flag("outbound_enabled", false, Unsupported).help("Not supported: always false."),
        Field::one("policy", "policy_domain", Nobody).nullable(),
        Field::resource_uri(),
        Field::time("updated_at"),
    ],
    extra: &[
        Field::text("absolute_url", Nobody),
        Field::many("contacts", "contact_domain"),
        Field::many("domain_aliases", "domain_alias"),
        Field::many("email_accounts", "email_account"),
        Field::many("mail_servers", "mail_server"),
        Field::text("mode", Nobody).help("learn, monitor or enforce."),
        Field::one("notification_task", "notification_domain_task", Nobody).nullable(),
        Field::many("notification_tasks", "notification_domain_task"),
        Field::many("outbound_servers", "outbound_server"),
        Field::text("status", Nobody).help("active, hold or inactive."),
        Field::time("trial_ends_at").nullable().help(
            "In mode learn: when addresses that get clean mail are no longer added by themselves. null before the first \
             message, and in other modes.",
        ),
        Field::flag("userlist_complete", false, Holder).help("Same as bounce_unlisted."),
    ],
    list_methods: READ_WRITE_LIST,
    detail_methods: READ_WRITE,
    filtering: &[("customer", Filtering::AllWithRelations), ("name", Filtering::All)],
    quiet: &[("id", Filtering::Only(&["exact", "in"]))],
    deep: false,
    related: &[("customer__name", FieldKind::Text), ("customer__reseller", FieldKind::One("reseller"))],
    ordering: Some(&["name", "created_at", "active", "hold_email"]),
    natural_key: Some("the domain's name"),
    in_index: true,
};

impl Resource for Domains {
    const SPEC: &'static Spec = &SPEC;
    rows!(DomainRow by DomainColumn: domains, domain, |row| row.id.0);

    async fn by_name(view: &View, name: &str) -> Result<Option<Placed<DomainRow>>, StoreError> {
        match name.parse() {
            Ok(name) => view.domain_of_name(&name).await,
            Err(_) => Ok(None),
        }
    }

    fn show(row: &DomainRow) -> Object {
        let id = row.id.0;
        let is_enforced = is_enforced(row);
        let status = match (row.active, row.hold) {
            (false, _) => "inactive",
            (true, true) => "hold",
            (true, false) => "active",
        };
        object_of(json!({
            "absolute_url": format!("/domain/{}/", row.name),
            "active": row.active,
            "bounce_unlisted": is_enforced,
            "created_at": time(row.created),
            "customer": uri("customer", row.customer.0),
            "deliveryport": row.delivery_port,
            "hold_email": row.hold,
            "id": id,
            "mode": row.mode.word(),
            "name": row.name.as_str(),
            "notification_task": null,
            "notification_tasks": [],
            "outbound_enabled": false,
            "policy": uri("policy_domain", id),
            "resource_uri": uri("domain", id),
            "status": status,
            "trial_ends_at": row.mode.trial_end().map(time),
            "updated_at": time(row.updated),
            "userlist_complete": is_enforced,
        }))
    }

    async fn create(actions: &Actions, mut body: Body) -> Result<Placed<DomainRow>, Fault> {
        let name = domain_name(&mut body, "name");
        let mut patch = patch(&mut body);
        let customer = body.required_link("customer", "customer")?;
        let customer = CustomerId(id_of(actions.view(), "customer", customer).await?);
        body.finish()?;
        let Some(name) = name else { return Err(Fault::NotFound) };
        patch.active = patch.active.filter(|active| !active);
        patch.hold = patch.hold.filter(|hold| *hold);
        patch.enforcement =
            wanted_enforcement(&mut body, None, actions.now()).filter(|wanted| *wanted != Enforcement::Off);
        of("domain", actions.create_domain(&NewDomain { name, customer, patch }).await)
    }

    async fn update(actions: &Actions, found: Placed<DomainRow>, mut body: Body) -> Result<Placed<DomainRow>, Fault> {
        let domain = of("domain", actions.editable(Some(found)))?;
        let row = domain.row();
        if let Some(name) = body.changed_text("name")
            && name.parse::<DomainName>().ok().as_ref() != Some(&row.name)
        {
            body.wrong("name", "a domain cannot be renamed: create a new one, or create a domain alias");
        }
        let mut patch = patch(&mut body);
        // What is sent back as it was read is no wish: a soft period goes on.
        let enforcement = wanted_enforcement(&mut body, Some(row), actions.now());
        patch.enforcement = enforcement.filter(|wanted| (*wanted != Enforcement::Off) != is_enforced(row));
        if let Some(link) = body.link("customer", "customer")? {
            patch.customer = Some(CustomerId(id_of(actions.view(), "customer", link).await?));
        }
        body.finish()?;
        of("domain", actions.update_domain(&domain, &patch).await)?;
        actions.view().domain(row.id.0).await?.ok_or(Fault::NotFound)
    }

    async fn warning(
        actions: &Actions,
        before: Option<&Object>,
        row: &DomainRow,
    ) -> Result<Option<String>, ActionError> {
        let was_enforced = before.is_some_and(|before| before["bounce_unlisted"] == true);
        match is_enforced(row) {
            false => Ok(None),
            true if was_enforced => actions.empty_list_warning(&row.name).await,
            true => actions.enforce_warning(&row.name).await,
        }
    }

    async fn remove(actions: &Actions, found: Placed<DomainRow>) -> Result<(), ActionError> {
        actions.remove_domain(&actions.removable(Some(found))?).await
    }
}

fn is_enforced(row: &DomainRow) -> bool {
    matches!(row.mode, Mode::Enforce { .. })
}

fn patch(body: &mut Body) -> DomainPatch {
    let port = body.integer_within("deliveryport", 1, 65_535);
    DomainPatch {
        active: body.flag("active"),
        delivery_port: port.and_then(|port| u16::try_from(port).ok()),
        hold: body.flag("hold_email"),
        ..DomainPatch::default()
    }
}

/// What the two names of one switch say. Who sends a whole object back has changed one of them and left the other as it was
/// read: where they differ, the one that differs from what stands is the wish. A copy that may be from before a change knows
/// nothing of what stands; there the newer name counts.
fn wanted_enforcement(body: &mut Body, row: Option<&DomainRow>, now: Timestamp) -> Option<Enforcement> {
    let (bounce, complete) = (body.flag("bounce_unlisted"), body.flag("userlist_complete"));
    let stands = row.is_some_and(is_enforced);
    let is_fresh = row.is_none_or(|row| is_fresh_copy(body, row, now));
    let on = match (bounce, complete) {
        (Some(bounce), Some(complete)) if bounce != complete && is_fresh => !stands,
        _ => complete.or(bounce)?,
    };
    Some(if on { Enforcement::Soft } else { Enforcement::Off })
}

/// Whether the object was surely read behind the last change of the row. Dates are shown in seconds: within them, only a
/// row that was never changed is sure.
fn is_fresh_copy(body: &Body, row: &DomainRow, now: Timestamp) -> bool {
    let is_as_shown = body.raw("updated_at").is_none_or(|read| *read == time(row.updated));
    let is_settled = row.updated == row.created || now.as_millis() - row.updated.as_millis() > DATE_STEP_MS;
    is_as_shown && is_settled
}

/// A domain's name in any spelling.
pub(crate) fn domain_name(body: &mut Body, field: &str) -> Option<DomainName> {
    let text = body.required_text(field);
    if text.is_empty() {
        return None;
    }
    match text.trim().parse() {
        Ok(name) => Some(name),
        Err(why) => {
            body.wrong(field, format!("Enter a valid domain name: {why}"));
            None
        }
    }
}
