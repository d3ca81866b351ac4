//! The operations that all resources share: list, create, show, update and delete an object. A resource defines how
//! its rows are read and shown, and its fields.

use super::body::Body;
use super::conditions::ObjectState;
use super::exchange::{Answer, Ask, BODY_MAX, Fault, exchange, of};
use super::gate::ApiState;
use super::link::{self, Link, uri};
use super::query::{self, ListQuery, NamedFilter};
use super::show::{self, Object};
use super::spec::{FieldKind, Spec};
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::Method;
use axum::response::Response;
use axum::routing::any;
use doorlist_actions::{ActionError, Actions};
use doorlist_core::address::{Address, DomainName};
use doorlist_store::StoreError;
use doorlist_store::tenants::{ListColumn, Lookup, Page, Placed, Query, QueryValue, RowFilter, UnknownColumn, View};
use serde_json::Value;

/// A resource of the API.
pub(crate) trait Resource: Send + Sync + 'static {
    const SPEC: &'static Spec;
    /// A row of it.
    type Row: Send + Sync;

    /// By what its list is found and ordered.
    type Column: ListColumn;

    /// The column behind a name of the schema.
    fn column(name: &str) -> Result<Self::Column, UnknownColumn> {
        name.parse()
    }

    /// A page of rows.
    fn list(
        view: &View,
        query: &Query<Self::Column>,
    ) -> impl Future<Output = Result<Page<Self::Row>, StoreError>> + Send;

    /// The row of a number.
    fn by_id(view: &View, id: u32) -> impl Future<Output = Result<Option<Placed<Self::Row>>, StoreError>> + Send;

    /// The row of a natural key.
    fn by_name(
        _view: &View,
        _name: &str,
    ) -> impl Future<Output = Result<Option<Placed<Self::Row>>, StoreError>> + Send {
        async { Ok(None) }
    }

    fn id(row: &Self::Row) -> u32;

    /// The object as JSON.
    fn show(row: &Self::Row) -> Object;

    /// Creates an object. Not implemented if objects are created with another one.
    fn create(_: &Actions, _: Body) -> impl Future<Output = Result<Placed<Self::Row>, Fault>> + Send {
        async { Err(Fault::Method(Self::SPEC.list_methods)) }
    }

    /// Updates an object; fields that are not given keep their value. Not implemented for immutable objects.
    fn update(
        _: &Actions,
        _: Placed<Self::Row>,
        _: Body,
    ) -> impl Future<Output = Result<Placed<Self::Row>, Fault>> + Send {
        async { Err(Fault::Method(Self::SPEC.detail_methods)) }
    }

    /// What a person would be asked to confirm, about an object as it was just written; `before` is what stood there.
    fn warning(
        _: &Actions,
        _before: Option<&Object>,
        _: &Self::Row,
    ) -> impl Future<Output = Result<Option<String>, ActionError>> + Send {
        async { Ok(None) }
    }

    /// Deletes an object. Not implemented if objects are deleted with another one.
    fn remove(_: &Actions, _: Placed<Self::Row>) -> impl Future<Output = Result<(), ActionError>> + Send {
        async { Err(ActionError::Forbidden) }
    }
}

/// How the rows of a resource are read, where it is as for most: the functions of the view that give a page, and the one
/// of a number.
macro_rules! rows {
    ($row:ident by $column:ident: $page:ident, $one:ident, |$of:ident| $id:expr) => {
        type Row = doorlist_store::tenants::$row;
        type Column = doorlist_store::tenants::$column;

        async fn list(
            view: &doorlist_store::tenants::View,
            query: &doorlist_store::tenants::Query<Self::Column>,
        ) -> Result<doorlist_store::tenants::Page<Self::Row>, doorlist_store::StoreError> {
            view.$page(query).await
        }

        async fn by_id(
            view: &doorlist_store::tenants::View,
            id: u32,
        ) -> Result<Option<doorlist_store::tenants::Placed<Self::Row>>, doorlist_store::StoreError> {
            view.$one(id).await
        }

        fn id($of: &Self::Row) -> u32 {
            $id
        }
    };
}
pub(super) use rows;

/// The routes of a resource: its list and its objects.
pub(crate) fn routes<N: Resource>(router: Router<ApiState>) -> Router<ApiState> {
    let (list, detail) =
        (format!("{}{}/", super::BASE, N::SPEC.name), format!("{}{}/{{id}}/", super::BASE, N::SPEC.name));
    router.route(&list, any(list_handler::<N>)).route(&detail, any(detail_handler::<N>))
}

