//! The rules of the list, on rows in hand: what a claim, a withdrawal, a veto or a switch does to an address and to its
//! aliases. Nothing is read or written here; the store loads the rows that a batch of changes concerns, and writes what
//! differs afterwards. Must not know SQL, nor domains beyond their number and name.

mod claims;
mod gone;
mod reassign;
mod restore;

use claims::{put_claim, stands_as, structure_words};
pub(super) use claims::{says, sort_claims};
pub(super) use restore::Undone;

use super::held::{Held, Home, Slot};
use super::outcome::{Note, Refusal};
use super::records::VetoRecord;
use doorlist_core::address::{Address, LocalPart};
use doorlist_core::change::{Source, Structure};
use doorlist_core::domain::DomainId;
use doorlist_core::list::{AddressId, Kind, Standing};
use doorlist_core::time::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;

/// The rows that a batch of changes concerns.
#[derive(Debug, Default)]
pub(super) struct Draft {
    slots: Vec<Slot>,
    index: HashMap<(DomainId, LocalPart), usize>,
    /// Slots that are or were aliases of an account.
    aliases: HashMap<AddressId, Vec<usize>>,
    /// What a person should know.
    pub(super) notes: Vec<Note>,
    /// Claims that changed nothing.
    pub(super) same: u64,
    /// Claims that a veto kept out.
    pub(super) vetoed: u64,
    /// Claims of sources of equal rank that disagree.
    pub(super) conflicts: u64,
}

/// What a claim needs beside the address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim<'a> {
    pub(super) structure: &'a Structure,
    pub(super) source: &'a Source,
    pub(super) at: Origin<'a>,
    /// The source says that it takes no mail: only heeded where the address is new.
    pub(super) switched_off: bool,
}

/// Who brought a claim, when, and from where in the source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin<'a> {
    pub(super) now: Timestamp,
    pub(super) by: &'a str,
    pub(super) place: Option<&'a str>,
    pub(super) key: Option<&'a str>,
}

impl Draft {
    /// Takes an address in hand; `held` is its row in the store.
    pub(super) fn take(&mut self, home: &Arc<Home>, local: &LocalPart, held: Option<Held>) {
        let key = (home.id, local.clone());
        if self.index.contains_key(&key) {
            return;
        }
        let at = self.slots.len();
        if let Some((account, _)) = held.as_ref().and_then(|held| held.account.as_ref()) {
            self.aliases.entry(*account).or_default().push(at);
        }
        self.index.insert(key, at);
        self.slots.push(Slot { home: Arc::clone(home), local: local.clone(), before: held.clone(), now: held });
    }

    /// Everything in hand, in the order in which it was taken.
    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    pub(super) fn has(&self, home: DomainId, local: &LocalPart) -> bool {
        self.index.contains_key(&(home, local.clone()))
    }

    /// An address in hand as it is now, if it has a row.
    pub(super) fn held(&self, home: &Home, local: &LocalPart) -> Option<&Held> {
        self.at(home, local).and_then(|at| self.now(at))
    }

    fn at(&self, home: &Home, local: &LocalPart) -> Option<usize> {
        self.index.get(&(home.id, local.clone())).copied()
    }

    fn now(&self, at: usize) -> Option<&Held> {
        self.slots.get(at).and_then(|slot| slot.now.as_ref())
    }

    fn set(&mut self, at: usize, held: Option<Held>) {
        if let Some((account, _)) = held.as_ref().and_then(|held| held.account.as_ref()) {
            let aliases = self.aliases.entry(*account).or_default();
            if !aliases.contains(&at) {
                aliases.push(at);
            }
        }
        if let Some(slot) = self.slots.get_mut(at) {
            slot.now = held;
        }
    }

    /// The aliases that lead to an account at this moment.
    fn aliases_of(&self, account: AddressId) -> Vec<usize> {
        let all = self.aliases.get(&account).map(Vec::as_slice).unwrap_or_default();
        let leads = |at: &usize| self.now(*at).and_then(|held| held.account.as_ref()).is_some_and(|a| a.0 == account);
        all.iter().copied().filter(leads).collect()
    }

