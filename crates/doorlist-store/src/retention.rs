//! What the store does not keep for ever: which rows go, and when. Rows are looked for by readers and removed in short
//! transactions of bounded size, so that nobody waits for it. The audit, whose oldest part is sealed and exported first, and
//! the mail log, which drops whole days, are not here. `docs/growth.md` names every table.

mod changes;
#[cfg(test)]
mod tests;
mod too_many_changes;

use crate::db::{Db, Read, binds};
use crate::error::StoreError;
use crate::harvest::{DELIVERY_DAYS_MAX, FLAGS_MAX};
use crate::json_rows::keys;
use crate::last_mail::{LAST_MAIL_KEPT, day_of};
use crate::recipients::{RecipientStore, UNDO_MAX};
use doorlist_core::harvest::DeliveryDay;
use doorlist_core::harvest::good_record::RECORD_TERM;
use doorlist_core::harvest::source::FLAG_LONGEST;
use doorlist_core::learning::{CANDIDATE_FADES_AFTER, RECENT_MESSAGES_TERM};
use doorlist_core::time::Timestamp;
use doorlist_core::verification::{INVALID_FOR, VALID_FOR};
use std::time::Duration;

/// Rows that one transaction removes at most.
const STEP: i64 = 1_000;

/// How long things are kept, and how many of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionLimits {
    /// Changes, with their rows.
    pub changes: Duration,
    /// Changes; beyond, the oldest of whoever has most go before their time.
    pub changes_max: u64,
    /// Rows of all changes together; beyond, the oldest go before their time.
    pub change_rows_max: u64,
    /// What came of readings of sources.
    pub runs: Duration,
    /// The same, of one source of one domain.
    pub runs_per_source_max: u32,
    /// Plans that were applied or thrown away.
    pub plans_done: Duration,
    /// Links for files that were used or ran out.
    pub links: Duration,
    /// Keys that ran out.
    pub expired_keys: Duration,
    /// Wishes for domains that nobody has proven.
    pub domain_claims: Duration,
    /// Leases that ran out.
    pub leases: Duration,
    /// Deliveries that are counted, which the spool should have forgotten long ago.
    pub counted: Duration,
}

impl Default for RetentionLimits {
    fn default() -> Self {
        let days = |days: u64| Duration::from_hours(24 * days);
        Self {
            changes: days(400),
            changes_max: 5_000_000,
            change_rows_max: 20_000_000,
            runs: days(400),
            runs_per_source_max: 10_000,
            plans_done: days(30),
            links: days(30),
            expired_keys: days(30),
            domain_claims: days(30),
            leases: days(1),
            counted: days(2),
        }
    }
}

/// One kind of row that goes.
struct Rule {
    table: &'static str,
    /// Finds the keys of rows that go: `$1` is [`Rule::bound`], `$2` how many at most.
    find: &'static str,
    /// Removes the rows of these keys.
    delete: &'static str,
    bound: fn(&RetentionLimits, Timestamp) -> i64,
}

/// Rows from before this moment are beyond their term.
fn before(now: Timestamp, term: Duration) -> i64 {
    (now - term).as_millis()
}

