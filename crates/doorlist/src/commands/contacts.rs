//! `doorlist contact ...`

use super::{print, unexpected};
use crate::cli::contacts::Contact;
use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{
    ContactConfirm, ContactConfirmed, ContactList, ContactPage, ContactStanding, KnownContact, Response,
};

pub(super) async fn contact(target: &mut CommandTarget, out: &mut Output, what: &Contact) -> Result<Exit, Failure> {
    let address = match what {
        Contact::List { unconfirmed } => return list(target, out, *unconfirmed).await,
        Contact::Confirm { address } => address,
    };
    match target.ask(ContactConfirm { address: address.clone() }).await? {
        Response::ContactConfirmed(ContactConfirmed { customers }) if out.is_json() => {
            out.object(&serde_json::json!({ "address": address.to_string(), "customers": customers }))?;
        }
        Response::ContactConfirmed(ContactConfirmed { customers: 1 }) => {
            out.line(&format!("{address} confirmed for 1 customer"))?
        }
        Response::ContactConfirmed(ContactConfirmed { customers }) => {
            out.line(&format!("{address} confirmed for {customers} customers"))?;
        }
        other => return Err(unexpected(&other)),
    }
    Ok(Exit::DONE)
}

async fn list(target: &mut CommandTarget, out: &mut Output, unconfirmed: bool) -> Result<Exit, Failure> {
    let mut after = 0;
    loop {
        let (contacts, next) = match target.ask(ContactList { unconfirmed, after }).await? {
            Response::Contacts(ContactPage { contacts, next }) => (contacts, next),
            other => return Err(unexpected(&other)),
        };
        for contact in &contacts {
            if out.is_json() {
                out.object(contact)?;
            } else {
                out.line(&line(contact))?;
            }
        }
        match next {
            Some(last) => after = last,
            None => return Ok(Exit::DONE),
        }
    }
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
