//! Whether a domain's own server takes `user+tag`: it is asked now and then, and where it refuses, such addresses are off.

use super::questions::{ASKED_TOGETHER, together};
use super::{Learner, actor};
use crate::error::ActionError;
use crate::ports::ServerState;
use doorlist_core::address::{Address, DomainName, LocalPart};
use doorlist_core::change::{Change, ChangeSet, DomainChange, MailServer};
use doorlist_core::domain::{DomainId, ProtectedDomain};
use doorlist_core::verification::{PlusControl, ServerAnswer, plus_holds, plus_refused};
use doorlist_store::LearningBook;
use doorlist_store::learning::NextPlusControl;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Names of the list that are tried: a person may have left.
const KNOWN_TRIED: u32 = 3;

/// A domain whose servers are to be asked.
struct DuePlusControl {
    domain: Arc<ProtectedDomain>,
    /// Its servers, as they are kept.
    servers: String,
    known: Vec<LocalPart>,
}

impl Learner {
    /// Asks the servers of domains, where that is due, whether they take `user+tag`, and switches it off or on again. A
    /// sentence for each domain where it changed.
    ///
    /// # Errors
    /// When the store fails; the next look goes on from there.
    pub async fn look_at_sub_addresses(&self) -> Result<Vec<String>, ActionError> {
        let Some(server) = self.services.server.clone() else { return Ok(Vec::new()) };
        let book = LearningBook::of(&self.services.recipients);
        // Looked at first: where nothing is due, nothing is written.
        let due = self.due_plus_controls(&book).await?;
        if due.is_empty() || !self.leads("sub-addresses").await? {
            return Ok(Vec::new());
        }
        let asked = due.iter().map(|due| {
            let (server, name, known) = (Arc::clone(&server), due.domain.name.clone(), due.known.clone());
            let rest = format!("{:012x}", self.questions.rest(&name, self.now()));
            async move {
                let controls = ask(server.as_ref(), &name, &known, &rest).await;
                (name, controls)
            }
        });
        let answers: BTreeMap<DomainName, Vec<(String, PlusControl)>> = together(asked).await.into_iter().collect();
        let mut sentences = Vec::new();
        for DuePlusControl { domain, servers, .. } in due {
            let controls = answers.get(&domain.name).map(Vec::as_slice).unwrap_or_default();
            let refused = plus_refused(&controls.iter().map(|(_, control)| *control).collect::<Vec<_>>());
            if let Some(refused) = refused.filter(|refused| *refused != domain.plus_refused) {
                sentences.push(self.set_plus(&domain.name, refused, controls).await?);
            }
            let next = NextPlusControl { servers, at: self.now() + plus_holds(refused) };
            book.keep_plus_control(domain.id, &next).await?;
        }
        Ok(sentences)
    }

    /// The domains whose servers were not asked of late, or are others now, with names that they should take.
    async fn due_plus_controls(&self, book: &LearningBook) -> Result<Vec<DuePlusControl>, ActionError> {
        let recipients = &self.services.recipients;
        let (list, routes, now) = (recipients.snapshot(), recipients.routes(), self.now());
        let next: BTreeMap<DomainId, NextPlusControl> = book.plus_controls().await?.into_iter().collect();
        let mut due = Vec::new();
        for summary in recipients.domains().await? {
            let has_names = summary.counts.mailboxes > 0 && summary.active && !summary.hold;
            let Some(domain) = list.domain(&summary.name).filter(|domain| has_names && domain.sub_addressing.plus)
            else {
                continue;
            };
            let servers = routes.get(&domain.id).map_or(String::new(), |route| places(&route.servers));
            let holds = |next: &NextPlusControl| next.servers == servers && now < next.at;
            if servers.is_empty() || next.get(&domain.id).is_some_and(holds) {
                continue;
            }
            let mut known = recipients.some_mailboxes(domain.id, KNOWN_TRIED).await?;
            known.retain(|local| !local.as_str().contains('+'));
            if known.is_empty() {
                continue;
            }
            due.push(DuePlusControl { domain: Arc::clone(domain), servers, known });
            if due.len() >= ASKED_TOGETHER {
                break;
            }
        }
        Ok(due)
    }

    async fn set_plus(
        &self,
        name: &DomainName,
        refused: bool,
        controls: &[(String, PlusControl)],
    ) -> Result<String, ActionError> {
        let who = controls.iter().filter(|(_, control)| control.is_refused() == Some(refused));
        let who: Vec<&str> = who.map(|(server, _)| server.as_str()).collect();
        let (what, who) = (if refused { "off: refused" } else { "on again: taken" }, who.join(", "));
        let summary = format!("domain {name}: sub-addresses with + {what} by {who}");
        let change = Change::Domain { name: name.clone(), change: DomainChange::PlusRefused(refused) };
        let set = ChangeSet { changes: vec![change], summary: summary.clone() };
        self.services.recipients.apply(&set, &actor(), None).await?;
        Ok(summary)
    }
}

fn places(servers: &[MailServer]) -> String {
    servers.iter().map(MailServer::host_and_port).collect::<Vec<_>>().join(" ")
}

/// Asks all servers of a name for a name of the list, then for the same with `+` and a random rest: the answers of each.
async fn ask(
    server: &dyn ServerState,
    name: &DomainName,
    known: &[LocalPart],
    rest: &str,
) -> Vec<(String, PlusControl)> {
    for local in known {
        let Ok(longer) = LocalPart::parse(format!("{local}+{rest}").as_bytes()) else { continue };
        let known = answers(server, &Address::new(local.clone(), name.clone())).await;
        if !known.values().any(|answer| *answer == ServerAnswer::Exists) {
            continue;
        }
        let with_plus = answers(server, &Address::new(longer, name.clone())).await;
        let control = |(server, known): (String, ServerAnswer)| {
            let with_plus = with_plus.get(&server).copied().unwrap_or(ServerAnswer::Undecided);
            (server, PlusControl { known, with_plus })
        };
        return known.into_iter().map(control).collect();
    }
    Vec::new()
}

/// What each server said of an address.
async fn answers(server: &dyn ServerState, address: &Address) -> BTreeMap<String, ServerAnswer> {
    let probes = server.probe(address.domain(), Some(address)).await;
    let answer = |answers: &[(Address, ServerAnswer)]| {
        answers.iter().rfind(|(asked, _)| asked == address).map_or(ServerAnswer::Undecided, |(_, answer)| *answer)
    };
    probes
        .into_iter()
        .map(|probe| {
            let answer = answer(&probe.answers);
            (probe.server, answer)
        })
        .collect()
}
