//! Aliases of accounts: other local parts in the account's own domain.

use super::body::Body;
use super::email_account::localpart;
use super::exchange::{Fault, of};
use super::link::uri;
use super::resource::{Resource, id_of};
use super::show::{Object, object_of, time};
use super::spec::FieldWriter::{Holder, Nobody, Unsupported};
use super::spec::{Field, FieldDefault, Filtering, READ_WRITE, READ_WRITE_LIST, Spec};
use doorlist_actions::{ActionError, Actions};
use doorlist_core::list::AddressId;
use doorlist_store::StoreError;
use doorlist_store::tenants::{AliasColumn, AliasRow, Page, Placed, Query, View};
use serde_json::json;

pub(crate) struct LocalpartAliases;

pub(crate) static SPEC: Spec = Spec {
    name: "localpart_alias",
    about: "An alias of an email account.",
    fields: &[
        Field::time("created_at"),
        Field::one("domain", "domain", Nobody).nullable(),
        Field::one("email_account", "email_account", Holder).required(),
        Field::id(),
        Field::text("localpart", Holder).required(),
        Field::resource_uri(),
        Field::text("type", Unsupported).default(FieldDefault::Text("alias")).help("Not supported: always alias."),
        Field::time("updated_at"),
    ],
    extra: &[],
    list_methods: READ_WRITE_LIST,
    detail_methods: READ_WRITE,
    filtering: &[("email_account", Filtering::Only(&["exact"]))],
    quiet: &[],
    deep: true,
    related: &[],
    ordering: Some(&["localpart", "created_at", "updated_at"]),
    natural_key: None,
    in_index: true,
};

impl Resource for LocalpartAliases {
    const SPEC: &'static Spec = &SPEC;
    type Row = AliasRow;
    type Column = AliasColumn;

    async fn list(view: &View, query: &Query<AliasColumn>) -> Result<Page<AliasRow>, StoreError> {
        view.aliases(query).await
    }

    async fn by_id(view: &View, id: u32) -> Result<Option<Placed<AliasRow>>, StoreError> {
        view.alias(AddressId(id)).await
    }

    fn id(row: &AliasRow) -> u32 {
        row.id.0
    }

    fn show(row: &AliasRow) -> Object {
        object_of(json!({
            "created_at": time(row.created),
            "domain": uri("domain", row.domain.0),
            "email_account": uri("email_account", row.account.0),
            "id": row.id.0,
            "localpart": row.local.as_str(),
            "resource_uri": uri("localpart_alias", row.id.0),
            "type": "alias",
            "updated_at": time(row.updated),
        }))
    }

    async fn create(actions: &Actions, mut body: Body) -> Result<Placed<AliasRow>, Fault> {
        let local = localpart(&mut body, "localpart");
        let account = body.required_link("email_account", "email_account")?;
        body.finish()?;
        let account = AddressId(id_of(actions.view(), "email_account", account).await?);
        let Some(local) = local else { return Err(Fault::NotFound) };
        of("localpart_alias", actions.create_alias(account, &local).await)
    }

    async fn update(actions: &Actions, found: Placed<AliasRow>, mut body: Body) -> Result<Placed<AliasRow>, Fault> {
        let alias = of("localpart_alias", actions.editable(Some(found)))?;
        let row = alias.row();
        let local = if body.has("localpart") { localpart(&mut body, "localpart") } else { None };
        let account = match body.link("email_account", "email_account")? {
            Some(link) => AddressId(id_of(actions.view(), "email_account", link).await?),
            None => row.account,
        };
        body.finish()?;
        let local = local.unwrap_or_else(|| row.local.clone());
        of("localpart_alias", actions.update_alias(&alias, account, &local).await)
    }

    async fn remove(actions: &Actions, found: Placed<AliasRow>) -> Result<(), ActionError> {
        let alias = actions.editable(Some(found))?;
        actions.remove_alias(&alias).await
    }
}
