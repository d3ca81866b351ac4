//! Pages of lists: deep pages, filters, searches. Checks every `total_count`.

use super::client::Client;
use super::tenants::{ACCOUNTS, ACCOUNTS_EACH, BIG, CUSTOMERS, DOMAINS, domain};
use crate::samples::Samples;
use anyhow::{Result, ensure};
use std::ops::RangeInclusive;
use std::thread::sleep;
use std::time::Duration;

/// Pages of each kind, and those before that warm up.
const PAGES: u32 = 300;
const WARM_UP: u32 = 20;
/// Between two pages while accounts come and go: of twenty pages some come behind a change, and what it costs is seen.
const PACE: Duration = Duration::from_millis(20);
/// Figures of pages while accounts come and go: of one domain, of all.
pub(super) const BUSY_OFFSETS: [&str; 2] = ["api-busy-offset", "api-busy-all"];
/// Pages that are followed by `meta.next` from the start, and from each of some depths.
const FOLLOWED: u32 = 300;
const DEPTHS: [u64; 4] = [250_000, 500_000, 750_000, 990_000];
const LIMIT: u64 = 20;
/// All accounts, and those that the admin sees.
const ALL: u64 = ACCOUNTS as u64 + DOMAINS as u64 * ACCOUNTS_EACH as u64;
const OF_ADMIN: u64 = ACCOUNTS as u64 + (DOMAINS / CUSTOMERS) as u64 * ACCOUNTS_EACH as u64;

/// A kind of page that is found.
struct Find {
    quiet: &'static str,
    busy: &'static str,
    /// Parameters behind `limit`, from a number that is drawn, and how many rows there are.
    parameters: fn(u64) -> (String, u64),
}

const FINDS: &[Find] = &[
    Find {
        quiet: "api-exact",
        busy: "api-busy-exact",
        parameters: |drawn| (format!("&domain={BIG}&localpart=u{:08}.name", drawn % u64::from(ACCOUNTS)), 1),
    },
    Find {
        quiet: "api-begins",
        busy: "api-busy-begins",
        parameters: |drawn| (format!("&domain={BIG}&localpart__startswith=u{:05}", drawn % 1_000), 1_000),
    },
    Find {
        quiet: "api-ids",
        busy: "api-busy-ids",
        parameters: |drawn| {
            // The first numbers are those of the one account that was there first and of the small domains.
            let first = 2 + u64::from(DOMAINS * ACCOUNTS_EACH) + drawn % u64::from(ACCOUNTS - 1_000);
            let ids: Vec<String> = (0..50).map(|number| (first + number * 10).to_string()).collect();
            (format!("&id__in={}", ids.join(",")), 50)
        },
    },
    Find {
        quiet: "api-name",
        busy: "api-busy-name",
        parameters: |drawn| {
            let name = domain(u32::try_from(drawn % u64::from(DOMAINS)).unwrap_or(0));
            (format!("&domain__name={name}"), u64::from(ACCOUNTS_EACH))
        },
    },
    Find {
        quiet: "api-q3",
        busy: "api-busy-q3",
        parameters: |drawn| (format!("&domain={BIG}&q={}.n", drawn % 10), u64::from(ACCOUNTS / 10)),
    },
    Find {
        quiet: "api-q6",
        busy: "api-busy-q6",
        parameters: |drawn| (format!("&domain={BIG}&q={}", 100_000 + drawn % u64::from(ACCOUNTS - 100_000)), 1),
    },
    // All names have it: every line is a hit.
    Find { quiet: "api-q1", busy: "api-busy-q1", parameters: |_| (format!("&domain={BIG}&q=a"), u64::from(ACCOUNTS)) },
];

/// Draws numbers: the same in every run.
pub(super) struct Draw(pub(super) u64);

impl Draw {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 24
    }
}

