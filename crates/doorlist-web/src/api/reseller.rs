//! The resource `reseller`.

use super::body::Body;
use super::exchange::{Fault, of};
use super::link::uri;
use super::resource::{Resource, rows};
use super::show::{Object, object_of, time};
use super::spec::FieldWriter::{Above, Holder, Nobody};
use super::spec::{Field, Filtering, READ_WRITE, READ_WRITE_LIST, Spec};
use doorlist_actions::{ActionError, Actions};
use doorlist_store::tenants::{Placed, ResellerFields, ResellerRow};
use serde_json::json;

pub(crate) struct Resellers;

pub(crate) static SPEC: Spec = Spec {
    name: "reseller",
    about: "A provider with customers. The operator is a reseller, too.",
    fields: &[
        Field::flag("allow_branding", false, Above),
        Field::flag("allow_customer_branding", false, Above),
        Field::one("branding_info", "brandinginfo", Nobody).nullable(),
        Field::time("created_at"),
        Field::id(),
        Field::text("name", Holder).required().unique(),
        Field::resource_uri(),
        Field::time("updated_at"),
    ],
    extra: &[
        Field::text("absolute_url", Nobody),
        Field::many("admins", "admins"),
        Field::many("contacts", "contact_reseller"),
        Field::many("customers", "customer"),
    ],
    list_methods: READ_WRITE_LIST,
    detail_methods: READ_WRITE,
    filtering: &[("name", Filtering::All)],
    quiet: &[("id", Filtering::Only(&["exact", "in"]))],
    deep: false,
    related: &[],
    ordering: Some(&["name", "created_at"]),
    natural_key: None,
    in_index: true,
};

impl Resource for Resellers {
    const SPEC: &'static Spec = &SPEC;
    rows!(ResellerRow by ResellerColumn: resellers, reseller, |row| row.id.0);

    fn show(row: &ResellerRow) -> Object {
        let id = row.id.0;
        let object = json!({
            "absolute_url": format!("/reseller/{id}/"),
            "allow_branding": row.allow_branding,
            "allow_customer_branding": row.allow_customer_branding,
            "branding_info": row.branding.map(|id| uri("brandinginfo", id)),
            "created_at": time(row.created),
            "id": id,
            "name": row.name,
            "resource_uri": uri("reseller", id),
            "updated_at": time(row.updated),
        });
        object_of(object)
    }

    async fn create(actions: &Actions, mut body: Body) -> Result<Placed<ResellerRow>, Fault> {
        let fields = ResellerFields {
            name: body.required_text("name"),
            allow_branding: body.flag("allow_branding").unwrap_or(false),
            allow_customer_branding: body.flag("allow_customer_branding").unwrap_or(false),
        };
        body.finish()?;
        let id = of("reseller", actions.create_reseller(&fields).await)?;
        actions.view().reseller(id.0).await?.ok_or(Fault::NotFound)
    }

    async fn update(
        actions: &Actions,
        found: Placed<ResellerRow>,
        mut body: Body,
    ) -> Result<Placed<ResellerRow>, Fault> {
        let reseller = of("reseller", actions.editable(Some(found)))?;
        let row = reseller.row();
        let fields = ResellerFields {
            name: body.changed_text("name").unwrap_or_else(|| row.name.clone()),
            allow_branding: body.flag("allow_branding").unwrap_or(row.allow_branding),
            allow_customer_branding: body.flag("allow_customer_branding").unwrap_or(row.allow_customer_branding),
        };
        body.finish()?;
        of("reseller", actions.update_reseller(&reseller, &fields).await)?;
        actions.view().reseller(row.id.0).await?.ok_or(Fault::NotFound)
    }

    async fn remove(actions: &Actions, found: Placed<ResellerRow>) -> Result<(), ActionError> {
        actions.remove_reseller(&actions.removable(Some(found))?).await
    }
}
