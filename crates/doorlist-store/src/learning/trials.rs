//! Which notices of trials went out.

use super::LearningBook;
use crate::db::{Read, binds};
use crate::error::StoreError;
use doorlist_core::domain::DomainId;
use doorlist_core::time::Timestamp;

/// What the admins of a domain were told of its trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToldTrial {
    /// The end of the trial that it was about; `None`: the domain is of before there were trials, and has yet to begin its
    /// own.
    pub until: Option<Timestamp>,
    /// The number of the last notice.
    pub stage: i64,
}

impl LearningBook {
    /// What was told, of each domain.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn told_trials(&self) -> Result<Vec<(DomainId, ToldTrial)>, StoreError> {
        let rows = (&self.db).rows("SELECT domain_id, until, stage FROM trial_notice", &[]).await?;
        let told = |row: &crate::db::Row| {
            let until = row.int_or_null(1)?.map(Timestamp::from_millis);
            Ok((row.get(0)?, ToldTrial { until, stage: row.int(2)? }))
        };
        rows.iter().map(told).collect()
    }

    /// Keeps what was told.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tell_trial(&self, domain: DomainId, until: Timestamp, stage: i64) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO trial_notice (domain_id, until, stage) VALUES ($1, $2, $3)
            ON CONFLICT (domain_id) DO UPDATE SET until = excluded.until, stage = excluded.stage";
        self.db.execute(SQL, &binds![domain, until, stage]).await.map(drop)
    }

    /// Forgets what was told of domains that are in no trial any more.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget_trials(&self) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM trial_notice
                           WHERE domain_id NOT IN (SELECT id FROM domain WHERE mode = 'learn')";
        self.db.execute(SQL, &[]).await.map(drop)
    }
}
