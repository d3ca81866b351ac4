//! Resources as data: fields, filters, ordering, methods. Schemas, the OpenAPI document, index and routes are
//! generated from it.

use super::query::Lookups;

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Integer,
    Float,
    Boolean,
    Time,
    /// Another object, by its URI.
    One(&'static str),
    /// Several of them; only in objects, never read.
    Many(&'static str),
}

/// The default of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Default {
    None,
    Null,
    Text(&'static str),
    Integer(i64),
    Float(f64),
    Flag(bool),
}

/// Who may write a field of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    /// Nobody: it is computed.
    Nobody,
    /// Whoever may change the object.
    Holder,
    /// Whoever may change the owner of the object, such as a reseller for its customer. From others it is ignored and
    /// named in the answer.
    Above,
}

/// A field of a resource.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) default: Default,
    /// May be left empty.
    pub(crate) blank: bool,
    pub(crate) nullable: bool,
    pub(crate) writer: Writer,
    pub(crate) unique: bool,
    /// Required when an object is created.
    pub(crate) required: bool,
    /// Accepted in requests, never shown in answers.
    pub(crate) write_only: bool,
    pub(crate) help: &'static str,
}

impl Field {
    const fn new(name: &'static str, kind: Kind, writer: Writer) -> Self {
        Self {
            name,
            kind,
            default: Default::None,
            blank: false,
            nullable: false,
            writer,
            unique: false,
            required: false,
            write_only: false,
            help: "",
        }
    }

    pub(crate) const fn text(name: &'static str, writer: Writer) -> Self {
        Self::new(name, Kind::Text, writer)
    }

    pub(crate) const fn integer(name: &'static str, writer: Writer) -> Self {
        Self::new(name, Kind::Integer, writer)
    }

    pub(crate) const fn float(name: &'static str, writer: Writer) -> Self {
        Self::new(name, Kind::Float, writer)
    }

    pub(crate) const fn flag(name: &'static str, default: bool, writer: Writer) -> Self {
        Self { default: Default::Flag(default), blank: true, ..Self::new(name, Kind::Boolean, writer) }
    }

    pub(crate) const fn time(name: &'static str) -> Self {
        Self::new(name, Kind::Time, Writer::Nobody)
    }

    pub(crate) const fn one(name: &'static str, resource: &'static str, writer: Writer) -> Self {
        Self::new(name, Kind::One(resource), writer)
    }

    pub(crate) const fn many(name: &'static str, resource: &'static str) -> Self {
        Self { nullable: true, default: Default::Null, ..Self::new(name, Kind::Many(resource), Writer::Nobody) }
    }

    /// The number of every object.
    pub(crate) const fn id() -> Self {
        let id = Self::integer("id", Writer::Nobody);
        Self { default: Default::Text(""), blank: true, unique: true, ..id }
    }

    pub(crate) const fn resource_uri() -> Self {
        Self::text("resource_uri", Writer::Nobody)
    }

    /// Whether nobody writes it.
    pub(crate) fn is_readonly(&self) -> bool {
        self.writer == Writer::Nobody
    }

    pub(crate) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    pub(crate) const fn unique(self) -> Self {
        Self { unique: true, ..self }
    }

    pub(crate) const fn nullable(self) -> Self {
        Self { nullable: true, blank: true, default: Default::Null, ..self }
    }

    pub(crate) const fn blank(self) -> Self {
        Self { blank: true, ..self }
    }

    pub(crate) const fn write_only(self) -> Self {
        Self { write_only: true, ..self }
    }

    pub(crate) const fn default(self, default: Default) -> Self {
        Self { default, blank: true, ..self }
    }

    pub(crate) const fn help(self, help: &'static str) -> Self {
        Self { help, ..self }
    }
}

/// The lookups that a field allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filtering {
    /// Every one, on the field itself.
    All,
    /// Every one, also across the relation.
    AllWithRelations,
    /// Only the lookups that are named.
    Only(Lookups),
}

#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Fields in the schema, exactly as clients expect them.
    pub(crate) fields: &'static [Field],
    /// Fields of objects that are not in the schema.
    pub(crate) extra: &'static [Field],
    pub(crate) list_methods: &'static [&'static str],
    pub(crate) detail_methods: &'static [&'static str],
    /// Fields by which a list is filtered.
    pub(crate) filtering: &'static [(&'static str, Filtering)],
    /// Filters that are not in the schema.
    pub(crate) quiet: &'static [(&'static str, Filtering)],
    /// Whether the list may be very long, so that pages continue after the last object.
    pub(crate) deep: bool,
    /// Filter columns of related objects, with their types.
    pub(crate) related: &'static [(&'static str, Kind)],
    /// Fields to order by; `None` if the schema has none.
    pub(crate) ordering: Option<&'static [&'static str]>,
    /// Description of the natural key in paths, if there is one.
    pub(crate) natural_key: Option<&'static str>,
    /// Listed in the index.
    pub(crate) in_index: bool,
}

pub(crate) const READ_WRITE_LIST: &[&str] = &["get", "post"];
pub(crate) const READ_WRITE: &[&str] = &["get", "put", "patch", "delete"];

impl Spec {
    /// A field of the schema or beside it.
    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().chain(self.extra).find(|field| field.name == name)
    }

    /// Fields that only the level above may write.
    pub(crate) fn of_above(&self) -> impl Iterator<Item = &'static Field> {
        self.fields.iter().chain(self.extra).filter(|field| field.writer == Writer::Above)
    }

    /// The type and static name of a filter column.
    pub(crate) fn column(&self, name: &str) -> Option<(&'static str, Kind)> {
        let related = self.related.iter().find(|(column, _)| *column == name).copied();
        related.or_else(|| self.field(name).map(|field| (field.name, field.kind)))
    }
}
