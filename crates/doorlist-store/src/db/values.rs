//! Values on their way into a statement and out of a row: for each type of the rules, the one way in which it is a column.

use super::Row;
use crate::error::StoreError;
use crate::json_rows::to_json;
use crate::recipients::{address_id, domain_id, domain_name};
use crate::tenants::QueryValue;
use doorlist_core::access::{CustomerId, Grant, Lineage, LoginId, ResellerId, Role, Scope};
use doorlist_core::address::DomainName;
use doorlist_core::change::{Actor, MailServer, NamedBy, PlanId, ServerTls, Via};
use doorlist_core::domain::{BounceAddresses, DomainId, Mode, SubAddressing};
use doorlist_core::list::AddressId;
use doorlist_core::list_change::ListCounts;
use doorlist_core::mail_policy::SpamTreatment;
use doorlist_core::time::Timestamp;
use serde::Serialize;
use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};
use sqlx::{Decode, Postgres, Row as _, Sqlite, Type, ValueRef as _};

/// A value bound to a placeholder.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bind<'a> {
    Int(i64),
    IntOrNull(Option<i64>),
    Text(&'a str),
    TextOrNull(Option<&'a str>),
    Flag(bool),
    FlagOrNull(Option<bool>),
}

/// The values of a statement's placeholders, in their order.
macro_rules! binds {
    [$($value:expr),* $(,)?] => { [$($crate::db::Bind::from($value)),*] };
}

macro_rules! bound_as {
    ($($type:ty => $bind:expr;)*) => { $(
        impl<'a> From<$type> for Bind<'a> {
            fn from(value: $type) -> Self {
                $bind(value)
            }
        }
    )* };
}

bound_as! {
    i64 => Bind::Int;
    Option<i64> => Bind::IntOrNull;
    &'a str => Bind::Text;
    &'a String => |text: &'a String| Bind::Text(text);
    Option<&'a str> => Bind::TextOrNull;
    bool => Bind::Flag;
    &'a QueryValue => |value: &'a QueryValue| match value {
        QueryValue::Int(value) => Bind::Int(*value),
        QueryValue::Flag(value) => Bind::Flag(*value),
        QueryValue::Text(value) => Bind::Text(value),
    };
    Option<bool> => Bind::FlagOrNull;
    u16 => |number: u16| Bind::Int(number.into());
    u32 => |number: u32| Bind::Int(number.into());
    // Numbers that only ever count up from 1 never come near the end.
    u64 => |number| Bind::Int(i64::try_from(number).unwrap_or(i64::MAX));
    Timestamp => |time: Timestamp| Bind::Int(time.as_millis());
    Option<Timestamp> => |time: Option<Timestamp>| Bind::IntOrNull(time.map(Timestamp::as_millis));
    AddressId => |id: AddressId| Bind::Int(id.0.into());
    CustomerId => |id: CustomerId| Bind::Int(id.0.into());
    DomainId => |id: DomainId| Bind::Int(id.0.into());
    LoginId => |id: LoginId| Bind::Int(id.0.into());
    ResellerId => |id: ResellerId| Bind::Int(id.0.into());
    PlanId => |id: PlanId| Bind::from(id.0);
    &'a DomainName => |name: &'a DomainName| Bind::Text(name.as_str());
}

/// Columns of a row that are taken from the first to the last.
pub(crate) struct Columns<'r> {
    pub(super) row: &'r Row,
    pub(super) next: usize,
}

impl<'r> Columns<'r> {
    /// The next one, or as many as make what is wanted.
    pub(crate) fn take<T: FromColumns<'r>>(&mut self) -> Result<T, StoreError> {
        T::take_from(self)
    }

    fn take_one<T>(&mut self) -> Result<T, StoreError>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
    {
        self.next += 1;
        match self.row {
            Row::Sqlite(row) => Ok(row.try_get(self.next - 1)?),
            Row::Postgres(row) => Ok(row.try_get(self.next - 1)?),
        }
    }

    fn is_null(&self) -> Result<bool, StoreError> {
        match self.row {
            Row::Sqlite(row) => Ok(row.try_get_raw(self.next)?.is_null()),
            Row::Postgres(row) => Ok(row.try_get_raw(self.next)?.is_null()),
        }
    }
}

/// What is read from one column, or from several that follow one another. A row that was edited by hand may have a value
/// that is none.
pub(crate) trait FromColumns<'r>: Sized {
    fn take_from(columns: &mut Columns<'r>) -> Result<Self, StoreError>;
}

macro_rules! column_of_driver {
    ($($type:ty),*) => { $(
        impl<'r> FromColumns<'r> for $type {
            fn take_from(columns: &mut Columns<'r>) -> Result<Self, StoreError> {
                columns.take_one()
            }
        }
    )* };
}

