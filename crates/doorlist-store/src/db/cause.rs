//! What an error of a database comes to, in the words of whoever said it. The driver's pool tries again until its time is
//! over and then says only that; so the cause is asked for once more.

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, Error, PgPool};
use std::io;
use std::time::Duration;
use tokio::time::timeout;

/// A server that starts is waited for so long.
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// How long a connection may take that is made to find out why there was none.
const CAUSE_MAX: Duration = Duration::from_secs(2);

/// The cause alone: `Connection refused`, `sorry, too many clients already`.
pub(crate) fn cause(error: &Error) -> String {
    match error {
        Error::Database(said) => said.message().to_owned(),
        Error::Io(failed) => without_number(failed),
        Error::PoolTimedOut => "all connections of this node to it are in use".to_owned(),
        Error::WorkerCrashed => "the thread of its file ended".to_owned(),
        other => other.to_string(),
    }
}

/// `Connection refused (os error 111)` without the number, which helps nobody.
fn without_number(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error ").map_or(text.clone(), |(words, _)| words.to_owned())
}

/// Connects to a server. The error says why it could not.
pub(crate) async fn connect(pool: PgPoolOptions, options: PgConnectOptions) -> Result<PgPool, Error> {
    match timeout(CONNECT_MAX, pool.clone().connect_with(options.clone())).await {
        Err(_) | Ok(Err(Error::PoolTimedOut)) => {}
        Ok(connected) => return connected,
    }
    match asked_again(&options).await {
        // It is slow, no more.
        Error::PoolTimedOut => pool.connect_with(options).await,
        cause => Err(cause),
    }
}

/// Why there was no connection, where the pool says only that it waited.
pub(crate) async fn waited_for(pool: &PgPool, error: Error) -> Error {
    match error {
        Error::PoolTimedOut => asked_again(&pool.connect_options()).await,
        other => other,
    }
}

async fn asked_again(options: &PgConnectOptions) -> Error {
    match timeout(CAUSE_MAX, options.connect()).await {
        Ok(Err(error)) => error,
        Ok(Ok(connection)) => {
            drop(timeout(CAUSE_MAX, connection.close()).await);
            Error::PoolTimedOut
        }
        Err(_) => Error::Io(io::Error::new(io::ErrorKind::TimedOut, no_answer(CAUSE_MAX))),
    }
}

pub(crate) fn no_answer(within: Duration) -> String {
    format!("no answer within {} s", within.as_secs())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::db::{Db, Read as _};
    use crate::{RecipientStore, StoreError, StoreUrl};
    use doorlist_testbed::postgres::Cluster;

    async fn why(url: &str) -> String {
        RecipientStore::open(&StoreUrl::Postgres(url.to_owned())).await.err().unwrap().to_string()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_that_is_away_or_full_is_named_once_and_without_a_change() {
        let mut cluster = Cluster::start().unwrap();
        let url = cluster.url("list").unwrap();
        cluster.sql("postgres", "CREATE ROLE few LOGIN CONNECTION LIMIT 0").unwrap();
        let of_few = url.replace("postgres@", "few@");
        assert_eq!(why(&of_few).await, "cannot use the database: too many connections for role \"few\"");
        let db = Db::open_postgres(&url).await.unwrap();
        cluster.stop().unwrap();
        const REFUSED: &str = "cannot use the database: Connection refused";
        assert_eq!(why(&url).await, REFUSED);
        let mut reader = &db;
        // The connections that the pool had are closed by the first who finds them so.
        drop(reader.rows("SELECT 1", &[]).await);
        assert_eq!(reader.rows("SELECT 1", &[]).await.err().unwrap().to_string(), REFUSED);
        let change = db.execute("UPDATE thing SET a = 1", &[]).await.unwrap_err();
        assert!(matches!(change, StoreError::NotKept(_)), "{change:?}");
        assert_eq!(change.to_string(), format!("{REFUSED}; nothing of this change was kept"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_pool_that_is_used_up_says_so() {
        let cluster = Cluster::start().unwrap();
        let db = Db::open_postgres(&cluster.url("list").unwrap()).await.unwrap();
        let mut held = Vec::new();
        for _ in 0..crate::db::open::PG_CONNECTIONS_MAX {
            held.push(db.begin().await.unwrap());
        }
        let error = (&mut &db).rows("SELECT 1", &[]).await.err().unwrap();
        assert_eq!(error.to_string(), "cannot use the database: all connections of this node to it are in use");
    }
}