/// A number that was given is not given again, so the newest plan and the newest run stay: the next number is one more.
const RULES: &[Rule] = &[
    Rule {
        table: "upload_link",
        find: "SELECT token_hash FROM upload_link WHERE expires < $1 OR used < $1 LIMIT $2",
        delete: "DELETE FROM upload_link WHERE token_hash IN (SELECT CAST(value ->> 0 AS TEXT) FROM json_each($1))",
        bound: |terms, now| before(now, terms.links),
    },
    Rule {
        table: "source_run",
        // The newest good one of each source tells when it was last seen.
        find: "SELECT CAST(r.id AS TEXT) FROM source_run AS r
               WHERE r.began < $1 AND r.id < (SELECT MAX(m.id) FROM source_run AS m)
                 AND (r.outcome NOT IN ('applied', 'same') OR EXISTS (SELECT 1 FROM source_run AS n
                      WHERE n.source = r.source AND n.domain_name = r.domain_name AND n.began >= r.began AND n.id > r.id
                        AND n.outcome IN ('applied', 'same')))
               LIMIT $2",
        delete: DELETE_RUNS,
        bound: |terms, now| before(now, terms.runs),
    },
    Rule {
        table: "source_run",
        find: "SELECT CAST(r.id AS TEXT) FROM (SELECT id, ROW_NUMBER() OVER
                   (PARTITION BY source, domain_name ORDER BY began DESC, id DESC) AS place FROM source_run) AS r
               WHERE r.place > $1 LIMIT $2",
        delete: DELETE_RUNS,
        bound: |terms, _| i64::from(terms.runs_per_source_max.max(1)),
    },
    Rule {
        table: "plan",
        find: "SELECT CAST(p.id AS TEXT) FROM plan AS p
               WHERE p.state IN ('applied', 'discarded') AND p.made < $1 AND p.id < (SELECT MAX(m.id) FROM plan AS m)
                 AND NOT EXISTS (SELECT 1 FROM plan_claim AS c WHERE c.batch = -p.id)
                 AND (p.state = 'applied' OR NOT EXISTS (SELECT 1 FROM change_row AS r WHERE r.batch = -p.id))
               LIMIT $2",
        delete: "DELETE FROM plan WHERE id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM json_each($1))",
        bound: |terms, now| before(now, terms.plans_done),
    },
    Rule {
        table: "api_key",
        find: "SELECT CAST(id AS TEXT) FROM api_key WHERE expires < $1 LIMIT $2",
        delete: "DELETE FROM api_key WHERE id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM json_each($1))",
        bound: |terms, now| before(now, terms.expired_keys),
    },
    Rule {
        table: "domain_claim",
        find: "SELECT DISTINCT name FROM domain_claim WHERE made < $1 LIMIT $2",
        delete: "DELETE FROM domain_claim WHERE made < $2
                 AND name IN (SELECT CAST(value ->> 0 AS TEXT) FROM json_each($1))",
        bound: |terms, now| before(now, terms.domain_claims),
    },
    Rule {
        table: "removed_customer",
        find: "SELECT CAST(id AS TEXT) FROM removed_customer WHERE time < $1 LIMIT $2",
        delete: "DELETE FROM removed_customer WHERE id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM json_each($1))",
        bound: |_, now| before(now, UNDO_MAX),
    },
    Rule {
        table: "address_mail",
        // A listed address that got nothing for so long is told as never mailed.
        find: "SELECT CAST(domain_id AS TEXT) || ' ' || local FROM address_mail WHERE accepted < $1 LIMIT $2",
        delete: "DELETE FROM address_mail WHERE accepted < $2 AND CAST(domain_id AS TEXT) || ' ' || local
                 IN (SELECT CAST(value ->> 0 AS TEXT) FROM json_each($1))",
        bound: |_, now| day_of(now - LAST_MAIL_KEPT),
    },
    Rule {
        table: "recent_message",
        // As many go as were found: their keys have no text of their own.
        find: "SELECT CAST(day AS TEXT) FROM recent_message WHERE day < $1 LIMIT $2",
        delete: "DELETE FROM recent_message WHERE (domain_id, message, address_id) IN
                     (SELECT o.domain_id, o.message, o.address_id FROM recent_message AS o
                      WHERE o.day < $2 ORDER BY o.day LIMIT (SELECT COUNT(*) FROM json_each($1)))",
        bound: |_, now| day_of(now - RECENT_MESSAGES_TERM),
    },
    Rule {
        table: "verified_address",
        find: "SELECT CAST(MAX(o.noted) AS TEXT) FROM
                   (SELECT noted FROM verified_address WHERE found = TRUE AND noted < $1 ORDER BY noted LIMIT $2) AS o
               HAVING COUNT(*) > 0",
        delete: "DELETE FROM verified_address
                 WHERE found = TRUE AND noted <= (SELECT CAST(value ->> 0 AS BIGINT) FROM json_each($1))",
        bound: |_, now| before(now, VALID_FOR),
    },
    Rule {
        table: "verified_address",
        find: "SELECT CAST(MAX(o.noted) AS TEXT) FROM
                   (SELECT noted FROM verified_address WHERE found = FALSE AND noted < $1 ORDER BY noted LIMIT $2) AS o
               HAVING COUNT(*) > 0",
        delete: "DELETE FROM verified_address
                 WHERE found = FALSE AND noted <= (SELECT CAST(value ->> 0 AS BIGINT) FROM json_each($1))",
        bound: |_, now| before(now, INVALID_FOR),
    },
    Rule {
        table: "verified_route",
        find: "SELECT DISTINCT CAST(domain_id AS TEXT) FROM verified_route WHERE noted < $1 LIMIT $2",
        delete: "DELETE FROM verified_route WHERE noted < $2
                 AND domain_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM json_each($1))",
        bound: |_, now| before(now, VALID_FOR),
    },
    Rule {
        table: "candidate",
        find: "SELECT CAST(MAX(o.last_seen) AS TEXT) FROM
                   (SELECT last_seen FROM candidate WHERE last_seen < $1 ORDER BY last_seen LIMIT $2) AS o
               HAVING COUNT(*) > 0",
        delete: "DELETE FROM candidate
                 WHERE last_seen <= (SELECT CAST(value ->> 0 AS BIGINT) FROM json_each($1))",
        bound: |_, now| before(now, CANDIDATE_FADES_AFTER),
    },
    Rule {
        table: "counted_outcome",
        find: "SELECT CAST(MAX(o.noted) AS TEXT) FROM
                   (SELECT noted FROM counted_outcome WHERE noted < $1 ORDER BY noted LIMIT $2) AS o
               HAVING COUNT(*) > 0",
        delete: "DELETE FROM counted_outcome
                 WHERE noted <= (SELECT CAST(value ->> 0 AS BIGINT) FROM json_each($1))",
        bound: |terms, now| before(now, terms.counted),
    },
    Rule {
        table: "learned_address",
        // As long as the address is listed, and the term of claims after it was not any more.
        find: "SELECT l.domain_id || ' ' || l.local FROM learned_address AS l
               WHERE l.learned < $1
                 AND NOT EXISTS (SELECT 1 FROM address AS a WHERE a.domain_id = l.domain_id AND a.local = l.local)
               LIMIT $2",
        delete: "DELETE FROM learned_address WHERE domain_id || ' ' || local IN
                     (SELECT CAST(value ->> 0 AS TEXT) FROM json_each($1))",
        bound: |terms, now| before(now, terms.changes),
    },
    Rule {
        table: "probe_node",
        find: "SELECT CAST(node AS TEXT) FROM probe_node WHERE heard < $1 LIMIT $2",
        delete: "DELETE FROM probe_node WHERE heard < $2
                 AND node IN (SELECT CAST(value ->> 0 AS BIGINT) FROM json_each($1))",
        bound: |_, now| before(now, PROBE_NODE_KEPT),
    },
    Rule {
        table: "harvest_flag",
        find: "SELECT source FROM harvest_flag WHERE flagged_until < $1 LIMIT $2",
        delete: DELETE_FLAGS,
        // A flag that ended makes the next one longer for a day.
        bound: |_, now| before(now, FLAG_LONGEST * 2),
    },
    Rule {
        table: "harvest_flag",
        find: "SELECT source FROM harvest_flag ORDER BY noted DESC LIMIT $2 OFFSET $1",
        delete: DELETE_FLAGS,
        bound: |_, _| i64::from(FLAGS_MAX),
    },
    Rule {
        table: "harvest_day",
        find: "SELECT DISTINCT source FROM harvest_day WHERE day < $1 LIMIT $2",
        delete: "DELETE FROM harvest_day WHERE day < $2
                 AND source IN (SELECT CAST(value ->> 0 AS TEXT) FROM json_each($1))",
        bound: |_, now| i64::from(DeliveryDay::of(now - RECORD_TERM)),
    },
    Rule {
        table: "harvest_day",
        find: "SELECT DISTINCT o.source FROM
                   (SELECT source FROM harvest_day ORDER BY noted DESC LIMIT $2 OFFSET $1) AS o",
        delete: "DELETE FROM harvest_day WHERE source IN (SELECT CAST(value ->> 0 AS TEXT) FROM json_each($1))",
        bound: |_, _| i64::from(DELIVERY_DAYS_MAX),
    },
    Rule {
        table: "harvest_domain",
        find: "SELECT DISTINCT CAST(domain_id AS TEXT) FROM harvest_domain WHERE noted < $1 LIMIT $2",
        delete: "DELETE FROM harvest_domain WHERE noted < $2
                 AND domain_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM json_each($1))",
        bound: |_, now| before(now, HARVEST_KEPT),
    },
    Rule {
        table: "harvest_block",
        find: "SELECT network FROM harvest_block WHERE until < $1 LIMIT $2",
        delete: "DELETE FROM harvest_block WHERE network IN (SELECT CAST(value ->> 0 AS TEXT) FROM json_each($1))",
        bound: |_, now| before(now, HARVEST_KEPT),
    },
    Rule {
        table: "harvest_event",
        find: "SELECT CAST(MAX(o.at) AS TEXT) FROM
                   (SELECT at FROM harvest_event WHERE at < $1 ORDER BY at LIMIT $2) AS o
               HAVING COUNT(*) > 0",
        delete: "DELETE FROM harvest_event
                 WHERE at <= (SELECT CAST(value ->> 0 AS BIGINT) FROM json_each($1))",
        bound: |_, now| before(now, HARVEST_KEPT),
    },
    Rule {
        table: "removed_connection",
        find: "SELECT DISTINCT CAST(domain_id AS TEXT) FROM removed_connection WHERE time < $1 LIMIT $2",
        delete: "DELETE FROM removed_connection WHERE time < $2
                 AND domain_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM json_each($1))",
        bound: |_, now| before(now, UNDO_MAX),
    },
    Rule {
        table: "lease",
        find: "SELECT name FROM lease WHERE until < $1 LIMIT $2",
        delete: "DELETE FROM lease WHERE until < $2
                 AND name IN (SELECT CAST(value ->> 0 AS TEXT) FROM json_each($1))",
        bound: |terms, now| before(now, terms.leases),
    },
];

