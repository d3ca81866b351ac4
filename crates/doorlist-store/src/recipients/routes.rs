//! Where each domain's mail goes. The list in memory answers who exists; this table answers where to. Must not know
//! how a server is reached.

use doorlist_core::access::CustomerId;
use doorlist_core::address::DomainName;
use doorlist_core::change::MailServer;
use doorlist_core::domain::DomainId;
use std::collections::HashMap;
use std::sync::Arc;

/// What the relay needs to know of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainRoute {
    pub name: DomainName,
    /// Its mail servers, lowest preference first.
    pub servers: Vec<MailServer>,
    pub hold: bool,
    /// Whose it is: connections for its mail count for that customer.
    pub customer: Option<CustomerId>,
}

/// The route of each domain, by its number.
pub type RouteTable = HashMap<DomainId, Arc<DomainRoute>>;
