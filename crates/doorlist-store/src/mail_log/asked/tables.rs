//! The tables of one day on either engine, with one text for both: how a day's sums get into them, and how they are read.
//! This module must not know what a number means beyond its place in the rule's own list.

use super::tally::{AskedDay, NameKey, NameSum, OutcomeKey};
use super::{AskedReading, AskedRecipient, HOUR, HourCount, NAMES_PER_DOMAIN_DAY, NAMES_WITHOUT_MESSAGE, add_sender};
use crate::StoreError;
use crate::db::{Bind, Engine, Row, binds, bound};
use crate::json_rows::to_json;
use crate::mail_log::day::Day;
use crate::migrate::for_engine;
use doorlist_core::domain::DomainId;
use doorlist_core::preview::{AskedOutcome, AskingSource};
use doorlist_core::time::Timestamp;
use doorlist_core::verdict::ContentVerdict;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool, SqliteConnection};
use std::collections::{BTreeMap, HashMap, HashSet};

const SCHEMA: &str = include_str!("../../../migrations/mail_log_asked.sql");

/// Names of the two tables of a day.
#[derive(Clone, Debug)]
pub(in crate::mail_log) struct AskedTables {
    names: String,
    hours: String,
}

/// Whatever a day can be asked with.
pub(in crate::mail_log) enum DayConnection<'a> {
    /// The day's own file.
    Sqlite(&'a mut SqliteConnection),
    Postgres(&'a PgPool),
}

/// The statements that make the tables of a file.
pub(in crate::mail_log) fn script() -> String {
    for_engine(Engine::Sqlite, SCHEMA)
}

impl AskedTables {
    /// In a file of the day's own.
    pub(in crate::mail_log) fn of_file() -> Self {
        Self { names: "asked_name".to_owned(), hours: "asked_hour".to_owned() }
    }

    /// Beside the partition of this day.
    pub(in crate::mail_log) fn of_day(day: Day) -> Self {
        let digits = day.digits();
        Self { names: format!("mail_asked_name_{digits}"), hours: format!("mail_asked_hour_{digits}") }
    }

    /// The statements that make them on PostgreSQL.
    pub(in crate::mail_log) fn making(&self) -> Vec<String> {
        let script = self.text(&for_engine(Engine::Postgres, SCHEMA));
        script.split(';').map(str::to_owned).filter(|sql| sql.contains("CREATE")).collect()
    }

    /// The statements that drop them on PostgreSQL.
    pub(in crate::mail_log) fn dropping(&self) -> Vec<String> {
        [&self.names, &self.hours].map(|table| format!("DROP TABLE IF EXISTS {table}")).into()
    }

    fn text(&self, sql: &str) -> String {
        sql.replace("asked_name", &self.names).replace("asked_hour", &self.hours)
    }

    /// Whether the day has them on PostgreSQL.
    pub(in crate::mail_log) async fn are_there(&self, on: &mut DayConnection<'_>) -> Result<bool, StoreError> {
        let rows = on.rows("SELECT 1 WHERE to_regclass($1) IS NOT NULL", &binds![&self.names]).await?;
        Ok(!rows.is_empty())
    }

    /// Adds what was asked for on this day. Names that find no room are counted with their hour alone.
    pub(in crate::mail_log) async fn write(&self, on: &mut DayConnection<'_>, day: AskedDay) -> Result<(), StoreError> {
        const HOURS: &str = "
            INSERT INTO asked_hour (domain, hour, source, outcome, verdict, times)
            SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS BIGINT),
                   CAST(value ->> 3 AS BIGINT), CAST(value ->> 4 AS BIGINT), CAST(value ->> 5 AS BIGINT)
            FROM json_each($1) WHERE true
            ON CONFLICT (domain, hour, source, outcome, verdict) DO UPDATE SET times = asked_hour.times + excluded.times";
        const NAMES: &str = "
            INSERT INTO asked_name (domain, recipient, source, outcome, verdict, times, last, senders)
            SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS TEXT), CAST(value ->> 2 AS BIGINT),
                   CAST(value ->> 3 AS BIGINT), CAST(value ->> 4 AS BIGINT), CAST(value ->> 5 AS BIGINT),
                   CAST(value ->> 6 AS BIGINT), CAST(value ->> 7 AS TEXT)
            FROM json_each($1) WHERE true
            ON CONFLICT (domain, recipient, source, outcome, verdict) DO UPDATE SET
                times = asked_name.times + excluded.times, senders = excluded.senders,
                last = CASE WHEN excluded.last > asked_name.last THEN excluded.last ELSE asked_name.last END";
        let hours = day.hours.iter().map(|(((domain, hour), (source, outcome, verdict)), times)| {
            json!([domain, hour, source, outcome, verdict, times])
        });
        let hours: Vec<Value> = hours.collect();
        on.execute(&self.text(HOURS), &hours).await?;
        let names = self.with_room(on, day.names).await?;
        let names = names.iter().map(|(((domain, recipient), (source, outcome, verdict)), sum)| {
            json!([domain, recipient, source, outcome, verdict, sum.times, sum.last, sum.senders.join(" ")])
        });
        on.execute(&self.text(NAMES), &names.collect::<Vec<_>>()).await
    }

    /// Those that are kept by name: whoever is there already, and others while their domain has room. Senders that are
    /// there come first.
    async fn with_room(
        &self,
        on: &mut DayConnection<'_>,
        mut names: BTreeMap<NameKey, NameSum>,
    ) -> Result<BTreeMap<NameKey, NameSum>, StoreError> {
        const THERE: &str = "
            SELECT a.domain, a.recipient, a.source, a.outcome, a.verdict, a.senders
            FROM json_each($1) AS k CROSS JOIN asked_name AS a
            WHERE a.domain = CAST(k.value ->> 0 AS BIGINT) AND a.recipient = CAST(k.value ->> 1 AS TEXT)";
        const COUNTS: &str = "
            SELECT a.domain, COUNT(DISTINCT a.recipient) FROM json_each($1) AS k CROSS JOIN asked_name AS a
            WHERE a.domain = CAST(k.value ->> 0 AS BIGINT) GROUP BY a.domain";
        if names.is_empty() {
            return Ok(names);
        }
        // Keys come in order, so the same ones stand beside each other.
        let mut wanted: Vec<&(i64, Box<str>)> = names.keys().map(|(name, _)| name).collect();
        wanted.dedup();
        let mut domains: Vec<[i64; 1]> = wanted.iter().map(|(domain, _)| [*domain]).collect();
        domains.dedup();
        let mut known = HashSet::new();
        for row in on.rows(&self.text(THERE), &binds![&to_json(&wanted)?]).await? {
            let name: (i64, Box<str>) = (row.int(0)?, row.text(1)?.into());
            let key: NameKey = (name.clone(), (row.int(2)?, row.int(3)?, row.int(4)?));
            known.insert(name);
            if let Some(sum) = names.get_mut(&key) {
                let mut senders = Vec::new();
                row.text(5)?.split(' ').for_each(|domain| add_sender(&mut senders, domain));
                sum.senders.iter().for_each(|domain| add_sender(&mut senders, domain));
                sum.senders = senders;
            }
        }
        let mut counts = HashMap::new();
        for row in on.rows(&self.text(COUNTS), &binds![&to_json(&domains)?]).await? {
            counts.insert(row.int(0)?, row.int(1)?.unsigned_abs());
        }
        names.retain(|(name, (_, _, verdict)), _| {
            let count = counts.entry(name.0).or_default();
            let room = if *verdict > 0 { NAMES_PER_DOMAIN_DAY } else { NAMES_WITHOUT_MESSAGE };
            if !known.contains(name) && *count < room {
                *count += 1;
                known.insert(name.clone());
            }
            known.contains(name)
        });
        Ok(names)
    }

    /// Adds what the day has since then.
    pub(super) async fn read(
        &self,
        on: &mut DayConnection<'_>,
        since: Timestamp,
        reading: &mut AskedReading,
    ) -> Result<(), StoreError> {
        match reading {
            AskedReading::Names { domain, recipients } => self.read_names(on, *domain, since, recipients).await,
            AskedReading::Hours { domain, hours } => self.read_hours(on, *domain, since, hours).await,
        }
    }

    /// Adds the names of a domain whose last time is not before `since`.
    async fn read_names(
        &self,
        on: &mut DayConnection<'_>,
        domain: DomainId,
        since: Timestamp,
        recipients: &mut HashMap<Box<str>, AskedRecipient>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            SELECT recipient, source, outcome, verdict, times, last, senders FROM asked_name
            WHERE domain = $1 AND last >= $2";
        for row in on.rows(&self.text(SQL), &binds![domain, since]).await? {
            let (source, outcome, verdict) = outcome_of((row.int(1)?, row.int(2)?, row.int(3)?))?;
            let recipient = row.text(0)?;
            if !recipients.contains_key(recipient) {
                recipients.insert(recipient.into(), AskedRecipient::default());
            }
            let Some(asked) = recipients.get_mut(recipient) else { continue };
            let last = Timestamp::from_millis(row.int(5)?);
            asked.history.add(source, outcome, verdict.unwrap_or_default(), row.int(4)?.unsigned_abs(), last);
            asked.add_senders(row.text(6)?);
        }
        Ok(())
    }

    /// Adds the counts of hours that begin at `since` or later.
    async fn read_hours(
        &self,
        on: &mut DayConnection<'_>,
        domain: Option<DomainId>,
        since: Timestamp,
        hours: &mut Vec<HourCount>,
    ) -> Result<(), StoreError> {
        const ALL: &str = "SELECT domain, hour, source, outcome, verdict, times FROM asked_hour WHERE hour >= $1";
        const ONE: &str = "
            SELECT domain, hour, source, outcome, verdict, times FROM asked_hour WHERE hour >= $1 AND domain = $2";
        let first = (since.as_secs() + HOUR.as_secs().cast_signed() - 1).div_euclid(HOUR.as_secs().cast_signed());
        let rows = match domain {
            Some(domain) => on.rows(&self.text(ONE), &binds![first, domain]).await?,
            None => on.rows(&self.text(ALL), &binds![first]).await?,
        };
        for row in rows {
            let (source, outcome, verdict) = outcome_of((row.int(2)?, row.int(3)?, row.int(4)?))?;
            hours.push(HourCount {
                domain: row.get(0)?,
                hour: Timestamp::from_secs(row.int(1)?.saturating_mul(HOUR.as_secs().cast_signed())),
                source,
                outcome,
                verdict,
                times: row.int(5)?.unsigned_abs(),
            });
        }
        Ok(())
    }
}

