//! What deliveries say of servers and addresses.

use super::Book;
use doorlist_core::address::Address;
use doorlist_core::domain::DomainId;
use doorlist_core::time::Timestamp;
use doorlist_core::verification::{Route, ServerAnswer};
use doorlist_store::verification::RouteServer;
use std::time::Duration;

/// A known address that a server took so short a time ago is not noted again at each delivery.
const FRESH: Duration = Duration::from_mins(10);

impl Book {
    /// A server took an address: it is in order, and the address is one that can be asked for.
    pub(in crate::callout) fn delivered(
        &mut self,
        address: &Address,
        domain: DomainId,
        server: &RouteServer,
        now: Timestamp,
    ) {
        let name = address.domain();
        let book = self.of(name, domain);
        let is_fresh = |route: &Route| route.known.is_some_and(|known| known.taken && now.since(known.at) < FRESH);
        if book.routes.get(server).is_some_and(is_fresh) && book.known.is_some() {
            return;
        }
        book.known = Some(address.local().clone());
        self.with_route((domain, name), server, now, |route| route.known_answered(true, now));
    }

    /// A server refused a message for an address that it took before: it is asked for anew. A refusal that says that there
    /// is no such user counts as an answer.
    pub(in crate::callout) fn refused(
        &mut self,
        address: &Address,
        domain: DomainId,
        server: &RouteServer,
        is_no_such_user: bool,
        now: Timestamp,
    ) {
        let (name, local) = (address.domain(), address.local());
        let Some(book) = self.current((domain, name)) else { return };
        book.records.forget(local.as_str());
        if is_no_such_user {
            self.answered((domain, name), local, (Some(server), ServerAnswer::NoSuchUser), now);
        }
    }
}
