//! Which refusals make a domain fall back: against a plain model, and at each limit.

use super::*;
use crate::domain::{BounceAddresses, Mode, SubAddressing};
use crate::list::Match;
use crate::policy::Verdict;
use proptest::prelude::*;

const START: Timestamp = Timestamp::from_secs(1_800_000_000);
const MINUTE: Duration = Duration::from_mins(1);

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

#[test]
fn five_organisations_within_an_hour_and_not_four_whatever_their_subdomains() {
    let mut refused = RefusedOrganisations::default();
    for at in 0..4u32 {
        assert_eq!(refused.note(&format!("{at}.test"), START + MINUTE * at), None);
    }
    for sender in ["a.0.test", "b.c.0.test", "0.test"] {
        assert_eq!(refused.note(organisation(&name(sender)), START + MINUTE * 5), None, "{sender}");
    }
    let mut late = refused.clone();
    assert_eq!(refused.note("4.test", START + MINUTE * 59), Some(5));
    assert_eq!(late.note("4.test", START + MINUTE * 61), None, "the second is an hour old");
    assert!(!late.is_stale(START + MINUTE * 120) && late.is_stale(START + MINUTE * 121));
}

#[test]
fn an_organisation_is_what_can_be_registered() {
    for (sender, wanted) in
        [("mail.maple.test", "maple.test"), ("a.b.co.uk", "b.co.uk"), ("co.uk", "co.uk"), ("test", "test")]
    {
        assert_eq!(organisation(&name(sender)), wanted, "{sender}");
    }
}

#[test]
fn only_what_a_list_refused_by_itself_counts() {
    let domain = ProtectedDomain {
        id: DomainId(1),
        name: name("example.test"),
        mode: Mode::enforce(None),
        active: true,
        hold: false,
        sub_addressing: SubAddressing::default(),
        accept_abuse: true,
        bounce_addresses: BounceAddresses::default(),
        fall_back: true,
        plus_refused: false,
    };
    let decision = |reason: Reason| Decision {
        verdict: Verdict::Reject,
        reason,
        matched: Match::Unlisted,
        domain: Some(domain.id),
        in_enforce: Verdict::Reject,
    };
    let sender = "ann@maple.test";
    for reason in Reason::ALL {
        let wanted = matches!(reason, Reason::Unlisted | Reason::UnlistedSoft);
        assert_eq!(may_count(&domain, &decision(reason), sender), wanted, "{reason:?}");
    }
    let refused = decision(Reason::Unlisted);
    assert!(!may_count(&domain, &refused, ""), "the null sender");
    assert!(!may_count(&ProtectedDomain { fall_back: false, ..domain.clone() }, &refused, sender));
    assert!(!may_count(&ProtectedDomain { mode: Mode::Monitor, ..domain.clone() }, &refused, sender));
}

#[test]
fn each_sender_is_checked_once_an_hour_and_all_are_limited() {
    let (mut checks, first) = (SenderChecks::default(), DomainId(1));
    assert!(checks.begin(first, &name("maple.test"), START) && checks.begin(DomainId(2), &name("maple.test"), START));
    assert!(!checks.begin(first, &name("maple.test"), START + MINUTE * 59));
    assert!(checks.begin(first, &name("maple.test"), START + MINUTE * 60));
    let now = START + MINUTE * 180;
    let begun = |checks: &mut SenderChecks, domain: u32| {
        let senders = (0..CHECKS_PER_DOMAIN_MAX + 5).map(|at| name(&format!("s{at}.test")));
        senders.filter(|sender| checks.begin(DomainId(domain), sender, now)).count()
    };
    assert_eq!(begun(&mut checks, 1), CHECKS_PER_DOMAIN_MAX);
    let all: usize = (2..30).map(|domain| begun(&mut checks, domain)).sum();
    assert_eq!(CHECKS_PER_DOMAIN_MAX + all, CHECKS_MAX);
}

proptest! {
    /// Against all refusals of the last hour, looked through anew each time.
    #[test]
    fn it_falls_back_exactly_when_the_last_hour_has_five(
        refusals in proptest::collection::vec((0u32..8, 0u64..1500), 1..80),
    ) {
        let (mut refused, mut all, mut now) = (RefusedOrganisations::default(), Vec::new(), START);
        for (organisation, pause) in refusals {
            now = now + Duration::from_secs(pause);
            all.push((organisation, now));
            let mut distinct: Vec<u32> =
                all.iter().filter(|(_, at)| now.since(*at) < WITHIN).map(|(organisation, _)| *organisation).collect();
            distinct.sort_unstable();
            distinct.dedup();
            let wanted = (distinct.len() >= ORGANISATIONS).then_some(distinct.len());
            prop_assert_eq!(refused.note(&format!("{organisation}.test"), now), wanted);
        }
    }
}
