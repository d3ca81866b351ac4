//! Writes what a trial showed, as sections of `bench/RESULTS.md`.

use super::attack::Attack;
use super::days::{Member, Trial};
use super::mix::HarvestPace;
use super::review::is_listed;
use super::tally::{Completeness, FaultTally, LATE_AFTER, OrganisationTally, TrialPeriod, WaitTally, day_number};
use doorlist_core::domain::Mode;
use doorlist_core::time::Timestamp;
use std::fmt::Write as _;
use std::time::Duration;

/// Days whose shares are shown.
const DAYS_SHOWN: &[u32] = &[1, 2, 3, 5, 7, 10, 14, 18, 21, 25, 28, 30];
/// The floors of the figures.
const LISTED_MIN: f64 = 99.9;
const LATE_MAX: f64 = 0.1;
/// An attacker learns at most this part of what a server without a defence tells.
const YIELD_MAX: f64 = 0.01;
/// Of an attack that is too slow for measures people are told within this time.
const SLOW_TOLD_WITHIN: Duration = Duration::from_hours(24);

/// All sections of the report.
pub(crate) fn page(trial: &Trial, end: Timestamp) -> String {
    let mut page = String::new();
    figures(&mut page, trial, end);
    by_day(&mut page, trial);
    organisations(&mut page, trial, end);
    waits(&mut page, trial);
    attacks(&mut page, trial);
    endings(&mut page, trial);
    faults(&mut page, trial);
    page
}

fn figures(page: &mut String, trial: &Trial, end: Timestamp) {
    let tallies = || trial.members.iter().map(|member| &member.tally);
    let mut whole = Completeness::default();
    let mut last = Completeness::default();
    for member in trial.members.iter().filter(|member| !member.server.has_script_for_all()) {
        whole.add(completeness(trial, member, end, |tally| &tally.whole));
        last.add(completeness(trial, member, end, |tally| &tally.last_days));
    }
    let mut other = WaitTally::default();
    for tally in tallies().filter_map(|tally| tally.waits.get(&TrialPeriod::Other)) {
        other.messages += tally.messages;
        other.waits.extend(&tally.waits);
    }
    let late = percent(other.late(), other.messages);
    let wrong: u64 = tallies().map(|tally| tally.wrong.count).sum();
    let refused: u64 = tallies().map(|tally| tally.refused.count).sum();
    page.push_str("| figure | measured | floor | met |\n|---|---|---|---|\n");
    let mut row = |figure: &str, measured: String, floor: &str, is_met: bool| {
        let met = if is_met { "yes" } else { "**no**" };
        let _ = writeln!(page, "| {figure} | {measured} | {floor} | {met} |");
    };
    row(
        "clean mail of the whole trial to existing addresses that are listed behind it",
        format!("{:.3} % of {}; {} addresses explain the rest", whole.share(), whole.mail, missing(whole)),
        "99.9 %",
        whole.share() >= LISTED_MIN,
    );
    row(
        "the same, clean mail of the last 14 days",
        format!("{:.3} % of {}; {} addresses explain the rest", last.share(), last.mail, missing(last)),
        "99.9 %",
        last.share() >= LISTED_MIN,
    );
    row("entries that do not exist", wrong.to_string(), "0", wrong == 0);
    row("wanted mail to existing addresses answered 5xx", refused.to_string(), "0", refused == 0);
    row(
        "the same deferred more than 15 minutes, behind day 1 and outside scripted outages",
        format!("{late:.3} % ({} of {})", other.late(), other.messages),
        "0.1 %",
        late <= LATE_MAX,
    );
    trial.attacks.iter().for_each(|attack| attack_figures(attack, &mut row));
    page.push('\n');
}

