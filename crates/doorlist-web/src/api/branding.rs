//! Branding of resellers and customers. Created with its owner, never alone.

use super::body::Body;
use super::exchange::{Fault, of};
use super::link::uri;
use super::resource::{Resource, rows};
use super::show::{Object, object_of, time};
use super::spec::FieldWriter::{Holder, Nobody, Unsupported};
use super::spec::{Field, Filtering, Spec};
use crate::https_link::is_https_link;
use doorlist_actions::Actions;
use doorlist_core::address::DomainName;
use doorlist_store::tenants::{BrandingRow, Placed};
use serde_json::{Map, Value, json};

/// Text fields that are stored as they are.
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
/// Text fields that must be links.
const LINKS: [&str; 3] = ["contact_us_url", "favicon", "logo"];
/// Text fields that must be host names or labels.
const HOSTS: [&str; 2] = ["domain", "subdomain"];
/// Maximum characters of a text.
const TEXT_MAX: usize = 4_000;

pub(crate) struct Brandings;

pub(crate) static SPEC: Spec = Spec {
    name: "brandinginfo",
    about: "Branding of the pages of a reseller or a customer.",
    fields: &[
        Field::text("color", Holder).nullable(),
        Field::text("contact_us_url", Holder).nullable(),
        Field::time("created_at"),
        Field::one("customer", "customer", Nobody).nullable(),
        Field::text("domain", Holder).nullable(),
        Field::text("email_from", Holder).nullable(),
        Field::flag("enabled", false, Holder),
        Field::text("favicon", Holder).nullable(),
        Field::text("highlight_color", Holder).nullable(),
        Field::id(),
        Field::text("logo", Holder).nullable(),
        Field::text("page_color", Holder).nullable(),
        Field::one("reseller", "reseller", Nobody).nullable(),
        Field::resource_uri(),
        Field::text("service_name", Holder).nullable(),
        Field::text("ssl_cert_passphrase", Unsupported)
            .nullable()
            .write_only()
            .help("Not supported: certificates are part of the server configuration."),
        Field::text("subdomain", Holder).nullable(),
        Field::time("updated_at"),
    ],
    extra: &[Field::flag("ssl_cert_passphrase_set", false, Nobody)],
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

impl Resource for Brandings {
    const SPEC: &'static Spec = &SPEC;
    rows!(BrandingRow by BrandingColumn: brandings, branding, |row| row.id);

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
            // What was kept before it was checked is not shown.
            let kept = settings.get(name).filter(|value| value.as_str().is_none_or(|text| wrong(name, text).is_none()));
            object.insert(name.to_owned(), kept.cloned().unwrap_or(Value::Null));
        }
        object
    }

    async fn update(
        actions: &Actions,
        found: Placed<BrandingRow>,
        mut body: Body,
    ) -> Result<Placed<BrandingRow>, Fault> {
        let branding = of("brandinginfo", actions.editable(Some(found)))?;
        let row = branding.row();
        let mut settings = settings(row);
        for name in TEXTS {
            if let Some(text) = body.text_or_null(name) {
                if let Some(why) = text.as_ref().and_then(|text| wrong(name, text)) {
                    body.wrong(name, why);
                }
                settings.insert(name.to_owned(), text.map_or(Value::Null, Value::String));
            }
        }
        if let Some(enabled) = body.flag("enabled") {
            settings.insert("enabled".to_owned(), enabled.into());
        }
        body.finish()?;
        of("brandinginfo", actions.update_branding(&branding, &Value::Object(settings).to_string()).await)?;
        actions.view().branding(row.id).await?.ok_or(Fault::NotFound)
    }
}

/// The error of a text field, if any. Empty texts are valid.
fn wrong(name: &str, text: &str) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    if text.chars().count() > TEXT_MAX {
        return Some(format!("at most {TEXT_MAX} characters"));
    }
    if LINKS.contains(&name) && !is_https_link(text) {
        return Some(
            "a link must begin with https:// and a host name, have no user name or password, and be ASCII".to_owned(),
        );
    }
    // A subdomain is one label or more of a name that ends elsewhere.
    if HOSTS.contains(&name) && format!("{text}.test").parse::<DomainName>().is_err() {
        return Some("expected a host name".to_owned());
    }
    None
}

fn settings(row: &BrandingRow) -> Map<String, Value> {
    serde_json::from_str(&row.settings).unwrap_or_default()
}
