//! How the pages of a reseller or a customer look: kept for the page to come. Made with its owner, never alone.

use super::body::Body;
use super::exchange::{Fault, of};
use super::link::uri;
use super::noun::Noun;
use super::show::{Object, object_of, time};
use super::spec::{Field, Filtering, Spec};
use doorlist_actions::desk::Desk;
use doorlist_store::StoreError;
use doorlist_store::tenants::{BrandingRow, Page, Placed, Query, View};
use serde_json::{Map, Value, json};

/// Texts that are kept as they come.
const TEXTS: [&str; 11] = [
    "color",
    "contact_us_url",
    "domain",
    "email_from",
    "favicon",
    "highlight_color",
    "logo",
    "page_color",
    "service_name",
    "subdomain",
    "ssl_cert_passphrase",
];
/// Characters of one of them.
const TEXT_MAX: usize = 4_000;

pub(crate) struct Brandings;

pub(crate) static SPEC: Spec = Spec {
    name: "brandinginfo",
    about: "How the pages of a reseller or a customer look.",
    fields: &[
        Field::text("color").nullable(),
        Field::text("contact_us_url").nullable(),
        Field::time("created_at"),
        Field::one("customer", "customer").readonly().nullable(),
        Field::text("domain").nullable(),
        Field::text("email_from").nullable(),
        Field::flag("enabled", false),
        Field::text("favicon").nullable(),
        Field::text("highlight_color").nullable(),
        Field::id(),
        Field::text("logo").nullable(),
        Field::text("page_color").nullable(),
        Field::one("reseller", "reseller").readonly().nullable(),
        Field::resource_uri(),
        Field::text("service_name").nullable(),
        Field::text("ssl_cert_passphrase").nullable().write_only().help("Not kept: certificates are the server's."),
        Field::text("subdomain").nullable(),
        Field::time("updated_at"),
    ],
    extra: &[Field::flag("ssl_cert_passphrase_set", false).readonly()],
    list_methods: &["get"],
    detail_methods: &["get", "put", "patch"],
    filtering: &[("customer", Filtering::Only(&["exact"])), ("reseller", Filtering::Only(&["exact"]))],
    quiet: &[],
    deep: false,
    related: &[],
    ordering: Some(&["created_at"]),
    natural_key: None,
    in_index: true,
};

impl Noun for Brandings {
    const SPEC: &'static Spec = &SPEC;
    type Row = BrandingRow;

    async fn list(view: &View, query: &Query) -> Result<Page<BrandingRow>, StoreError> {
        view.brandings(query).await
    }

    async fn by_id(view: &View, id: u32) -> Result<Option<Placed<BrandingRow>>, StoreError> {
        view.branding(id).await
    }

    fn id(row: &BrandingRow) -> u32 {
        row.id
    }

    fn show(row: &BrandingRow) -> Object {
        let settings = settings(row);
        let mut object = object_of(json!({
            "created_at": time(row.created),
            "customer": row.customer.map(|id| uri("customer", id.0)),
            "enabled": settings.get("enabled").and_then(Value::as_bool).unwrap_or(false),
            "id": row.id,
            "reseller": row.reseller.map(|id| uri("reseller", id.0)),
            "resource_uri": uri("brandinginfo", row.id),
            "ssl_cert_passphrase_set": false,
            "updated_at": time(row.updated),
        }));
        for name in TEXTS {
            object.insert(name.to_owned(), settings.get(name).cloned().unwrap_or(Value::Null));
        }
        object
    }

    async fn update(desk: &Desk, found: Placed<BrandingRow>, mut body: Body) -> Result<Placed<BrandingRow>, Fault> {
        let branding = of("brandinginfo", desk.editable(Some(found)))?;
        let row = branding.row();
        let mut settings = settings(row);
        body.only_defaults(&[("ssl_cert_passphrase", Value::Null)]);
        for name in TEXTS.into_iter().filter(|name| *name != "ssl_cert_passphrase") {
            if let Some(text) = body.text_or_null(name) {
                if text.as_ref().is_some_and(|text| text.chars().count() > TEXT_MAX) {
                    body.wrong(name, format!("at most {TEXT_MAX} characters"));
                }
                settings.insert(name.to_owned(), text.map_or(Value::Null, Value::String));
            }
        }
        if let Some(enabled) = body.flag("enabled") {
            settings.insert("enabled".to_owned(), enabled.into());
        }
        body.finish()?;
        of("brandinginfo", desk.update_branding(&branding, &Value::Object(settings).to_string()).await)?;
        desk.view().branding(row.id).await?.ok_or(Fault::NotFound)
    }
}

fn settings(row: &BrandingRow) -> Map<String, Value> {
    serde_json::from_str(&row.settings).unwrap_or_default()
}