const DELETE_FLAGS: &str =
    "DELETE FROM harvest_flag WHERE source IN (SELECT CAST(value ->> 0 AS TEXT) FROM json_each($1))";
/// How long the sign of life of a node that asks servers is kept.
const PROBE_NODE_KEPT: Duration = Duration::from_hours(24);
/// How long events of the harvest defence are kept, blocks that are over, and states of domains that no node writes any more.
const HARVEST_KEPT: Duration = Duration::from_hours(30 * 24);
const DELETE_RUNS: &str = "DELETE FROM source_run WHERE id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM json_each($1))";

/// Removes what is beyond its term or its number, in the store of a list.
#[derive(Clone)]
pub struct Retention {
    db: Db,
}

impl Retention {
    /// For the store of this list.
    pub fn of(recipients: &RecipientStore) -> Self {
        Self { db: recipients.db().clone() }
    }

    /// Removes it; gives for each table how many rows went. What fails is tried again the next time.
    ///
    /// # Errors
    /// When the store fails; what was removed until then stays removed.
    pub async fn trim(&self, terms: &RetentionLimits, now: Timestamp) -> Result<Vec<(&'static str, u64)>, StoreError> {
        let mut removed = Vec::new();
        for rule in RULES {
            removed.push((rule.table, self.apply(rule, (rule.bound)(terms, now)).await?));
        }
        removed.push(("change", self.trim_changes(terms, now).await? + self.trim_too_many_changes(terms, now).await?));
        removed.push(("change_row", self.trim_change_rows(terms, now).await?));
        removed.retain(|(_, rows)| *rows > 0);
        Ok(removed)
    }

    async fn apply(&self, rule: &Rule, bound: i64) -> Result<u64, StoreError> {
        let mut removed = 0;
        loop {
            let found: Vec<String> = (&self.db).list(rule.find, &binds![bound, STEP]).await?;
            if found.is_empty() {
                return Ok(removed);
            }
            // Only some statements look at the bound again.
            let (keys, placeholders) = (keys(found)?, if rule.delete.contains("$2") { 2 } else { 1 });
            let gone = self.db.execute(rule.delete, &binds![&keys, bound][..placeholders]).await?;
            removed += gone;
            if gone == 0 {
                return Ok(removed);
            }
        }
    }
}
