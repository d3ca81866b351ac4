//! Retries where that is harmless: nothing was sent, the server did nothing and says when to retry, or the request is
//! idempotent.

use super::Remote;
use super::answers;
use super::exchange::{Answered, Call, Trouble};
use reqwest::StatusCode;
use std::time::Duration;
use tokio::time::sleep;

/// When a request may be retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// Only if it was not accepted.
    Unsent,
    /// Always: the request is idempotent.
    Always,
}

impl Remote {
    /// Sends a request, with retries where they may help.
    pub(super) async fn ask(&self, call: &Call, again: Again) -> Result<Answered, Trouble> {
        let mut rests = self.times.rests.iter();
        loop {
            let answered = self.exchange(call).await;
            let (Some(rest), Some(asked)) = (rests.next(), self.worth_asking_again(&answered, again)) else {
                return answered;
            };
            sleep(asked.unwrap_or(*rest)).await;
        }
    }

    /// Whether another attempt may help, with the server's Retry-After.
    fn worth_asking_again(&self, answered: &Result<Answered, Trouble>, again: Again) -> Option<Option<Duration>> {
        let always = again == Again::Always;
        match answered {
            Err(Trouble::Unsent { passing, .. }) => passing.then_some(None),
            Err(Trouble::Lost(_)) => always.then_some(None),
            Err(Trouble::TooLarge) => None,
            Ok(Answered { status: StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, .. }) => {
                let answered = answered.as_ref().ok()?;
                match answered.retry_after {
                    Some(wait) if wait > self.times.retry_after_max => None,
                    // An answer of the actions themselves is the command's to print.
                    Some(wait) if always || !answers::is_of_the_office(answered) => Some(Some(wait)),
                    _ => always.then_some(None),
                }
            }
            Ok(answered) => (always && answered.status.is_server_error()).then_some(None),
        }
    }
}
