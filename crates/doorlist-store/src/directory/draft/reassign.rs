//! Accounts that become aliases of another account: every address stays accepted, only whose it is changes.

use super::claims::{put_claim, stands_as};
use super::{Claim, Draft};
use crate::directory::held::{Held, Home};
use crate::directory::outcome::Refusal;
use doorlist_core::address::{Address, LocalPart};
use doorlist_core::change::Source;
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
        let (moved, target) = (account(local)?, account(to)?);
        let mut all: Vec<usize> = self.at(home, local).into_iter().collect();
        all.extend(self.aliases_of(moved));
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

fn gives_way(source: &Source) -> bool {
    !matches!(source, Source::Directory(_) | Source::Push)
}

fn refuse_if_claimed_elsewhere(address: &Address, held: &Held) -> Result<(), Refusal> {
    let Some(other) = held.claims.iter().find(|claim| !gives_way(&claim.source)) else { return Ok(()) };
    let (address, stands) = (address.clone(), stands_as(held));
    Err(Refusal::ClaimedElsewhere { address, stands, source_name: other.source.to_string() })
}
