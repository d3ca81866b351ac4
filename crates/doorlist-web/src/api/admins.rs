//! Admins of resellers and customers. They exist only below their scope; a login may be an admin of several.

use super::body::Body;
use super::exchange::{Answer, Ask, BODY_MAX, Fault, exchange, of};
use super::gate::ApiState;
use super::query;
use super::show::{self, Object, object_of, time};
use super::spec::FieldWriter::{Holder, Nobody, Unsupported};
use super::spec::{Field, Filtering, Spec};
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::Method;
use axum::response::Response;
use axum::routing::any;
use doorlist_actions::NewAdmin;
use doorlist_core::access::{CustomerId, LoginId, ResellerId, Scope};
use doorlist_store::tenants::{AdminColumn, AdminRow, UnknownColumn};
use serde_json::json;

pub(crate) static SPEC: Spec = Spec {
    name: "admins",
    about: "Admins of a reseller or a customer: /admins/reseller/{id}/, /admins/customer/{id}/.",
    fields: &[
        Field::time("date_joined"),
        Field::text("email", Holder).blank().required(),
        Field::id(),
        Field::flag("is_active", true, Holder),
        Field::time("last_login").nullable(),
        Field::resource_uri(),
        Field::flag("send_welcome", false, Unsupported).nullable().help("Not supported: no mail is sent."),
        Field::text("username", Holder).unique().help("Default: the email address."),
    ],
    extra: &[Field::text("customer", Nobody).nullable(), Field::text("reseller", Nobody).nullable()],
    list_methods: &["get", "post"],
    detail_methods: &["get", "delete"],
    filtering: &[("customer", Filtering::Only(&["exact"])), ("reseller", Filtering::Only(&["exact"]))],
    quiet: &[("email", Filtering::All), ("username", Filtering::All)],
    deep: false,
    related: &[],
    ordering: Some(&["username", "date_joined", "last_login"]),
    natural_key: None,
    in_index: true,
};

pub(crate) fn routes(router: Router<ApiState>) -> Router<ApiState> {
    router
        .route("/api/v1/admins/", any(without_scope))
        .route("/api/v1/admins/{scope}/{id}/", any(list))
        .route("/api/v1/admins/{scope}/{id}/admin/{admin}/", any(detail))
        .route("/api/v1/admins/{scope}/{id}/admin/{admin}/regenerate_api_key/", any(regenerate))
}

type Parts<T> = Result<Path<T>, axum::extract::rejection::PathRejection>;

fn scope(word: &str, id: &str) -> Result<Scope, Fault> {
    let id = id.parse().map_err(|_| Fault::NotFound)?;
    match word {
        "reseller" => Ok(Scope::Reseller(ResellerId(id))),
        "customer" => Ok(Scope::Customer(CustomerId(id))),
        _ => Err(Fault::NotFound),
    }
}

async fn without_scope(State(state): State<ApiState>, request: Request) -> Response {
    exchange(state, request, BODY_MAX, async |ask: Ask| match ask.method {
        Method::GET | Method::HEAD | Method::POST => Err(Fault::BadEmpty),
        _ => Err(Fault::Method(SPEC.list_methods)),
    })
    .await
}

async fn list(State(state): State<ApiState>, path: Parts<(String, String)>, request: Request) -> Response {
    exchange(state, request, BODY_MAX, async |ask: Ask| {
        let Path((word, id)) = path.map_err(|_| Fault::NotFound)?;
        let scope = scope(&word, &id)?;
        of("admins", ask.actions.scope_seen(scope).await)?;
        match ask.method {
            Method::GET | Method::HEAD => page(&ask, scope).await,
            Method::POST => {
                let mut body = Body::parse(&SPEC, &ask.body)?;
                let aside = body.set_aside(&SPEC, false);
                let (email, username) = (body.required_text("email"), body.text("username"));
                let new = NewAdmin { email, username, active: body.flag("is_active") };
                body.finish()?;
                let made = of("admins", ask.actions.create_admin(scope, &new).await)?;
                let object = show_admin(&made.row);
                Ok(Answer::Created { left: aside.left(&object), object, path: uri(&made.row), warning: None })
            }
            _ => Err(Fault::Method(SPEC.list_methods)),
        }
    })
    .await
}

/// The column behind a name of the schema; `None`: the path says it already.
fn column(name: &str) -> Result<Option<AdminColumn>, UnknownColumn> {
    match name {
        "customer" | "reseller" => Ok(None),
        name => name.parse().map(Some),
    }
}

async fn page(ask: &Ask, scope: Scope) -> Result<Answer, Fault> {
    let parameters = query::parameters(&ask.query)?;
    let list = query::read(&SPEC, column, &parameters)?;
    let page = ask.actions.view().admins(scope, &list.query.clone().known()).await?;
    let objects = page.rows.iter().map(|placed| show_admin(&placed.row)).collect();
    let shown = show::envelope(&ask.path, &parameters, &list, page.total, objects, None);
    Ok(Answer::Listed(shown, list.passed_over))
}

async fn detail(State(state): State<ApiState>, path: Parts<(String, String, String)>, request: Request) -> Response {
    exchange(state, request, BODY_MAX, async |ask: Ask| {
        let (scope, admin) = named(path)?;
        match ask.method {
            Method::GET | Method::HEAD => {
                of("admins", ask.actions.scope_seen(scope).await)?;
                let found = ask.actions.view().admin(scope, admin).await?.ok_or(Fault::NotFound)?;
                Ok(Answer::Shown(show_admin(&found.row).into()))
            }
            Method::DELETE => {
                of("admins", ask.actions.remove_admin(scope, admin).await)?;
                Ok(Answer::Gone)
            }
            _ => Err(Fault::Method(SPEC.detail_methods)),
        }
    })
    .await
}

async fn regenerate(
    State(state): State<ApiState>,
    path: Parts<(String, String, String)>,
    request: Request,
) -> Response {
    exchange(state, request, BODY_MAX, async |ask: Ask| {
        let (scope, admin) = named(path)?;
        if ask.method != Method::POST {
            return Err(Fault::Method(&["post"]));
        }
        Ok(Answer::Key(of("admins", ask.actions.admin_key(scope, admin).await)?))
    })
    .await
}

fn named(path: Parts<(String, String, String)>) -> Result<(Scope, LoginId), Fault> {
    let Path((word, id, admin)) = path.map_err(|_| Fault::NotFound)?;
    Ok((scope(&word, &id)?, LoginId(admin.parse().map_err(|_| Fault::NotFound)?)))
}

fn uri(row: &AdminRow) -> String {
    let (word, id) = match row.scope {
        Scope::Reseller(id) => ("reseller", id.0),
        Scope::Customer(id) => ("customer", id.0),
        Scope::All | Scope::Domain(_) | Scope::Account(_) => ("all", 0),
    };
    format!("/api/v1/admins/{word}/{id}/admin/{}/", row.id.0)
}

fn show_admin(row: &AdminRow) -> Object {
    object_of(json!({
        "customer": null,
        "date_joined": time(row.created),
        "email": row.email,
        "id": row.id.0,
        "is_active": row.active,
        "last_login": row.last_login.map(time),
        "reseller": null,
        "resource_uri": uri(row),
        "send_welcome": null,
        "username": row.username,
    }))
}
