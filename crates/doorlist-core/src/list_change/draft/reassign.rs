//! Accounts that become aliases of another account: every address stays accepted, only whose it is changes.

use super::claims::{put_claim, stands_as};
use super::{Claim, Draft};
use crate::address::{Address, LocalPart};
use crate::change::{Source, Structure};
use crate::list::EntryKind;
use crate::list_change::address_state::{AddressState, ListDomain};
use crate::list_change::refusal::Refusal;

impl Draft {
    /// Makes an account an alias of `to`, and its aliases, too. What people, the API, files and the mail itself said of
    /// them before gives way to `claim`; a directory would say it again, so its word is not passed over.
    pub fn reassign(
        &mut self,
        domain: &ListDomain,
        local: &LocalPart,
        to: &LocalPart,
        claim: Claim<'_>,
    ) -> Result<(), Refusal> {
        let in_domain = |local: &LocalPart| Address::new(local.clone(), domain.name.clone());
        if local == to {
            return Err(Refusal::AliasOfItself { address: in_domain(local) });
        }
        let account = |local: &LocalPart| match self.state(domain, local).filter(|state| state.is_listed()) {
            None => Err(Refusal::NotListed { address: in_domain(local) }),
            Some(state) if state.is_account() => Ok(state.id),
            Some(_) => Err(Refusal::NotAnAccount { address: in_domain(local) }),
        };
        let target = account(to)?;
        let mut all: Vec<usize> = self.at(domain, local).into_iter().collect();
        let is_alias = self.state(domain, local).is_some_and(|state| state.is_listed() && state.account.is_some());
        if !is_alias {
            all.extend(self.aliases_of(account(local)?));
        }
        for at in all {
            let Some((address, mut state)) =
                self.addresses.get(at).and_then(|entry| Some((entry.address(), entry.now.clone()?)))
            else {
                continue;
            };
            refuse_if_claimed_elsewhere(&address, &state)?;
            state.claims.retain(|old| !gives_way(&old.source));
            put_claim(&mut state.claims, claim);
            (state.kind, state.account) = (EntryKind::Alias, Some((target, to.clone())));
            self.set(at, Some(state));
        }
        Ok(())
    }

    /// Makes an alias an account of its own. What people, the API, files and the mail itself said of it before gives way to
    /// `claim`; a directory would say it again, so its word is not passed over.
    pub fn promote(&mut self, domain: &ListDomain, local: &LocalPart, claim: Claim<'_>) -> Result<(), Refusal> {
        let address = Address::new(local.clone(), domain.name.clone());
        let listed = self.at(domain, local).and_then(|at| Some((at, self.now(at).filter(|state| state.is_listed())?)));
        let Some((at, state)) = listed else { return Err(Refusal::NotListed { address }) };
        if state.is_account() {
            self.asked_same.insert(at);
            return Ok(());
        }
        let mut state = state.clone();
        refuse_if_claimed_elsewhere(&address, &state)?;
        state.claims.retain(|old| !gives_way(&old.source));
        put_claim(&mut state.claims, claim);
        (state.kind, state.account) = (EntryKind::Mailbox, None);
        self.set(at, Some(state));
        Ok(())
    }

    /// Gives an address another local part, if no directory says what it is called and the new one is free.
    pub fn rename(&mut self, domain: &ListDomain, from: &LocalPart, to: &LocalPart) -> Result<(), Refusal> {
        let in_domain = |local: &LocalPart| Address::new(local.clone(), domain.name.clone());
        let (Some(at), Some(to_at)) = (self.at(domain, from), self.at(domain, to)) else { return Ok(()) };
        let Some(state) = self.now(at).filter(|state| state.is_listed()).cloned() else {
            return Err(Refusal::NotListed { address: in_domain(from) });
        };
        if from == to {
            self.asked_same.insert(at);
            return Ok(());
        }
        if let Some(there) = self.now(to_at) {
            let vetoed = !there.is_listed();
            return Err(Refusal::AddressTaken { address: in_domain(to), vetoed });
        }
        refuse_if_claimed_elsewhere(&in_domain(from), &state)?;
        for alias in self.aliases_of(state.id) {
            let Some(mut led) = self.now(alias).cloned() else { continue };
            let before = Structure::AliasOf(from.clone());
            for claim in led.claims.iter_mut().filter(|claim| claim.structure == before) {
                claim.structure = Structure::AliasOf(to.clone());
            }
            led.account = Some((state.id, to.clone()));
            self.set(alias, Some(led));
        }
        self.set(at, None);
        self.set(to_at, Some(state));
        Ok(())
    }
}

fn gives_way(source: &Source) -> bool {
    !matches!(source, Source::Directory(_) | Source::Push)
}

fn refuse_if_claimed_elsewhere(address: &Address, state: &AddressState) -> Result<(), Refusal> {
    let Some(other) = state.claims.iter().find(|claim| !gives_way(&claim.source)) else { return Ok(()) };
    let (address, stands) = (address.clone(), stands_as(state));
    Err(Refusal::ClaimedElsewhere { address, stands, source_name: other.source.to_string() })
}
