//! No local part that asks for a relay is accepted by what is listed beside it: a property over lists and recipients.

use super::*;
use crate::address::LocalPart;
use proptest::prelude::*;

/// Each reads as `%`, `!` or `@` at some server.
const FORMS: [&str; 13] = [
    "%", "!", "@", "\u{ff05}", "\u{ff01}", "\u{ff20}", "\u{fe6a}", "\u{fe6b}", "\u{fe57}", "\u{fe15}", "\u{203c}",
    "\u{2048}", "\u{2049}",
];
const NAMES: [&str; 8] = ["kate", "postmaster", "abuse", "a", "evil.test", "jürgen", "x", "KATE"];

/// A switch of the domain is a bit of this.
fn domain(bits: u8) -> ProtectedDomain {
    let is_on = |bit: u8| bits >> bit & 1 == 1;
    let mode = match bits >> 5 & 3 {
        0 => Mode::Monitor,
        1 => Mode::enforce(Some(NOW + crate::domain::SOFT_PERIOD)),
        _ => Mode::enforce(None),
    };
    ProtectedDomain {
        id: DomainId(1),
        name: "b.test".parse().unwrap(),
        mode,
        active: true,
        hold: is_on(0),
        sub_addressing: SubAddressing { plus: is_on(1), minus: is_on(2) },
        accept_abuse: is_on(3),
        bounce_addresses: BounceAddresses { batv: is_on(4), srs: is_on(7) },
        fall_back: false,
        plus_refused: false,
    }
}

/// Names, separators and one form at least, in any order, with quotes and needless escapes or without.
fn hostile_local() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(&NAMES[..]),
        prop::sample::select(&["+", "-", ".", "_", "=", "prvs=1=", "SRS0="][..]),
        prop::sample::select(&FORMS[..]),
    ];
    let pieces = |max| prop::collection::vec(piece.clone(), 0..max);
    let quoting = prop::sample::select(&["plain", "quoted", "escaped"][..]);
    (pieces(4), prop::sample::select(&FORMS[..]), pieces(3), quoting).prop_map(|(before, form, behind, quoting)| {
        let text: String = before.into_iter().chain([form]).chain(behind).collect();
        match quoting {
            "escaped" => {
                let escaped: String = text.chars().flat_map(|c| ['\\', c]).collect();
                format!("\"{escaped}\"")
            }
            "quoted" => format!("\"{text}\""),
            _ => text,
        }
    })
}

/// What may be listed: any names and forms, so that the recipient's bases are often among them.
fn listed() -> impl Strategy<Value = Vec<(String, EntryKind, Standing)>> {
    let local = prop_oneof![3 => prop::sample::select(&NAMES[..]).prop_map(String::from), 1 => hostile_local()];
    let kind = prop::sample::select(&[EntryKind::Mailbox, EntryKind::Alias, EntryKind::List][..]);
    let standing = prop::sample::select(&[Standing::Active, Standing::SwitchedOff, Standing::Vetoed][..]);
    prop::collection::vec((local, kind, standing), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn what_asks_for_a_relay_is_denied_unless_it_is_listed_whole(
        local in hostile_local(),
        listed in listed(),
        bits in any::<u8>(),
        name in prop::sample::select(&["b.test", "alias.test", "B.Test"][..]),
        flagged in any::<bool>(),
    ) {
        let domain = Arc::new(domain(bits));
        let names = [domain.name.clone(), "alias.test".parse().unwrap()];
        let table = names.into_iter().map(|name| (name, Arc::clone(&domain))).collect::<DomainTable>();
        let mut rows = BTreeMap::new();
        for (text, kind, standing) in listed {
            if let Ok(local) = LocalPart::parse(text.as_bytes()) {
                rows.insert(local, (kind, standing));
            }
        }
        let mut builder = SnapshotBuilder::new(Seed([7; 16]), rows.len());
        for (number, (local, (kind, standing))) in rows.iter().enumerate() {
            builder.push(domain.id, local.as_str(), *kind, *standing, AddressId(number as u32));
        }
        let list = builder.build(1, Arc::new(table)).unwrap();
        let source = if flagged { SourceStanding::Flagged } else { SourceStanding::Normal };
        // What cannot be read is refused before anything is decided.
        if let Ok(recipient) = Recipient::from_path(local.as_bytes(), name.as_bytes(), false) {
            let is_listed = matches!(&recipient, Recipient::Address(address) if rows.contains_key(address.local()));
            for sender in [ReturnPath::Address, ReturnPath::Null] {
                let decision = decide(&recipient, &list, sender, source, NOW);
                prop_assert_eq!(decision.reason == Reason::RelayDenied, !is_listed, "{}@{}: {:?}", local, name, decision);
            }
        }
    }
}
