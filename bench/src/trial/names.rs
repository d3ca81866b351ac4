//! Made-up names of people and lists, and the local parts that organisations make of them.

use super::chance::Chance;
use super::mix::NamePattern;

const FIRST: &[&str] = &[
    "ada", "adam", "agnes", "aiko", "alan", "alba", "alice", "amir", "amy", "ana", "anders", "anna", "anton", "arno",
    "astrid", "axel", "bea", "ben", "berta", "bjorn", "boris", "bruno", "carl", "carla", "celia", "cesar", "chloe",
    "clara", "colin", "cora", "dan", "dario", "dea", "diana", "dora", "edda", "edgar", "elena", "elias", "ella",
    "emil", "emma", "erik", "esther", "eva", "fabio", "felix", "fiona", "flora", "frank", "freya", "gerd", "gina",
    "greta", "gustav", "hanna", "hans", "hugo", "ida", "ilse", "ines", "ingo", "irene", "isaac", "ivan", "jana",
    "jens", "joan", "john", "jonas", "julia", "kai", "karin", "karl", "kira", "lara", "lars", "laura", "lena", "leo",
    "lina", "lisa", "lotte", "luca", "lucy", "lukas", "mara", "marc", "maria", "marta", "max", "mia", "mila", "nadia",
    "nils", "nina", "noah", "nora", "olaf", "olga", "oskar", "otto", "paul", "paula", "pia", "ralf", "rita", "rosa",
    "ruth", "sara", "simon", "sofia", "sven", "tara", "theo", "tina", "tom", "uma", "vera", "viktor", "wanda", "yara",
    "zoe",
];
const HEADS: &[&str] = &[
    "al", "bar", "ber", "bor", "brink", "car", "dal", "dor", "el", "fal", "fin", "gar", "gold", "grun", "hal", "har",
    "hol", "kar", "kel", "kir", "lang", "lin", "lor", "mar", "mel", "mor", "nor", "ol", "pel", "ro", "sal", "sor",
    "stein", "tal", "tor", "ul", "van", "wal", "wil", "zell",
];
const TAILS: &[&str] = &[
    "ach", "berg", "by", "dahl", "den", "din", "dorf", "ek", "er", "feld", "gren", "haus", "hoff", "holm", "ing", "ke",
    "ley", "lund", "man", "mark", "mont", "ner", "quist", "ra", "sen", "son", "stad", "strom", "ton", "wald",
];
/// Words of lists; what stands behind a hyphen has another list as its base.
const LISTS: &[&str] = &[
    "info",
    "sales",
    "support",
    "jobs",
    "press",
    "orders",
    "office",
    "team",
    "board",
    "accounts",
    "sales-north",
    "sales-south",
    "support-desk",
    "team-design",
    "events",
    "library",
    "welcome",
    "legal",
    "purchasing",
    "all",
];

/// First and last name of a person.
#[derive(Clone, Debug)]
pub(crate) struct PersonName {
    pub(crate) first: &'static str,
    pub(crate) last: String,
}

impl PersonName {
    pub(crate) fn any(chance: &mut Chance) -> Self {
        let first = chance.pick(FIRST).copied().unwrap_or("ada");
        let last = [HEADS, TAILS].map(|part| chance.pick(part).copied().unwrap_or("en")).concat();
        Self { first, last }
    }

    fn initial(&self) -> &str {
        self.first.get(..1).unwrap_or(self.first)
    }

    /// The local part by the pattern of the organisation.
    pub(crate) fn by(&self, pattern: NamePattern) -> String {
        match pattern {
            NamePattern::FirstDotLast => format!("{}.{}", self.first, self.last),
            NamePattern::InitialLast => format!("{}{}", self.initial(), self.last),
            NamePattern::First => self.first.to_owned(),
        }
    }

    /// A further local part, as organisations have them from earlier patterns.
    pub(crate) fn alias(&self, pattern: NamePattern, chance: &mut Chance) -> String {
        let Self { first, last } = self;
        let initial = self.initial();
        match (pattern, chance.below(5)) {
            (NamePattern::FirstDotLast, 0 | 1) => format!("{initial}{last}"),
            (NamePattern::FirstDotLast, 2) => format!("{initial}.{last}"),
            (NamePattern::FirstDotLast, 3) => format!("{last}{initial}"),
            (NamePattern::FirstDotLast, _) => format!("{first}{last}"),
            (_, _) => format!("{first}.{last}"),
        }
    }

    /// The short form that somebody else of this surname and initial would have.
    pub(crate) fn short_form(&self) -> String {
        format!("{}{}", self.initial(), self.last)
    }
}

/// The local part of a list.
pub(crate) fn list_name(number: usize) -> String {
    let word = LISTS.get(number % LISTS.len()).copied().unwrap_or("list");
    match number / LISTS.len() {
        0 => word.to_owned(),
        round => format!("{word}{round}"),
    }
}
