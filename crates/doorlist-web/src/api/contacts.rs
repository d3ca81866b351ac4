//! Contacts of resellers, customers, domains and accounts: four resources with the same fields.

use super::body::Body;
use super::exchange::{Ask, BODY_MAX, Fault, exchange, of};
use super::gate::ApiState;
use super::link::uri;
use super::query::unknown;
use super::resource::{Resource, id_of, lookup, show_list};
use super::show::{Object, object_of, time};
use super::spec::FieldWriter::{Holder, Nobody};
use super::spec::{Field, FieldDefault, Filtering, READ_WRITE, READ_WRITE_LIST, Spec};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use axum::routing::any;
use doorlist_actions::{ActionError, Actions};
use doorlist_store::StoreError;
use doorlist_store::tenants::{
    ContactColumn, ContactFields, ContactOwner, ContactRow, Lookup, Page, Placed, Query, QueryValue, RowFilter,
    UnknownColumn, View,
};
use serde_json::json;
use std::marker::PhantomData;

/// The owner of a contact resource.
pub(crate) trait Owned: Send + Sync + 'static {
    const OWNER: ContactOwner;
    /// The field and the resource it refers to.
    const FIELD: &'static str;
    const SPEC: &'static Spec;
    /// The path segment in `absolute_url`.
    const KIND: &'static str;
}

/// The description of `confirmed_at`.
const CONFIRMED_AT: &str =
    "Time of the confirmation for this customer. Addresses that are listed in its own domains need none.";

macro_rules! contacts {
    ($owner:ident, $of:expr, $field:literal, $resource:literal, $spec:ident, $about:literal, $email:expr) => {
        pub(crate) struct $owner;

        pub(crate) static $spec: Spec = Spec {
            name: $resource,
            about: $about,
            fields: &[
                Field::text("address", Holder).nullable(),
                Field::text("address2", Holder).nullable(),
                Field::text("city", Holder).default(FieldDefault::Text("")),
                Field::text("country", Holder).default(FieldDefault::Text("")),
                Field::time("created_at"),
                $email,
                Field::one($field, $field, Holder).required(),
                Field::text("first_name", Holder).default(FieldDefault::Text("")),
                Field::id(),
                Field::flag("is_billing", false, Holder),
                Field::flag("is_emergency", false, Holder),
                Field::flag("is_technical", false, Holder),
                Field::text("last_name", Holder).default(FieldDefault::Text("")),
                Field::text("phone", Holder).nullable(),
                Field::resource_uri(),
                Field::text("state", Holder).default(FieldDefault::Text("")),
                Field::time("updated_at"),
                Field::text("zipcode", Holder).nullable(),
            ],
            extra: &[Field::text("absolute_url", Nobody), Field::time("confirmed_at").nullable().help(CONFIRMED_AT)],
            list_methods: READ_WRITE_LIST,
            detail_methods: READ_WRITE,
            filtering: &[("email", Filtering::All), ($field, Filtering::Only(&["exact"]))],
            quiet: &[],
            deep: false,
            related: &[],
            ordering: Some(&["first_name", "last_name", "email", "is_technical", "is_billing", "is_emergency"]),
            natural_key: None,
            in_index: true,
        };

        impl Owned for $owner {
            const OWNER: ContactOwner = $of;
            const FIELD: &'static str = $field;
            const SPEC: &'static Spec = &$spec;
            const KIND: &'static str = $field;
        }
    };
}

contacts!(
    OfReseller,
    ContactOwner::Reseller,
    "reseller",
    "contact_reseller",
    RESELLER,
    "A contact of a reseller.",
    Field::text("email", Holder).required()
);
contacts!(
    OfCustomer,
    ContactOwner::Customer,
    "customer",
    "contact_customer",
    CUSTOMER,
    "A contact of a customer.",
    Field::text("email", Holder).required()
);
contacts!(
    OfDomain,
    ContactOwner::Domain,
    "domain",
    "contact_domain",
    DOMAIN,
    "A contact of a domain. A confirmed technical contact gets a notice when the domain's server rejects mail for \
     postmaster or abuse.",
    Field::text("email", Holder).required()
);
contacts!(
    OfAccount,
    ContactOwner::Account,
    "email_account",
    "contact_email_account",
    ACCOUNT,
    "The contact of an email account. Its address is the address of the account.",
    Field::text("email", Holder)
);

/// The contacts of one kind of owner.
pub(crate) struct Contacts<O>(PhantomData<O>);

impl<O: Owned> Resource for Contacts<O> {
    const SPEC: &'static Spec = O::SPEC;
    type Row = ContactRow;
    type Column = ContactColumn;

    async fn list(view: &View, query: &Query<ContactColumn>) -> Result<Page<ContactRow>, StoreError> {
        view.contacts(O::OWNER, query).await
    }

    fn column(name: &str) -> Result<ContactColumn, UnknownColumn> {
        if name == O::FIELD { Ok(ContactColumn::Owner) } else { name.parse() }
    }

    async fn by_id(view: &View, id: u32) -> Result<Option<Placed<ContactRow>>, StoreError> {
        view.contact(O::OWNER, id).await
    }

