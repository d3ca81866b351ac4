//! Recipients that were asked for in vain, by how often: what an operator looks at before a list is enforced. This module
//! must not know which reasons those are.

use super::{Days, MailLog};
use crate::StoreError;
use crate::db::Bind;
use crate::tenants::QueryValue;
use doorlist_core::domain::DomainId;
use doorlist_core::time::Timestamp;
use sqlx::{ColumnIndex, Decode, Row, Type};
use std::collections::HashMap;

/// Pairs of recipient and sender that are kept of a domain, the latest of each day first.
const PAIRS_MAX: usize = 100_000;

/// Which recipients are meant.
#[derive(Clone, Copy, Debug)]
pub struct AskedQuery<'a> {
    pub domain: DomainId,
    pub since: Timestamp,
    /// Words of the decisions.
    pub reasons: &'a [&'a str],
}

/// A recipient that was refused or deferred, by one sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedRecipient {
    /// As written, in lower case; empty where only a count was kept.
    pub recipient: String,
    /// The reverse path as written, in lower case.
    pub sender: String,
    pub last: Timestamp,
    pub times: u64,
}

impl MailLog {
    /// The recipients that were refused or deferred for these reasons, once for each sender, in no order.
    ///
    /// # Errors
    /// When a day cannot be read.
    pub async fn asked_in_vain(&self, query: &AskedQuery<'_>) -> Result<Vec<AskedRecipient>, StoreError> {
        self.flush().await;
        let mut pairs = HashMap::<(String, String), (Timestamp, u64)>::new();
        for day in self.shared.days.list().await?.into_iter().rev() {
            if day.bounds().1 <= query.since.as_millis() || pairs.len() >= PAIRS_MAX {
                break;
            }
            let question = AskedQuestion::new(query);
            let asked = match &self.shared.days {
                Days::Sqlite(files) => files.asked(day, question).await,
                Days::Postgres(partitions) => partitions.asked(day, question).await,
            };
            let asked = match asked {
                Err(error) if self.shared.days.list().await?.contains(&day) => return Err(error),
                // The day was dropped meanwhile.
                asked => asked.unwrap_or_default(),
            };
            for AskedRecipient { recipient, sender, last, times } in asked {
                let sum = pairs.entry((recipient, sender)).or_insert((last, 0));
                *sum = (sum.0.max(last), sum.1 + times);
            }
        }
        let pair = |((recipient, sender), (last, times))| AskedRecipient { recipient, sender, last, times };
        Ok(pairs.into_iter().map(pair).collect())
    }
}

/// The question to one day.
#[derive(Clone, Debug)]
pub(super) struct AskedQuestion {
    values: Vec<QueryValue>,
}

impl AskedQuestion {
    fn new(query: &AskedQuery<'_>) -> Self {
        let mut values = vec![QueryValue::Int(query.domain.0.into()), QueryValue::Int(query.since.as_millis())];
        values.extend(query.reasons.iter().map(|reason| QueryValue::Text((*reason).to_owned())));
        Self { values }
    }

    pub(super) fn sql(&self, table: &str) -> String {
        let reasons: Vec<_> = (3..=self.values.len()).map(|place| format!("${place}")).collect();
        let reasons = reasons.join(", ");
        format!(
            "SELECT lower(recipient), lower(sender), MAX(time), SUM(times) FROM {table} \
             WHERE domain = $1 AND time >= $2 AND reason IN ({reasons}) \
             GROUP BY lower(recipient), lower(sender) ORDER BY MAX(time) DESC LIMIT {PAIRS_MAX}"
        )
    }

    pub(super) fn binds(&self) -> impl Iterator<Item = Bind<'_>> {
        self.values.iter().map(Bind::from)
    }
}

/// Reads the columns of either engine.
pub(super) fn read<'r, R>(row: &'r R) -> Result<AskedRecipient, sqlx::Error>
where
    R: Row,
    usize: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
{
    Ok(AskedRecipient {
        recipient: row.try_get(0)?,
        sender: row.try_get(1)?,
        last: Timestamp::from_millis(row.try_get(2)?),
        times: row.try_get::<i64, _>(3)?.unsigned_abs(),
    })
}
