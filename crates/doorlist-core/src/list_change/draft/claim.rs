//! What a claim does to an address: whether it is refused, and what the address is with it.

use super::claims::{put_claim, says, stands_as, structure_words};
use super::{Claim, Draft, NewNumber};
use crate::address::{Address, LocalPart};
use crate::change::Structure;
use crate::list::{AddressId, EntryKind, Standing};
use crate::list_change::address_state::{AddressState, ListDomain};
use crate::list_change::note::Note;
use crate::list_change::refusal::Refusal;

impl Draft {
    /// A source says that the address is there. `fresh` gives the number of a new row.
    pub fn claim(
        &mut self,
        domain: &ListDomain,
        local: &LocalPart,
        claim: Claim<'_>,
        fresh: &mut NewNumber<'_>,
    ) -> Result<(), Refusal> {
        let Some(at) = self.at(domain, local) else { return Ok(()) };
        let address = Address::new(local.clone(), domain.name.clone());
        let before = self.now(at).cloned();
        if before.as_ref().is_some_and(|state| !state.is_listed()) && !claim.source.is_wish() {
            self.vetoed += 1;
            self.notes.push(Note::Vetoed { address });
            return Ok(());
        }
        let listed = before.as_ref().filter(|state| state.is_listed());
        if claim.source.is_wish() {
            self.check_claim(domain, &address, listed, claim)?;
        }
        let mut state = match (&before, self.addresses.get(at).and_then(|entry| entry.before.as_ref())) {
            (Some(row), _) if row.is_listed() => row.clone(),
            (Some(row), _) | (None, Some(row)) => AddressState::new(row.id),
            (None, None) => AddressState::new(fresh()?),
        };
        if claim.switched_off && listed.is_none() {
            state.standing = Standing::SwitchedOff;
        }
        put_claim(&mut state.claims, claim);
        self.resolve(domain, &address, &mut state);
        self.note_claim(&address, listed.map(|row| row.kind), &state, claim);
        if before.as_ref() == Some(&state) {
            self.asked_same.insert(at);
        }
        self.set(at, Some(state));
        Ok(())
    }

    /// Refuses a wish what would make an alias lead nowhere, to itself or to another alias, and what would turn an
    /// account into an alias or the reverse. Other sources are never refused: their rank and what stands decide.
    fn check_claim(
        &self,
        domain: &ListDomain,
        address: &Address,
        listed: Option<&AddressState>,
        claim: Claim<'_>,
    ) -> Result<(), Refusal> {
        let in_domain = |local: &LocalPart| Address::new(local.clone(), domain.name.clone());
        let leads_to = listed.and_then(|state| state.account.as_ref()).map(|(_, local)| local);
        let Structure::AliasOf(target) = claim.structure else {
            let by_hand = listed.is_some_and(|state| state.claims.iter().any(|c| c.source.is_wish()));
            return match leads_to {
                Some(of) if by_hand => Err(Refusal::AccountIsAlias { address: address.clone(), of: in_domain(of) }),
                _ => Ok(()),
            };
        };
        let (alias, account) = (address.clone(), in_domain(target));
        let target_row = self.at(domain, target).and_then(|at| self.now(at)).filter(|state| state.is_listed());
        match (target_row, target_row.and_then(|state| state.account.as_ref())) {
            (None, _) => return Err(Refusal::AliasOfMissing { alias, account }),
            (Some(_), Some((_, of))) => return Err(Refusal::AliasOfAlias { alias, account, of: in_domain(of) }),
            (Some(_), None) => {}
        }
        match leads_to {
            Some(of) if of != target => Err(Refusal::AliasElsewhere { alias, account, of: in_domain(of) }),
            None if listed.is_some() => Err(Refusal::AliasIsAccount { alias, account }),
            _ => Ok(()),
        }
    }

    /// Notes where the list differs from the claim, and an account that becomes a list with aliases.
    fn note_claim(&mut self, address: &Address, was: Option<EntryKind>, state: &AddressState, claim: Claim<'_>) {
        if !says(claim.structure, state) {
            let (address, stands) = (address.clone(), stands_as(state));
            let claimed = structure_words(claim.structure);
            let other =
                state.claims.iter().find(|other| other.source != *claim.source && says(&other.structure, state));
            match other {
                Some(other) if other.source.rank() == claim.source.rank() => {
                    self.conflicts += 1;
                    let (source, other) = (claim.source.to_string(), other.source.to_string());
                    self.notes.push(Note::Conflict { address, stands, other, claimed, source });
                }
                Some(_) => self.notes.push(Note::StructureStands { address, stands, claimed }),
                // It stands alone, and that is noted.
                None => {}
            }
        }
        if state.kind == EntryKind::List && was == Some(EntryKind::Mailbox) {
            let aliases = self.aliases_of(state.id).len() as u64;
            if aliases > 0 {
                self.notes.push(Note::ListKeepsAliases { account: address.clone(), aliases });
            }
        }
    }

    /// Structure comes from the strongest claim; where equal ones disagree, what stands goes on standing. An alias whose
    /// account is gone, or that has aliases itself, stands alone.
    pub(super) fn resolve(&mut self, domain: &ListDomain, address: &Address, state: &mut AddressState) {
        let Some(strongest) = state.claims.first() else { return };
        let mut equals = state.claims.iter().take_while(|claim| claim.source.rank() == strongest.source.rank());
        let structure = equals.find(|claim| says(&claim.structure, state)).unwrap_or(strongest).structure.clone();
        match structure {
            Structure::Mailbox => (state.kind, state.account) = (EntryKind::Mailbox, None),
            Structure::DistributionList => (state.kind, state.account) = (EntryKind::List, None),
            Structure::AliasOf(target) => {
                let account = self.account(domain, &target).filter(|(id, _)| *id != state.id);
                match account.filter(|_| self.aliases_of(state.id).is_empty()) {
                    Some(account) => (state.kind, state.account) = (EntryKind::Alias, Some(account)),
                    None => {
                        (state.kind, state.account) = (EntryKind::Mailbox, None);
                        self.notes.push(Note::StandsAlone { address: address.clone() });
                    }
                }
            }
        }
    }

    pub(super) fn account(&self, domain: &ListDomain, local: &LocalPart) -> Option<(AddressId, LocalPart)> {
        let state = self.at(domain, local).and_then(|at| self.now(at)).filter(|state| state.is_account())?;
        Some((state.id, local.clone()))
    }
}