    /// A source says that the address is there. `fresh` gives the number of a new row.
    pub(super) fn claim(
        &mut self,
        home: &Home,
        local: &LocalPart,
        claim: Claim<'_>,
        fresh: &mut dyn FnMut() -> Result<AddressId, Refusal>,
    ) -> Result<(), Refusal> {
        let Some(at) = self.at(home, local) else { return Ok(()) };
        let address = Address::new(local.clone(), home.name.clone());
        let before = self.now(at).cloned();
        if before.as_ref().is_some_and(|held| !held.is_listed()) && !claim.source.is_wish() {
            self.vetoed += 1;
            self.notes.push(Note::Vetoed { address });
            return Ok(());
        }
        let listed = before.as_ref().filter(|held| held.is_listed());
        if claim.source.is_wish() {
            self.check_claim(home, &address, listed, claim)?;
        }
        let mut held = match (&before, self.slots.get(at).and_then(|slot| slot.before.as_ref())) {
            (Some(row), _) if row.is_listed() => row.clone(),
            (Some(row), _) | (None, Some(row)) => new_row(row.id),
            (None, None) => new_row(fresh()?),
        };
        if claim.switched_off && listed.is_none() {
            held.standing = Standing::SwitchedOff;
        }
        put_claim(&mut held.claims, claim);
        self.resolve(home, &address, &mut held);
        self.note_claim(&address, listed.map(|row| row.kind), &held, claim);
        if before.as_ref() == Some(&held) {
            self.same += 1;
        }
        self.set(at, Some(held));
        Ok(())
    }

