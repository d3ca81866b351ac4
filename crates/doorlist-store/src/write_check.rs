//! Whether anything can be stored, proven by writes that are really made: in the list and in the spool a row of its own,
//! which is overwritten. Whoever asks waits for at most two seconds; however many ask, there is at most one write a second,
//! and none beside one that hangs.

use crate::recipients::RecipientStore;
use crate::spool::{Spool, SpoolHealth};
use doorlist_core::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// A result is good for so long.
const EVERY: Duration = Duration::from_secs(1);
/// A write that takes longer hangs.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// A clone is another handle on the same.
#[derive(Clone)]
pub struct WriteCheck {
    recipients: RecipientStore,
    spool: Spool,
    node: u16,
    of_list: Checked,
    of_spool: Checked,
}

impl WriteCheck {
    pub fn new(recipients: RecipientStore, spool: Spool, node: u16) -> Self {
        Self { recipients, spool, node, of_list: Checked::default(), of_spool: Checked::default() }
    }

    /// Why nothing can be stored, in one line for the operator; `None`: something was stored just now.
    pub async fn failure(&self) -> Option<String> {
        let (of_spool, of_list) = tokio::join!(self.spool(), self.list());
        let (what, why) = match (of_spool, of_list) {
            (Err(why), _) => ("mail", why),
            (_, Err(why)) => ("a change", why),
            (Ok(()), Ok(())) => return None,
        };
        Some(format!("cannot store {what}: {}", why.replace('\n', " ")))
    }

    /// A commit of a message proves as much.
    async fn spool(&self) -> Result<(), String> {
        match self.spool.health() {
            SpoolHealth::Ok if self.spool.committed_within(EVERY) => return Ok(()),
            SpoolHealth::Low => return Err("the disk is nearly full; free disk space".to_owned()),
            // What was in the cache of the disk then may be gone: nothing that is written later proves anything.
            SpoolHealth::Bad => {
                return Err("a write to the spool failed; no mail is accepted until a restart".to_owned());
            }
            SpoolHealth::Ok | SpoolHealth::Away => {}
        }
        let spool = self.spool.clone();
        let write = async move { spool.check_write().await.map_err(|error| error.why()) };
        let checked = self.of_spool.result(write).await;
        if checked.is_err() && self.spool.committed_within(ANSWER_MAX) { Ok(()) } else { checked }
    }

    async fn list(&self) -> Result<(), String> {
        let (db, node) = (self.recipients.db().clone(), self.node);
        let now = Timestamp::from_millis(jiff::Timestamp::now().as_millisecond());
        let write = async move { db.check_write(node, now).await.map_err(|error| error.why()) };
        let checked = self.of_list.result(write).await;
        if checked.is_err() && self.recipients.db().is_at_work() { Ok(()) } else { checked }
    }
}

/// The last write of one kind, and the one that runs.
#[derive(Clone)]
struct Checked(Arc<watch::Sender<CheckState>>);

#[derive(Default)]
struct CheckState {
    /// When the one that runs began.
    began: Option<Instant>,
    ended: Option<(Instant, Result<(), String>)>,
}

impl Default for Checked {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(CheckState::default())))
    }
}

impl Checked {
    /// The result of the last write if it is new enough, of the one that runs, or of this one.
    async fn result(&self, write: impl Future<Output = Result<(), String>> + Send + 'static) -> Result<(), String> {
        let mut state = self.0.subscribe();
        if self.begin() {
            let written = Arc::clone(&self.0);
            // It goes on when whoever asked has gone: it is what the next one waits for.
            tokio::spawn(async move {
                let result = tokio::spawn(write).await.unwrap_or_else(|ended| Err(ended.to_string()));
                written.send_replace(CheckState { began: None, ended: Some((Instant::now(), result)) });
            });
        }
        let Some(began) = self.0.borrow().began else { return self.ended() };
        let end = timeout_at(began + ANSWER_MAX, state.wait_for(|state| state.began != Some(began))).await;
        match end {
            Ok(_) => self.ended(),
            Err(_) => Err(format!(
                "no answer since {} s: the disk or the database hangs, or another program has locked it",
                began.elapsed().as_secs()
            )),
        }
    }

    /// Whether another write is due; it then counts as begun.
    fn begin(&self) -> bool {
        self.0.send_if_modified(|state| {
            let is_new = |(at, _): &(Instant, _)| at.elapsed() < EVERY;
            let due = state.began.is_none() && !state.ended.as_ref().is_some_and(is_new);
            if due {
                state.began = Some(Instant::now());
            }
            due
        })
    }

    fn ended(&self) -> Result<(), String> {
        self.0.borrow().ended.as_ref().map_or(Ok(()), |(_, result)| result.clone())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::time::{advance, sleep};

    /// Asks for a write that takes so long, and counts it if it is made.
    async fn ask(checked: &Checked, made: &Arc<AtomicUsize>, takes: Duration) -> Result<(), String> {
        let made = Arc::clone(made);
        let write = async move {
            made.fetch_add(1, Ordering::Relaxed);
            sleep(takes).await;
            Ok(())
        };
        checked.result(write).await
    }

    #[tokio::test(start_paused = true)]
    async fn many_requests_are_one_write_a_second() {
        let (checked, made) = (Checked::default(), Arc::default());
        for second in 1..=3 {
            for _ in 0..100 {
                assert_eq!(ask(&checked, &made, Duration::ZERO).await, Ok(()));
            }
            assert_eq!(made.load(Ordering::Relaxed), second);
            advance(EVERY).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_hangs_is_told_of_and_has_none_beside_it() {
        let (checked, made) = (Checked::default(), Arc::default());
        let hour = Duration::from_hours(1);
        let began = Instant::now();
        for _ in 0..100 {
            let why = ask(&checked, &made, hour).await.unwrap_err();
            assert!(why.starts_with("no answer since "), "{why}");
            assert_eq!(began.elapsed(), ANSWER_MAX, "only the first one waits");
        }
        assert_eq!(made.load(Ordering::Relaxed), 1);
        advance(hour).await;
        while ask(&checked, &made, Duration::ZERO).await.is_err() {}
        assert_eq!(ask(&checked, &made, Duration::ZERO).await, Ok(()));
    }
}
