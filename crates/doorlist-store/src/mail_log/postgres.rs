//! The mail log on PostgreSQL: a partition for each day, shared by all nodes.

use super::LoggedMail;
use super::asked::{AskedDay, AskedTables, DayConnection};
use super::day::Day;
use super::query::{COLUMNS, MailEntryColumns, Question, indexes, read};
use crate::StoreError;
use crate::db::{bound, connect};
use crate::migrate::make_postgres_tables;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool};
use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

const SCHEMA: &str = include_str!("../../migrations/mail_log_postgres_0001.sql");
/// Held while tables are made or dropped, so that two nodes do not do it at once ("DOML").
const LOCK: i64 = 0x444F_4D4C;
/// One writes, one makes indexes, one searches.
const CONNECTIONS_MAX: u32 = 3;
const ACQUIRE_MAX: Duration = Duration::from_secs(10);

/// The partitions of all days.
#[derive(Clone, Debug)]
pub(super) struct Partitions {
    pool: PgPool,
}

fn table(day: Day) -> String {
    format!("mail_log_{}", day.digits())
}

impl Partitions {
    pub(super) async fn open(url: &str) -> Result<Self, StoreError> {
        let options =
            PgConnectOptions::from_str(url)?.application_name("doorlist mail log").disable_statement_logging();
        // The last second may be lost with the server's power; nobody waits for its disk.
        let options = options.options([("synchronous_commit", "off")]);
        let pool =
            PgPoolOptions::new().max_connections(CONNECTIONS_MAX).min_connections(0).acquire_timeout(ACQUIRE_MAX);
        let partitions = Self { pool: connect(pool, options).await? };
        let transaction = partitions.pool.begin().await?;
        make_postgres_tables(transaction, LOCK, "mail_log_format", &[SCHEMA]).await?;
        Ok(partitions)
    }

    /// The days that have a partition, oldest first.
    pub(super) async fn list(&self) -> Result<Vec<Day>, StoreError> {
        const SQL: &str = "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
            WHERE i.inhparent = 'mail_log'::regclass";
        let names: Vec<String> = sqlx::query_scalar(SQL).fetch_all(&self.pool).await?;
        let mut days: Vec<Day> = names.iter().filter_map(|name| Day::parse(name.strip_prefix("mail_log_")?)).collect();
        days.sort_unstable();
        Ok(days)
    }

    /// The same with what each takes up.
    pub(super) async fn sizes(&self) -> Result<Vec<(Day, u64)>, StoreError> {
        const SQL: &str = "SELECT c.relname::text, (pg_total_relation_size(c.oid) \
            + COALESCE(pg_total_relation_size(to_regclass(replace(c.relname, 'mail_log_', 'mail_asked_name_'))), 0) \
            + COALESCE(pg_total_relation_size(to_regclass(replace(c.relname, 'mail_log_', 'mail_asked_hour_'))), 0))::bigint \
            FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'mail_log'::regclass";
        let tables: Vec<(String, i64)> = sqlx::query_as(SQL).fetch_all(&self.pool).await?;
        let sized =
            |(name, size): &(String, i64)| Some((Day::parse(name.strip_prefix("mail_log_")?)?, size.unsigned_abs()));
        let mut days: Vec<_> = tables.iter().filter_map(sized).collect();
        days.sort_unstable();
        Ok(days)
    }

    pub(super) async fn search(&self, day: Day, question: Question) -> Result<Vec<LoggedMail>, StoreError> {
        let query = bound!(AssertSqlSafe(question.sql(&table(day), "time DESC, id DESC")), question.binds());
        Ok(query.fetch_all(&self.pool).await?.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// What was asked for on a day, which may have no tables for it.
    pub(super) fn asked(&self, day: Day) -> (DayConnection<'_>, AskedTables) {
        (DayConnection::Postgres(&self.pool), AskedTables::of_day(day))
    }

    /// Makes a day that is over quick to search.
    pub(super) async fn finish(&self, day: Day) -> Result<(), StoreError> {
        self.alone(indexes(&table(day), "time").to_vec()).await
    }

    pub(super) async fn drop_day(&self, day: Day) -> Result<(), StoreError> {
        let mut statements = AskedTables::of_day(day).dropping();
        statements.push(format!("DROP TABLE IF EXISTS {}", table(day)));
        self.alone(statements).await
    }

    async fn begin(&self, day: Day) -> Result<(), StoreError> {
        let (first, next) = day.bounds();
        let bounds = format!("FOR VALUES FROM ({first}) TO ({next})");
        let mut statements = AskedTables::of_day(day).making();
        statements.push(format!("CREATE TABLE IF NOT EXISTS {} PARTITION OF mail_log {bounds}", table(day)));
        self.alone(statements).await
    }

    /// Changes tables while no other node does.
    async fn alone(&self, statements: Vec<String>) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await?;
        for sql in statements {
            sqlx::query(AssertSqlSafe(sql)).execute(&mut *transaction).await?;
        }
        Ok(transaction.commit().await?)
    }
}

/// Writes entries of any day.
#[derive(Debug)]
pub(super) struct PostgresLogWriter {
    partitions: Partitions,
    /// Days whose partition is known to be there.
    begun: BTreeSet<Day>,
}

impl PostgresLogWriter {
    pub(super) fn new(partitions: Partitions) -> Self {
        Self { partitions, begun: BTreeSet::new() }
    }

    pub(super) async fn write(&mut self, day: Day, entries: Vec<MailEntryColumns>) -> Result<(), StoreError> {
        self.begin(day).await?;
        let sql = format!(
            "INSERT INTO mail_log ({COLUMNS}) SELECT * FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], \
             $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::text[], $11::bigint[], \
             $12::integer[])"
        );
        fn column<'a, T>(entries: &'a [MailEntryColumns], value: impl Fn(&'a MailEntryColumns) -> T) -> Vec<T> {
            entries.iter().map(value).collect()
        }
        let written = sqlx::query(AssertSqlSafe(sql))
            .bind(column(&entries, |entry| entry.time))
            .bind(column(&entries, |entry| entry.action))
            .bind(column(&entries, |entry| entry.queue_id))
            .bind(column(&entries, |entry| entry.sender.as_str()))
            .bind(column(&entries, |entry| entry.recipient.as_str()))
            .bind(column(&entries, |entry| entry.domain))
            .bind(column(&entries, |entry| entry.client.as_deref()))
            .bind(column(&entries, |entry| entry.reason.as_str()))
            .bind(column(&entries, |entry| entry.reply.as_str()))
            .bind(column(&entries, |entry| entry.message_id.as_deref()))
            .bind(column(&entries, |entry| entry.size))
            .bind(column(&entries, |entry| entry.times))
            .execute(&self.partitions.pool)
            .await;
        if written.is_err() {
            // The partition may have been dropped by another node.
            self.begun.clear();
        }
        Ok(written.map(drop)?)
    }
    pub(super) async fn write_asked(&mut self, day: Day, asked: AskedDay) -> Result<(), StoreError> {
        self.begin(day).await?;
        let (mut connection, tables) = self.partitions.asked(day);
        let written = tables.write(&mut connection, asked).await;
        if written.is_err() {
            self.begun.clear();
        }
        written
    }

    async fn begin(&mut self, day: Day) -> Result<(), StoreError> {
        if !self.begun.contains(&day) {
            self.partitions.begin(day).await?;
            self.begun = BTreeSet::from([day]);
        }
        Ok(())
    }
}