/// The value that so many in 100 do not exceed.
pub(crate) fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get((values.len() * percent / 100).min(values.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

fn accounts(parameters: &str) -> String {
    format!("/api/v1/email_account/?limit={LIMIT}{parameters}")
}

/// The time of a page in ms; `total` is what it must say.
fn one(client: &mut Client, target: &str, total: &RangeInclusive<u64>) -> Result<(f64, Option<String>)> {
    let (page, took) = client.page(target)?;
    let count = page.meta.total_count;
    ensure!(total.contains(&count), "{target:.200} counts {count} and not {total:?}");
    let full = page.meta.next.is_none() || page.objects.len() as u64 == LIMIT;
    ensure!(full, "{target:.200} shows {} objects and goes on", page.objects.len());
    Ok((took.as_secs_f64() * 1e3, page.meta.next))
}

/// Pages at random places of a list; `more` rows may be there at times.
fn at_random(
    client: &mut Client,
    list: &str,
    (total, more): (u64, u64),
    id: &'static str,
    samples: &mut Samples,
) -> Result<()> {
    let (mut draw, mut times) = (Draw(total), Vec::new());
    for number in 0..WARM_UP + PAGES {
        let target = format!("{list}&offset={}", draw.next() % total);
        if more > 0 {
            sleep(PACE);
        }
        let (took, _) = one(client, &target, &(total..=total + more))?;
        if number >= WARM_UP {
            times.push(took);
        }
    }
    samples.add(id, super::US, percentile(&mut times, 95));
    Ok(())
}

/// Pages of the one domain, and of all, at random offsets, while `more` accounts are there at times.
pub(super) fn busy_offsets(client: &mut Client, more: u64, samples: &mut Samples) -> Result<()> {
    let list = accounts(&format!("&domain={BIG}"));
    at_random(client, &list, (ACCOUNTS.into(), more), BUSY_OFFSETS[0], samples)?;
    at_random(client, &accounts(""), (ALL, more), BUSY_OFFSETS[1], samples)
}

fn following(client: &mut Client, samples: &mut Samples) -> Result<()> {
    let total = u64::from(ACCOUNTS);
    let (mut times, list) = (Vec::new(), accounts(&format!("&domain={BIG}")));
    for (depth, pages) in [(0, FOLLOWED)].into_iter().chain(DEPTHS.map(|depth| (depth, FOLLOWED / 6))) {
        let mut target = format!("{list}&offset={depth}");
        for number in 0..pages {
            let (took, next) = one(client, &target, &(total..=total))?;
            // The first page of a depth is not one that was followed.
            if number > 0 {
                times.push(took);
            }
            let Some(next) = next else { break };
            target = next;
        }
    }
    samples.add("api-next", super::US, percentile(&mut times, 95));
    Ok(())
}

/// The pages that need no filter but the domain's.
pub(super) fn pages(operator: &mut Client, admin: &mut Client, samples: &mut Samples) -> Result<()> {
    following(operator, samples)?;
    at_random(operator, &accounts(&format!("&domain={BIG}")), (ACCOUNTS.into(), 0), "api-offset", samples)?;
    at_random(operator, &accounts(""), (ALL, 0), "api-all", samples)?;
    at_random(admin, &accounts(""), (OF_ADMIN, 0), "api-admin", samples)?;
    let domains = format!("/api/v1/domain/?limit={LIMIT}");
    at_random(operator, &domains, (u64::from(DOMAINS) + 1, 0), "api-domains", samples)
}

/// The first search of a domain, which reads its names: its time in ms.
pub(super) fn first_search(client: &mut Client) -> Result<f64> {
    Ok(one(client, &accounts(&format!("&domain={BIG}&q=123456")), &(1..=1))?.0)
}

/// The figures while accounts come and go.
pub(super) fn busy() -> impl Iterator<Item = &'static str> {
    FINDS.iter().map(|find| find.busy).chain(BUSY_OFFSETS)
}

/// Everything that is found by a filter; `more` accounts may be there at times.
pub(super) fn finds(
    client: &mut Client,
    more: Option<u64>,
    wanted: &dyn Fn(&str) -> bool,
    samples: &mut Samples,
) -> Result<()> {
    for find in FINDS {
        let id = if more.is_some() { find.busy } else { find.quiet };
        if !wanted(id) {
            continue;
        }
        let (mut draw, mut times) = (Draw(7), Vec::new());
        for number in 0..WARM_UP + PAGES {
            let (parameters, total) = (find.parameters)(draw.next());
            if more.is_some() {
                sleep(PACE);
            }
            let (took, _) = one(client, &accounts(&parameters), &(total..=total + more.unwrap_or(0)))?;
            if number >= WARM_UP {
                times.push(took);
            }
        }
        samples.add(id, super::US, percentile(&mut times, 95));
    }
    Ok(())
}
