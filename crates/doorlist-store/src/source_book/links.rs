//! One-time links behind which a customer hands in a file. Only a hash of the token is kept: who reads the store cannot
//! use a link.

use super::SourceBook;
use crate::db::{Bind, Read, Row};
use crate::error::StoreError;
use crate::limits::{Full, UPLOAD_LINKS_MAX};
use crate::recipients::domain_name;
use doorlist_core::address::DomainName;
use doorlist_core::change::PlanId;
use doorlist_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// An upload link as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadLink {
    /// A hash of its token.
    pub token_hash: String,
    /// Whose list the file is for.
    pub domain: DomainName,
    /// The name under which its claims will stand.
    pub source: String,
    /// When it was made.
    pub made: Timestamp,
    pub actor: String,
    /// Until when it can be used.
    pub expires: Timestamp,
    /// When it was used.
    pub used: Option<Timestamp>,
    /// The plan that came of it.
    pub plan: Option<PlanId>,
}

impl SourceBook {
    /// Keeps a new link. [`UPLOAD_LINKS_MAX`] of one domain.
    pub async fn add_link(&self, link: &UploadLink) -> Result<Result<(), Full>, StoreError> {
        // One writer counts at a time.
        const DOMAIN: &str = "SELECT id FROM domain WHERE name = $1 FOR UPDATE";
        const COUNT: &str = "
            SELECT COUNT(*) FROM (SELECT 1 FROM upload_link AS l JOIN domain AS d ON d.name = l.domain_name
                                  WHERE d.id = $1 LIMIT $2) AS found";
        const SQL: &str = "
            INSERT INTO upload_link (token_hash, domain_name, source, made, actor, expires)
            VALUES ($1, $2, $3, $4, $5, $6)";
        let binds = [
            Bind::Text(&link.token_hash),
            Bind::Text(link.domain.as_str()),
            Bind::Text(&link.source),
            Bind::Int(link.made.as_millis()),
            Bind::Text(&link.actor),
            Bind::Int(link.expires.as_millis()),
        ];
        let mut tx = self.db.begin().await?;
        let full = Full { what: "links for files of this domain", limit: UPLOAD_LINKS_MAX };
        if let Some(domain) = tx.row(DOMAIN, &[Bind::Text(link.domain.as_str())]).await?
            && let Err(full) = full.unless_room(&mut tx, COUNT, domain.int(0)?).await?
        {
            return Ok(Err(full));
        }
        tx.execute(SQL, &binds).await?;
        tx.commit().await.map(Ok)
    }

    /// A link by the hash of its token.
    pub async fn link(&self, token_hash: &str) -> Result<Option<UploadLink>, StoreError> {
        const SQL: &str = "
            SELECT token_hash, domain_name, source, made, actor, expires, used, plan_id
            FROM upload_link WHERE token_hash = $1";
        let mut db = &self.db;
        db.row(SQL, &[Bind::Text(token_hash)]).await?.as_ref().map(link).transpose()
    }

    /// Uses a link up: true for one caller only, however often it is sent.
    pub async fn use_link(&self, token_hash: &str, now: Timestamp) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE upload_link SET used = $2 WHERE token_hash = $1 AND used IS NULL AND expires > $2";
        Ok(self.execute(SQL, &[Bind::Text(token_hash), Bind::Int(now.as_millis())]).await? > 0)
    }

    /// Makes a link usable again whose file could not be read, or says which plan came of it.
    pub async fn end_link(&self, token_hash: &str, plan: Option<PlanId>) -> Result<(), StoreError> {
        const AGAIN: &str = "UPDATE upload_link SET used = NULL WHERE token_hash = $1";
        const DONE: &str = "UPDATE upload_link SET plan_id = $2 WHERE token_hash = $1";
        let hash = Bind::Text(token_hash);
        match plan {
            None => self.execute(AGAIN, &[hash]).await.map(drop),
            Some(id) => self.execute(DONE, &[hash, Bind::Int(i64::try_from(id.0).unwrap_or(i64::MAX))]).await.map(drop),
        }
    }
}

fn link(row: &Row) -> Result<UploadLink, StoreError> {
    Ok(UploadLink {
        token_hash: row.text(0)?.to_owned(),
        domain: domain_name(row.text(1)?)?,
        source: row.text(2)?.to_owned(),
        made: Timestamp::from_millis(row.int(3)?),
        actor: row.text(4)?.to_owned(),
        expires: Timestamp::from_millis(row.int(5)?),
        used: row.int_or_null(6)?.map(Timestamp::from_millis),
        plan: row.int_or_null(7)?.map(|id| PlanId(id.cast_unsigned())),
    })
}
