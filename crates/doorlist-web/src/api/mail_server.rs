//! The resource `mail_server`: mail servers of domains.

use super::body::Body;
use super::exchange::{Fault, of};
use super::link::uri;
use super::resource::{Resource, id_of, rows};
use super::show::{Object, object_of, time};
use super::spec::FieldWriter::{Holder, Nobody, Unsupported};
use super::spec::{Field, FieldDefault, Filtering, READ_WRITE, READ_WRITE_LIST, Spec};
use doorlist_actions::{ActionError, Actions, NewServer, ServerPatch};
use doorlist_core::domain::DomainId;
use doorlist_store::tenants::{MailServerRow, Placed};
use serde_json::json;

/// Default priority of a server.
const PRIORITY: u16 = 10;

pub(crate) struct MailServers;

pub(crate) static SPEC: Spec = Spec {
    name: "mail_server",
    about: "A mail server of a domain.",
    fields: &[
        Field::time("created_at"),
        Field::one("domain", "domain", Holder).required(),
        Field::id(),
        Field::integer("priority", Holder).default(FieldDefault::Integer(10)).help(
            "As in MX: the lowest value is tried \
             first.",
        ),
        Field::resource_uri(),
        Field::text("sasl_login", Unsupported).nullable().help("Not supported: always null."),
        Field::text("sasl_password", Unsupported).nullable().help("Not supported: always null."),
        Field::text("server", Holder).required().help("A host name or an IP address."),
        Field::time("updated_at"),
        Field::flag("use_sasl", false, Unsupported).help("Not supported: always false."),
    ],
    extra: &[Field::text("absolute_url", Nobody)],
    list_methods: READ_WRITE_LIST,
    detail_methods: READ_WRITE,
    filtering: &[("domain", Filtering::Only(&["exact"]))],
    quiet: &[],
    deep: false,
    related: &[],
    ordering: Some(&["server", "priority"]),
    natural_key: None,
    in_index: true,
};

impl Resource for MailServers {
    const SPEC: &'static Spec = &SPEC;
    rows!(MailServerRow by MailServerColumn: mail_servers, mail_server, |row| row.id);

    fn show(row: &MailServerRow) -> Object {
        object_of(json!({
            "absolute_url": format!("/mail_server/{}/", row.id),
            "created_at": time(row.created),
            "domain": uri("domain", row.domain.0),
            "id": row.id,
            "priority": row.preference,
            "resource_uri": uri("mail_server", row.id),
            "sasl_login": null,
            "sasl_password": null,
            "server": row.host,
            "updated_at": time(row.updated),
            "use_sasl": false,
        }))
    }

    async fn create(actions: &Actions, mut body: Body) -> Result<Placed<MailServerRow>, Fault> {
        let (host, preference) = (body.required_text("server"), preference(&mut body));
        let domain = body.required_link("domain", "domain")?;
        body.finish()?;
        let domain = DomainId(id_of(actions.view(), "domain", domain).await?);
        let new = NewServer { domain, host, preference: preference.unwrap_or(PRIORITY) };
        of("mail_server", actions.create_server(&new).await)
    }

    async fn update(
        actions: &Actions,
        found: Placed<MailServerRow>,
        mut body: Body,
    ) -> Result<Placed<MailServerRow>, Fault> {
        let server = of("mail_server", actions.editable(Some(found)))?;
        let row = server.row();
        let patch = ServerPatch { host: body.changed_text("server"), preference: preference(&mut body) };
        if let Some(link) = body.link("domain", "domain")?
            && id_of(actions.view(), "domain", link).await? != row.domain.0
        {
            body.wrong("domain", "a server cannot be moved to another domain: create a new one there");
        }
        body.finish()?;
        of("mail_server", actions.update_server(&server, &patch).await)?;
        actions.view().mail_server(row.id).await?.ok_or(Fault::NotFound)
    }

    async fn remove(actions: &Actions, found: Placed<MailServerRow>) -> Result<(), ActionError> {
        let server = actions.editable(Some(found))?;
        actions.remove_server(&server).await
    }
}

fn preference(body: &mut Body) -> Option<u16> {
    body.integer_within("priority", 0, u16::MAX.into()).and_then(|number| u16::try_from(number).ok())
}
