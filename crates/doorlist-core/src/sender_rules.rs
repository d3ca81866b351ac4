//! Allowed and blocked senders of a domain or an account.
//!
//! A pattern is an address (`ann@example.test`), a domain without its subdomains (`example.test`, also written
//! `@example.test`), or a domain with its subdomains (`.example.test`). The most specific pattern that matches
//! decides; if it is both allowed and blocked, allow wins. The null sender matches nothing: bounces are never blocked.

#[cfg(test)]
mod tests;

use crate::address::{Address, AddressError, DomainName};
use crate::serde_text::serde_as_text;
use std::fmt;
use std::str::FromStr;

/// Why a text is not a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The null sender, written as `<>` or left empty.
    #[error("a sender must be an address or a domain; the null sender <> is always accepted")]
    Nobody,
    /// A wildcard such as `*@example.test` or `*.example.test`.
    #[error("wildcards are not supported: write example.test for a domain, .example.test to include its subdomains")]
    Star,
    /// Neither an address nor a domain.
    #[error("{0}")]
    Address(#[from] AddressError),
}

/// The senders that a rule matches.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SenderPattern {
    Address(Address),
    /// All addresses of a domain, not those of the domains below it.
    Domain(DomainName),
    /// All addresses of a domain and of the domains below it.
    Tree(DomainName),
}

impl FromStr for SenderPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let text = text.trim();
        let domain = |text: &str| DomainName::parse(text.as_bytes()).map_err(PatternError::Address);
        if text.is_empty() || text == "<>" {
            return Err(PatternError::Nobody);
        }
        if text.starts_with("*@") || text.starts_with("*.") || text.starts_with("@*") || text == "*" {
            return Err(PatternError::Star);
        }
        if let Some(name) = text.strip_prefix('@') {
            return Ok(SenderPattern::Domain(domain(name)?));
        }
        if let Some(name) = text.strip_prefix('.').filter(|name| !name.contains('@')) {
            return Ok(SenderPattern::Tree(domain(name)?));
        }
        if text.contains('@') {
            return Ok(SenderPattern::Address(text.parse()?));
        }
        Ok(SenderPattern::Domain(domain(text)?))
    }
}

impl fmt::Display for SenderPattern {
    /// The canonical form, which parses back to the same pattern.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SenderPattern::Address(address) => write!(f, "{address}"),
            SenderPattern::Domain(name) => write!(f, "{name}"),
            SenderPattern::Tree(name) => write!(f, ".{name}"),
        }
    }
}

serde_as_text!(SenderPattern);

/// The sender of a transaction, read once for all of its recipients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sender {
    /// `local@domain` in canonical form; `@domain` if only the domain is valid; empty if no pattern can match.
    text: Box<str>,
    /// Offset of the domain.
    domain: usize,
}

impl Sender {
    /// Reads the sender's path without its brackets; empty is the null sender.
    ///
    /// If the path is not an address but has a valid domain, the domain counts: an invalid local part or a trailing
    /// dot must not bypass a rule.
    pub fn from_path(path: &str) -> Self {
        if let Ok(address) = path.parse::<Address>() {
            return Self::from(&address);
        }
        let domain = path.rsplit_once('@').map(|(_, domain)| domain.strip_suffix('.').unwrap_or(domain));
        let Some(domain) = domain else { return Self::default() };
        match path.strip_suffix('.').map(str::parse::<Address>) {
            Some(Ok(address)) => Self::from(&address),
            _ => DomainName::parse(domain.as_bytes())
                .map(|domain| Self { text: format!("@{domain}").into(), domain: 1 })
                .unwrap_or_default(),
        }
    }

    fn domain(&self) -> &str {
        self.text.get(self.domain..).unwrap_or_default()
    }
}

impl From<&Address> for Sender {
    fn from(address: &Address) -> Self {
        let text = address.to_string();
        Self { domain: text.len() - address.domain().as_str().len(), text: text.into() }
    }
}

/// The result of rules for a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgment {
    Allowed,
    Blocked,
}

/// Canonical texts in byte order; `true` for allowed.
type Sorted = Box<[(Box<str>, bool)]>;

/// The rules of one domain or one account. A look-up is a few binary searches and allocates nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SenderRules {
    addresses: Sorted,
    domains: Sorted,
    trees: Sorted,
}

impl SenderRules {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.domains.is_empty() && self.trees.is_empty()
    }

    pub fn len(&self) -> usize {
        self.addresses.len() + self.domains.len() + self.trees.len()
    }

    /// The judgment on a sender; `None` if no rule matches.
    pub fn judge(&self, sender: &Sender) -> Option<Judgment> {
        if sender.text.is_empty() {
            return None;
        }
        let domain = sender.domain();
        let allow = find(&self.addresses, &sender.text)
            .or_else(|| find(&self.domains, domain))
            .or_else(|| upwards(domain).find_map(|name| find(&self.trees, name)));
        allow.map(|allow| if allow { Judgment::Allowed } else { Judgment::Blocked })
    }
}

impl FromIterator<(SenderPattern, bool)> for SenderRules {
    /// Rules in any order, with `true` for allowed.
    fn from_iter<T: IntoIterator<Item = (SenderPattern, bool)>>(rules: T) -> Self {
        let (mut addresses, mut domains, mut trees) = (Vec::new(), Vec::new(), Vec::new());
        for (pattern, allow) in rules {
            match pattern {
                SenderPattern::Address(address) => addresses.push((address.to_string().into_boxed_str(), allow)),
                SenderPattern::Domain(name) => domains.push((name.as_str().into(), allow)),
                SenderPattern::Tree(name) => trees.push((name.as_str().into(), allow)),
            }
        }
        Self { addresses: sorted(addresses), domains: sorted(domains), trees: sorted(trees) }
    }
}

/// Of the same text twice, the one that allows stays.
fn sorted(mut rules: Vec<(Box<str>, bool)>) -> Sorted {
    rules.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
    rules.dedup_by(|later, first| later.0 == first.0);
    rules.into()
}

fn find(rules: &Sorted, text: &str) -> Option<bool> {
    let at = rules.binary_search_by(|(rule, _)| (**rule).cmp(text)).ok()?;
    rules.get(at).map(|(_, allow)| *allow)
}

/// A domain, then those above it, the narrowest first.
fn upwards(domain: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(domain), |name| name.split_once('.').map(|(_, above)| above))
}