async fn list_handler<N: Resource>(State(state): State<ApiState>, request: Request) -> Response {
    exchange(state, request, BODY_MAX, async |ask: Ask| match ask.method {
        Method::GET | Method::HEAD => show_list::<N>(&ask, Vec::new()).await,
        Method::POST if N::SPEC.list_methods.contains(&"post") => {
            let mut body = Body::parse(N::SPEC, &ask.body)?;
            let aside = body.set_aside(N::SPEC, false);
            let row = N::create(&ask.actions, body).await?.row;
            let warning = of(N::SPEC.name, N::warning(&ask.actions, None, &row).await)?;
            let object = written::<N>(&row);
            let left = aside.left(&object);
            Ok(Answer::Created { path: uri(N::SPEC.name, N::id(&row)), object, left, warning })
        }
        _ => Err(Fault::Method(N::SPEC.list_methods)),
    })
    .await
}

/// A page of a list, within further conditions.
pub(crate) async fn show_list<N: Resource>(ask: &Ask, within: Vec<RowFilter<N::Column>>) -> Result<Answer, Fault> {
    let parameters = query::parameters(&ask.query)?;
    let mut list = query::read(N::SPEC, N::column, &parameters)?;
    list.query.filters.extend(within);
    resolve(ask.actions.view(), &mut list).await?;
    let page = N::list(ask.actions.view(), &list.query).await?;
    let last = page.rows.last().map(|placed| u64::from(N::id(&placed.row)));
    // Where a page begins is known by its last object only in the list's own order.
    let last = last.filter(|_| N::SPEC.deep && list.query.order.is_empty());
    let objects = page.rows.iter().map(|placed| N::show(&placed.row)).collect();
    let shown = show::envelope(&ask.path, &parameters, &list, page.total, objects, last);
    Ok(Answer::Listed(shown, list.passed_over))
}

/// Filters whose value is a name: an address, a domain.
async fn resolve<C>(view: &View, list: &mut ListQuery<C>) -> Result<(), Fault> {
    for NamedFilter { column, resource, name } in std::mem::take(&mut list.named) {
        let id = find(view, resource, &name).await?;
        // What is not there has no objects.
        let values = vec![QueryValue::Int(id.map_or(-1, i64::from))];
        list.query.filters.push(RowFilter { column, lookup: Lookup::Exact, values });
    }
    Ok(())
}

/// The number behind a natural key.
pub(crate) async fn find(view: &View, resource: &str, name: &str) -> Result<Option<u32>, StoreError> {
    match resource {
        "domain" => match name.parse::<DomainName>() {
            Ok(name) => Ok(view.domain_of_name(&name).await?.map(|found| found.row.id.0)),
            Err(_) => Ok(None),
        },
        "email_account" => match name.parse::<Address>() {
            Ok(address) => Ok(view.account_of(&address).await?.map(|found| found.row.id.0)),
            Err(_) => Ok(None),
        },
        _ => Ok(None),
    }
}

/// The number of an object that a link names.
pub(crate) async fn id_of(view: &View, resource: &'static str, link: Link) -> Result<u32, Fault> {
    match link {
        Link::Id(id) => Ok(id),
        Link::Name(name) => find(view, resource, &name).await?.ok_or_else(|| Fault::no_object(&name)),
    }
}

/// The object that a path names.
pub(crate) async fn lookup<N: Resource>(view: &View, key: &str) -> Result<Placed<N::Row>, Fault> {
    let found = match link::key(key) {
        Some(Link::Id(id)) => N::by_id(view, id).await?,
        Some(Link::Name(name)) if N::SPEC.natural_key.is_some() => N::by_name(view, &name).await?,
        _ => None,
    };
    found.ok_or(Fault::NotFound)
}

