//! The list that a dialogue needs: `DOMAIN MODE; mailbox ann, bob; alias annie of ann; ...`
//!
//! MODE is `learn`, `monitor`, `soft` or `enforce`. Further words: `list team`, `mailboxes u 30` (u1 to u30), `vetoed eve`,
//! `off olga` (listed, switched off), `domain-alias other.example.test`, `alias-off other.example.test`, `max 1000` (octets
//! of a message), `spam-refused`, `minus` (`user-tag`), `no-abuse`, `inactive`.
//! The domains are on hold: their mail stays in the queue.

use super::script::Script;
use crate::server::Server;
use doorlist_core::address::{Address, DomainName, LocalPart};
use doorlist_core::change::{
    Actor, Change, ChangeSet, DomainChange, MailServer, NamedBy, ServerTls, Source, Structure, Via,
};
use doorlist_core::domain::{BounceAddresses, Mode, SubAddressing};
use doorlist_core::mail_policy::SpamTreatment;
use doorlist_core::time::Timestamp;
use doorlist_store::{RecipientStore, StoreUrl};

/// A soft period that outlasts every test.
const SOFT_UNTIL: Timestamp = Timestamp::from_secs(4_000_000_000);

/// Writes all lists into the store of a server that does not run yet. Not every word has a command.
pub(super) fn write<'a>(server: &Server, scripts: impl Iterator<Item = &'a Script>) {
    let lists = scripts.flat_map(|script| script.lists.iter().map(move |list| (script, list)));
    let changes = lists.flat_map(|(script, list)| {
        changes(list).unwrap_or_else(|why| panic!("{}: `# list: {list}`: {why}", script.name))
    });
    let set = ChangeSet { changes: changes.collect(), summary: "the lists of the dialogues".to_owned() };
    let actor = Actor { name: "test".to_owned(), via: Via::System };
    std::fs::create_dir_all(server.state()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let recipients = RecipientStore::open(&StoreUrl::Sqlite(server.state())).await.unwrap();
        recipients.apply(&set, &actor, None).await.unwrap();
    });
}

fn changes(list: &str) -> Result<Vec<Change>, String> {
    let mut phrases = list.split(';').map(str::trim);
    let (name, mode) = phrases.next().and_then(|first| first.split_once(' ')).ok_or("DOMAIN MODE comes first")?;
    let domain = Domain(DomainName::parse(name.as_bytes()).map_err(|error| error.to_string())?);
    let mode = match mode {
        "learn" => Mode::NEW,
        "monitor" => Mode::Monitor,
        "soft" => Mode::enforce(Some(SOFT_UNTIL)),
        "enforce" => Mode::enforce(None),
        _ => return Err(format!("`{mode}` is no mode")),
    };
    let server = MailServer {
        host: "127.0.0.1".to_owned(),
        port: 9,
        preference: 10,
        tls: ServerTls::default(),
        xforward: false,
        named_by: NamedBy::Machine,
    };
    let mut changes = vec![
        domain.set(DomainChange::Add { customer: "dialogues".to_owned(), servers: vec![server] }),
        domain.set(DomainChange::Mode(mode)),
        domain.set(DomainChange::Hold(true)),
    ];
    for phrase in phrases.filter(|phrase| !phrase.is_empty()) {
        changes.extend(domain.phrase(phrase)?);
    }
    Ok(changes)
}

struct Domain(DomainName);

impl Domain {
    fn phrase(&self, phrase: &str) -> Result<Vec<Change>, String> {
        let (word, rest) = phrase.split_once(' ').unwrap_or((phrase, ""));
        let names = || rest.split(',').map(str::trim);
        let each = |change: &dyn Fn(&str) -> Result<Change, String>| names().map(change).collect();
        match word {
            "mailbox" => each(&|name| self.claim(name, Structure::Mailbox)),
            "list" => each(&|name| self.claim(name, Structure::DistributionList)),
            "vetoed" => Ok(vec![self.claim(rest, Structure::Mailbox)?, Change::Veto { address: self.address(rest)? }]),
            "mailboxes" => {
                let (stem, count) = rest.split_once(' ').ok_or("mailboxes STEM COUNT")?;
                let count: usize = count.parse().map_err(|_| "mailboxes STEM COUNT")?;
                (1..=count).map(|n| self.claim(&format!("{stem}{n}"), Structure::Mailbox)).collect()
            }
            "alias" => {
                let (name, account) = rest.split_once(" of ").ok_or("alias NAME of ACCOUNT")?;
                Ok(vec![self.claim(name, Structure::AliasOf(local_part(account)?))?])
            }
            "off" => Ok(vec![
                self.claim(rest, Structure::Mailbox)?,
                Change::SetActive { address: self.address(rest)?, active: false },
            ]),
            "domain-alias" => {
                let alias = DomainName::parse(rest.as_bytes()).map_err(|error| error.to_string())?;
                Ok(vec![self.set(DomainChange::AddAlias(alias))])
            }
            "alias-off" => {
                let name = DomainName::parse(rest.as_bytes()).map_err(|error| error.to_string())?;
                let add = self.set(DomainChange::AddAlias(name.clone()));
                Ok(vec![add, self.set(DomainChange::AliasActive { name, active: false })])
            }
            "max" => {
                let octets = rest.parse().map_err(|_| "max OCTETS")?;
                Ok(vec![self.set(DomainChange::MessageMax(Some(octets)))])
            }
            "spam-refused" => Ok(vec![self.set(DomainChange::Spam(SpamTreatment::Refuse))]),
            "minus" => Ok(vec![self.set(DomainChange::SubAddressing(SubAddressing { plus: true, minus: true }))]),
            "no-batv" => Ok(vec![self.set(DomainChange::BounceAddresses(BounceAddresses { batv: false, srs: false }))]),
            "srs" => Ok(vec![self.set(DomainChange::BounceAddresses(BounceAddresses { batv: true, srs: true }))]),
            "no-abuse" => Ok(vec![self.set(DomainChange::AcceptAbuse(false))]),
            "inactive" => Ok(vec![self.set(DomainChange::Active(false))]),
            _ => Err(format!("`{phrase}` is nothing that a list can have")),
        }
    }

    fn set(&self, change: DomainChange) -> Change {
        Change::Domain { name: self.0.clone(), change }
    }

    fn claim(&self, name: &str, structure: Structure) -> Result<Change, String> {
        Ok(Change::Claim { address: self.address(name)?, structure, source: Source::Hand })
    }

    fn address(&self, name: &str) -> Result<Address, String> {
        Ok(Address::new(local_part(name)?, self.0.clone()))
    }
}

fn local_part(name: &str) -> Result<LocalPart, String> {
    LocalPart::parse(name.trim().as_bytes()).map_err(|error| error.to_string())
}
