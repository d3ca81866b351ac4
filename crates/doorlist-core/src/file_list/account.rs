//! One account of an export, collected from its cells or attributes, and the rows it becomes: the account first, then
//! its aliases.

use super::ADDRESSES_MAX;
use super::findings::{Findings, JudgedValue};
use super::notes::Skipped;
use super::values::{self, CellValues, Proxy};
use crate::address::{DomainName, LocalPart};
use crate::change::Structure;

/// Aliases of one account among which a repeated one is found.
const ALIASES_SEARCHED_MAX: usize = 100;

/// What a word without `@` is in the place where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BareWord {
    /// A head, a format or a person says that local parts stand here.
    LocalPart,
    /// Perhaps a name, perhaps a password: it is counted and not listed.
    Doubtful,
    /// A mistake in a place of addresses.
    Wrong,
}

/// Where and how the values of one account are read.
#[derive(Clone, Copy)]
pub(super) struct AccountContext<'c> {
    /// First line of the row or record.
    pub(super) line: u32,
    /// The column or attribute.
    pub(super) column: Option<&'c str>,
    pub(super) bare: BareWord,
}

/// What is known of an account.
#[derive(Default)]
pub(super) struct Account {
    primary: Option<LocalPart>,
    aliases: Vec<LocalPart>,
    /// Its address in another domain.
    foreign: Option<(String, DomainName)>,
    /// A problem was reported for it.
    bad: bool,
}

impl Account {
    /// Forgets all, for the next account.
    pub(super) fn clear(&mut self) {
        self.primary = None;
        self.aliases.clear();
        self.foreign = None;
        self.bad = false;
    }

    /// No address of any domain.
    pub(super) fn is_empty(&self) -> bool {
        self.primary.is_none() && self.aliases.is_empty() && self.foreign.is_none()
    }

    /// A problem was reported for it: that it has no address is not told besides.
    pub(super) fn mark_bad(&mut self) {
        self.bad = true;
    }

    /// The account's own address.
    pub(super) fn address(&mut self, found: &mut Findings<'_>, at: AccountContext<'_>, cell: &str) {
        let (word, value) = values::proxy(values::trimmed(cell));
        let value = values::bare(value);
        if value.is_empty() {
            return;
        }
        if word == Proxy::NotSmtp {
            return found.skip(Skipped::NotSmtp);
        }
        if at.bare == BareWord::Doubtful && !value.contains('@') {
            found.words += 1;
            return;
        }
        match judge(found, at, value) {
            JudgedValue::Ours(local) if self.primary.is_none() => self.primary = Some(local),
            JudgedValue::Ours(local) => self.add(local),
            JudgedValue::Foreign(domain) => self.elsewhere(found, value, domain),
            JudgedValue::Bad(why) => self.problem(found, at, value, why),
        }
    }

    /// Further addresses of it; one behind `SMTP:` is its own where no other was given.
    pub(super) fn proxies(&mut self, found: &mut Findings<'_>, at: AccountContext<'_>, cell: &str) {
        for (word, value) in CellValues::new(cell) {
            match word {
                _ if at.bare == BareWord::Doubtful && !value.contains('@') => found.words += 1,
                Proxy::NotSmtp => found.skip(Skipped::NotSmtp),
                Proxy::Primary if self.primary.is_none() => self.address(found, at, value),
                Proxy::Primary | Proxy::Further | Proxy::None => self.alias(found, at, value),
            }
        }
    }

    fn alias(&mut self, found: &mut Findings<'_>, at: AccountContext<'_>, value: &str) {
        match judge(found, at, value) {
            JudgedValue::Ours(local) => self.add(local),
            JudgedValue::Foreign(domain) if found.is_nearly_ours(&domain) => {
                let why = found.belongs_elsewhere(&domain);
                self.problem(found, at, value, why);
            }
            JudgedValue::Foreign(domain) => found.other_domain(&domain),
            JudgedValue::Bad(why) => self.problem(found, at, value, why),
        }
    }

    /// The name to sign in with: an address of the account where it has no other, and none if it is of another domain.
    pub(super) fn login(&mut self, found: &mut Findings<'_>, cell: &str) {
        if self.primary.is_none()
            && self.foreign.is_none()
            && let JudgedValue::Ours(local) = found.judge(values::trimmed(cell))
        {
            self.primary = Some(local);
        }
    }

    /// Exports say an alias in two attributes; an account with very many is not searched for each.
    fn add(&mut self, alias: LocalPart) {
        // A file with more is refused in the end.
        if self.aliases.len() > ADDRESSES_MAX {
            return;
        }
        if self.aliases.len() > ALIASES_SEARCHED_MAX || !self.aliases.contains(&alias) {
            self.aliases.push(alias);
        }
    }

    fn elsewhere(&mut self, found: &mut Findings<'_>, value: &str, domain: DomainName) {
        match &self.foreign {
            None => self.foreign = Some((value.to_owned(), domain)),
            Some((known, _)) if known.eq_ignore_ascii_case(value) => {}
            Some(_) => found.other_domain(&domain),
        }
    }

    fn problem(&mut self, found: &mut Findings<'_>, at: AccountContext<'_>, value: &str, why: String) {
        self.bad = true;
        found.problem(at.line, at.column, value, why);
    }

    /// Puts its rows among the findings. `mixed`: addresses of other domains are expected.
    pub(super) fn finish(&mut self, found: &mut Findings<'_>, at: AccountContext<'_>, list: bool, mixed: bool) -> bool {
        let head = match self.primary.take() {
            Some(primary) => primary,
            None if !self.aliases.is_empty() => self.aliases.remove(0),
            None => {
                match self.foreign.take() {
                    Some((value, domain)) => found.foreign(at.line, at.column, &value, &domain, mixed),
                    None if !self.bad => found.skip(Skipped::NoAddress),
                    None => {}
                }
                return false;
            }
        };
        if let Some((value, domain)) = self.foreign.take() {
            found.foreign(at.line, at.column, &value, &domain, true);
        }
        let structure = if list { Structure::DistributionList } else { Structure::Mailbox };
        found.row(at.line, head.clone(), structure);
        for alias in self.aliases.drain(..) {
            if alias != head {
                found.row(at.line, alias, Structure::AliasOf(head.clone()));
            }
        }
        true
    }
}

fn judge(found: &Findings<'_>, at: AccountContext<'_>, value: &str) -> JudgedValue {
    if at.bare == BareWord::LocalPart { found.judge_name(value) } else { found.judge(value) }
}
