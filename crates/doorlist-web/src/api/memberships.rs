//! Memberships that other tenants offer to the caller's own login, and those that it has accepted. Visible to nobody
//! else.

use super::exchange::{Answer, Ask, BODY_MAX, Fault, exchange, of};
use super::gate::ApiState;
use super::link::uri;
use super::show::{Object, object_of, time};
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::Method;
use axum::response::Response;
use axum::routing::any;
use doorlist_core::access::{LoginId, Scope};
use doorlist_store::logins::MembershipRow;
use serde_json::json;

const RESOURCE: &str = "memberships";

pub(crate) fn routes(router: Router<ApiState>) -> Router<ApiState> {
    router
        .route("/api/v1/memberships/", any(list))
        .route("/api/v1/memberships/{id}/accept/", any(accept))
        .route("/api/v1/memberships/{id}/decline/", any(decline))
}

async fn list(State(state): State<ApiState>, request: Request) -> Response {
    exchange(state, request, BODY_MAX, async |ask: Ask| match ask.method {
        Method::GET | Method::HEAD => {
            let rows = of(RESOURCE, ask.actions.memberships().await)?;
            let objects: Vec<Object> = rows.iter().map(show).collect();
            let count = objects.len();
            let meta = json!({"limit": count, "offset": 0, "total_count": count, "next": null, "previous": null});
            Ok(Answer::Shown(json!({"meta": meta, "objects": objects})))
        }
        _ => Err(Fault::Method(&["get"])),
    })
    .await
}

async fn accept(State(state): State<ApiState>, id: Result<Path<u32>, PathRejection>, request: Request) -> Response {
    exchange(state, request, BODY_MAX, async |ask: Ask| {
        let id = posted(&ask, id)?;
        of(RESOURCE, ask.actions.accept_membership(id).await)?;
        Ok(Answer::AcceptedEmpty)
    })
    .await
}

async fn decline(State(state): State<ApiState>, id: Result<Path<u32>, PathRejection>, request: Request) -> Response {
    exchange(state, request, BODY_MAX, async |ask: Ask| {
        let id = posted(&ask, id)?;
        of(RESOURCE, ask.actions.decline_membership(id).await)?;
        Ok(Answer::Gone)
    })
    .await
}

fn posted(ask: &Ask, id: Result<Path<u32>, PathRejection>) -> Result<LoginId, Fault> {
    let Path(id) = id.map_err(|_| Fault::NotFound)?;
    if ask.method == Method::POST { Ok(LoginId(id)) } else { Err(Fault::Method(&["post"])) }
}

fn show(row: &MembershipRow) -> Object {
    let scope = match row.grant.scope {
        Scope::Reseller(id) => uri("reseller", id.0),
        Scope::Customer(id) => uri("customer", id.0),
        Scope::All | Scope::Domain(_) | Scope::Account(_) => String::new(),
    };
    object_of(json!({
        "id": row.id.0,
        "name": row.of,
        "offered_until": row.offered_until.map(time),
        "resource_uri": uri(RESOURCE, row.id.0),
        "scope": scope,
        "status": if row.offered_until.is_some() { "offered" } else { "accepted" },
    }))
}
