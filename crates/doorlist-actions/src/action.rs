//! What every action of a request has: its arguments are a struct, which says what it reaches, whether it is heavy, and
//! does it. Must not know how it was typed or sent.

use crate::actions::Actions;
use crate::error::ActionError;
use doorlist_core::address::{Address, DomainName};
use doorlist_core::change::PlanId;

/// An action with its arguments.
pub trait Action: Send + Sized {
    type Answer;

    /// What it touches, and whether it may come from another machine. There is no default: whoever adds one says it.
    fn reach(&self) -> Reach;

    /// Whether it reads a file or a large body, makes or applies a plan, or goes through many rows. Reading a directory
    /// waits for that directory most of the time: only what comes of it is heavy.
    fn is_heavy(&self) -> bool {
        false
    }

    /// Does it. The caller was found to reach what it reaches.
    fn run(self, actions: &Actions) -> impl Future<Output = Result<Self::Answer, ActionError>> + Send;
}

impl<V: Action> Action for Box<V> {
    type Answer = V::Answer;

    fn reach(&self) -> Reach {
        (**self).reach()
    }

    fn is_heavy(&self) -> bool {
        (**self).is_heavy()
    }

    fn run(self, actions: &Actions) -> impl Future<Output = Result<Self::Answer, ActionError>> + Send {
        (*self).run(actions)
    }
}

/// What a request touches, as far as it says so itself. `looks`: it changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It is for the operator on the machine itself, and does not travel.
    Machine,
    /// These domains, as the request names them, each once.
    Domains {
        /// Their names, or domain aliases.
        names: Vec<DomainName>,
        looks: bool,
    },
    /// The domains of a change.
    Change {
        /// Its number in the change log.
        id: u64,
        looks: bool,
    },
    /// The domain of a plan.
    Plan { id: PlanId, looks: bool },
    /// Whatever the caller sees. It changes nothing.
    Seen,
}

impl Reach {
    pub(crate) fn domain(name: &DomainName, looks: bool) -> Self {
        Self::Domains { names: vec![name.clone()], looks }
    }

    /// The domains of addresses.
    pub(crate) fn addresses<'a>(addresses: impl IntoIterator<Item = &'a Address>, looks: bool) -> Self {
        let mut names: Vec<DomainName> = addresses.into_iter().map(|address| address.domain().clone()).collect();
        names.sort_unstable();
        names.dedup();
        Self::Domains { names, looks }
    }

    /// A look at one domain, or at all that the caller sees.
    pub(crate) fn look_at(domain: Option<&DomainName>) -> Self {
        domain.map_or(Self::Seen, |domain| Self::domain(domain, true))
    }
}

#[cfg(test)]
mod tests;
