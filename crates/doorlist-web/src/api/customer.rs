//! The resource `customer`.

use super::body::Body;
use super::exchange::{Fault, of};
use super::link::uri;
use super::resource::{Resource, id_of, rows};
use super::show::{Object, object_of, time};
use super::spec::FieldWriter::{Above, Nobody};
use super::spec::{Field, Filtering, READ_WRITE, READ_WRITE_LIST, Spec};
use doorlist_actions::{ActionError, Actions};
use doorlist_core::access::ResellerId;
use doorlist_store::tenants::{CustomerFields, CustomerPatch, CustomerRow, Placed};
use serde_json::json;

pub(crate) struct Customers;

pub(crate) static SPEC: Spec = Spec {
    name: "customer",
    about: "An organisation with domains.",
    fields: &[
        Field::flag("allow_branding", false, Above),
        Field::one("branding_info", "brandinginfo", Nobody).nullable(),
        Field::time("created_at"),
        Field::id(),
        Field::flag("is_full_user_list", false, Above),
        Field::text("name", Above).required().unique(),
        Field::integer("reported_user_count", Above).nullable(),
        Field::one("reseller", "reseller", Above).help("Default: the reseller of the caller."),
        Field::resource_uri(),
        Field::time("updated_at"),
    ],
    extra: &[
        Field::text("absolute_url", Nobody),
        Field::many("admins", "admins"),
        Field::many("contacts", "contact_customer"),
        Field::many("domains", "domain"),
    ],
    list_methods: READ_WRITE_LIST,
    detail_methods: READ_WRITE,
    filtering: &[("name", Filtering::All), ("reseller", Filtering::Only(&["exact"]))],
    quiet: &[("id", Filtering::Only(&["exact", "in"]))],
    deep: false,
    related: &[],
    ordering: Some(&["name", "created_at"]),
    natural_key: None,
    in_index: true,
};

impl Resource for Customers {
    const SPEC: &'static Spec = &SPEC;
    rows!(CustomerRow by CustomerColumn: customers, customer, |row| row.id.0);

    fn show(row: &CustomerRow) -> Object {
        let id = row.id.0;
        object_of(json!({
            "absolute_url": format!("/customer/{id}/"),
            "allow_branding": row.allow_branding,
            "branding_info": row.branding.map(|id| uri("brandinginfo", id)),
            "created_at": time(row.created),
            "id": id,
            "is_full_user_list": row.is_full_user_list,
            "name": row.name,
            "reported_user_count": row.reported_user_count,
            "reseller": uri("reseller", row.reseller.0),
            "resource_uri": uri("customer", id),
            "updated_at": time(row.updated),
        }))
    }

    async fn create(actions: &Actions, mut body: Body) -> Result<Placed<CustomerRow>, Fault> {
        let fields = CustomerFields {
            name: body.required_text("name"),
            allow_branding: body.flag("allow_branding").unwrap_or(false),
            is_full_user_list: body.flag("is_full_user_list").unwrap_or(false),
            reported_user_count: body.integer("reported_user_count"),
            ..CustomerFields::default()
        };
        let reseller = reseller(actions, &mut body).await?;
        body.finish()?;
        let id = of("customer", actions.create_customer(fields, reseller).await)?;
        actions.view().customer(id.0).await?.ok_or(Fault::NotFound)
    }

    async fn update(
        actions: &Actions,
        found: Placed<CustomerRow>,
        mut body: Body,
    ) -> Result<Placed<CustomerRow>, Fault> {
        let customer = of("customer", actions.editable(Some(found)))?;
        let patch = CustomerPatch {
            name: body.changed_text("name"),
            allow_branding: body.flag("allow_branding"),
            is_full_user_list: body.flag("is_full_user_list"),
            reported_user_count: body.has("reported_user_count").then(|| body.integer("reported_user_count")),
            reseller: reseller(actions, &mut body).await?,
        };
        body.finish()?;
        of("customer", actions.update_customer(&customer, &patch).await)?;
        actions.view().customer(customer.row().id.0).await?.ok_or(Fault::NotFound)
    }

    async fn remove(actions: &Actions, found: Placed<CustomerRow>) -> Result<(), ActionError> {
        actions.remove_customer(&actions.removable(Some(found))?).await
    }
}

async fn reseller(actions: &Actions, body: &mut Body) -> Result<Option<ResellerId>, Fault> {
    match body.link("reseller", "reseller")? {
        Some(link) => Ok(Some(ResellerId(id_of(actions.view(), "reseller", link).await?))),
        None => Ok(None),
    }
}
