//! Writes: a few accounts per second next to readers, and many at once.

use super::client::{Client, Object, Page};
use super::tenants::{ACCOUNTS, BIG};
use crate::samples::Samples;
use anyhow::{Context as _, Result, ensure};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

/// Accounts of one addition, and of each removal.
const ADDED: u32 = 10_000;
const REMOVED: u64 = 1_000;
/// Between two changes of those who come and go.
const PACE: Duration = Duration::from_millis(200);

/// The path of an account.
pub(super) fn account(id: u32) -> String {
    format!("/api/v1/email_account/{id}/")
}

/// Adds an account to the one domain.
pub(super) fn add(client: &mut Client, local: &str) -> Result<(u32, Duration)> {
    let body = format!(r#"{{"localpart": "{local}", "domain": "/api/v1/domain/{BIG}/"}}"#);
    let answer = client.must("POST", "/api/v1/email_account/", &body)?;
    let made: Object = serde_json::from_slice(&answer.body).context("a new account")?;
    Ok((made.id, answer.took))
}

/// One account at a time is added and removed again, until it ends.
pub(super) struct Coming {
    ended: Arc<AtomicBool>,
    thread: JoinHandle<Result<u32>>,
}

/// Accounts of these at once.
pub(super) const COMING_MAX: u64 = 1;

impl Coming {
    pub(super) fn begin(mut client: Client, round: u32) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let watched = Arc::clone(&ended);
        let thread = spawn(move || {
            let mut number = 0;
            while !watched.load(Ordering::Relaxed) {
                // Found by what the readers look for.
                let (id, _) = add(&mut client, &format!("coming.and.going{round}.{number}"))?;
                sleep(PACE);
                client.must("DELETE", &account(id), "")?;
                sleep(PACE);
                number += 1;
            }
            Ok(number)
        });
        Self { ended, thread }
    }

    pub(super) fn end(self) -> Result<()> {
        self.ended.store(true, Ordering::Relaxed);
        let number = self.thread.join().unwrap_or_else(|_| anyhow::bail!("whoever came and went broke off"))?;
        eprintln!("bench:   meanwhile {number} accounts were added and removed");
        Ok(())
    }
}

/// Many at once, and away with them.
pub(super) fn many(client: &mut Client, round: u32, samples: &mut Samples) -> Result<()> {
    let locals: Vec<String> = (0..ADDED).map(|number| format!("\"many{round}.{number:05}\"")).collect();
    let body = format!(r#"{{"domain": "/api/v1/domain/{BIG}/", "localparts": [{}]}}"#, locals.join(","));
    let answer = client.must("POST", "/api/v1/email_account/mass_add/", &body)?;
    samples.add("api-mass-add", super::US, answer.took.as_secs_f64());
    let mut left = u64::from(ADDED);
    let mut took = Vec::new();
    while left > 0 {
        let target = format!("/api/v1/email_account/?domain={BIG}&localpart__startswith=many{round}.&limit={REMOVED}");
        let (Page { meta, objects }, _) = client.page(&target)?;
        ensure!(meta.total_count == left, "{} of {left} accounts are counted", meta.total_count);
        let ids: Vec<String> = objects.iter().map(|object| object.id.to_string()).collect();
        ensure!(ids.len() as u64 == REMOVED, "{} accounts are shown", ids.len());
        let target = format!("/api/v1/email_account/mass_delete/?id__in={}", ids.join(","));
        took.push(client.must("DELETE", &target, "")?.took.as_secs_f64());
        left -= REMOVED;
    }
    samples.extend("api-mass-delete", super::US, took);
    let (page, _) = client.page(&format!("/api/v1/email_account/?domain={BIG}&limit=1"))?;
    ensure!(page.meta.total_count == u64::from(ACCOUNTS), "{} accounts are left", page.meta.total_count);
    Ok(())
}
