//! Contacts: asked by a mail with a link whether they want notices, and confirmed by that link or by the operator. Whoever
//! may be written to, and how often, is said by the contact book. Must not know how the page of a link looks.

use crate::error::{ActionError, ErrorKind};
use crate::services::Services;
use doorlist_core::access::{Access, CustomerId, Scope};
use doorlist_core::address::Address;
use doorlist_store::contact_book::{AskedContact, CONFIRMATION_TERM, ContactStanding, NOTICES_PER_ADDRESS_MAX};
use std::time::Duration;

/// Characters of a customer's name that are shown to somebody who does not know it.
const NAME_MAX: usize = 60;
/// Contacts that are read at once.
pub(super) const PAGE: u32 = 1_000;

impl Services {
    /// Tells people whom the operator named, by command or in the configuration. Whoever has had their notices of today
    /// is left out: what is told stands in the history or the list of plans, too.
    pub(crate) async fn tell_named_by_operator(&self, to: &[Address], subject: &str, text: &str) {
        let mut permits = Vec::with_capacity(to.len());
        for address in to {
            if let Ok(Ok(permit)) = self.contacts.permit_operators_notice(address, self.now()).await {
                permits.push(permit);
            }
        }
        if !permits.is_empty() {
            let _ = self.notifier.tell(permits, subject, text).await;
        }
    }

    /// Sends the mail that asks an address for its confirmation, if it needs one, the limits allow it, and there is a name
    /// for the link to lead to; else nothing.
    pub(crate) async fn ask_contact(&self, customer: CustomerId, address: &Address) -> Result<(), ActionError> {
        let Some(base) = self.web_base.as_deref().map(|base| base.trim_end_matches('/')) else { return Ok(()) };
        let token = self.secrets.token().map_err(|why| ActionError::new(ErrorKind::Store, why))?;
        let (hash, now) = (self.secrets.hash(&token), self.now());
        let Ok(permit) = self.contacts.permit_confirmation(customer, address, &hash, now).await? else { return Ok(()) };
        let Some(asked) = self.contacts.asked(&hash, now).await? else { return Ok(()) };
        let (subject, text) = question(&shown_name(&asked.customer), base, &token);
        // A mail that was not taken is not sent again before its link has run out: the limits count it.
        let _ = self.notifier.tell(vec![permit], subject, &text).await;
        Ok(())
    }

    /// Asks those that were not asked yet, or whose link has run out.
    pub(crate) async fn ask_contacts(&self) -> Result<(), ActionError> {
        let mut after = 0;
        loop {
            let page = self.contacts.contacts_to_ask(after, PAGE, self.now()).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id;
            for contact in page.iter().filter(|contact| contact.standing == ContactStanding::Unconfirmed) {
                if let Ok(address) = contact.address.parse() {
                    self.ask_contact(contact.customer, &address).await?;
                }
            }
        }
    }

    /// What a confirmation link is about, with the customer's name fit to be shown. Changes nothing.
    ///
    /// # Errors
    /// When there is no such link, it was used, or its time is over: not to be told apart.
    pub async fn confirmation_link(&self, token: &str) -> Result<AskedContact, ActionError> {
        let asked = self.contacts.asked(&self.secrets.hash(token), self.now()).await?.ok_or_else(no_link)?;
        Ok(AskedContact { customer: shown_name(&asked.customer), ..asked })
    }

    /// Confirms the address of a link, once.
    ///
    /// # Errors
    /// As [`Services::confirmation_link`].
    pub async fn confirm_by_link(&self, token: &str) -> Result<(), ActionError> {
        let confirmed = self.contacts.confirm_by_link(&self.secrets.hash(token), self.now()).await?;
        confirmed.then_some(()).ok_or_else(no_link)
    }

    /// The operator made somebody an admin: that is the operator's word for the address, too. Of a domain's admin, for
    /// the domain's customer.
    pub(crate) async fn vouch_for_admin(&self, email: &Address, scope: Scope) -> Result<(), ActionError> {
        let scope = match scope {
            Scope::Domain(id) => match self.tenants.seen_by(&Access::operator()).domain(id.0).await? {
                Some(domain) => Scope::Customer(domain.row.customer),
                None => return Ok(()),
            },
            other => other,
        };
        Ok(self.contacts.confirm_by_operator(email, scope, self.now()).await?)
    }
}

/// The mail that asks: subject and text. It has no word of the tenant's but the name, and no link but ours.
fn question(customer: &str, base: &str, token: &str) -> (&'static str, String) {
    let days = CONFIRMATION_TERM.as_secs() / Duration::from_hours(24).as_secs();
    let text = format!(
        "The customer \"{customer}\"\n\
         of the mail gateway at {base}\n\
         named this address as its technical contact. Until you confirm that,\n\
         it gets nothing else from us.\n\n\
         Confirmed, it gets short notices of mail for postmaster or abuse that\n\
         the customer's own mail server refused: where the message waits, who\n\
         sent it to whom, and the class of the server's reply. Never the\n\
         message, and at most {NOTICES_PER_ADDRESS_MAX} notices in 24 hours.\n\n\
         If you want them, open this page within {days} days and press its button:\n\
         {base}/contact/{token}\n\n\
         If you do not, or do not know the customer, ignore this mail. Nothing\n\
         happens then.\n"
    );
    ("Please confirm that you want notices about mail", text)
}

/// A tenant's name as strangers are shown it: short, in one line, without anything that a mail program makes a link of.
fn shown_name(name: &str) -> String {
    let kept = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '&' | '\'' | ',' | '.' | '(' | ')');
    let plain: String = name.chars().map(|c| if kept(c) { c } else { ' ' }).collect();
    let words: Vec<String> = plain.split_whitespace().map(without_inner_dots).collect();
    let shown: String = words.join(" ").chars().take(NAME_MAX).collect();
    if shown.chars().any(char::is_alphanumeric) { shown } else { "without a name".to_owned() }
}

/// `example.test` becomes `example[.]test`; a dot at the end stays.
fn without_inner_dots(word: &str) -> String {
    let inner = word.trim_end_matches('.');
    inner.replace('.', "[.]") + &word[inner.len()..]
}

fn no_link() -> ActionError {
    ActionError::new(ErrorKind::NotFound, "this link is not valid: it was used, or it has expired")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenants_name_is_shown_without_links_lines_and_tricks() {
        for (name, shown) in [
            ("Example Inc.", "Example Inc."),
            ("example.test", "example[.]test"),
            ("M\u{FC}ller & Co (Oslo)", "M\u{FC}ller & Co (Oslo)"),
            ("Win at https://evil.example.test/x?y=1", "Win at https evil[.]example[.]test x y 1"),
            ("call\r\n\r\nnow <b>ann@evil.test</b>", "call now b ann evil[.]test b"),
            ("a\u{202E}b\u{200B}c\u{85}d", "a b c d"),
            (" \t\u{2066}", "without a name"),
            ("...", "without a name"),
        ] {
            assert_eq!(shown_name(name), shown, "{name:?}");
        }
        assert_eq!(shown_name(&"x".repeat(500)).chars().count(), NAME_MAX);
    }

    #[test]
    fn a_question_has_one_link_and_its_lines_are_ours() {
        let (subject, text) =
            question(&shown_name("Evil http://evil.example.test/\nBuy"), "https://mx.example.test", "t0k");
        assert!(subject.is_ascii());
        assert_eq!(text.matches("https://mx.example.test/contact/t0k").count(), 1, "{text}");
        assert_eq!(text.matches("://").count(), 2, "{text}");
        assert!(!text.contains("evil.example"), "{text}");
    }
}
