//! What domains' own servers said about addresses that are on no list, as all nodes share it. Written behind the answers;
//! a row of a later time stays. Must not know what a record means.

mod nodes;

use crate::db::{Db, Read, binds};
use crate::error::StoreError;
use crate::json_rows::{keys, write_rows};
use crate::recipients::RecipientStore;
use doorlist_core::address::{DomainName, LocalPart};
use doorlist_core::domain::DomainId;
use doorlist_core::time::Timestamp;
use doorlist_core::verification::{Route, RouteControl, VerificationRecord};
use serde_json::json;
use std::collections::HashMap;

/// A protected name, with the number of its domain.
pub type VerifiedName = (DomainId, DomainName);
/// Host and port of a server, as a route names them.
pub type RouteServer = (Box<str>, u16);

/// What is to be written.
#[derive(Debug, Default)]
pub struct VerificationNotes {
    pub records: HashMap<(VerifiedName, LocalPart), VerificationRecord>,
    pub routes: HashMap<(VerifiedName, RouteServer), Route>,
}

impl VerificationNotes {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.records.len() + self.routes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The records and routes of a store.
#[derive(Clone)]
pub struct VerificationBook {
    db: Db,
}

impl VerificationBook {
    /// For the store of this list.
    pub fn of(recipients: &RecipientStore) -> Self {
        Self { db: recipients.db().clone() }
    }

    /// The records of these addresses, live or not.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn records(
        &self,
        (id, name): &VerifiedName,
        locals: &[LocalPart],
    ) -> Result<Vec<(LocalPart, VerificationRecord)>, StoreError> {
        const SQL: &str = "
            SELECT v.local, v.found, v.noted FROM json_each($1) AS k CROSS JOIN verified_address AS v
            WHERE v.local = CAST(k.value ->> 0 AS TEXT) AND v.domain_id = $2 AND v.name = $3";
        let locals = keys(locals.iter().map(LocalPart::as_str))?;
        let rows = (&self.db).rows(SQL, &binds![&locals, *id, name]).await?;
        let record = |row: &crate::db::Row| {
            let local = LocalPart::from_canonical(row.text(0)?);
            Ok((local, VerificationRecord { exists: row.get(1)?, at: Timestamp::from_millis(row.int(2)?) }))
        };
        rows.iter().map(record).collect()
    }

    /// The routes of a name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn routes(&self, (id, name): &VerifiedName) -> Result<Vec<(RouteServer, Route)>, StoreError> {
        const SQL: &str = "
            SELECT host, port, since, random_taken, random_asked, known_taken, known_asked FROM verified_route
            WHERE domain_id = $1 AND name = $2";
        let rows = (&self.db).rows(SQL, &binds![*id, name]).await?;
        let control = |taken: Option<bool>, asked: Option<i64>| {
            Some(RouteControl { taken: taken?, at: Timestamp::from_millis(asked?) })
        };
        let route = |row: &crate::db::Row| {
            let server = (row.text(0)?.into(), row.get(1)?);
            let route = Route {
                since: Timestamp::from_millis(row.int(2)?),
                random: control(row.get(3)?, row.get(4)?),
                known: control(row.get(5)?, row.get(6)?),
            };
            Ok((server, route))
        };
        rows.iter().map(route).collect()
    }

    /// Writes notes; what is there of a later time stays: of a route, each of its controls.
    ///
    /// # Errors
    /// When the store fails; nothing was written then.
    pub async fn write(&self, notes: &VerificationNotes, now: Timestamp) -> Result<(), StoreError> {
        const RECORDS: &str = "
            INSERT INTO verified_address (domain_id, name, local, found, noted)
            SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS TEXT), CAST(value ->> 2 AS TEXT),
                   CAST(value ->> 3 AS BIGINT) = 1, CAST(value ->> 4 AS BIGINT)
            FROM json_each($1) WHERE true
            ON CONFLICT (domain_id, name, local) DO UPDATE SET found = excluded.found, noted = excluded.noted
            WHERE verified_address.noted <= excluded.noted";
        const ROUTES: &str = "
            INSERT INTO verified_route (domain_id, name, host, port, since, random_taken, random_asked, known_taken,
                                        known_asked, noted)
            SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS TEXT), CAST(value ->> 2 AS TEXT),
                   CAST(value ->> 3 AS BIGINT), CAST(value ->> 4 AS BIGINT), CAST(value ->> 5 AS BIGINT) = 1,
                   CAST(value ->> 6 AS BIGINT), CAST(value ->> 7 AS BIGINT) = 1, CAST(value ->> 8 AS BIGINT),
                   CAST(value ->> 9 AS BIGINT)
            FROM json_each($1) WHERE true
            ON CONFLICT (domain_id, name, host, port) DO UPDATE SET
                since = CASE WHEN verified_route.since < excluded.since THEN verified_route.since
                             ELSE excluded.since END,
                random_taken = CASE WHEN excluded.random_asked >= COALESCE(verified_route.random_asked, 0)
                    THEN excluded.random_taken ELSE verified_route.random_taken END,
                random_asked = CASE WHEN excluded.random_asked >= COALESCE(verified_route.random_asked, 0)
                    THEN excluded.random_asked ELSE verified_route.random_asked END,
                known_taken = CASE WHEN excluded.known_asked >= COALESCE(verified_route.known_asked, 0)
                    THEN excluded.known_taken ELSE verified_route.known_taken END,
                known_asked = CASE WHEN excluded.known_asked >= COALESCE(verified_route.known_asked, 0)
                    THEN excluded.known_asked ELSE verified_route.known_asked END,
                noted = excluded.noted";
        let records = notes.records.iter().map(|(((id, name), local), record)| {
            json!([id.0, name.as_str(), local.as_str(), i64::from(record.exists), record.at.as_millis()])
        });
        let routes = notes.routes.iter().map(|(((id, name), (host, port)), route)| {
            let taken = |control: Option<RouteControl>| control.map(|control| i64::from(control.taken));
            let asked = |control: Option<RouteControl>| control.map(|control| control.at.as_millis());
            json!([
                id.0,
                name.as_str(),
                host,
                port,
                route.since.as_millis(),
                taken(route.random),
                asked(route.random),
                taken(route.known),
                asked(route.known),
                now.as_millis()
            ])
        });
        let mut tx = self.db.begin().await?;
        write_rows(&mut tx, RECORDS, &records.collect::<Vec<_>>()).await?;
        write_rows(&mut tx, ROUTES, &routes.collect::<Vec<_>>()).await?;
        tx.commit().await
    }
}