async fn detail_handler<N: Resource>(
    State(state): State<ApiState>,
    key: Result<Path<String>, axum::extract::rejection::PathRejection>,
    request: Request,
) -> Response {
    let key = key.map(|Path(key)| key).unwrap_or_default();
    exchange(state.clone(), request, BODY_MAX, async |ask: Ask| {
        let is_get = matches!(ask.method, Method::GET | Method::HEAD);
        let word = ask.method.as_str().to_lowercase();
        if !is_get && !N::SPEC.detail_methods.contains(&word.as_str()) {
            return Err(Fault::Method(N::SPEC.detail_methods));
        }
        let mut found = lookup::<N>(ask.actions.view(), &key).await?;
        let mut _locked = None;
        if !is_get {
            _locked = Some(state.lock_object(N::SPEC.name, N::id(&found.row)).await?);
            // Who had the turn before may have changed it: fields that are not given stay as they are now.
            found = lookup::<N>(ask.actions.view(), &key).await?;
        }
        let object = N::show(&found.row);
        let seen = ObjectState::of(&object);
        if !ask.conditions.allow(&seen) {
            return Err(Fault::Changed);
        }
        match ask.method {
            Method::GET | Method::HEAD if ask.conditions.is_known(&seen) => Ok(Answer::Unchanged(seen)),
            Method::GET | Method::HEAD => Ok(Answer::Object(object, seen)),
            Method::DELETE => {
                of(N::SPEC.name, N::remove(&ask.actions, found).await)?;
                Ok(Answer::Gone)
            }
            _ => {
                let mut body = Body::parse(N::SPEC, &ask.body)?;
                let left = body.set_aside(N::SPEC, !ask.actions.speaks_for_above(&found)).left(&object);
                let row = N::update(&ask.actions, found, body).await?.row;
                let warning = of(N::SPEC.name, N::warning(&ask.actions, Some(&object), &row).await)?;
                // Who sends a part gets the object as it is read; who sends all of it, all names of it.
                let mut object = if ask.method == Method::PUT { written::<N>(&row) } else { N::show(&row) };
                object.insert("pk".to_owned(), N::id(&row).to_string().into());
                Ok(Answer::Changed(object, left, warning))
            }
        }
    })
    .await
}

/// An object as it was just written: with its to-many names, as null. Where it is read, they are absent: a library fetches
/// each that it finds whenever it saves the object, and with those objects everything below them.
fn written<N: Resource>(row: &N::Row) -> Object {
    let mut object = N::show(row);
    for field in N::SPEC.extra.iter().filter(|field| matches!(field.kind, FieldKind::Many(_))) {
        object.entry(field.name).or_insert(Value::Null);
    }
    object
}

#[cfg(test)]
mod tests {
    use super::super::{
        branding, contacts, customer, domain, domain_alias, email_account, localpart_alias, mail_server, policy,
        reseller, sender_rule,
    };
    use super::*;

    fn knows_what_its_schema_names<N: Resource>() {
        let spec = N::SPEC;
        let filtered = spec.filtering.iter().chain(spec.quiet).map(|(name, _)| *name);
        let related = spec.related.iter().map(|(name, _)| *name);
        let ordered = spec.ordering.unwrap_or(&["email"]).iter().copied();
        for name in filtered.chain(related).chain(ordered).chain(["id"]) {
            assert!(spec.column(name).is_none() || N::column(name).is_ok(), "{}: {name}", spec.name);
        }
        assert!(N::column("no such column").is_err(), "{}", spec.name);
    }

    #[test]
    fn every_list_has_a_column_for_each_name_of_its_schema() {
        knows_what_its_schema_names::<reseller::Resellers>();
        knows_what_its_schema_names::<customer::Customers>();
        knows_what_its_schema_names::<domain::Domains>();
        knows_what_its_schema_names::<domain_alias::DomainAliases>();
        knows_what_its_schema_names::<domain_alias::DomainNames>();
        knows_what_its_schema_names::<mail_server::MailServers>();
        knows_what_its_schema_names::<email_account::EmailAccounts>();
        knows_what_its_schema_names::<localpart_alias::LocalpartAliases>();
        knows_what_its_schema_names::<branding::Brandings>();
        knows_what_its_schema_names::<policy::DomainPolicies>();
        knows_what_its_schema_names::<policy::AccountPolicies>();
        knows_what_its_schema_names::<sender_rule::WblistEntries>();
        knows_what_its_schema_names::<contacts::Contacts<contacts::OfReseller>>();
        knows_what_its_schema_names::<contacts::Contacts<contacts::OfCustomer>>();
        knows_what_its_schema_names::<contacts::Contacts<contacts::OfDomain>>();
        knows_what_its_schema_names::<contacts::Contacts<contacts::OfAccount>>();
    }
}