    /// Refuses a wish what would make an alias lead nowhere, to itself or to another alias, and what would turn an
    /// account into an alias or the reverse. Other sources are never refused: their rank and what stands decide.
    fn check_claim(
        &self,
        home: &Home,
        address: &Address,
        listed: Option<&Held>,
        claim: Claim<'_>,
    ) -> Result<(), Refusal> {
        let in_domain = |local: &LocalPart| Address::new(local.clone(), home.name.clone());
        let leads_to = listed.and_then(|held| held.account.as_ref()).map(|(_, local)| local);
        let Structure::AliasOf(target) = claim.structure else {
            let by_hand = listed.is_some_and(|held| held.claims.iter().any(|c| c.source.is_wish()));
            return match leads_to {
                Some(of) if by_hand => Err(Refusal::AccountIsAlias { address: address.clone(), of: in_domain(of) }),
                _ => Ok(()),
            };
        };
        let (alias, account) = (address.clone(), in_domain(target));
        let target_row = self.at(home, target).and_then(|at| self.now(at)).filter(|held| held.is_listed());
        match (target_row, target_row.and_then(|held| held.account.as_ref())) {
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
    fn note_claim(&mut self, address: &Address, was: Option<Kind>, held: &Held, claim: Claim<'_>) {
        if !says(claim.structure, held) {
            let (address, stands) = (address.clone(), stands_as(held));
            let claimed = structure_words(claim.structure);
            let other = held.claims.iter().find(|other| other.source != *claim.source && says(&other.structure, held));
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
        if held.kind == Kind::List && was == Some(Kind::Mailbox) {
            let aliases = self.aliases_of(held.id).len() as u64;
            if aliases > 0 {
                self.notes.push(Note::ListKeepsAliases { account: address.clone(), aliases });
            }
        }
    }

    /// Structure comes from the strongest claim; where equal ones disagree, what stands goes on standing. An alias whose
    /// account is gone, or that has aliases itself, stands alone.
    fn resolve(&mut self, home: &Home, address: &Address, held: &mut Held) {
        let Some(strongest) = held.claims.first() else { return };
        let mut equals = held.claims.iter().take_while(|claim| claim.source.rank() == strongest.source.rank());
        let structure = equals.find(|claim| says(&claim.structure, held)).unwrap_or(strongest).structure.clone();
        match structure {
            Structure::Mailbox => (held.kind, held.account) = (Kind::Mailbox, None),
            Structure::DistributionList => (held.kind, held.account) = (Kind::List, None),
            Structure::AliasOf(target) => {
                let account = self.account(home, &target).filter(|(id, _)| *id != held.id);
                match account.filter(|_| self.aliases_of(held.id).is_empty()) {
                    Some(account) => (held.kind, held.account) = (Kind::Alias, Some(account)),
                    None => {
                        (held.kind, held.account) = (Kind::Mailbox, None);
                        self.notes.push(Note::StandsAlone { address: address.clone() });
                    }
                }
            }
        }
    }

    fn account(&self, home: &Home, local: &LocalPart) -> Option<(AddressId, LocalPart)> {
        let held = self.at(home, local).and_then(|at| self.now(at)).filter(|held| held.is_account())?;
        Some((held.id, local.clone()))
    }

    /// A source takes its claim back.
    pub(super) fn withdraw(&mut self, home: &Home, local: &LocalPart, source: &Source) {
        let Some(at) = self.at(home, local) else { return };
        let Some(mut held) = self.now(at).cloned() else { return self.same += 1 };
        let claims = held.claims.len();
        held.claims.retain(|claim| claim.source != *source);
        if held.claims.len() == claims {
            self.same += 1;
            return;
        }
        let address = Address::new(local.clone(), home.name.clone());
        if held.claims.is_empty() {
            let aliases = self.aliases_of(held.id);
            self.set(at, None);
            self.cascade(home, &address, &aliases, &Gone::Withdrawn);
            return;
        }
        self.resolve(home, &address, &mut held);
        self.set(at, Some(held));
    }

    /// A person removes the address: its claims go, a veto stays, and its aliases share its fate.
    pub(super) fn veto(
        &mut self,
        home: &Home,
        local: &LocalPart,
        veto: VetoRecord,
        fresh: &mut dyn FnMut() -> Result<AddressId, Refusal>,
    ) -> Result<(), Refusal> {
        let Some(at) = self.at(home, local) else { return Ok(()) };
        let id = match (self.now(at), self.slots.get(at).and_then(|slot| slot.before.as_ref())) {
            (Some(held), _) if !held.is_listed() => {
                self.same += 1;
                return Ok(());
            }
            (Some(held), _) | (None, Some(held)) => held.id,
            (None, None) => fresh()?,
        };
        let aliases = self.aliases_of(id);
        self.set(at, Some(vetoed_row(id, veto.clone())));
        self.cascade(home, &Address::new(local.clone(), home.name.clone()), &aliases, &Gone::Vetoed(veto));
        Ok(())
    }

    /// What becomes of the aliases of an account that went.
    fn cascade(&mut self, home: &Home, account: &Address, aliases: &[usize], gone: &Gone) {
        for &at in aliases {
            let Some(slot) = self.slots.get(at) else { continue };
            let (alias, Some(mut held)) = (slot.address(), slot.now.clone()) else { continue };
            let went = Note::AliasWentWith { alias: alias.clone(), account: account.clone() };
            match gone {
                Gone::Vetoed(veto) => {
                    self.set(at, Some(vetoed_row(held.id, veto.clone())));
                    self.notes.push(went);
                }
                Gone::Withdrawn => {
                    let of_it = Structure::AliasOf(account.local().clone());
                    held.claims.retain(|claim| claim.structure != of_it);
                    held.account = None;
                    if held.claims.is_empty() {
                        self.set(at, None);
                        self.notes.push(went);
                    } else {
                        self.resolve(home, &alias, &mut held);
                        self.set(at, Some(held));
                    }
                }
            }
        }
    }

    /// Accepts or refuses a listed address.
    pub(super) fn set_active(&mut self, home: &Home, local: &LocalPart, active: bool) -> Result<(), Refusal> {
        let standing = if active { Standing::Active } else { Standing::SwitchedOff };
        let listed = self.at(home, local).and_then(|at| Some((at, self.now(at).filter(|held| held.is_listed())?)));
        let Some((at, held)) = listed else {
            return Err(Refusal::NotListed { address: Address::new(local.clone(), home.name.clone()) });
        };
        if held.standing == standing {
            self.same += 1;
            return Ok(());
        }
        let held = Held { standing, ..held.clone() };
        self.set(at, Some(held));
        Ok(())
    }

    /// Its row goes, whatever claims it: the domain goes.
    pub(super) fn erase_all(&mut self) {
        for slot in &mut self.slots {
            slot.now = None;
        }
    }
}

enum Gone {
    Withdrawn,
    Vetoed(VetoRecord),
}

fn new_row(id: AddressId) -> Held {
    Held { id, kind: Kind::Mailbox, account: None, standing: Standing::Active, claims: Vec::new(), veto: None }
}

fn vetoed_row(id: AddressId, veto: VetoRecord) -> Held {
    Held { standing: Standing::Vetoed, veto: Some(veto), ..new_row(id) }
}