/// A fast attack has to learn next to nothing. A slow one asks for no more than strangers do, so that it is answered like
/// them: of it people have to be told.
fn attack_figures(Attack { mix, learnt, .. }: &Attack, row: &mut impl FnMut(&str, String, &str, bool)) {
    let (ours, open) = (learnt.per_thousand(learnt.valid.len()), learnt.per_thousand(learnt.named.len()));
    let figure = format!("harvest yield for 1,000 guesses, {}", mix.name);
    let measured = format!("{ours:.2} (a server without a defence: {open:.2})");
    if mix.pace == HarvestPace::Burst {
        return row(&figure, measured, "1 % of it", ours <= open * YIELD_MAX);
    }
    let (told, is_told) = match learnt.slow_after {
        Some((guesses, after)) => {
            (format!("{guesses} guesses, {:.1} h", after.as_secs_f64() / 3_600.0), after <= SLOW_TOLD_WITHIN)
        }
        None => ("never".to_owned(), false),
    };
    row(&figure, measured, "reported", true);
    row(&format!("an event tells of it after, {}", mix.name), told, "24 h", is_told);
}

fn by_day(page: &mut String, trial: &Trial) {
    let shown: Vec<u32> = DAYS_SHOWN.iter().copied().filter(|day| *day <= trial.days).collect();
    page.push_str(
        "Share of clean mail whose address was listed when it came (in brackets: in the evening), %:\n\n| day |",
    );
    for day in &shown {
        let _ = write!(page, " {day} |");
    }
    let _ = writeln!(page, "\n|---|{}", "---|".repeat(shown.len()));
    for Member { organisation, tally, .. } in &trial.members {
        let _ = write!(page, "| {} |", organisation.name);
        for day in &shown {
            match tally.days.get(*day as usize - 1) {
                Some(day) if day.clean > 0 => {
                    let (now, evening) = (percent(day.listed, day.clean), percent(day.listed_in_evening, day.clean));
                    let _ = write!(page, " {now:.1} ({evening:.1}) |");
                }
                _ => page.push_str(" - |"),
            }
        }
        page.push('\n');
    }
    page.push('\n');
}

fn organisations(page: &mut String, trial: &Trial, end: Timestamp) {
    page.push_str(
        "| organisation | addresses | messages | listed at the end | listed clean mail, % | wrong | candidates | spam-only \
         listed | gone, still listed | accepted for nobody | refused by its server | aliases suggested: right, wrong, of | \
         probes for 1,000 messages (controls, learning) | over limits |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for member in &trial.members {
        let Member { organisation, tally, .. } = member;
        let whole = completeness(trial, member, end, |tally| &tally.whole);
        let per_thousand = |count: u64| count as f64 * 1_000.0 / (tally.messages.max(1) as f64);
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {:.3} ({} of {} addresses) | {} | {} | {} | {} | {} | {} | {}, {}, {} | {:.1} ({:.2}, \
             {:.2}) | {} |",
            organisation.name,
            organisation.addresses.len(),
            tally.messages,
            tally.days.last().map_or(0, |day| day.entries),
            whole.share(),
            whole.listed_addresses,
            whole.addresses,
            tally.wrong.count,
            tally.candidates,
            tally.spam_only_listed,
            tally.left,
            tally.accepted_for_nobody,
            tally.refused_by_server,
            tally.suggested_right,
            tally.suggested_wrong.count,
            tally.true_pairs,
            per_thousand(tally.probes.all()),
            per_thousand(tally.probes.controls),
            per_thousand(tally.probes.for_learning),
            tally.probes.over_limit,
        );
    }
    page.push('\n');
}

fn waits(page: &mut String, trial: &Trial) {
    page.push_str(
        "| wanted mail | period | messages | deferred, % | longer than 15 min, % | median wait of these, min | longest, h | \
         why |\n|---|---|---|---|---|---|---|---|\n",
    );
    for Member { organisation, tally, .. } in &trial.members {
        for (period, waits) in &tally.waits {
            let period = match period {
                TrialPeriod::FirstDay => "day 1",
                TrialPeriod::Outage => "scripted outage",
                TrialPeriod::Other => "else",
            };
            let mut late: Vec<u64> = waits.waits.iter().copied().filter(|wait| *wait > LATE_AFTER.as_secs()).collect();
            late.sort_unstable();
            let median = late.get(late.len() / 2).copied().unwrap_or(0) / 60;
            let longest = late.last().copied().unwrap_or(0) as f64 / 3_600.0;
            let reasons: Vec<String> =
                waits.late_reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
            let _ = writeln!(
                page,
                "| {} | {period} | {} | {:.3} | {:.3} | {median} | {longest:.1} | {} |",
                organisation.name,
                waits.messages,
                percent(waits.waits.len() as u64, waits.messages),
                percent(waits.late(), waits.messages),
                reasons.join(", "),
            );
        }
    }
    page.push('\n');
}

