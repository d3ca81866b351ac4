//! Domain aliases, and the list of all names: domains and domain aliases.

use super::body::Body;
use super::domain::domain_name;
use super::exchange::{Fault, of};
use super::link::uri;
use super::resource::{Resource, id_of, rows};
use super::show::{Object, object_of, time};
use super::spec::FieldWriter::{Holder, Nobody};
use super::spec::{Field, Filtering, READ_WRITE, READ_WRITE_LIST, Spec};
use doorlist_actions::{ActionError, Actions};
use doorlist_core::domain::DomainId;
use doorlist_store::tenants::{DomainAliasRow, DomainNameRow, Placed};
use serde_json::json;

pub(crate) struct DomainAliases;

pub(crate) static SPEC: Spec = Spec {
    name: "domain_alias",
    about: "Another name of a domain, with the same recipients and servers.",
    fields: &[
        Field::flag("active", true, Holder),
        Field::time("created_at"),
        Field::one("domain", "domain", Holder).required(),
        Field::id(),
        Field::text("name", Holder).required().unique(),
        Field::resource_uri(),
        Field::time("updated_at"),
    ],
    extra: &[],
    list_methods: READ_WRITE_LIST,
    detail_methods: READ_WRITE,
    filtering: &[("domain", Filtering::Only(&["exact"]))],
    quiet: &[],
    deep: false,
    related: &[],
    ordering: Some(&["name", "created_at"]),
    natural_key: None,
    in_index: true,
};

impl Resource for DomainAliases {
    const SPEC: &'static Spec = &SPEC;
    rows!(DomainAliasRow by DomainAliasColumn: domain_aliases, domain_alias, |row| row.id);

    fn show(row: &DomainAliasRow) -> Object {
        object_of(json!({
            "active": row.active,
            "created_at": time(row.created),
            "domain": uri("domain", row.domain.0),
            "id": row.id,
            "name": row.name.as_str(),
            "resource_uri": uri("domain_alias", row.id),
            "updated_at": time(row.updated),
        }))
    }

    async fn create(actions: &Actions, mut body: Body) -> Result<Placed<DomainAliasRow>, Fault> {
        let name = domain_name(&mut body, "name");
        let active = body.flag("active").unwrap_or(true);
        let domain = body.required_link("domain", "domain")?;
        body.finish()?;
        let domain = DomainId(id_of(actions.view(), "domain", domain).await?);
        let Some(name) = name else { return Err(Fault::NotFound) };
        of("domain_alias", actions.create_domain_alias(domain, &name, active).await)
    }

    async fn update(
        actions: &Actions,
        found: Placed<DomainAliasRow>,
        mut body: Body,
    ) -> Result<Placed<DomainAliasRow>, Fault> {
        let alias = of("domain_alias", actions.editable(Some(found)))?;
        let row = alias.row();
        let name = if body.has("name") { domain_name(&mut body, "name") } else { None };
        let active = body.flag("active").unwrap_or(row.active);
        let domain = match body.link("domain", "domain")? {
            Some(link) => DomainId(id_of(actions.view(), "domain", link).await?),
            None => row.domain,
        };
        body.finish()?;
        let name = name.unwrap_or_else(|| row.name.clone());
        of("domain_alias", actions.update_domain_alias(&alias, domain, &name, active).await)
    }

    async fn remove(actions: &Actions, found: Placed<DomainAliasRow>) -> Result<(), ActionError> {
        let alias = actions.editable(Some(found))?;
        actions.remove_domain_alias(&alias).await
    }
}

pub(crate) struct DomainNames;

pub(crate) static NAMES: Spec = Spec {
    name: "domain_with_alias",
    about: "All names of domains and domain aliases. Read-only.",
    fields: &[
        Field::time("created_at"),
        Field::one("domain", "domain", Nobody),
        Field::id(),
        Field::text("name", Nobody).unique(),
        Field::resource_uri(),
        Field::text("type", Nobody).help("domain or alias."),
        Field::time("updated_at"),
    ],
    extra: &[],
    list_methods: &["get"],
    detail_methods: &["get"],
    filtering: &[("domain", Filtering::Only(&["exact"])), ("name", Filtering::All)],
    quiet: &[],
    deep: false,
    related: &[],
    ordering: Some(&["name", "created_at"]),
    natural_key: None,
    in_index: true,
};

impl Resource for DomainNames {
    const SPEC: &'static Spec = &NAMES;
    rows!(DomainNameRow by DomainNameColumn: domain_names, domain_name, |row| row.id);

    fn show(row: &DomainNameRow) -> Object {
        object_of(json!({
            "created_at": time(row.created),
            "domain": uri("domain", row.domain.0),
            "id": row.id,
            "name": row.name.as_str(),
            "resource_uri": uri("domain_with_alias", row.id),
            "type": if row.is_alias { "alias" } else { "domain" },
            "updated_at": time(row.updated),
        }))
    }
}