column_of_driver!(i64, bool, &'r str, String);

/// One column that holds another type's form: how it becomes what is wanted.
macro_rules! column_as {
    ($($type:ty: $column:ty => $read:expr;)*) => { $(
        impl<'r> $crate::db::FromColumns<'r> for $type {
            fn take_from(columns: &mut $crate::db::Columns<'r>) -> Result<Self, $crate::error::StoreError> {
                columns.take::<$column>().and_then($read)
            }
        }
    )* };
}

column_as! {
    u16: i64 => |number| u16::try_from(number).map_err(|e| StoreError::corrupt("the directory", e.to_string()));
    u32: i64 => |number| u32::try_from(number).map_err(|e| StoreError::corrupt("the directory", e.to_string()));
    u64: i64 => |number| Ok(u64::try_from(number).unwrap_or(0));
    Timestamp: i64 => |millis| Ok(Timestamp::from_millis(millis));
    AddressId: i64 => address_id;
    CustomerId: u32 => |id| Ok(CustomerId(id));
    DomainId: i64 => domain_id;
    LoginId: u32 => |id| Ok(LoginId(id));
    ResellerId: u32 => |id| Ok(ResellerId(id));
    DomainName: &str => domain_name;
    NamedBy: &str => |word| variant(word, "mail_server", "named_by");
    Role: &str => |word| variant(word, "login_grant", "role");
    ServerTls: &str => |word| variant(word, "mail_server", "tls");
    SpamTreatment: &str => |word| variant(word, "domain", "spam");
    Via: &str => |word| variant(word, "change", "via");
}

/// Fields that are read from columns in the order in which they are named here.
macro_rules! columns_of {
    ($($type:ident { $($field:ident),* $(,)? })*) => { $(
        impl<'r> $crate::db::FromColumns<'r> for $type {
            fn take_from(columns: &mut $crate::db::Columns<'r>) -> Result<Self, $crate::error::StoreError> {
                Ok($type { $($field: columns.take()?),* })
            }
        }
    )* };
}

columns_of! {
    Actor { name, via }
    Grant { role, scope }
    Lineage { reseller, customer, domain, account }
    ListCounts { mailboxes, aliases, lists, vetoed }
    MailServer { host, port, preference, tls, xforward, named_by }
    SubAddressing { plus, minus }
    BounceAddresses { batv, srs }
}

/// The end of a soft period that has not begun, since the list has no active entry.
pub(crate) const SOFT_WHILE_EMPTY: i64 = i64::MAX;

impl<'r> FromColumns<'r> for Mode {
    fn take_from(columns: &mut Columns<'r>) -> Result<Self, StoreError> {
        match (columns.take()?, columns.take()?) {
            // Its second column is the end of the trial.
            ("learn", until) => Ok(Mode::Learn { until: until.map(Timestamp::from_millis) }),
            ("monitor", _) => Ok(Mode::Monitor),
            ("enforce", Some(SOFT_WHILE_EMPTY)) => Ok(Mode::Enforce { soft_until: None, empty: true }),
            ("enforce", soft_until) => Ok(Mode::enforce(soft_until.map(Timestamp::from_millis))),
            (other, _) => Err(StoreError::corrupt("domain", format!("mode {other:?}"))),
        }
    }
}

impl<'r> FromColumns<'r> for Scope {
    fn take_from(columns: &mut Columns<'r>) -> Result<Self, StoreError> {
        match (columns.take()?, columns.take()?) {
            ("all", _) => Ok(Scope::All),
            ("reseller", id) => Ok(Scope::Reseller(ResellerId(id))),
            ("customer", id) => Ok(Scope::Customer(CustomerId(id))),
            ("domain", id) => Ok(Scope::Domain(DomainId(id))),
            (other, _) => Err(StoreError::corrupt("login_grant", format!("scope {other:?}"))),
        }
    }
}

impl<'r, A: FromColumns<'r>, B: FromColumns<'r>> FromColumns<'r> for (A, B) {
    fn take_from(columns: &mut Columns<'r>) -> Result<Self, StoreError> {
        Ok((columns.take()?, columns.take()?))
    }
}

/// Nothing where the next column is null; that stands for what is read from one column only.
impl<'r, T: FromColumns<'r>> FromColumns<'r> for Option<T> {
    fn take_from(columns: &mut Columns<'r>) -> Result<Self, StoreError> {
        if columns.is_null()? {
            columns.next += 1;
            return Ok(None);
        }
        columns.take().map(Some)
    }
}

pub(crate) use {binds, column_as, columns_of};

/// The variant of an enum without data that a column names as JSON does.
pub(crate) fn variant<T: DeserializeOwned>(word: &str, table: &'static str, column: &str) -> Result<T, StoreError> {
    let word_of: StrDeserializer<'_, Error> = word.into_deserializer();
    T::deserialize(word_of).map_err(|_| StoreError::corrupt(table, format!("{column} {word:?}")))
}

/// The word by which a column names it then.
pub(crate) fn word(variant: impl Serialize) -> Result<String, StoreError> {
    Ok(to_json(&variant)?.trim_matches('"').to_owned())
}
