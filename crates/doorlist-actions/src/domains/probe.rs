//! Asking a domain's own servers: whether their answers about unlisted recipients are trusted, and what they say now.

use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use doorlist_core::address::{Address, DomainName};
use doorlist_core::time::Timestamp;
use doorlist_core::verification::{Route, RouteControl, RouteTrust, ServerAnswer};
use serde::{Deserialize, Serialize};

/// What is known of the answers of each server of a domain.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DomainRoutes {
    /// Its name, or a domain alias.
    pub name: DomainName,
}

/// Whether the answers of one server about unlisted recipients are trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteStanding {
    /// Its place, as `host:port`.
    pub server: String,
    pub trust: RouteTrust,
    /// When it was asked first.
    pub since: Timestamp,
    /// What it made of a random name.
    pub random: Option<RouteControl>,
    /// What it made of a known name.
    pub known: Option<RouteControl>,
}

impl RouteStanding {
    /// The standing of a route at this time.
    pub fn of(server: String, route: &Route, now: Timestamp) -> Self {
        let Route { since, random, known } = *route;
        Self { server, trust: route.trust(now), since, random, known }
    }
}

/// Asks the servers of a domain now: for an address, or whether their answers can be trusted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DomainProbe {
    /// Its name, or a domain alias.
    pub name: DomainName,
    /// An address in it.
    pub address: Option<Address>,
}

/// What one server said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerProbe {
    /// Its place, as `host:port`.
    pub server: String,
    /// Each address that it was asked for, with its answer.
    pub answers: Vec<(Address, ServerAnswer)>,
    /// The dialogue, in lines that begin with `C:` or `S:`; of several sessions, one after the other.
    pub dialogue: Vec<String>,
    /// Why there was no session.
    pub failure: Option<String>,
    /// Whether its answers are trusted now.
    pub standing: Option<RouteStanding>,
}

impl Action for DomainRoutes {
    type Answer = Vec<RouteStanding>;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    /// Without a running server nobody asks, and nothing is told.
    async fn run(self, actions: &Actions) -> Result<Vec<RouteStanding>, ActionError> {
        actions.services.domain_details(&self.name).await?;
        Ok(actions.services.server.as_ref().map(|server| server.routes(&self.name)).unwrap_or_default())
    }
}

impl Action for DomainProbe {
    type Answer = Vec<ServerProbe>;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Vec<ServerProbe>, ActionError> {
        let details = actions.services.domain_details(&self.name).await?;
        let is_of_it = |address: &Address| {
            *address.domain() == details.summary.name || details.domain_aliases.contains(address.domain())
        };
        if self.address.as_ref().is_some_and(|address| !is_of_it(address)) {
            let message = format!("the address is not in {}; ask for one that is", details.summary.name);
            return Err(ActionError::new(ErrorKind::Usage, message));
        }
        let Some(server) = &actions.services.server else {
            let message = "the servers are asked by a running server; start it: doorlist serve";
            return Err(ActionError::new(ErrorKind::Unavailable, message));
        };
        Ok(server.probe(&self.name, self.address.as_ref()).await)
    }
}
