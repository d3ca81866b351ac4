//! What was asked for: per day, domain and recipient that is on no list, by class of source, outcome and verdict; and per
//! domain and hour for all recipients. What a preview and completeness read. A part of the mail log: written by its writer
//! into the same days, and gone with them.
//!
//! A day keeps the names of [`NAMES_PER_DOMAIN_DAY`] recipients of a domain; of further ones only the counts of the hour
//! tell. This module must not know which of them would be refused.

mod tables;
mod tally;

pub(super) use tables::{AskedTables, DayConnection, script};
pub(super) use tally::{AskedDay, AskedTally};

use super::{Days, MailLog, MailLogMessage, QUEUE_MAX, REFUSALS_QUEUE_MAX};
use crate::StoreError;
use doorlist_core::domain::DomainId;
use doorlist_core::preview::{AskedOutcome, AskingSource, RecipientHistory};
use doorlist_core::time::Timestamp;
use doorlist_core::verdict::ContentVerdict;
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Recipients of a domain that a day keeps by name. Several nodes that reach it at once keep a batch more each.
pub const NAMES_PER_DOMAIN_DAY: u64 = 20_000;
/// Of these, recipients that got no message: a flood of guesses leaves room for those that get mail.
pub const NAMES_WITHOUT_MESSAGE: u64 = 15_000;
/// Domains of senders that are kept of a recipient.
pub const SENDER_DOMAINS_MAX: usize = 5;
/// Octets of one; the rest is cut off.
const SENDER_DOMAIN_OCTETS_MAX: usize = 255;
/// What stands for the null sender among them.
pub const NULL_SENDER: &str = "<>";
const HOUR: Duration = Duration::from_hours(1);

/// What happened to a recipient at one stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedNote {
    pub time: Timestamp,
    pub domain: DomainId,
    /// Its canonical address; `None`: it is on the list, and only counted.
    pub recipient: Option<Box<str>>,
    pub source: AskingSource,
    pub outcome: AskedOutcome,
    /// Of a message that was received whole.
    pub verdict: Option<ContentVerdict>,
    /// The reverse path as written.
    pub sender: Box<str>,
}

/// What was asked of one recipient.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AskedRecipient {
    pub history: RecipientHistory,
    /// With blanks between them: a quarter of a million recipients are read at once.
    senders: Box<str>,
}

impl AskedRecipient {
    /// Domains of its senders, at most [`SENDER_DOMAINS_MAX`], among them perhaps [`NULL_SENDER`].
    pub fn sender_domains(&self) -> impl Iterator<Item = &str> {
        self.senders.split(' ').filter(|domain| !domain.is_empty())
    }

    /// Whether all senders that are kept were the null sender: it was asked for as bounces are.
    pub fn is_of_bounces(&self) -> bool {
        &*self.senders == NULL_SENDER
    }

    fn add_senders(&mut self, senders: &str) {
        if self.senders.is_empty() {
            self.senders = senders.into();
        } else if *self.senders != *senders {
            let mut kept = self.sender_domains().map(Box::from).collect();
            senders.split(' ').for_each(|domain| add_sender(&mut kept, domain));
            self.senders = kept.join(" ").into();
        }
    }
}

/// What is read out of days, and what was found so far.
#[derive(Debug)]
enum AskedReading {
    Names {
        domain: DomainId,
        recipients: HashMap<Box<str>, AskedRecipient>,
    },
    /// `None`: of all domains.
    Hours {
        domain: Option<DomainId>,
        hours: Vec<HourCount>,
    },
}

/// How often it came to one outcome in an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HourCount {
    pub domain: DomainId,
    /// The first moment of it.
    pub hour: Timestamp,
    pub source: AskingSource,
    pub outcome: AskedOutcome,
    pub verdict: Option<ContentVerdict>,
    pub times: u64,
}

