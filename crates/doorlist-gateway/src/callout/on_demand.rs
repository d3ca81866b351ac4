//! A person asks a domain's servers now, and sees what they say.

use super::Callout;
use super::book::name_of;
use crate::clock;
use doorlist_core::address::{Address, DomainName};
use doorlist_core::change::MailServer;
use doorlist_core::domain::DomainId;
use doorlist_core::verification::{Route, ServerAnswer};
use doorlist_store::verification::RouteServer;
use std::sync::Arc;
use tokio::task::JoinSet;

/// What one server said to a person's question.
#[derive(Clone, Debug)]
pub struct ProbedServer {
    pub server: RouteServer,
    /// Each address that it was asked for, with its answer.
    pub answers: Vec<(Address, ServerAnswer)>,
    /// The dialogue, in lines that begin with `C:` or `S:`.
    pub dialogue: Vec<String>,
    /// Why there was no session.
    pub failure: Option<String>,
    /// What is known of its answers now.
    pub route: Option<Route>,
}

impl Callout {
    /// Asks each server of the best preference: for the address, or for a random name and a known one. All at once: a dead
    /// one keeps no other waiting. No domain's or source's rate counts, but a server has no more connections and names a
    /// minute than ever.
    pub(crate) async fn probe_now(self: &Arc<Self>, name: &DomainName, address: Option<&Address>) -> Vec<ProbedServer> {
        let Some(domain) = self.recipients.snapshot().domain(name).map(|domain| domain.id) else { return Vec::new() };
        let name = address.map_or(name, Address::domain);
        self.lock().begin_with(name, domain);
        let mut asking = JoinSet::new();
        for (place, server) in self.best_servers(domain).into_iter().enumerate() {
            let (callout, name, address) = (Arc::clone(self), name.clone(), address.cloned());
            asking.spawn(async move {
                let probed = match &address {
                    Some(address) => callout.ask_for(domain, &server, address).await,
                    None => callout.ask_controls(&name, domain, &server).await,
                };
                (place, probed)
            });
        }
        let mut probed = Vec::with_capacity(asking.len());
        while let Some(asked) = asking.join_next().await {
            // A session that panicked has nothing to tell.
            probed.extend(asked.ok());
        }
        probed.sort_by_key(|(place, _)| *place);
        probed.into_iter().map(|(_, server)| server).collect()
    }

    async fn ask_for(&self, domain: DomainId, server: &MailServer, address: &Address) -> ProbedServer {
        let names = [address.clone()];
        let mut probed = ProbedServer::of(server);
        match self.session(server, &names).await {
            Ok(report) => {
                probed.dialogue.clone_from(&report.lines);
                probed.answers = names.iter().cloned().zip(report.answers.iter().copied()).collect();
                self.settle(domain, server, &names, &report).await;
            }
            Err(no_route) => probed.failure = Some(no_route.why),
        }
        self.with_route(address.domain(), probed)
    }

    /// A session each: a server may tell names apart by what came before them.
    async fn ask_controls(&self, name: &DomainName, domain: DomainId, server: &MailServer) -> ProbedServer {
        let mut probed = ProbedServer::of(server);
        let known = self.known_names(name, domain).await.into_iter().next();
        for (control, is_known) in [(super::prober::random_name(name), false), (known, true)] {
            let Some(control) = control else { continue };
            match self.session(server, std::slice::from_ref(&control)).await {
                Ok(report) => {
                    let answer = report.first();
                    probed.dialogue.extend(report.lines);
                    self.note_control((domain, name), &name_of(server), answer, is_known);
                    probed.answers.push((control, answer));
                }
                Err(no_route) => {
                    probed.failure = Some(no_route.why);
                    break;
                }
            }
        }
        self.with_route(name, probed)
    }

    fn with_route(&self, name: &DomainName, mut probed: ProbedServer) -> ProbedServer {
        probed.route = Some(self.lock().route(name, &probed.server, clock::now()));
        probed
    }
}

impl ProbedServer {
    fn of(server: &MailServer) -> Self {
        Self { server: name_of(server), answers: Vec::new(), dialogue: Vec::new(), failure: None, route: None }
    }
}
