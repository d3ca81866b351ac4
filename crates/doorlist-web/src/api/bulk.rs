//! Actions on many accounts at once, and on one account: the paths below `email_account` that are no objects.

use super::body;
use super::email_account::{EmailAccounts, SPEC};
use super::exchange::{Answer, Ask, BODY_MAX, Fault, exchange, of};
use super::gate::ApiState;
use super::link;
use super::query;
use super::resource::{id_of, lookup};
use super::show::{Object, object_of};
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::Method;
use axum::response::Response;
use axum::routing::any;
use doorlist_core::address::LocalPart;
use doorlist_core::domain::DomainId;
use doorlist_core::list::AddressId;
use serde_json::{Value, json};

const RESOURCE: &str = "email_account";
/// Parameters that clients send with every request, and that choose no objects.
const NO_FILTERS: [&str; 3] = ["format", "limit", "offset"];

pub(crate) fn routes(router: Router<ApiState>) -> Router<ApiState> {
    router
        .route("/api/v1/email_account/mass_add/", any(mass_add))
        .route("/api/v1/email_account/mass_delete/", any(mass_delete))
        .route("/api/v1/email_account/{id}/mass_add_aliases/", any(mass_add_aliases))
        .route("/api/v1/email_account/{id}/users_to_alias/", any(users_to_alias))
        .route("/api/v1/email_account/{id}/regenerate_api_key/", any(regenerate))
        .route("/api/v1/domain/{id}/email_accounts/mass_add/", any(never_made))
}

pub(crate) type PathKey = Result<Path<String>, axum::extract::rejection::PathRejection>;

fn only(ask: &Ask, method: &Method, allowed: &'static [&'static str]) -> Result<(), Fault> {
    if ask.method == *method { Ok(()) } else { Err(Fault::Method(allowed)) }
}

async fn mass_add(State(state): State<ApiState>, request: Request) -> Response {
    exchange(state, request, BODY_MAX, async |ask: Ask| {
        only(&ask, &Method::POST, &["post"])?;
        let mut body = body::Body::parse(&SPEC, &ask.body)?;
        let left = body.set_aside(&SPEC, false).left(&Object::new());
        let locals = locals(&mut body, "localparts");
        let domain = body.required_link("domain", "domain")?;
        body.finish()?;
        let domain = DomainId(id_of(ask.actions.view(), "domain", domain).await?);
        let came = of(RESOURCE, ask.actions.mass_add(domain, &locals).await)?;
        let counts = object_of(json!({"added": came.added, "already_listed": came.already_listed}));
        Ok(Answer::Changed(counts, left, None))
    })
    .await
}

