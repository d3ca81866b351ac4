//! Parts of the MailRoute API that Doorlist does not support. Resources to which the schemas of others lead have a schema and
//! no objects: a client library reads them all before it creates a domain or an account. Everything else answers 501.

use super::bulk::{PathKey, text};
use super::domain::Domains;
use super::email_account::EmailAccounts;
use super::exchange::{Answer, Ask, BODY_MAX, Fault, exchange};
use super::gate::ApiState;
use super::query;
use super::resource::{Resource, lookup};
use super::show;
use super::spec::FieldWriter::Holder;
use super::spec::{Field, Filtering, Spec};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use axum::routing::any;

/// Unsupported paths with their names.
pub(crate) const MISSING: [(&str, &str); 2] = [
    ("/api/v1/quarantine", "a quarantine: mail is refused or delivered, never kept back"),
    ("/api/v2", "version 2 of the API: it is about a quarantine, and there is none"),
];

/// A resource without objects.
macro_rules! without_objects {
    ($spec:ident, $name:literal, $about:expr, $owner:literal, $ordering:expr, $($field:expr),*) => {
        pub(crate) static $spec: Spec = Spec {
            name: $name,
            about: $about,
            fields: &[$($field),*],
            extra: &[],
            list_methods: &["get"],
            detail_methods: &["get"],
            filtering: &[($owner, Filtering::Only(&["exact"]))],
            quiet: &[],
            deep: false,
            related: &[],
            ordering: $ordering,
            natural_key: None,
            in_index: true,
        };
    };
}

without_objects!(
    ACCOUNT_TASKS,
    "notification_account_task",
    "Notification tasks of accounts: always empty, no digests are sent.",
    "email_account",
    None,
    Field::one("email_account", "email_account", Holder),
    Field::flag("enabled", false, Holder),
    Field::id(),
    Field::integer("priority", Holder),
    Field::resource_uri()
);
without_objects!(
    DOMAIN_TASKS,
    "notification_domain_task",
    "Notification tasks of domains: always empty, no digests are sent.",
    "domain",
    None,
    Field::one("domain", "domain", Holder),
    Field::flag("enabled", false, Holder),
    Field::id(),
    Field::integer("priority", Holder),
    Field::resource_uri()
);
without_objects!(
    SERVERS,
    "outbound_server",
    "Outbound servers: always empty, this is an inbound gateway.",
    "domain",
    Some(&["server"]),
    Field::time("created_at"),
    Field::one("domain", "domain", Holder),
    Field::id(),
    Field::resource_uri(),
    Field::text("server", Holder),
    Field::time("updated_at")
);

/// Resources that have a schema and never an object.
pub(crate) static EMPTY: [&Spec; 3] = [&ACCOUNT_TASKS, &DOMAIN_TASKS, &SERVERS];

pub(crate) fn routes(mut router: Router<ApiState>) -> Router<ApiState> {
    for spec in EMPTY {
        let list = async |State(state), request| list(spec, state, request).await;
        let detail = async |State(state), request| detail(spec, state, request).await;
        let path = format!("{}{}/", super::BASE, spec.name);
        router = router.route(&path, any(list)).route(&format!("{path}{{*rest}}"), any(detail));
    }
    for (path, _) in MISSING {
        router = router.route(&format!("{path}/"), any(missing)).route(&format!("{path}/{{*rest}}"), any(missing));
    }
    router
        .route("/api/v1/domain/{id}/notification_tasks/", any(tasks_of_domain))
        .route("/api/v1/domain/{id}/outbound_servers/", any(servers_of_domain))
        .route("/api/v1/email_account/{id}/notification_tasks/", any(tasks_of_account))
}

/// Answers an empty list, or 501 to who would add to it.
async fn list(spec: &'static Spec, state: ApiState, request: Request) -> Response {
    exchange(state, request, BODY_MAX, async |ask: Ask| match ask.method {
        Method::GET | Method::HEAD => show_empty(spec, &ask),
        _ => Err(not_offered(spec)),
    })
    .await
}

/// No object is found, and none is written.
async fn detail(spec: &'static Spec, state: ApiState, request: Request) -> Response {
    exchange(state, request, BODY_MAX, async |ask: Ask| match ask.method {
        Method::GET | Method::HEAD | Method::DELETE => Err(Fault::NotFound),
        _ => Err(not_offered(spec)),
    })
    .await
}

fn not_offered(spec: &Spec) -> Fault {
    Fault::Missing(format!("{} is not offered by this Doorlist. {}", spec.name, spec.about))
}

fn show_empty(spec: &Spec, ask: &Ask) -> Result<Answer, Fault> {
    let parameters = query::parameters(&ask.query)?;
    let list = query::read(spec, |_| Ok(()), &parameters)?;
    let shown = show::envelope(&ask.path, &parameters, &list, 0, Vec::new(), None);
    Ok(Answer::Listed(shown, list.passed_over))
}

async fn tasks_of_domain(State(state): State<ApiState>, key: PathKey, request: Request) -> Response {
    below::<Domains>(&DOMAIN_TASKS, state, key, request).await
}

async fn servers_of_domain(State(state): State<ApiState>, key: PathKey, request: Request) -> Response {
    below::<Domains>(&SERVERS, state, key, request).await
}

async fn tasks_of_account(State(state): State<ApiState>, key: PathKey, request: Request) -> Response {
    below::<EmailAccounts>(&ACCOUNT_TASKS, state, key, request).await
}

/// The same list below an object that the caller sees.
async fn below<P: Resource>(spec: &'static Spec, state: ApiState, key: PathKey, request: Request) -> Response {
    exchange(state, request, BODY_MAX, async |ask: Ask| {
        lookup::<P>(ask.actions.view(), &text(key)).await?;
        match ask.method {
            Method::GET | Method::HEAD => show_empty(spec, &ask),
            Method::POST => Err(not_offered(spec)),
            _ => Err(Fault::Method(&["get"])),
        }
    })
    .await
}

/// Answers 501 with the name of the missing part, to authenticated callers.
async fn missing(State(state): State<ApiState>, request: Request) -> Response {
    exchange(state, request, BODY_MAX, async |ask: Ask| {
        let (path, what) = MISSING.iter().find(|(path, _)| ask.path.starts_with(path)).unwrap_or(&("this", "it"));
        let name = path.trim_start_matches("/api/v1/");
        Err(Fault::Missing(format!("{name} is not offered by this Doorlist: {what}")))
    })
    .await
}
