//! Addresses that leave the list or are switched off: withdrawn claims, vetoes, and what follows for aliases.

use super::{Draft, NewNumber};
use crate::address::{Address, LocalPart};
use crate::change::{Source, Structure};
use crate::list::Standing;
use crate::list_change::address_state::{AddressState, ListDomain};
use crate::list_change::note::Note;
use crate::list_change::record::VetoRecord;
use crate::list_change::refusal::Refusal;

impl Draft {
    /// A source takes its claim back.
    pub fn withdraw(&mut self, domain: &ListDomain, local: &LocalPart, source: &Source) {
        let Some(at) = self.at(domain, local) else { return };
        let Some(mut state) = self.now(at).cloned() else {
            self.asked_same.insert(at);
            return;
        };
        let claims = state.claims.len();
        state.claims.retain(|claim| claim.source != *source);
        if state.claims.len() == claims {
            self.asked_same.insert(at);
            return;
        }
        let address = Address::new(local.clone(), domain.name.clone());
        if state.claims.is_empty() {
            let aliases = self.aliases_of(state.id);
            self.set(at, None);
            self.cascade(domain, &address, &aliases, &RemovalKind::Withdrawn);
            return;
        }
        self.resolve(domain, &address, &mut state);
        self.set(at, Some(state));
    }

    /// A person removes the address: its claims go, a veto stays, and its aliases share its fate.
    pub fn veto(
        &mut self,
        domain: &ListDomain,
        local: &LocalPart,
        veto: VetoRecord,
        fresh: &mut NewNumber<'_>,
    ) -> Result<(), Refusal> {
        let Some(at) = self.at(domain, local) else { return Ok(()) };
        let id = match (self.now(at), self.addresses.get(at).and_then(|entry| entry.before.as_ref())) {
            (Some(state), _) if !state.is_listed() => {
                self.asked_same.insert(at);
                return Ok(());
            }
            (Some(state), _) | (None, Some(state)) => state.id,
            (None, None) => fresh()?,
        };
        let aliases = self.aliases_of(id);
        self.set(at, Some(AddressState::vetoed(id, veto.clone())));
        self.cascade(domain, &Address::new(local.clone(), domain.name.clone()), &aliases, &RemovalKind::Vetoed(veto));
        Ok(())
    }

    /// What becomes of the aliases of an account that went.
    pub(super) fn cascade(&mut self, domain: &ListDomain, account: &Address, aliases: &[usize], gone: &RemovalKind) {
        for &at in aliases {
            let Some(entry) = self.addresses.get(at) else { continue };
            let (alias, Some(mut state)) = (entry.address(), entry.now.clone()) else { continue };
            let went = Note::AliasWentWith { alias: alias.clone(), account: account.clone() };
            match gone {
                RemovalKind::Vetoed(veto) => {
                    self.set(at, Some(AddressState::vetoed(state.id, veto.clone())));
                    self.notes.push(went);
                }
                RemovalKind::Withdrawn => {
                    let of_it = Structure::AliasOf(account.local().clone());
                    state.claims.retain(|claim| claim.structure != of_it);
                    state.account = None;
                    if state.claims.is_empty() {
                        self.set(at, None);
                        self.notes.push(went);
                    } else {
                        self.resolve(domain, &alias, &mut state);
                        self.set(at, Some(state));
                    }
                }
            }
        }
    }

    /// Accepts or refuses a listed address.
    pub fn set_active(&mut self, domain: &ListDomain, local: &LocalPart, active: bool) -> Result<(), Refusal> {
        let standing = if active { Standing::Active } else { Standing::SwitchedOff };
        let listed = self.at(domain, local).and_then(|at| Some((at, self.now(at).filter(|state| state.is_listed())?)));
        let Some((at, state)) = listed else {
            return Err(Refusal::NotListed { address: Address::new(local.clone(), domain.name.clone()) });
        };
        if state.standing == standing {
            self.asked_same.insert(at);
            return Ok(());
        }
        let state = AddressState { standing, ..state.clone() };
        self.set(at, Some(state));
        Ok(())
    }

    /// Its row goes, whatever claims it: the domain goes.
    pub fn erase_all(&mut self) {
        for entry in &mut self.addresses {
            entry.now = None;
        }
    }
}

/// How an account left the list.
pub(super) enum RemovalKind {
    Withdrawn,
    Vetoed(VetoRecord),
}
