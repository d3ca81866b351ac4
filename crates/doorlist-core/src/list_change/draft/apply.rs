//! One change to an address, applied by its rule.

use super::{Claim, ClaimOrigin, Draft, NewNumber};
use crate::change::{Change, Structure};
use crate::list_change::address_state::ListDomain;
use crate::list_change::record::VetoRecord;
use crate::list_change::refusal::Refusal;
use crate::time::Timestamp;

impl Draft {
    /// Applies a change to an address of this domain; `by` is who makes it. What the change needs must be loaded
    /// ([`RowsNeeded`](super::RowsNeeded)). A change to a domain, or a plan, changes no address here. A name that a set gives
    /// away by [`Change::Rename`] must not be claimed or vetoed again in the same set: its row's number went with it.
    ///
    /// # Errors
    /// When a rule speaks against it. The draft is then to be thrown away: earlier changes may stand in it.
    pub fn apply(
        &mut self,
        domain: &ListDomain,
        change: &Change,
        (by, now): (&str, Timestamp),
        fresh: &mut NewNumber<'_>,
    ) -> Result<(), Refusal> {
        let Some(local) = change.address().map(|address| address.local()) else { return Ok(()) };
        let at = ClaimOrigin { now, by, place: None, key: None };
        match change {
            Change::Claim { structure, source, .. } => {
                self.claim(domain, local, Claim { structure, source, at, switched_off: false }, fresh)
            }
            Change::Withdraw { source, .. } => {
                self.withdraw(domain, local, source);
                Ok(())
            }
            Change::Veto { .. } => self.veto(domain, local, VetoRecord { since: now, by: by.to_owned() }, fresh),
            Change::Reassign { to, source, .. } => {
                let structure = &Structure::AliasOf(to.clone());
                self.reassign(domain, local, to, Claim { structure, source, at, switched_off: false })
            }
            Change::Promote { source, .. } => {
                let structure = &Structure::Mailbox;
                self.promote(domain, local, Claim { structure, source, at, switched_off: false })
            }
            Change::Rename { to, .. } => self.rename(domain, local, to),
            Change::SetActive { active, .. } => self.set_active(domain, local, *active),
            Change::Domain { .. } | Change::Plan { .. } => Ok(()),
        }
    }
}
