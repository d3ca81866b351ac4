//! An organisation as it truly is: which addresses exist at which time, whose they are, and what mail they get.

use super::chance::Chance;
use super::mix::TrialMix;
use super::names::{PersonName, list_name};
use anyhow::Result;
use doorlist_core::address::{DomainName, LocalPart};
use doorlist_core::time::Timestamp;
use std::collections::HashMap;
use std::time::Duration;

pub(crate) const DAY: Duration = Duration::from_hours(24);
/// How much mail an alias gets, of its person's.
const ALIAS_SHARE: f64 = 0.15;
/// Share of aliases that get one message in the whole trial.
const ALIAS_ONCE: f64 = 0.1;
/// How much mail a list gets, of a person's on average.
const LIST_WEIGHT: f64 = 3.0;

/// What mail an address gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum MailShare {
    /// So many times what the average person gets.
    Ordinary(f64),
    /// One message in the whole trial.
    Once(Timestamp),
    NewslettersOnly,
    SpamOnly,
}

/// An address that exists, at least for a time.
#[derive(Clone, Debug)]
pub(crate) struct TrueAddress {
    pub(crate) local: LocalPart,
    pub(crate) from: Timestamp,
    pub(crate) until: Option<Timestamp>,
    pub(crate) gets: MailShare,
    /// Whose it is: aliases of one person have one number.
    pub(crate) person: usize,
}

impl TrueAddress {
    pub(crate) fn exists(&self, at: Timestamp) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

/// An organisation and its addresses.
#[derive(Debug)]
pub(crate) struct Organisation {
    pub(crate) name: DomainName,
    pub(crate) mix: TrialMix,
    pub(crate) addresses: Vec<TrueAddress>,
    by_name: HashMap<LocalPart, usize>,
}

impl Organisation {
    /// Makes up its people. The trial goes from `start` for so many days.
    pub(crate) fn of(mix: &TrialMix, start: Timestamp, days: u32, seed: u64) -> Result<Self> {
        let mut chance = Chance::new(seed, &format!("people of {}", mix.domain));
        let mut found =
            Self { name: mix.domain.parse()?, mix: mix.clone(), addresses: Vec::new(), by_name: HashMap::new() };
        let span = DAY * days;
        let mut names: Vec<PersonName> = Vec::new();
        for person in 0..mix.people {
            let name = PersonName::any(&mut chance);
            let other = chance.happens(mix.names.false_aliases).then(|| chance.pick(&names).cloned()).flatten();
            let local = other.map_or_else(|| name.by(mix.names.pattern), |other| other.short_form());
            let (from, until) = found.stay(start, span, &mut chance);
            let gets = found.share(start, span, &mut chance);
            found.add_person(&local, from, until, gets, person);
            if chance.happens(mix.names.aliases) {
                let gets = match gets {
                    MailShare::Ordinary(_) if chance.happens(ALIAS_ONCE) => MailShare::Once(chance.within(start, span)),
                    MailShare::Ordinary(weight) => MailShare::Ordinary(weight * ALIAS_SHARE),
                    other => other,
                };
                found.add(&name.alias(mix.names.pattern, &mut chance), from, until, gets, person);
            }
            names.push(name);
        }
        for list in 0..mix.names.lists {
            found.add(&list_name(list), start, None, MailShare::Ordinary(LIST_WEIGHT), mix.people + list);
        }
        Ok(found)
    }

    /// From when until when somebody is there.
    fn stay(&self, start: Timestamp, span: Duration, chance: &mut Chance) -> (Timestamp, Option<Timestamp>) {
        let from = if chance.happens(self.mix.names.join) { chance.within(start, span) } else { start };
        let until = chance.happens(self.mix.names.leave).then(|| chance.within(start, span));
        (from, until.filter(|until| *until > from))
    }

    fn share(&self, start: Timestamp, span: Duration, chance: &mut Chance) -> MailShare {
        let mail = &self.mix.mail;
        let kind = chance.unit();
        let once = chance.within(start, span);
        let weight = chance.weight();
        if kind < mail.once {
            MailShare::Once(once)
        } else if kind < mail.once + mail.newsletters_only {
            MailShare::NewslettersOnly
        } else if kind < mail.once + mail.newsletters_only + mail.spam_only {
            MailShare::SpamOnly
        } else {
            MailShare::Ordinary(weight)
        }
    }

