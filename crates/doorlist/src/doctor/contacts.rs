//! Checks for contacts that get no notices because they are not confirmed.

use super::Finding;
use crate::command_target::CommandTarget;
use crate::config::Config;
use doorlist_actions::{ContactList, ContactPage};
use doorlist_core::visible::visible;

/// Maximum contacts named in a finding; more are counted.
const NAMED_MAX: usize = 20;

/// Checks all technical contacts.
pub(super) async fn contacts(target: &mut CommandTarget, config: &Config) -> Vec<Finding> {
    let (mut named, mut more, mut after) = (Vec::new(), 0, 0);
    loop {
        let asked = target.ask(ContactList { unconfirmed: true, after }).await;
        let Ok(ContactPage { contacts, next }) = asked else { return Vec::new() };
        for contact in contacts {
            if named.len() < NAMED_MAX { named.push(visible(&contact.address).into_owned()) } else { more += 1 }
        }
        match next {
            Some(last) => after = last,
            None => break,
        }
    }
    if named.is_empty() {
        return vec![Finding::ok("contacts", "all technical contacts get notices")];
    }
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let todo = match &config.web_url {
        Some(_) => "they get a confirmation mail; `doorlist contact confirm ADDRESS` confirms one immediately",
        None => "set web.url to send confirmation mails, or confirm them: doorlist contact confirm ADDRESS",
    };
    vec![Finding::warn(
        "contacts",
        format!("contacts without notices (not confirmed or not listed): {}{more}", named.join(", ")),
        todo,
    )]
}
