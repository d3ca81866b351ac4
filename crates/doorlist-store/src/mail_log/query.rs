//! A search as SQL that both engines understand, and rows as entries. This module must not know which table is asked.

use super::{LoggedMail, MailAction, MailEntry, MailFilter};
use crate::db::Bind;
use crate::tenants::QueryValue;
use doorlist_core::domain::DomainId;
use doorlist_core::queue_id::QueueId;
use doorlist_core::time::Timestamp;
use sqlx::{ColumnIndex, Decode, Row, Type};

/// Every column, in the order of [`MailEntryColumns`] and [`read`].
pub(super) const COLUMNS: &str =
    "time, action, queue_id, sender, recipient, domain, client, reason, reply, message_id, size, times";

/// The conditions of a search: `lower(sender) = $1 AND ...` with their values.
#[derive(Clone, Debug)]
pub(super) struct Question {
    conditions: Vec<String>,
    values: Vec<QueryValue>,
    limit: usize,
}

impl Question {
    pub(super) fn new(filter: &MailFilter, limit: usize) -> Self {
        let mut question = Self { conditions: Vec::new(), values: Vec::new(), limit };
        for (column, text) in [("lower(recipient)", &filter.recipient), ("lower(sender)", &filter.sender)] {
            question.like(column, text.as_deref());
        }
        let text = |text: Option<String>| text.map(|text| QueryValue::Text(text.to_ascii_lowercase()));
        question.when("lower(message_id) =", text(filter.message_id.clone()));
        question.when("client =", text(filter.client.map(|client| client.to_string())));
        question.result(filter.result.as_deref());
        let number = |number: Option<i64>| number.map(QueryValue::Int);
        question.when("queue_id =", number(filter.queue_id.map(|id| id.as_u64().cast_signed())));
        question.when("domain =", number(filter.domain.map(|domain| i64::from(domain.0))));
        question.when("action =", number(filter.action.map(|action| i64::from(action.number()))));
        question.when("time >=", number(filter.since.map(Timestamp::as_millis)));
        question.when("time <", number(filter.until.map(Timestamp::as_millis)));
        question
    }

    fn when(&mut self, condition: &str, value: Option<QueryValue>) {
        if let Some(value) = value {
            self.values.push(value);
            self.conditions.push(format!("{condition} ${}", self.values.len()));
        }
    }

    /// An address, or a pattern with `*`.
    fn like(&mut self, column: &str, text: Option<&str>) {
        let Some(text) = text.map(str::to_ascii_lowercase) else { return };
        if !text.contains('*') {
            return self.when(&format!("{column} ="), Some(QueryValue::Text(text)));
        }
        self.values.push(QueryValue::Text(literal(&text).replace('*', "%")));
        self.conditions.push(format!("{column} LIKE ${} ESCAPE '!'", self.values.len()));
    }

    /// The reason, or a text in the reply.
    fn result(&mut self, text: Option<&str>) {
        let Some(text) = text.map(str::to_ascii_lowercase) else { return };
        let like = format!("%{}%", literal(&text));
        self.values.extend([QueryValue::Text(text), QueryValue::Text(like)]);
        let last = self.values.len();
        self.conditions.push(format!("(lower(reason) = ${} OR lower(reply) LIKE ${last} ESCAPE '!')", last - 1));
    }

    /// The values of its placeholders.
    pub(super) fn binds(&self) -> impl Iterator<Item = Bind<'_>> {
        self.values.iter().map(Bind::from)
    }

    /// The statement for a day; `order` is that of time, newest first.
    pub(super) fn sql(&self, table: &str, order: &str) -> String {
        let conditions = if self.conditions.is_empty() { "true".to_owned() } else { self.conditions.join(" AND ") };
        format!("SELECT {COLUMNS} FROM {table} WHERE {conditions} ORDER BY {order} LIMIT {}", self.limit)
    }
}

/// A text in a pattern of LIKE, which stands for itself there.
fn literal(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

/// The four ways to search a day that is over. `lower` knows ASCII only in SQLite, and addresses are compared so.
/// `order` is the column of time's order.
pub(super) fn indexes(table: &str, order: &str) -> [String; 4] {
    ["lower(recipient)", "lower(sender)", "lower(message_id)", "queue_id"].map(|column| {
        let name = column.trim_start_matches("lower(").trim_end_matches(')');
        format!("CREATE INDEX IF NOT EXISTS {table}_{name} ON {table} ({column}, {order})")
    })
}

/// An entry as the columns hold it.
pub(super) struct MailEntryColumns {
    pub(super) time: i64,
    pub(super) action: i16,
    pub(super) queue_id: Option<i64>,
    pub(super) sender: String,
    pub(super) recipient: String,
    pub(super) domain: Option<i64>,
    pub(super) client: Option<String>,
    pub(super) reason: String,
    pub(super) reply: String,
    pub(super) message_id: Option<String>,
    pub(super) size: i64,
    pub(super) times: i32,
}

impl From<LoggedMail> for MailEntryColumns {
    /// A NUL, which PostgreSQL does not take in a text, becomes a replacement character.
    fn from(LoggedMail { entry, times }: LoggedMail) -> Self {
        let text =
            |text: Box<str>| if text.contains('\0') { text.replace('\0', "\u{FFFD}") } else { text.into_string() };
        Self {
            time: entry.time.as_millis(),
            action: entry.action.number(),
            queue_id: entry.queue_id.map(|id| id.as_u64().cast_signed()),
            sender: text(entry.sender),
            recipient: text(entry.recipient),
            domain: entry.domain.map(|domain| i64::from(domain.0)),
            client: entry.client.map(|client| client.to_string()),
            reason: text(entry.reason),
            reply: text(entry.reply),
            message_id: entry.message_id.map(text),
            size: i64::try_from(entry.size).unwrap_or(i64::MAX),
            times: i32::try_from(times).unwrap_or(i32::MAX),
        }
    }
}

/// Reads the columns of either engine.
pub(super) fn read<'r, R>(row: &'r R) -> Result<LoggedMail, sqlx::Error>
where
    R: Row,
    usize: ColumnIndex<R>,
    i16: Decode<'r, R::Database> + Type<R::Database>,
    i32: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
{
    let unknown = |what: &str| sqlx::Error::Decode(format!("a row of the mail log has {what}").into());
    let text = |at: usize| row.try_get::<String, _>(at).map(String::into_boxed_str);
    let client = row.try_get::<Option<String>, _>(6)?;
    let entry = MailEntry {
        time: Timestamp::from_millis(row.try_get(0)?),
        action: MailAction::from_number(row.try_get(1)?).ok_or_else(|| unknown("an unknown action"))?,
        queue_id: row.try_get::<Option<i64>, _>(2)?.map(|id| QueueId::from_u64(id.cast_unsigned())),
        sender: text(3)?,
        recipient: text(4)?,
        domain: row.try_get::<Option<i64>, _>(5)?.map(|id| DomainId(u32::try_from(id).unwrap_or(u32::MAX))),
        client: client.map(|client| client.parse().map_err(|_| unknown("no address"))).transpose()?,
        reason: text(7)?,
        reply: text(8)?,
        message_id: row.try_get::<Option<String>, _>(9)?.map(String::into_boxed_str),
        size: row.try_get::<i64, _>(10)?.unsigned_abs(),
    };
    Ok(LoggedMail { entry, times: row.try_get::<i32, _>(11)?.unsigned_abs() })
}
