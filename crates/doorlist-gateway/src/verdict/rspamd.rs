//! Rspamd over its HTTP protocol (`POST /checkv2`). Its answer leads to the verdict, by the table of `rspamd/answer`; SPF,
//! DKIM and DMARC are evaluated by the scanner that is built in, so that they are known whatever Rspamd is set to do.
//!
//! Rspamd that is down costs nobody time: behind a few failures it is left alone for a while, and mail is *unchecked*.
//! One that does not want a message is not down.

mod answer;
mod breaker;
mod http;

use super::builtin::Builtin;
use super::{PendingScan, ScanFailure, ScanOutcome, ScannedMessage, Scanner};
use crate::config::RspamdAddress;
use crate::journal::{FieldValue, Journal, Line, Process};
use answer::{RspamdAnswer, RspamdVerdict};
use breaker::{Breaker, BreakerChange};
use doorlist_core::verdict::{Assessment, ContentVerdict};
use http::PostError;
use tokio::time::Instant;

/// Rspamd, and what is evaluated beside it.
pub struct Rspamd {
    address: RspamdAddress,
    builtin: Builtin,
    breaker: Breaker,
    journal: Journal,
}

impl Rspamd {
    /// Asks at this address; outages are logged.
    pub fn new(address: RspamdAddress, builtin: Builtin, journal: Journal) -> Self {
        Self { address, builtin, breaker: Breaker::default(), journal }
    }

    async fn look(&self, message: &ScannedMessage, until: Instant) -> ScanOutcome {
        let (own, answer) = tokio::join!(self.builtin.assess(message, until), self.ask(message, until));
        let Assessment { verdict, authentication } = own.assessment;
        // For whom the sender's name servers do not answer, Rspamd has a verdict all the same.
        let of_own = own.failure.filter(|failure| *failure != ScanFailure::NoNameServer);
        let failure = answer.failure.or(of_own);
        let verdict = match answer.verdict {
            // Rspamd and the scanners behind it have limits of their own, and may call clean what they have not read.
            ContentVerdict::Clean if verdict.is_bad() || verdict == ContentVerdict::Limit => verdict,
            answer => answer,
        };
        ScanOutcome { assessment: Assessment { verdict, authentication }, failure }
    }

    async fn ask(&self, message: &ScannedMessage, until: Instant) -> RspamdVerdict {
        if !self.breaker.may_try(Instant::now()) {
            return RspamdVerdict::missing(ScanFailure::NoAnswer);
        }
        let asked = http::post(&self.address, message, until).await;
        let asked = asked.and_then(|answer| RspamdAnswer::parse(&answer).map_err(PostError::Failed));
        let is_up = !matches!(asked, Err(PostError::Failed(_)));
        let change = self.breaker.note(is_up, Instant::now());
        match (change, &asked) {
            (BreakerChange::Opened, Err(PostError::Failed(why))) => self.log("does not answer; mail is unchecked", why),
            (BreakerChange::Closed, _) => self.log("answers again", ""),
            _ => {}
        }
        match asked {
            Ok(answer) => answer.verdict(),
            Err(PostError::Unwanted) => RspamdVerdict::missing(ScanFailure::Unwanted),
            Err(PostError::Failed(_)) => RspamdVerdict::missing(ScanFailure::NoAnswer),
        }
    }

    fn log(&self, event: &str, why: &str) {
        let event = format!("scanner {} {event};", self.address);
        let fields = [("why", FieldValue::Str(why))];
        let fields = if why.is_empty() { &[][..] } else { &fields[..] };
        self.journal.write(&Line { process: Process::Cleanup, queue: None, event: &event, fields });
    }
}

impl Scanner for Rspamd {
    fn assess<'a>(&'a self, message: &'a ScannedMessage, until: Instant) -> PendingScan<'a> {
        Box::pin(self.look(message, until))
    }
}