impl DayConnection<'_> {
    /// The text in this engine's words.
    fn words(&self, sql: &str) -> AssertSqlSafe<String> {
        let engine = match self {
            DayConnection::Sqlite(_) => Engine::Sqlite,
            DayConnection::Postgres(_) => Engine::Postgres,
        };
        AssertSqlSafe(engine.words(sql))
    }

    async fn rows(&mut self, sql: &str, binds: &[Bind<'_>]) -> Result<Vec<Row>, StoreError> {
        let text = self.words(sql);
        Ok(match self {
            DayConnection::Sqlite(connection) => {
                bound!(text, binds).fetch_all(&mut **connection).await?.into_iter().map(Row::Sqlite).collect()
            }
            DayConnection::Postgres(pool) => {
                bound!(text, binds).fetch_all(*pool).await?.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// Runs a bulk statement with these rows, unless there are none.
    async fn execute(&mut self, sql: &str, rows: &[Value]) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let (text, json) = (self.words(sql), to_json(rows)?);
        let binds = &binds![&json];
        match self {
            DayConnection::Sqlite(connection) => {
                bound!(text, binds).execute(&mut **connection).await?;
            }
            DayConnection::Postgres(pool) => {
                bound!(text, binds).execute(*pool).await?;
            }
        }
        Ok(())
    }
}

/// The place in a list of the rules, counted from 1; numbers are never reused.
fn number<T: PartialEq>(all: &[T], value: &T) -> i64 {
    all.iter().position(|one| one == value).and_then(|place| i64::try_from(place + 1).ok()).unwrap_or(0)
}

pub(super) fn source_number(source: AskingSource) -> i64 {
    number(&AskingSource::ALL, &source)
}

pub(super) fn outcome_number(outcome: AskedOutcome) -> i64 {
    number(&AskedOutcome::ALL, &outcome)
}

pub(super) fn verdict_number(verdict: Option<ContentVerdict>) -> i64 {
    verdict.map_or(0, |verdict| number(&ContentVerdict::ALL, &verdict))
}

fn outcome_of(
    (source, outcome, verdict): OutcomeKey,
) -> Result<(AskingSource, AskedOutcome, Option<ContentVerdict>), StoreError> {
    fn at<T: Copy>(all: &[T], number: i64) -> Option<T> {
        all.get(usize::try_from(number).ok()?.checked_sub(1)?).copied()
    }
    let unknown = || StoreError::corrupt("asked", format!("kind {source}, {outcome}, {verdict}"));
    let source = at(&AskingSource::ALL, source).ok_or_else(unknown)?;
    let outcome = at(&AskedOutcome::ALL, outcome).ok_or_else(unknown)?;
    Ok((source, outcome, at(&ContentVerdict::ALL, verdict)))
}
