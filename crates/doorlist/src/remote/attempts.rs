//! Asking again, where that is harmless: nothing was sent, the server says that it did nothing and when to come again, or
//! the request can be repeated. Must not know what is asked.

use super::Remote;
use super::answers;
use super::exchange::{Answered, Call, Trouble};
use reqwest::StatusCode;
use std::time::Duration;
use tokio::time::sleep;

/// When a request may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// When it was not taken.
    Unsent,
    /// Always: twice is as once.
    Always,
}

impl Remote {
    /// Asks, as often as it helps.
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

    /// Whether another attempt may help, and how long the server asks us to wait.
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
                    // An answer of the office itself is the command's to print.
                    Some(wait) if always || !answers::is_of_the_office(answered) => Some(Some(wait)),
                    _ => always.then_some(None),
                }
            }
            Ok(answered) => (always && answered.status.is_server_error()).then_some(None),
        }
    }
}
