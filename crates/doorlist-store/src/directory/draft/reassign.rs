//! Accounts that become aliases of another account: every address stays accepted, only whose it is changes.

use super::claims::{put_claim, stands_as};
use super::{Claim, Draft};
use crate::directory::held::{Held, Home};
use crate::directory::outcome::Refusal;
use doorlist_core::address::{Address, LocalPart};
use doorlist_core::change::{Source, Structure};
use doorlist_core::list::Kind;

impl Draft {
    /// Makes an account an alias of `to`, and its aliases, too. What people, the API, files and the mail itself said of
    /// them before gives way to `claim`; a directory would say it again, so its word is not passed over.
    pub(in crate::directory) fn reassign(
        &mut self,
        home: &Home,
        local: &LocalPart,
        to: &LocalPart,
        claim: Claim<'_>,
    ) -> Result<(), Refusal> {
        let in_domain = |local: &LocalPart| Address::new(local.clone(), home.name.clone());
        if local == to {
            return Err(Refusal::AliasOfItself { address: in_domain(local) });
        }
        let account = |local: &LocalPart| match self.held(home, local).filter(|held| held.is_listed()) {
            None => Err(Refusal::NotListed { address: in_domain(local) }),
            Some(held) if held.is_account() => Ok(held.id),
            Some(_) => Err(Refusal::NotAnAccount { address: in_domain(local) }),
        };
        let target = account(to)?;
        let mut all: Vec<usize> = self.at(home, local).into_iter().collect();
        let is_alias = self.held(home, local).is_some_and(|held| held.is_listed() && held.account.is_some());
        if !is_alias {
            all.extend(self.aliases_of(account(local)?));
        }
        for at in all {
            let Some((address, mut held)) =
                self.slots.get(at).and_then(|slot| Some((slot.address(), slot.now.clone()?)))
            else {
                continue;
            };
            refuse_if_claimed_elsewhere(&address, &held)?;
            held.claims.retain(|old| !gives_way(&old.source));
            put_claim(&mut held.claims, claim);
            (held.kind, held.account) = (Kind::Alias, Some((target, to.clone())));
            self.set(at, Some(held));
        }
        Ok(())
    }
}

impl Draft {
    /// Gives an address another local part, if no directory says what it is called and the new one is free.
    pub(in crate::directory) fn give_name(
        &mut self,
        home: &Home,
        from: &LocalPart,
        to: &LocalPart,
    ) -> Result<(), Refusal> {
        let in_domain = |local: &LocalPart| Address::new(local.clone(), home.name.clone());
        let (Some(at), Some(to_at)) = (self.at(home, from), self.at(home, to)) else { return Ok(()) };
        let Some(held) = self.now(at).filter(|held| held.is_listed()).cloned() else {
            return Err(Refusal::NotListed { address: in_domain(from) });
        };
        if from == to {
            self.same += 1;
            return Ok(());
        }
        if let Some(there) = self.now(to_at) {
            let vetoed = !there.is_listed();
            return Err(Refusal::AddressTaken { address: in_domain(to), vetoed });
        }
        refuse_if_claimed_elsewhere(&in_domain(from), &held)?;
        for alias in self.aliases_of(held.id) {
            let Some(mut led) = self.now(alias).cloned() else { continue };
            let before = Structure::AliasOf(from.clone());
            for claim in led.claims.iter_mut().filter(|claim| claim.structure == before) {
                claim.structure = Structure::AliasOf(to.clone());
            }
            led.account = Some((held.id, to.clone()));
            self.set(alias, Some(led));
        }
        self.set(at, None);
        self.set(to_at, Some(held));
        Ok(())
    }
}

fn gives_way(source: &Source) -> bool {
    !matches!(source, Source::Directory(_) | Source::Push)
}

fn refuse_if_claimed_elsewhere(address: &Address, held: &Held) -> Result<(), Refusal> {
    let Some(other) = held.claims.iter().find(|claim| !gives_way(&claim.source)) else { return Ok(()) };
    let (address, stands) = (address.clone(), stands_as(held));
    Err(Refusal::ClaimedElsewhere { address, stands, source_name: other.source.to_string() })
}
