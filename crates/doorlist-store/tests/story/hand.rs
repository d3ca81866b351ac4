//! Short hands for the story: changes as one would say them, answers as one would hear them.

use doorlist_core::address::{Address, DomainName, LocalPart};
use doorlist_core::change::{
    Actor, Change, ChangeSet, DomainChange, MailServer, NamedBy, ServerTls, Source, Structure, Via,
};
use doorlist_core::policy::{Recipient, ReturnPath, SourceStanding, decide};
use doorlist_core::time::Timestamp;
use doorlist_store::RecipientStore;
use doorlist_store::recipients::{Applied, ApplyError, Refusal};

pub(crate) fn actor() -> Actor {
    Actor { name: "ann".to_owned(), via: Via::Command }
}

pub(crate) fn address(text: &str) -> Address {
    text.parse().unwrap()
}

pub(crate) fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

pub(crate) fn local(text: &str) -> LocalPart {
    LocalPart::parse(text.as_bytes()).unwrap()
}

pub(crate) fn file(source: &str) -> Source {
    Source::File(source.to_owned())
}

pub(crate) fn claim(address_text: &str, structure: Structure, source: Source) -> Change {
    Change::Claim { address: address(address_text), structure, source }
}

pub(crate) fn mailbox(address_text: &str) -> Change {
    claim(address_text, Structure::Mailbox, Source::Hand)
}

pub(crate) fn alias(address_text: &str, account: &str) -> Change {
    claim(address_text, Structure::AliasOf(local(account)), Source::Hand)
}

pub(crate) fn veto(address_text: &str) -> Change {
    Change::Veto { address: address(address_text) }
}

pub(crate) fn domain(domain_name: &str, change: DomainChange) -> Change {
    Change::Domain { name: name(domain_name), change }
}

pub(crate) fn added(domain_name: &str, customer: &str) -> Change {
    domain(domain_name, DomainChange::Add { customer: customer.to_owned(), servers: vec![server("192.0.2.1", 10)] })
}

pub(crate) fn server(host: &str, preference: u16) -> MailServer {
    MailServer {
        host: host.to_owned(),
        port: 25,
        preference,
        tls: ServerTls::Opportunistic,
        xforward: false,
        named_by: NamedBy::Machine,
    }
}

/// Applies in one go.
pub(crate) async fn apply(recipients: &RecipientStore, changes: Vec<Change>) -> Applied {
    try_apply(recipients, changes).await.unwrap()
}

pub(crate) async fn try_apply(recipients: &RecipientStore, changes: Vec<Change>) -> Result<Applied, ApplyError> {
    recipients.apply(&ChangeSet { changes, summary: "a chapter".to_owned() }, &actor(), None).await
}

/// Applies what must be refused; nothing of it may stay.
pub(crate) async fn refused(recipients: &RecipientStore, changes: Vec<Change>) -> Refusal {
    let before = recipients.snapshot();
    match try_apply(recipients, changes).await {
        Err(ApplyError::Refused(refusal)) => {
            let after = recipients.snapshot();
            assert_eq!((before.version(), before.addresses()), (after.version(), after.addresses()), "{refusal}");
            refusal
        }
        other => panic!("not refused: {other:?}"),
    }
}

/// The reason that a RCPT would get.
pub(crate) fn reason(recipients: &RecipientStore, address_text: &str) -> &'static str {
    let recipient = Recipient::Address(address(address_text));
    let now = Timestamp::from_secs(1_800_000_000);
    decide(&recipient, &recipients.snapshot(), ReturnPath::Address, SourceStanding::Normal, now).reason.word()
}
