//! Lists that grow from mail: looked at when deliveries showed something, and now and then. What is done is the learner's.

use doorlist_actions::{Learned, Learner};
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// How often is looked for what waits: answers of servers, the next day.
const LOOK: Duration = Duration::from_secs(10);
/// How often the ends of trials are looked at.
const TRIALS: Duration = Duration::from_mins(1);
/// Deliveries that come together are counted together.
const COMPANY: Duration = Duration::from_millis(200);

/// Runs until it is dropped.
pub(super) async fn run(mut learner: Learner) {
    let mut looked_at_trials: Option<Instant> = None;
    loop {
        // While the store is away nothing is lost: the spool keeps what it has.
        match learner.look().await {
            Ok(learned) => {
                for Learned { domain, addresses } in learned {
                    info!("{domain}: learned from mail, new on its list: {addresses}");
                }
            }
            Err(error) => warn!("cannot learn from mail now: {error}"),
        }
        if looked_at_trials.is_none_or(|at| at.elapsed() >= TRIALS) {
            looked_at_trials = Some(Instant::now());
            match learner.look_at_trials().await {
                Ok(sentences) => sentences.iter().for_each(|sentence| info!("{sentence}")),
                Err(error) => warn!("cannot look at the ends of trials now: {error}"),
            }
            match learner.look_at_sub_addresses().await {
                Ok(sentences) => sentences.iter().for_each(|sentence| info!("{sentence}")),
                Err(error) => warn!("cannot look now whether servers take sub-addresses: {error}"),
            }
        }
        tokio::select! {
            () = learner.taught() => tokio::time::sleep(COMPANY).await,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}
