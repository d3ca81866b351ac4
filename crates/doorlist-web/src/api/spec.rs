//! Resources as data: fields, filters, ordering, methods. Schemas, the OpenAPI document, index and routes are
//! generated from it.

use super::query::Lookups;
use serde_json::Value;

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldKind {
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
pub(crate) enum FieldDefault {
    None,
    Null,
    Text(&'static str),
    Integer(i64),
    Float(f64),
    Flag(bool),
}

/// Who may write a field of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldWriter {
    /// Nobody: it is computed.
    Nobody,
    /// Whoever may change the object.
    Holder,
    /// Whoever may change the owner of the object, such as a reseller for its customer. From others it is ignored and
    /// named in the answer.
    Above,
    /// Nobody: Doorlist does not offer it. It keeps its default, and is named in the answer to whoever gives another value.
    Unsupported,
}

/// A field of a resource.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: FieldKind,
    pub(crate) default: FieldDefault,
    /// May be left empty.
    pub(crate) blank: bool,
    pub(crate) nullable: bool,
    pub(crate) writer: FieldWriter,
    pub(crate) unique: bool,
    /// Required when an object is created.
    pub(crate) required: bool,
    /// Accepted in requests, never shown in answers.
    pub(crate) write_only: bool,
    pub(crate) help: &'static str,
}

impl Field {
    const fn new(name: &'static str, kind: FieldKind, writer: FieldWriter) -> Self {
        Self {
            name,
            kind,
            default: FieldDefault::None,
            blank: false,
            nullable: false,
            writer,
            unique: false,
            required: false,
            write_only: false,
            help: "",
        }
    }

    pub(crate) const fn text(name: &'static str, writer: FieldWriter) -> Self {
        Self::new(name, FieldKind::Text, writer)
    }

    pub(crate) const fn integer(name: &'static str, writer: FieldWriter) -> Self {
        Self::new(name, FieldKind::Integer, writer)
    }

    pub(crate) const fn float(name: &'static str, writer: FieldWriter) -> Self {
        Self::new(name, FieldKind::Float, writer)
    }

    pub(crate) const fn flag(name: &'static str, default: bool, writer: FieldWriter) -> Self {
        Self { default: FieldDefault::Flag(default), blank: true, ..Self::new(name, FieldKind::Boolean, writer) }
    }

    pub(crate) const fn time(name: &'static str) -> Self {
        Self::new(name, FieldKind::Time, FieldWriter::Nobody)
    }

    pub(crate) const fn one(name: &'static str, resource: &'static str, writer: FieldWriter) -> Self {
        Self::new(name, FieldKind::One(resource), writer)
    }

    pub(crate) const fn many(name: &'static str, resource: &'static str) -> Self {
        Self {
            nullable: true,
            default: FieldDefault::Null,
            ..Self::new(name, FieldKind::Many(resource), FieldWriter::Nobody)
        }
    }

    /// The number of every object.
    pub(crate) const fn id() -> Self {
        let id = Self::integer("id", FieldWriter::Nobody);
        Self { default: FieldDefault::Text(""), blank: true, unique: true, ..id }
    }

    pub(crate) const fn resource_uri() -> Self {
        Self::text("resource_uri", FieldWriter::Nobody)
    }

    /// What it is unless it was written.
    pub(crate) fn default_value(&self) -> Value {
        match self.default {
            FieldDefault::None | FieldDefault::Null => Value::Null,
            FieldDefault::Text(text) => text.into(),
            FieldDefault::Integer(number) => number.into(),
            FieldDefault::Float(number) => number.into(),
            FieldDefault::Flag(flag) => flag.into(),
        }
    }

    /// Whether nobody writes it.
    pub(crate) fn is_readonly(&self) -> bool {
        self.writer == FieldWriter::Nobody
    }

    pub(crate) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    pub(crate) const fn unique(self) -> Self {
        Self { unique: true, ..self }
    }

    pub(crate) const fn nullable(self) -> Self {
        Self { nullable: true, blank: true, default: FieldDefault::Null, ..self }
    }

    pub(crate) const fn blank(self) -> Self {
        Self { blank: true, ..self }
    }

    pub(crate) const fn write_only(self) -> Self {
        Self { write_only: true, ..self }
    }

    pub(crate) const fn default(self, default: FieldDefault) -> Self {
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
    pub(crate) related: &'static [(&'static str, FieldKind)],
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

    /// Fields that this writer writes.
    pub(crate) fn written_by(&self, writer: FieldWriter) -> impl Iterator<Item = &'static Field> {
        self.fields.iter().chain(self.extra).filter(move |field| field.writer == writer)
    }

    /// The type and static name of a filter column.
    pub(crate) fn column(&self, name: &str) -> Option<(&'static str, FieldKind)> {
        let related = self.related.iter().find(|(column, _)| *column == name).copied();
        related.or_else(|| self.field(name).map(|field| (field.name, field.kind)))
    }
}