fn attacks(page: &mut String, trial: &Trial) {
    if trial.attacks.is_empty() {
        return;
    }
    page.push_str(
        "| attack | on | guesses | existing names among them | learnt | answered 250, 550, 4xx | flags | first flag after | \
         `slow-attack` after |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    for Attack { mix, organisation, learnt, .. } in &trial.attacks {
        let name = trial.members.get(*organisation).map(|member| member.organisation.name.to_string());
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {} | {}, {}, {} | {} | {} | {} |",
            mix.name,
            name.unwrap_or_default(),
            learnt.guesses,
            learnt.named.len(),
            learnt.valid.len(),
            learnt.accepted,
            learnt.refused,
            learnt.deferred,
            learnt.flags,
            learnt.first_flag_after.map_or_else(|| "never".to_owned(), |guesses| format!("{guesses} guesses")),
            learnt.slow_after.map_or_else(
                || "never".to_owned(),
                |(guesses, after)| format!("{guesses} guesses, {:.1} h", after.as_secs_f64() / 3_600.0)
            ),
        );
    }
    page.push('\n');
}

fn endings(page: &mut String, trial: &Trial) {
    for Member { organisation, .. } in &trial.members {
        let mode = trial.world.mode(&organisation.name).map_or("gone", Mode::word);
        let own = format!("{}:", organisation.name);
        let notices: Vec<String> = trial
            .notices
            .iter()
            .filter_map(|(day, subject)| Some(format!("day {day}: {}", subject.strip_prefix(own.as_str())?.trim())))
            .collect();
        let _ =
            writeln!(page, "- {}: mode {mode} behind the trial. Notices: {}.", organisation.name, notices.join("; "));
    }
    let _ = writeln!(page, "- Flags raised by harvest detection: {}.", trial.defence.flags);
    let signs = trial.defence.slow_attacks.iter();
    let signs: Vec<String> =
        signs.map(|(name, at)| format!("{name} on day {}", day_number(trial.start, *at))).collect();
    let signs = if signs.is_empty() { "none".to_owned() } else { signs.join(", ") };
    let _ = writeln!(page, "- Signs of slow attacks: {signs}.\n");
}

fn faults(page: &mut String, trial: &Trial) {
    for Member { organisation, tally, .. } in &trial.members {
        let mut section = |what: &str, fault: &FaultTally| {
            if fault.count > 0 {
                let _ = writeln!(page, "{what} of {}: {}, such as", organisation.name, fault.count);
                for example in &fault.examples {
                    let _ = writeln!(page, "- {example}");
                }
                page.push('\n');
            }
        };
        section("Wrong entries", &tally.wrong);
        section("Wanted mail answered 5xx", &tally.refused);
        section("Wanted mail never accepted", &tally.lost);
        section("Wrong suggestions", &tally.suggested_wrong);
    }
}

fn completeness(
    trial: &Trial,
    member: &Member,
    end: Timestamp,
    counts: impl Fn(&OrganisationTally) -> &std::collections::HashMap<usize, u64>,
) -> Completeness {
    let list = trial.world.services.recipients.snapshot();
    let address = |place: usize| member.organisation.addresses.get(place);
    Completeness::of(
        counts(&member.tally),
        |place| address(place).is_some_and(|address| address.exists(end)),
        |place| address(place).is_some_and(|address| is_listed(&list, member.domain, &address.local)),
    )
}

fn missing(completeness: Completeness) -> u64 {
    completeness.addresses - completeness.listed_addresses
}

fn percent(part: u64, whole: u64) -> f64 {
    part as f64 * 100.0 / (whole.max(1) as f64)
}
