//! `wblist`: allowed (`w`) and blocked (`b`) senders of domains and accounts.

use super::body::Body;
use super::bulk;
use super::exchange::{Answer, Ask, BODY_MAX, Fault, exchange, of};
use super::gate::ApiState;
use super::link::uri;
use super::resource::{Resource, id_of};
use super::show::{Object, object_of, time};
use super::spec::FieldWriter::Holder;
use super::spec::{Field, Filtering, Spec};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use doorlist_actions::{ActionError, Actions, NewSenderRule, RuleOwner};
use doorlist_core::domain::DomainId;
use doorlist_core::list::AddressId;
use doorlist_store::StoreError;
use doorlist_store::tenants::{Page, Placed, Query, QueryValue, SenderRuleColumn, SenderRuleRow, UnknownColumn, View};
use serde_json::json;

pub(crate) const MASS_DELETE: &str = "/api/v1/wblist/mass_delete/";

pub(crate) struct WblistEntries;

pub(crate) static SPEC: Spec = Spec {
    name: "wblist",
    about: "A sender that a domain or an account allows (w) or blocks (b).",
    fields: &[
        Field::time("created_at"),
        Field::one("domain", "domain", Holder).nullable().help("Domain of the rule; give this or email_account."),
        Field::id(),
        Field::one("mail_addr", "email_account", Holder).nullable().help("Same as email_account."),
        Field::text("mail_address", Holder).help("Same as email."),
        Field::resource_uri(),
        Field::time("updated_at"),
        Field::text("wb", Holder).required().help("w or b."),
    ],
    extra: &[
        Field::text("email", Holder).required().help("Sender: an address or a domain."),
        Field::one("email_account", "email_account", Holder).nullable().help(
            "Account of the rule; give this or \
             domain.",
        ),
    ],
    list_methods: &["get", "post"],
    detail_methods: &["get", "delete"],
    filtering: &[
        ("domain", Filtering::Only(&["exact"])),
        ("wb", Filtering::Only(&["exact"])),
        ("email_account", Filtering::Only(&["exact"])),
        ("mail_addr", Filtering::Only(&["exact"])),
        ("mail_address", Filtering::All),
    ],
    quiet: &[("email", Filtering::All)],
    deep: false,
    related: &[],
    ordering: None,
    natural_key: None,
    in_index: true,
};

impl Resource for WblistEntries {
    const SPEC: &'static Spec = &SPEC;
    type Row = SenderRuleRow;
    type Column = SenderRuleColumn;

    async fn list(view: &View, query: &Query<SenderRuleColumn>) -> Result<Page<SenderRuleRow>, StoreError> {
        let mut query = query.clone();
        for filter in query.filters.iter_mut().filter(|filter| filter.column == SenderRuleColumn::Allow) {
            let allows = |value: &QueryValue| match value {
                QueryValue::Text(text) if text.eq_ignore_ascii_case("w") => Some(true),
                QueryValue::Text(text) if text.eq_ignore_ascii_case("b") => Some(false),
                _ => None,
            };
            filter.values = filter.values.iter().filter_map(allows).map(QueryValue::Flag).collect();
            if filter.values.is_empty() {
                return Ok(Page { rows: Vec::new(), total: 0 });
            }
        }
        view.sender_rules(&query).await
    }

    fn column(name: &str) -> Result<SenderRuleColumn, UnknownColumn> {
        match name {
            "wb" => Ok(SenderRuleColumn::Allow),
            "mail_addr" => Ok(SenderRuleColumn::Account),
            "mail_address" => Ok(SenderRuleColumn::Email),
            name => name.parse(),
        }
    }

    async fn by_id(view: &View, id: u32) -> Result<Option<Placed<SenderRuleRow>>, StoreError> {
        view.sender_rule(id).await
    }

    fn id(row: &SenderRuleRow) -> u32 {
        row.id
    }

    fn show(row: &SenderRuleRow) -> Object {
        let account = row.account.map(|id| uri("email_account", id.0));
        object_of(json!({
            "created_at": time(row.created),
            "domain": row.domain.map(|id| uri("domain", id.0)),
            "email": row.sender,
            "email_account": account,
            "id": row.id,
            "mail_addr": account,
            "mail_address": row.sender,
            "resource_uri": uri("wblist", row.id),
            "updated_at": time(row.updated),
            "wb": if row.allow { "w" } else { "b" },
        }))
    }

    async fn create(actions: &Actions, mut body: Body) -> Result<Placed<SenderRuleRow>, Fault> {
        body.rename("mail_address", "email");
        body.rename("mail_addr", "email_account");
        let sender = body.required_text("email");
        let allow = match body.required_text("wb").as_str() {
            "w" | "W" => true,
            "b" | "B" => false,
            "" => false,
            _ => {
                body.wrong("wb", "expected w or b");
                false
            }
        };
        let domain = body.link("domain", "domain")?;
        let account = body.link("email_account", "email_account")?;
        let owner = match (domain, account) {
            (Some(link), None) => Some(RuleOwner::Domain(DomainId(id_of(actions.view(), "domain", link).await?))),
            (None, Some(link)) => {
                Some(RuleOwner::Account(AddressId(id_of(actions.view(), "email_account", link).await?)))
            }
            _ => {
                body.wrong("__all__", "give either domain or email_account");
                None
            }
        };
        body.finish()?;
        let Some(owner) = owner else { return Err(Fault::NotFound) };
        of("wblist", actions.create_sender_rule(&NewSenderRule { owner, sender, allow }).await)
    }

    async fn remove(actions: &Actions, found: Placed<SenderRuleRow>) -> Result<(), ActionError> {
        let rule = actions.editable(Some(found))?;
        actions.remove_sender_rules(&[rule]).await
    }
}

/// Answers `DELETE wblist/mass_delete/?id__in=1,2`, as clients send it.
pub(crate) async fn mass_delete(State(state): State<ApiState>, request: Request) -> Response {
    exchange(state, request, BODY_MAX, async |ask: Ask| {
        if ask.method != Method::DELETE {
            return Err(Fault::Method(&["delete"]));
        }
        let mut rules = Vec::new();
        for id in bulk::ids(&ask)? {
            // Whom the caller cannot see is passed over.
            if let Some(found) = ask.actions.view().sender_rule(id).await? {
                rules.push(of("wblist", ask.actions.editable(Some(found)))?);
            }
        }
        of("wblist", ask.actions.remove_sender_rules(&rules).await)?;
        Ok(Answer::Gone)
    })
    .await
}
