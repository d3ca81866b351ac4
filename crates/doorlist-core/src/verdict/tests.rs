#![allow(clippy::unwrap_used)]
//! Who may be learnt from, and who may get a bounce.

use super::*;
use crate::mail_policy::SpamTreatment;
use AuthenticationResult::{Fail, None as Absent, Pass, PermError, SoftFail, TempError};
use proptest::prelude::*;

fn domain(name: &str) -> DomainName {
    name.parse().unwrap()
}

fn spf(result: AuthenticationResult, name: &str) -> SpfCheck {
    SpfCheck { result, identity: SpfIdentity::MailFrom, domain: Some(domain(name)) }
}

fn signed(result: AuthenticationResult, name: &str) -> DkimCheck {
    DkimCheck { result, domain: Some(domain(name)) }
}

fn mail(spf: SpfCheck, dkim: Vec<DkimCheck>, dmarc: AuthenticationResult, from: &str) -> Authentication {
    Authentication { spf, dkim, dmarc, arc: Absent, from: Some(domain(from)) }
}

#[test]
fn organisations_are_told_by_the_public_suffix_list() {
    for (one, other, expected) in [
        ("example.com", "example.com", true),
        ("mail.example.com", "news.example.com", true),
        ("example.co.uk", "mail.example.co.uk", true),
        ("a.co.uk", "b.co.uk", false),
        ("co.uk", "a.co.uk", false),
        ("co.uk", "co.uk", true),
        ("ann.github.io", "bob.github.io", false),
        ("mail.example.test", "example.test", true),
        ("example.test", "notexample.test", false),
        ("xn--bcher-kva.example", "mail.xn--bcher-kva.example", true),
    ] {
        assert_eq!(is_aligned(&domain(one), &domain(other)), expected, "{one} {other}");
        assert_eq!(is_aligned(&domain(other), &domain(one)), expected, "{other} {one}");
    }
}

#[test]
fn clean_is_what_the_organisation_in_from_vouches_for() {
    let ours = "a.example.com";
    for (authentication, expected) in [
        (mail(spf(Pass, ours), vec![], Absent, "example.com"), ContentVerdict::Clean),
        (mail(spf(Pass, ours), vec![], Fail, "example.com"), ContentVerdict::Unchecked),
        (mail(spf(Pass, ours), vec![], TempError, "example.com"), ContentVerdict::Unchecked),
        (mail(spf(Pass, ours), vec![], PermError, "example.com"), ContentVerdict::Clean),
        (mail(spf(Pass, "evil.test"), vec![], Absent, "example.com"), ContentVerdict::Unchecked),
        (mail(spf(SoftFail, ours), vec![], Absent, "example.com"), ContentVerdict::Unchecked),
        (mail(spf(Fail, "x.test"), vec![signed(Pass, ours)], Pass, "example.com"), ContentVerdict::Clean),
        (mail(spf(Fail, "x.test"), vec![signed(Fail, ours)], Absent, "example.com"), ContentVerdict::Unchecked),
        (
            mail(spf(Pass, "x.test"), vec![signed(Pass, "evil.test"), signed(Fail, ours)], Absent, "example.com"),
            ContentVerdict::Unchecked,
        ),
        (
            mail(spf(Absent, "x.test"), vec![signed(Fail, "evil.test"), signed(Pass, ours)], Pass, "example.com"),
            ContentVerdict::Clean,
        ),
    ] {
        assert_eq!(builtin_verdict(ContentFinding::Nothing, &authentication), expected, "{authentication:?}");
    }
    let nobody = Authentication { from: None, ..mail(spf(Pass, ours), vec![signed(Pass, ours)], Absent, ours) };
    assert_eq!(builtin_verdict(ContentFinding::Nothing, &nobody), ContentVerdict::Unchecked);
}