/// Local parts as a list of texts or numbers.
fn locals(body: &mut body::Body, field: &str) -> Vec<LocalPart> {
    let Some(Value::Array(items)) = body.raw(field).cloned() else {
        body.wrong(field, "expected a list of local parts");
        return Vec::new();
    };
    let mut locals = Vec::with_capacity(items.len());
    for item in &items {
        let text = match item {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        match LocalPart::parse(text.trim().as_bytes()) {
            Ok(local) => locals.push(local),
            Err(why) => {
                let shown: String = text.chars().take(80).collect();
                body.wrong(field, format!("{shown:?}: {why}"));
                break;
            }
        }
    }
    if items.is_empty() {
        body.wrong(field, "give at least one");
    }
    locals
}

async fn mass_delete(State(state): State<ApiState>, request: Request) -> Response {
    exchange(state, request, BODY_MAX, async |ask: Ask| {
        only(&ask, &Method::DELETE, &["delete"])?;
        let ids = ids(&ask)?.into_iter().map(AddressId).collect::<Vec<_>>();
        of(RESOURCE, ask.actions.mass_delete(&ids).await)?;
        Ok(Answer::Gone)
    })
    .await
}

/// The numbers of `id__in`.
pub(crate) fn ids(ask: &Ask) -> Result<Vec<u32>, Fault> {
    let parameters = query::parameters(&ask.query)?;
    // Whoever gives another filter wants fewer deleted, not those of all numbers.
    if let Some((name, _)) =
        parameters.iter().find(|(name, _)| name != "id__in" && !NO_FILTERS.contains(&name.as_str()))
    {
        return Err(Fault::Bad(format!(
            "{name} does not narrow id__in; give the objects to delete as ?id__in=1,2,3 alone"
        )));
    }
    let text = parameters.iter().find(|(name, _)| name == "id__in").map(|(_, value)| value.as_str());
    let text = text.filter(|text| !text.trim().is_empty());
    let text = text.ok_or_else(|| Fault::Bad("give the objects as ?id__in=1,2,3".to_owned()))?;
    let id = |word: &str| word.trim().parse().map_err(|_| Fault::Bad(format!("{word:?} in id__in is not a number")));
    text.split(',').map(id).collect()
}

async fn mass_add_aliases(State(state): State<ApiState>, key: PathKey, request: Request) -> Response {
    exchange(state, request, BODY_MAX, async |ask: Ask| {
        only(&ask, &Method::POST, &["post"])?;
        let found = lookup::<EmailAccounts>(ask.actions.view(), &text(key)).await?;
        let account = of(RESOURCE, ask.actions.account_to_alias(found.row.id).await)?;
        let mut body = body::Body::parse(&SPEC, &ask.body)?;
        let aliases = locals(&mut body, "aliases");
        body.finish()?;
        of(RESOURCE, ask.actions.add_aliases(&account, &aliases).await)?;
        Ok(Answer::AcceptedEmpty)
    })
    .await
}

async fn users_to_alias(State(state): State<ApiState>, key: PathKey, request: Request) -> Response {
    exchange(state, request, BODY_MAX, async |ask: Ask| {
        only(&ask, &Method::POST, &["post"])?;
        let found = lookup::<EmailAccounts>(ask.actions.view(), &text(key)).await?;
        let account = of(RESOURCE, ask.actions.account_to_alias(found.row.id).await)?;
        let items = accounts_named(&ask.body)?;
        let mut ids = Vec::with_capacity(items.len());
        for item in items.iter().take(doorlist_actions::ADDRESSES_MAX + 1) {
            let shown = || item.to_string().chars().take(200).collect::<String>();
            let link = link::parse(item, RESOURCE).ok_or_else(|| Fault::no_object(&shown()))?;
            ids.push(AddressId(id_of(ask.actions.view(), RESOURCE, link).await?));
        }
        of(RESOURCE, ask.actions.users_to_alias(&account, &ids).await)?;
        Ok(Answer::AcceptedEmpty)
    })
    .await
}

/// The accounts of a body: `{"accounts": [...]}`, or the list alone, as an older library sends it.
fn accounts_named(bytes: &[u8]) -> Result<Vec<Value>, Fault> {
    if let Value::Array(items) = body::json(bytes)? {
        return Ok(items);
    }
    let mut body = body::Body::parse(&SPEC, bytes)?;
    match body.raw("accounts").cloned() {
        Some(Value::Array(items)) => Ok(items),
        _ => {
            body.wrong("accounts", "expected a list of email accounts");
            Err(body.finish().err().unwrap_or(Fault::NotFound))
        }
    }
}

async fn regenerate(State(state): State<ApiState>, key: PathKey, request: Request) -> Response {
    exchange(state, request, BODY_MAX, async |ask: Ask| {
        only(&ask, &Method::POST, &["post"])?;
        let found = lookup::<EmailAccounts>(ask.actions.view(), &text(key)).await?;
        let account = of(RESOURCE, ask.actions.editable(Some(found)))?;
        Ok(Answer::Key(of(RESOURCE, ask.actions.account_key(&account).await)?))
    })
    .await
}

/// A path that a client library calls, but that never existed.
async fn never_made(State(state): State<ApiState>, key: PathKey, request: Request) -> Response {
    exchange(state, request, BODY_MAX, async |ask: Ask| {
        only(&ask, &Method::POST, &["post"])?;
        lookup::<super::domain::Domains>(ask.actions.view(), &text(key)).await?;
        Err(Fault::MissingEmpty)
    })
    .await
}

pub(crate) fn text(key: PathKey) -> String {
    key.map(|Path(key)| key).unwrap_or_default()
}