    fn id(row: &ContactRow) -> u32 {
        row.id
    }

    fn show(row: &ContactRow) -> Object {
        let fields = &row.fields;
        let mut object = object_of(json!({
            "absolute_url": format!("/contacts/{}/{}/", O::KIND, row.id),
            "address": fields.address,
            "address2": fields.address2,
            "city": fields.city,
            "confirmed_at": row.confirmed.map(time),
            "country": fields.country,
            "created_at": time(row.created),
            "email": fields.email,
            "first_name": fields.first_name,
            "id": row.id,
            "is_billing": fields.is_billing,
            "is_emergency": fields.is_emergency,
            "is_technical": fields.is_technical,
            "last_name": fields.last_name,
            "phone": fields.phone,
            "resource_uri": uri(O::SPEC.name, row.id),
            "state": fields.state,
            "updated_at": time(row.updated),
            "zipcode": fields.zipcode,
        }));
        object.insert(O::FIELD.to_owned(), uri(O::FIELD, row.owner).into());
        object
    }

    async fn create(actions: &Actions, mut body: Body) -> Result<Placed<ContactRow>, Fault> {
        let fields = fields(&mut body, ContactFields::default());
        if O::OWNER != ContactOwner::Account && fields.email.is_empty() {
            body.required_text("email");
        }
        let owner = body.required_link(O::FIELD, O::FIELD)?;
        body.finish()?;
        let owner = id_of(actions.view(), O::FIELD, owner).await?;
        of(O::SPEC.name, actions.create_contact(O::OWNER, owner, &fields).await)
    }

    async fn update(actions: &Actions, found: Placed<ContactRow>, mut body: Body) -> Result<Placed<ContactRow>, Fault> {
        let contact = of(O::SPEC.name, actions.editable(Some(found)))?;
        let row = contact.row();
        let email = body.has("email").then(|| body.text("email").unwrap_or_default());
        let fields = fields(&mut body, row.fields.clone());
        if email.is_some_and(|email| email.trim().is_empty()) && O::OWNER != ContactOwner::Account {
            body.wrong("email", "This field is required.");
        }
        if let Some(link) = body.link(O::FIELD, O::FIELD)?
            && id_of(actions.view(), O::FIELD, link).await? != row.owner
        {
            body.wrong(O::FIELD, "a contact cannot be moved: create a new one");
        }
        body.finish()?;
        of(O::SPEC.name, actions.update_contact(O::OWNER, &contact, &fields).await)?;
        actions.view().contact(O::OWNER, row.id).await?.ok_or(Fault::NotFound)
    }

    async fn remove(actions: &Actions, found: Placed<ContactRow>) -> Result<(), ActionError> {
        let contact = actions.editable(Some(found))?;
        actions.remove_contact(&contact).await
    }
}

/// The given fields, merged over the current ones.
fn fields(body: &mut Body, now: ContactFields) -> ContactFields {
    ContactFields {
        email: body.text("email").map_or(now.email, |text| text.trim().to_owned()),
        first_name: body.text("first_name").unwrap_or(now.first_name),
        last_name: body.text("last_name").unwrap_or(now.last_name),
        address: body.text_or_null("address").unwrap_or(now.address),
        address2: body.text_or_null("address2").unwrap_or(now.address2),
        city: body.text("city").unwrap_or(now.city),
        state: body.text("state").unwrap_or(now.state),
        country: body.text("country").unwrap_or(now.country),
        zipcode: body.text_or_null("zipcode").unwrap_or(now.zipcode),
        phone: body.text_or_null("phone").unwrap_or(now.phone),
        is_technical: body.flag("is_technical").unwrap_or(now.is_technical),
        is_billing: body.flag("is_billing").unwrap_or(now.is_billing),
        is_emergency: body.flag("is_emergency").unwrap_or(now.is_emergency),
    }
}

/// Routes of lists below an object: contacts and domains.
pub(crate) fn nested(router: Router<ApiState>) -> Router<ApiState> {
    router
        .route("/api/v1/reseller/{id}/contacts/", any(below::<super::reseller::Resellers, Contacts<OfReseller>>))
        .route("/api/v1/customer/{id}/contacts/", any(below::<super::customer::Customers, Contacts<OfCustomer>>))
        .route("/api/v1/customer/{id}/domains/", any(below::<super::customer::Customers, super::domain::Domains>))
        .route("/api/v1/domain/{id}/contacts/", any(below::<super::domain::Domains, Contacts<OfDomain>>))
}

async fn below<P: Resource, N: Resource>(
    State(state): State<ApiState>,
    key: super::bulk::PathKey,
    request: Request,
) -> Response {
    exchange(state, request, BODY_MAX, async |ask: Ask| {
        if !matches!(ask.method, Method::GET | Method::HEAD) {
            return Err(Fault::Method(&["get"]));
        }
        let parent = lookup::<P>(ask.actions.view(), &super::bulk::text(key)).await?;
        let values = vec![QueryValue::Int(P::id(&parent.row).into())];
        let column = N::column(P::SPEC.name).map_err(unknown)?;
        show_list::<N>(&ask, vec![RowFilter { column, lookup: Lookup::Exact, values }]).await
    })
    .await
}