impl MailLog {
    /// Notes what happened to a recipient. Never blocks; what finds the queue full is counted and dropped. Recipients that
    /// are refused or deferred leave room for messages.
    pub fn record_asked(&self, note: AskedNote) {
        let is_message = note.verdict.is_some();
        if !is_message && self.queue.capacity() < QUEUE_MAX - REFUSALS_QUEUE_MAX
            || self.queue.try_send(MailLogMessage::Asked(note)).is_err()
        {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The recipients of a domain that were asked for since then while they were on no list, by canonical address. Counts
    /// are those of whole days.
    ///
    /// # Errors
    /// When a day cannot be read.
    pub async fn asked_recipients(
        &self,
        domain: DomainId,
        since: Timestamp,
    ) -> Result<HashMap<Box<str>, AskedRecipient>, StoreError> {
        let mut reading = AskedReading::Names { domain, recipients: HashMap::new() };
        self.read_days(since, &mut reading).await?;
        Ok(match reading {
            AskedReading::Names { recipients, .. } => recipients,
            AskedReading::Hours { .. } => HashMap::new(),
        })
    }

    /// Counts of the whole hours since then, of one domain or of all.
    ///
    /// # Errors
    /// When a day cannot be read.
    pub async fn asked_hours(&self, domain: Option<DomainId>, since: Timestamp) -> Result<Vec<HourCount>, StoreError> {
        let mut reading = AskedReading::Hours { domain, hours: Vec::new() };
        self.read_days(since, &mut reading).await?;
        Ok(match reading {
            AskedReading::Hours { hours, .. } => hours,
            AskedReading::Names { .. } => Vec::new(),
        })
    }

    /// Reads the days since then, newest first. What was recorded before is among them.
    async fn read_days(&self, since: Timestamp, reading: &mut AskedReading) -> Result<(), StoreError> {
        self.flush().await;
        for day in self.shared.days.list().await?.into_iter().rev() {
            if day.bounds().1 <= since.as_millis() {
                break;
            }
            let done = match &self.shared.days {
                Days::Sqlite(files) => match files.connect_asked(day).await {
                    Ok(mut connection) => {
                        let mut connection = DayConnection::Sqlite(&mut connection);
                        AskedTables::of_file().read(&mut connection, since, reading).await
                    }
                    Err(error) => Err(error),
                },
                Days::Postgres(partitions) => {
                    let (mut connection, tables) = partitions.asked(day);
                    match tables.are_there(&mut connection).await {
                        Ok(true) => tables.read(&mut connection, since, reading).await,
                        Ok(false) => Ok(()),
                        Err(error) => Err(error),
                    }
                }
            };
            match done {
                Err(error) if self.shared.days.list().await?.contains(&day) => return Err(error),
                // The day was dropped meanwhile.
                _ => {}
            }
        }
        Ok(())
    }
}

/// The domain of a sender as it is kept: without blanks, which stand between several.
fn sender_domain(path: &str) -> Box<str> {
    if path.is_empty() {
        return NULL_SENDER.into();
    }
    let domain = path.rsplit_once('@').map_or(path, |(_, domain)| domain);
    let clean = domain.chars().filter(|c| !c.is_whitespace() && !c.is_control());
    let mut kept: String = clean.flat_map(char::to_lowercase).take(SENDER_DOMAIN_OCTETS_MAX).collect();
    while kept.len() > SENDER_DOMAIN_OCTETS_MAX {
        kept.pop();
    }
    kept.into()
}

/// Adds a sender's domain to those that are kept, if it is new and there is room.
fn add_sender(kept: &mut Vec<Box<str>>, domain: &str) {
    if !domain.is_empty() && kept.len() < SENDER_DOMAINS_MAX && !kept.iter().any(|there| **there == *domain) {
        kept.push(domain.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_kept_as_one_word() {
        for (path, kept) in [
            ("", "<>"),
            ("ann@One.Test", "one.test"),
            ("\"a@b\"@two.test", "two.test"),
            ("root", "root"),
            ("x@[192.0.2.1]", "[192.0.2.1]"),
            ("x@ evil \t.test\u{0}", "evil.test"),
        ] {
            assert_eq!(&*sender_domain(path), kept, "{path:?}");
        }
        assert_eq!(sender_domain(&format!("x@{}", "ü".repeat(400))).len(), 254);
        let mut kept = Vec::new();
        for number in 0..9 {
            add_sender(&mut kept, &format!("s{}.test", number / 2));
        }
        assert_eq!(
            kept.iter().map(|domain| &**domain).collect::<Vec<_>>().join(" "),
            "s0.test s1.test s2.test s3.test s4.test"
        );
    }
}
