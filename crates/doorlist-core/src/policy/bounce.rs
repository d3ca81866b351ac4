//! Recipients of bounces to senders that a domain's own server signs or rewrites. They are no entries of a list, and mail
//! from anybody but the null sender is not for them.

use crate::address::{Address, LocalPart};
use crate::domain::ProtectedDomain;
use crate::list::{Match, Snapshot};

/// How BATV begins (draft-levine-smtp-batv-01 section 4): `prvs=TAG=ann`.
const BATV: &str = "prvs=";
/// How SRS begins, each followed by one of [`SRS_SEPARATORS`]: `SRS0=hash=day=domain=ann`.
const SRS: [&str; 2] = ["srs0", "srs1"];
const SRS_SEPARATORS: [char; 3] = ['=', '+', '-'];

/// What the list says of an unlisted recipient of a bounce.
pub(super) fn lookup(domain: &ProtectedDomain, recipient: &Address, list: &Snapshot) -> Match {
    let forms = domain.bounce_addresses;
    let local = recipient.local().as_str();
    if let Some(base) = batv_base(local).filter(|_| forms.batv) {
        let base = Address::new(LocalPart::from_canonical(base), recipient.domain().clone());
        return match list.lookup(domain, &base) {
            Match::Mailbox(id) | Match::Alias(id) | Match::DistributionList(id) | Match::SubAddress(id) => {
                Match::SignedSender(id)
            }
            // Nobody bounces to what is no address of ours.
            Match::NotOurs => Match::Unlisted,
            other => other,
        };
    }
    if forms.srs && is_srs(local) { Match::RewrittenSender } else { Match::Unlisted }
}

/// The base of a signed sender, in canonical form as the local part is.
fn batv_base(local: &str) -> Option<&str> {
    let (tag, base) = local.strip_prefix(BATV)?.split_once('=')?;
    let is_tag = !tag.is_empty() && tag.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_tag && !base.is_empty()).then_some(base)
}

/// Whether a local part, in canonical form, is a rewritten sender with something behind its mark.
fn is_srs(local: &str) -> bool {
    let rest = SRS.iter().find_map(|mark| local.strip_prefix(mark)).and_then(|rest| rest.strip_prefix(SRS_SEPARATORS));
    rest.is_some_and(|rest| rest.contains('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signed_and_rewritten_senders_are_told_from_names() {
        for (local, base) in [
            ("prvs=1234567890=ann", Some("ann")),
            ("prvs=0abc=ann+shop=x", Some("ann+shop=x")),
            ("prvs==ann", None),
            ("prvs=12=", None),
            ("prvs=12", None),
            ("prvs=1-2=ann", None),
            ("xprvs=12=ann", None),
        ] {
            assert_eq!(batv_base(local), base, "{local}");
        }
        for (local, expected) in [
            ("srs0=hash=day=other.test=ann", true),
            ("srs0+hash=day=other.test=ann", true),
            ("srs1-hash=first.test==hash=day=other.test=ann", true),
            ("srs0", false),
            ("srs0=", false),
            ("srs0.hash=day", false),
            ("srs2=hash=day=other.test=ann", false),
        ] {
            assert_eq!(is_srs(local), expected, "{local}");
        }
    }
}