#[test]
fn only_the_authors_own_name_servers_keep_a_verdict_open() {
    let ours = "a.example.com";
    let unnamed = DkimCheck { result: TempError, domain: None };
    for (authentication, expected) in [
        (mail(spf(TempError, ours), vec![], Absent, "example.com"), true),
        // Without SPF, nothing is final that DMARC says.
        (mail(spf(TempError, ours), vec![], Fail, "example.com"), true),
        (mail(spf(Fail, ours), vec![signed(Fail, ours), signed(TempError, ours)], Absent, "example.com"), true),
        (mail(spf(Fail, ours), vec![unnamed], Absent, "example.com"), true),
        (mail(spf(Pass, ours), vec![], TempError, "example.com"), true),
        (mail(spf(Absent, ours), vec![], TempError, "example.com"), false),
        (mail(spf(TempError, "evil.test"), vec![signed(TempError, "evil.test")], Absent, "example.com"), false),
        (mail(spf(Fail, ours), vec![signed(PermError, ours)], Fail, "example.com"), false),
        (mail(spf(Pass, ours), vec![], Fail, "example.com"), false),
        (Authentication { from: None, ..mail(spf(TempError, ours), vec![], Absent, ours) }, false),
    ] {
        assert_eq!(authentication.may_be_from_its_author(), expected, "{authentication:?}");
    }
}

#[test]
fn content_is_refused_where_the_domain_or_the_operator_says_so() {
    use ContentVerdict::{Clean, Limit, Spam, Suspect, Unchecked, Virus};
    use SpamTreatment::{Refuse, Tag};
    use UncheckedMail::{Defer, Deliver};
    for (verdict, later, spam, unchecked, expected) in [
        (Virus, false, Tag, Deliver, Some(ContentRefusal::Virus)),
        (Virus, true, Refuse, Defer, Some(ContentRefusal::Virus)),
        (Spam, false, Refuse, Deliver, Some(ContentRefusal::Spam)),
        (Spam, true, Tag, Defer, None),
        (Unchecked, true, Tag, Defer, Some(ContentRefusal::Unchecked)),
        (Unchecked, true, Refuse, Deliver, None),
        // It would never be accepted.
        (Unchecked, false, Refuse, Defer, None),
        (Suspect, true, Refuse, Defer, None),
        (Limit, true, Refuse, Defer, None),
        (Clean, true, Refuse, Defer, None),
    ] {
        let refusal = content_refusal(verdict, later, spam, unchecked);
        assert_eq!(refusal, expected, "{verdict:?} {later} {spam:?} {unchecked:?}");
    }
}

#[test]
fn what_the_content_is_counts_before_who_sent_it() {
    let good = mail(spf(Pass, "example.com"), vec![], Pass, "example.com");
    for (finding, expected) in [
        (ContentFinding::TestVirus, ContentVerdict::Virus),
        (ContentFinding::TestSpam, ContentVerdict::Spam),
        (ContentFinding::OverLimit, ContentVerdict::Limit),
        (ContentFinding::Nothing, ContentVerdict::Clean),
    ] {
        assert_eq!(builtin_verdict(finding, &good), expected);
    }
}

#[test]
fn a_bounce_needs_an_authenticated_sender() {
    let sender = domain("bounces.example.com");
    let of = |verdict, authentication| Assessment { verdict, authentication: Some(authentication) };
    let by_spf = mail(spf(Pass, "bounces.example.com"), vec![], Absent, "other.test");
    let by_signature = mail(spf(Fail, "bounces.example.com"), vec![signed(Pass, "example.com")], Absent, "other.test");
    for verdict in ContentVerdict::ALL {
        assert_eq!(of(verdict, by_spf.clone()).may_bounce(&sender), !verdict.is_bad(), "{verdict:?}");
        assert_eq!(of(verdict, by_signature.clone()).may_bounce(&sender), !verdict.is_bad(), "{verdict:?}");
    }
    // Whoever forges MAIL FROM signs as himself, and is in From: himself.
    let forged = mail(spf(SoftFail, "bounces.example.com"), vec![signed(Pass, "evil.test")], Pass, "evil.test");
    assert_eq!(builtin_verdict(ContentFinding::Nothing, &forged), ContentVerdict::Clean);
    assert!(!of(ContentVerdict::Clean, forged).may_bounce(&sender));
    // SPF of another domain, and that of the host in HELO, say nothing of MAIL FROM.
    let neighbour = mail(spf(Pass, "example.com"), vec![], Absent, "example.com");
    assert!(!of(ContentVerdict::Clean, neighbour).may_bounce(&sender));
    let helo = SpfCheck { identity: SpfIdentity::Helo, ..spf(Pass, "bounces.example.com") };
    assert!(!of(ContentVerdict::Clean, mail(helo, vec![], Absent, "example.com")).may_bounce(&sender));
    assert!(!Assessment::default().may_bounce(&sender));
}

