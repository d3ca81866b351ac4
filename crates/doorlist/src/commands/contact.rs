//! `doorlist contact ...`

use super::print;
use crate::cli::contact::Contact;
use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{ContactConfirm, ContactConfirmed, ContactList, ContactPage, ContactStanding, KnownContact};

pub(super) async fn contact(target: &mut CommandTarget, out: &mut Output, what: &Contact) -> Result<Exit, Failure> {
    let address = match what {
        Contact::List { unconfirmed } => return list(target, out, *unconfirmed).await,
        Contact::Confirm { address } => address,
    };
    let ContactConfirmed { customers } = target.ask(ContactConfirm { address: address.clone() }).await?;
    let confirmed = serde_json::json!({ "address": address.to_string(), "customers": customers });
    out.entry(&confirmed, || format!("{address} confirmed for {}", print::counted(customers, "customer")))?;
    Ok(Exit::DONE)
}

async fn list(target: &mut CommandTarget, out: &mut Output, unconfirmed: bool) -> Result<Exit, Failure> {
    let (mut after, mut is_empty) = (0, true);
    loop {
        let ContactPage { contacts, next } = target.ask(ContactList { unconfirmed, after }).await?;
        for contact in &contacts {
            out.entry(contact, || line(contact))?;
        }
        is_empty &= contacts.is_empty();
        match next {
            Some(last) => after = last,
            None => break,
        }
    }
    if is_empty {
        say!("{}", if unconfirmed { "no contacts without notices" } else { "no technical contacts" });
    }
    Ok(Exit::DONE)
}

fn line(contact: &KnownContact) -> String {
    let of = match &contact.domain {
        Some(domain) => format!("domain {domain}"),
        None => format!("customer {}", contact.customer_name),
    };
    let standing = match (contact.standing, contact.asked) {
        (ContactStanding::Own, _) => "listed in a domain of the customer".to_owned(),
        (ContactStanding::Confirmed, _) => "confirmed".to_owned(),
        (ContactStanding::Unlisted, _) => "no notices: not on the list of its domain".to_owned(),
        (ContactStanding::Unconfirmed, Some(asked)) => {
            format!("no notices: confirmation mail sent {}", print::time(asked))
        }
        (ContactStanding::Unconfirmed, None) => "no notices: confirmation mail not sent yet".to_owned(),
    };
    format!("{}  {of}  {standing}", contact.address)
}
