//! The routes of the API. Paths end in a slash; others are redirected.

use super::answers::{empty, refuse, with_json};
use super::contacts::{Contacts, OfAccount, OfCustomer, OfDomain, OfReseller};
use super::exchange::{Answer, Ask, BODY_MAX, Fault, exchange};
use super::gate::ApiState;
use super::spec::Spec;
use super::to_its_end::to_its_end;
use super::{
    BASE, admins, branding, bulk, command, contacts, customer, domain, domain_alias, email_account, ldapsync,
    localpart_alias, mail_server, memberships, missing, openapi, policy, reseller, resource, schema, sender_rule,
};
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::any;

pub(crate) static SPECS: &[&Spec] = &[
    &admins::SPEC,
    &branding::SPEC,
    &contacts::CUSTOMER,
    &contacts::DOMAIN,
    &contacts::ACCOUNT,
    &contacts::RESELLER,
    &customer::SPEC,
    &domain::SPEC,
    &domain_alias::SPEC,
    &domain_alias::NAMES,
    &email_account::SPEC,
    &localpart_alias::SPEC,
    &mail_server::SPEC,
    &missing::ACCOUNT_TASKS,
    &missing::DOMAIN_TASKS,
    &missing::SERVERS,
    &policy::DOMAIN,
    &policy::ACCOUNT,
    &reseller::SPEC,
    &sender_rule::SPEC,
];

/// The routes of the API.
pub fn api(state: ApiState) -> Router {
    let mut router = Router::new()
        .route(BASE, any(index))
        .route("/api/v1/openapi.json", any(document))
        .route(ldapsync::PATH, any(ldapsync::remote_data))
        .route(command::PATH, any(command::command))
        .route(sender_rule::MASS_DELETE, any(sender_rule::mass_delete));
    for spec in SPECS {
        let schema = async |State(state), request| about(spec, state, request).await;
        router = router.route(&format!("{BASE}{}/schema/", spec.name), any(schema));
    }
    router = missing::routes(contacts::nested(bulk::routes(memberships::routes(admins::routes(router)))));
    router = resource::routes::<reseller::Resellers>(router);
    router = resource::routes::<customer::Customers>(router);
    router = resource::routes::<domain::Domains>(router);
    router = resource::routes::<domain_alias::DomainAliases>(router);
    router = resource::routes::<domain_alias::DomainNames>(router);
    router = resource::routes::<mail_server::MailServers>(router);
    router = resource::routes::<email_account::EmailAccounts>(router);
    router = resource::routes::<localpart_alias::LocalpartAliases>(router);
    router = resource::routes::<branding::Brandings>(router);
    router = resource::routes::<policy::DomainPolicies>(router);
    router = resource::routes::<policy::AccountPolicies>(router);
    router = resource::routes::<sender_rule::WblistEntries>(router);
    router = resource::routes::<Contacts<OfReseller>>(router);
    router = resource::routes::<Contacts<OfCustomer>>(router);
    router = resource::routes::<Contacts<OfDomain>>(router);
    router = resource::routes::<Contacts<OfAccount>>(router);
    router
        .route("/api/v1", any(elsewhere))
        .route("/api/v1/{*rest}", any(elsewhere))
        // Each exchange has its own limit.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(state.clone(), to_its_end))
        .layer(map_response(crate::api_headers))
        .with_state(state)
}

async fn index(request: Request) -> Response {
    told_to_all(&request, || schema::index(SPECS))
}

async fn document(request: Request) -> Response {
    told_to_all(&request, openapi::document)
}

/// Answers that need no credentials.
fn told_to_all(request: &Request, value: impl FnOnce() -> serde_json::Value) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return refuse(&Fault::Method(&["get"]));
    }
    let mut response = with_json(StatusCode::OK, &value());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if *request.method() == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    response
}

async fn about(spec: &'static Spec, state: ApiState, request: Request) -> Response {
    exchange(state, request, BODY_MAX, async |ask: Ask| match ask.method {
        Method::GET | Method::HEAD => Ok(Answer::Shown(schema::schema(spec))),
        _ => Err(Fault::Method(&["get"])),
    })
    .await
}

/// Redirects a path without its last slash; answers 404 for unknown paths to authenticated callers.
async fn elsewhere(State(state): State<ApiState>, request: Request) -> Response {
    let uri = request.uri();
    if uri.path().ends_with('/') {
        return exchange(state, request, BODY_MAX, async |_: Ask| Err(Fault::NotFound)).await;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = empty(StatusCode::MOVED_PERMANENTLY);
    if let Ok(location) = HeaderValue::from_str(&format!("{}/{query}", uri.path())) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::super::spec::FieldKind;
    use super::*;

    /// A library that follows a schema from the index finds each resource there.
    #[test]
    fn the_index_names_whatever_a_schema_leads_to() {
        let index = schema::index(SPECS);
        for spec in SPECS {
            for field in spec.fields.iter().chain(spec.extra) {
                if let FieldKind::One(resource) | FieldKind::Many(resource) = field.kind {
                    assert!(index[resource]["schema"].is_string(), "{}: {}", spec.name, field.name);
                }
            }
        }
    }
}