fn results() -> impl Strategy<Value = AuthenticationResult> {
    prop::sample::select(vec![Pass, Fail, SoftFail, AuthenticationResult::Neutral, Absent, TempError, PermError])
}

fn names() -> impl Strategy<Value = Option<DomainName>> {
    prop::option::of(prop::sample::select(vec!["example.com", "a.example.com", "evil.test", "co.uk"]).prop_map(domain))
}

fn authentications() -> impl Strategy<Value = Authentication> {
    let identity = prop::sample::select(vec![SpfIdentity::MailFrom, SpfIdentity::Helo]);
    let spf =
        (results(), identity, names()).prop_map(|(result, identity, domain)| SpfCheck { result, identity, domain });
    let dkim = (results(), names()).prop_map(|(result, domain)| DkimCheck { result, domain });
    let rest = (results(), results(), names());
    (spf, prop::collection::vec(dkim, 0..4), rest).prop_map(|(spf, dkim, (dmarc, arc, from))| Authentication {
        spf,
        dkim,
        dmarc,
        arc,
        from,
    })
}

proptest! {
    /// Without a pass of SPF or DKIM nothing is clean and nobody gets a bounce.
    #[test]
    fn nothing_good_comes_without_a_pass(mut authentication in authentications(), from in names()) {
        let failed = |result: &mut AuthenticationResult| if *result == Pass { *result = TempError };
        failed(&mut authentication.spf.result);
        authentication.dkim.iter_mut().for_each(|signature| failed(&mut signature.result));
        prop_assert_eq!(builtin_verdict(ContentFinding::Nothing, &authentication), ContentVerdict::Unchecked);
        let assessment = Assessment { verdict: ContentVerdict::Clean, authentication: Some(authentication) };
        prop_assert!(from.is_none_or(|sender| !assessment.may_bounce(&sender)));
    }

    /// Whoever seals a chain may be anybody: it makes nothing clean and gives nobody a bounce.
    #[test]
    fn a_chain_changes_nothing(authentication in authentications(), arc in results()) {
        let other = Authentication { arc, ..authentication.clone() };
        let verdict = |of: &Authentication| builtin_verdict(ContentFinding::Nothing, of);
        prop_assert_eq!(verdict(&other), verdict(&authentication));
        let bounces = |of: Authentication| {
            Assessment { verdict: ContentVerdict::Clean, authentication: Some(of) }.may_bounce(&domain("example.com"))
        };
        prop_assert_eq!(bounces(other), bounces(authentication));
    }

    /// A signature more never takes anything away: an attacker's adds nothing, the author's is not lost among others.
    #[test]
    fn a_strangers_signature_changes_nothing(authentication in authentications(), result in results()) {
        let mut more = authentication.clone();
        more.dkim.insert(0, signed(result, "stranger.test"));
        let verdict = |of: &Authentication| builtin_verdict(ContentFinding::Nothing, of);
        prop_assert_eq!(verdict(&more), verdict(&authentication));
        let bounces = |of: Authentication| {
            Assessment { verdict: ContentVerdict::Clean, authentication: Some(of) }.may_bounce(&domain("example.com"))
        };
        prop_assert_eq!(bounces(more), bounces(authentication));
    }
}
