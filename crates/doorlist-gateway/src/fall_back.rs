//! Automatic fall-back: notes senders that an enforced list refused, has them authenticated behind the answers, and takes a
//! domain back to mode monitor by the rules of `doorlist_core::fall_back`. Sessions only put notes into a bounded queue.

mod check;

use crate::clock;
use crate::journal::{FieldValue, Journal, Line, Process};
use crate::people::People;
use check::SenderCheck;
use doorlist_core::address::DomainName;
use doorlist_core::change::{Actor, Change, ChangeSet, DomainChange, Via};
use doorlist_core::domain::{DomainId, Mode, ProtectedDomain};
use doorlist_core::fall_back::{RefusedOrganisations, SenderChecks, WITHIN, organisation};
use doorlist_core::time::Timestamp;
use doorlist_store::spool::ClientInfo;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Notes that wait; further ones are dropped.
const NOTES_MAX: usize = 1_000;
/// Senders that are checked at once; further ones wait.
const CHECKS_AT_ONCE_MAX: usize = 8;

/// A sender of a source with a good record that was refused.
#[derive(Clone, Debug)]
pub(crate) struct RefusedSender {
    pub(crate) domain: DomainId,
    pub(crate) client: ClientInfo,
    /// The reverse path; not the null sender's.
    pub(crate) sender: Box<str>,
}

/// What fall-back needs of the gateway.
pub(crate) struct FallBackParts {
    pub(crate) people: People,
    pub(crate) journal: Journal,
    /// For macros in SPF records.
    pub(crate) hostname: String,
    pub(crate) name_server: Option<SocketAddr>,
}

/// Takes the notes of sessions. Ends with the last of them.
pub(crate) struct FallBack(mpsc::Sender<RefusedSender>);

impl FallBack {
    pub(crate) fn start(parts: FallBackParts, registry: &mut Registry) -> Self {
        let (notes, waiting) = mpsc::channel(NOTES_MAX);
        let count = Counter::default();
        registry.register("fall_backs", "Domains that went back to mode monitor by themselves", count.clone());
        let judge = FallBackJudge {
            parts,
            count,
            check: None,
            begun: SenderChecks::default(),
            refused: HashMap::new(),
            running: JoinSet::new(),
        };
        tokio::spawn(judge.run(waiting));
        Self(notes)
    }

    /// Notes a refused sender, without waiting; one too many is dropped.
    pub(crate) fn note(&self, refused: RefusedSender) {
        let _ = self.0.try_send(refused);
    }
}

/// A checked sender: the organisation, if it is authenticated.
type CheckedSender = (DomainId, Option<String>);

struct FallBackJudge {
    parts: FallBackParts,
    count: Counter,
    /// Made with the first note: most installations need none.
    check: Option<Arc<SenderCheck>>,
    begun: SenderChecks,
    refused: HashMap<DomainId, RefusedOrganisations>,
    running: JoinSet<CheckedSender>,
}

impl FallBackJudge {
    async fn run(mut self, mut waiting: mpsc::Receiver<RefusedSender>) {
        loop {
            tokio::select! {
                note = waiting.recv(), if self.running.len() < CHECKS_AT_ONCE_MAX => match note {
                    Some(refused) => self.begin(refused, clock::now()),
                    None => return,
                },
                Some(checked) = self.running.join_next() => {
                    if let Ok((domain, Some(organisation))) = checked {
                        self.count(domain, &organisation, clock::now()).await;
                    }
                }
            }
        }
    }

    /// Begins the check of a sender, unless there were too many.
    fn begin(&mut self, refused: RefusedSender, now: Timestamp) {
        let Some(sender) = domain_of(&refused.sender) else { return };
        if !self.begun.begin(refused.domain, &sender, now) {
            return;
        }
        let Some(check) = self.check() else { return };
        let organisation = organisation(&sender).to_owned();
        self.running.spawn(async move {
            let passes = check.passes(refused.client, refused.sender).await;
            (refused.domain, passes.then_some(organisation))
        });
    }

    fn check(&mut self) -> Option<Arc<SenderCheck>> {
        if self.check.is_none() {
            match SenderCheck::start(self.parts.name_server, &self.parts.hostname) {
                Ok(check) => self.check = Some(Arc::new(check)),
                Err(error) => {
                    let why = error.to_string();
                    self.tell(
                        "cannot check refused senders for automatic fall-back;",
                        &[("why", FieldValue::Str(&why))],
                    );
                }
            }
        }
        self.check.clone()
    }

    async fn count(&mut self, domain: DomainId, organisation: &str, now: Timestamp) {
        self.refused.retain(|_, refused| !refused.is_stale(now));
        let Some(count) = self.refused.entry(domain).or_default().note(organisation, now) else { return };
        match self.fall_back(domain, count, now).await {
            Ok(()) => drop(self.refused.remove(&domain)),
            // What was counted stays: the next sender tries again.
            Err(why) => self.tell("automatic fall-back failed;", &[("why", FieldValue::Str(&why))]),
        }
    }

    /// Takes a domain back to mode monitor, unless a person did so by now.
    async fn fall_back(&self, id: DomainId, count: usize, now: Timestamp) -> Result<(), String> {
        let recipients = &self.parts.people.recipients;
        let list = recipients.snapshot();
        let is_it = |domain: &&Arc<ProtectedDomain>| domain.id == id && domain.fall_back && domain.mode.is_enforced();
        let Some(domain) = list.domains().values().find(is_it) else { return Ok(()) };
        let name = &domain.name;
        let minutes = WITHIN.as_secs() / 60;
        let why = format!("{count} authenticated senders with a good record were refused within {minutes} minutes");
        let set = ChangeSet {
            changes: vec![Change::Domain { name: name.clone(), change: DomainChange::Mode(Mode::Monitor) }],
            summary: format!("{name}: mode monitor, automatic fall-back: {why}"),
        };
        let actor = Actor { name: "fall-back".to_owned(), via: Via::System };
        recipients.apply(&set, &actor, None).await.map_err(|error| error.to_string())?;
        self.count.inc();
        self.tell(&format!("automatic fall-back: {name} is in mode monitor: {why};"), &[]);
        let (subject, text) = message(name, count);
        self.parts.people.tell_admins_too(id, (&subject, &text), now).await;
        Ok(())
    }

    fn tell(&self, event: &str, fields: &[(&str, FieldValue<'_>)]) {
        self.parts.journal.write(&Line { process: Process::Smtpd, queue: None, event, fields });
    }
}

fn domain_of(sender: &str) -> Option<DomainName> {
    let (_, domain) = sender.rsplit_once('@')?;
    DomainName::parse(domain.as_bytes()).ok()
}

fn message(name: &DomainName, count: usize) -> (String, String) {
    (
        format!("{name} is back in mode monitor: senders you know were refused"),
        format!(
            "Within an hour, senders of {count} organisations wrote to addresses of {name} that are not on its list, and \
             were refused. Each of them is authenticated, and its server has sent clean mail before. The list is likely \
             incomplete, so {name} went back to mode monitor by itself: its own mail server is asked for addresses that \
             are not on the list, and nothing more is refused for the list alone.\n\n\
             Look at who was refused: doorlist domain preview {name}\n\
             Enforce the list again, once it is complete: doorlist domain mode {name} enforce\n\
             To switch this off: doorlist domain set {name} --fall-back off\n"
        ),
    )
}
