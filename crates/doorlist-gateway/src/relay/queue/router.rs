//! Finds the destination of a recipient by the current routes and settings.

use super::pool::ConnectionOwner;
use crate::config::Outbound;
use crate::relay::route::DestinationKey;
use doorlist_core::address::DomainName;
use doorlist_core::domain::DomainId;
use doorlist_smtp::reply::EnhancedCode;
use doorlist_store::recipients::RouteTable;
use doorlist_store::spool::EnvelopeRecipient;
use std::collections::HashSet;
use std::sync::Arc;

/// The current route of a recipient.
#[derive(Debug)]
pub(crate) enum Way {
    To(DestinationKey),
    /// To this destination, but the domain is on hold.
    Held(DestinationKey),
    /// Its domain has no route; it may get one again.
    NoRoute,
    /// Its domain, of this name, has no mail server yet.
    NoServer(DomainName),
    /// It is not an address that mail can be sent to.
    NoAddress(EnhancedCode, &'static str),
}

#[derive(Debug)]
pub(crate) struct Router {
    routes: Arc<RouteTable>,
    outbound: Outbound,
}

/// The domains that a change of routes affects; `None` stands for all that are not protected.
pub(crate) type Rerouted = HashSet<Option<DomainId>>;

impl Router {
    pub(crate) fn new(routes: Arc<RouteTable>, outbound: Outbound) -> Self {
        Self { routes, outbound }
    }

    /// Applies new routes. Returns the affected domains.
    pub(crate) fn set_routes(&mut self, routes: &Arc<RouteTable>) -> Rerouted {
        if Arc::ptr_eq(&self.routes, routes) {
            return Rerouted::new();
        }
        let old = std::mem::replace(&mut self.routes, Arc::clone(routes));
        let ids = old.keys().chain(self.routes.keys()).copied();
        ids.filter(|id| old.get(id) != self.routes.get(id)).map(Some).collect()
    }

    /// Applies another route for other domains. Returns what is affected.
    pub(crate) fn set_outbound(&mut self, outbound: Outbound) -> Rerouted {
        let changed = self.outbound != outbound;
        self.outbound = outbound;
        changed.then_some(None).into_iter().collect()
    }

    pub(crate) fn way(&self, recipient: &EnvelopeRecipient) -> Way {
        let Some(domain) = recipient.domain else { return self.way_out(&recipient.path) };
        match self.routes.get(&domain) {
            None => Way::NoRoute,
            Some(route) if route.servers.is_empty() => Way::NoServer(route.name.clone()),
            Some(route) => {
                let key = DestinationKey::Servers(route.servers.as_slice().into());
                if route.hold { Way::Held(key) } else { Way::To(key) }
            }
        }
    }

    pub(super) fn customer(&self, recipient: &EnvelopeRecipient) -> ConnectionOwner {
        recipient.domain.and_then(|domain| self.routes.get(&domain)).and_then(|route| route.customer)
    }

    fn way_out(&self, path: &str) -> Way {
        let domain = path.rsplit_once('@').map(|(_, domain)| DomainName::parse(domain.as_bytes()));
        match domain {
            Some(Ok(domain)) => Way::To(DestinationKey::outbound(&self.outbound, domain)),
            // RFC 3463: 5.1.3, bad destination mailbox address syntax.
            _ => Way::NoAddress(EnhancedCode::new(5, 1, 3), "this is no address that mail can be sent to"),
        }
    }
}