    /// A person's own local part: with a number where somebody has it already.
    fn add_person(&mut self, local: &str, from: Timestamp, until: Option<Timestamp>, gets: MailShare, person: usize) {
        let mut text = local.to_owned();
        let mut number = 2;
        while !self.add(&text, from, until, gets, person) {
            text = format!("{local}{number}");
            number += 1;
        }
    }

    /// False: somebody has it.
    fn add(&mut self, local: &str, from: Timestamp, until: Option<Timestamp>, gets: MailShare, person: usize) -> bool {
        let local = LocalPart::from_canonical(local);
        if self.by_name.contains_key(&local) {
            return false;
        }
        self.by_name.insert(local.clone(), self.addresses.len());
        self.addresses.push(TrueAddress { local, from, until, gets, person });
        true
    }

    /// The place of an address that exists at one time of the trial.
    pub(crate) fn find(&self, local: &LocalPart) -> Option<usize> {
        self.by_name.get(local).copied()
    }

    pub(crate) fn address(&self, local: &LocalPart) -> Option<&TrueAddress> {
        self.addresses.get(self.find(local)?)
    }

    pub(crate) fn exists(&self, local: &LocalPart, at: Timestamp) -> bool {
        self.address(local).is_some_and(|address| address.exists(at))
    }

    /// An address that exists then; `None` after some tries.
    pub(crate) fn any_existing(&self, at: Timestamp, chance: &mut Chance) -> Option<usize> {
        let tries = 50;
        let mut drawn = (0..tries).map(|_| chance.below(self.addresses.len()));
        drawn.find(|place| self.addresses.get(*place).is_some_and(|address| address.exists(at)))
    }

    /// A name like those of its people that nobody ever has.
    pub(crate) fn absent_name(&self, chance: &mut Chance) -> LocalPart {
        loop {
            let name = PersonName::any(chance);
            let text = match chance.below(4) {
                0 => name.short_form(),
                1 => format!("{}{}", name.first, chance.below(100)),
                _ => format!("{}.{}", name.first, name.last),
            };
            let local = LocalPart::from_canonical(&text);
            if !self.by_name.contains_key(&local) {
                return local;
            }
        }
    }

    /// A name with one letter too few, or one that is surely nobody's.
    pub(crate) fn mistyped(&self, local: &LocalPart, chance: &mut Chance) -> LocalPart {
        let mut text: Vec<char> = local.as_str().chars().collect();
        let place = chance.below(text.len());
        if text.len() > 2 {
            text.remove(place);
        }
        let text: String = text.into_iter().collect();
        match LocalPart::parse(text.as_bytes()) {
            Ok(mistyped) if !self.by_name.contains_key(&mistyped) => mistyped,
            _ => LocalPart::from_canonical(&format!("{local}zz")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organisation_has_its_people_and_nobody_else() {
        let mix: TrialMix = toml::from_str("domain = \"example.test\"\npeople = 2000\n").unwrap();
        let start = Timestamp::from_secs(1_800_000_000);
        let one = Organisation::of(&mix, start, 30, 1).unwrap();
        let again = Organisation::of(&mix, start, 30, 1).unwrap();
        let locals = |of: &Organisation| of.addresses.iter().map(|one| one.local.clone()).collect::<Vec<_>>();
        assert_eq!(locals(&one), locals(&again));
        assert!((2_200..2_500).contains(&one.addresses.len()), "{}", one.addresses.len());
        let mut chance = Chance::new(1, "test");
        for _ in 0..500 {
            assert_eq!(one.find(&one.absent_name(&mut chance)), None);
            let place = one.any_existing(start, &mut chance).unwrap();
            let local = &one.addresses[place].local;
            assert!(one.exists(local, start) && one.find(&one.mistyped(local, &mut chance)).is_none());
        }
        let gone = one.addresses.iter().find_map(|address| Some((&address.local, address.until?))).unwrap();
        assert!(!one.exists(gone.0, gone.1));
    }
}
