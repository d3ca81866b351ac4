//! Servers that keep in their queue what Doorlist does not take yet.

use doorlist_testbed::exim::Exim;
use doorlist_testbed::mail_server::QueueingSender;
use doorlist_testbed::maildir::Setup;
use doorlist_testbed::opensmtpd::OpenSmtpd;
use doorlist_testbed::python::{self, Envelope};
use doorlist_testbed::sendmail::Sendmail;

use super::{
    FRIEND, HARD, LISTED, LONGEST, SETUP, SOFT, VETOED, account, addresses, bounces_name, came_out_once, gateway, mail,
    message, wait_for_mail,
};
use crate::client::wait_until;

/// Deferred in the domain that is being set up: more than a session may have refused.
const DEFERRED: usize = 25;
/// Refused for now in the domain that is enforced softly.
const SOFTLY: usize = 15;
/// Refused for good. With the vetoed ones, a session hears the last answer about a minute after the first.
const UNKNOWN: usize = 7;

/// One message with all of these recipients.
fn send(sender: &dyn QueueingSender, id: &str, recipients: &[&[String]]) {
    let recipients: Vec<&str> = recipients.iter().flat_map(|kind| kind.iter()).map(String::as_str).collect();
    let envelope = Envelope { sender: FRIEND, recipients: &recipients, options: &["BODY=8BITMIME"] };
    let answer = python::send(sender.address(), envelope, &[message(id)]).unwrap().remove(0);
    assert!(answer.starts_with("250 "), "{id}: {answer}");
}

#[test]
fn servers_bring_each_listed_recipient_one_copy_and_keep_who_is_deferred() {
    let (server, next) = gateway();
    let setup = Setup { domains: &[], smarthost: Some(server.smtp()), ..Setup::default() };
    let senders: [(&str, Box<dyn QueueingSender>); 3] = [
        ("exim", Box::new(Exim::start(&setup).unwrap())),
        ("opensmtpd", Box::new(OpenSmtpd::start(&setup).unwrap())),
        ("sendmail", Box::new(Sendmail::start(&setup).unwrap())),
    ];
    let listed = |domain| addresses("listed", LISTED, domain);
    let (deferred, softly) = (addresses("later", DEFERRED, SETUP), addresses("soft", SOFTLY, SOFT));
    let refused = [addresses("unknown", UNKNOWN, HARD), addresses("vetoed", VETOED, HARD)].concat();
    for (name, sender) in &senders {
        send(sender.as_ref(), &format!("setup-{name}"), &[&deferred, &listed(SETUP)]);
        send(sender.as_ref(), &format!("hard-{name}"), &[&listed(HARD), &refused]);
        send(sender.as_ref(), &format!("soft-{name}"), &[&softly, &listed(SOFT)]);
    }

    wait_for_mail(&next.maildir(), senders.len() * 3 * LISTED);
    let later = [deferred.as_slice(), &softly].concat();
    for (name, sender) in &senders {
        let kept = format!("{name} keeps who is deferred, and nobody else");
        wait_until(&kept, LONGEST, || sender.waiting().unwrap() == later);
        bounces_name(&next.maildir(), &format!("hard-{name}"), &refused, &listed(HARD));
    }
    assert_eq!(mail(&next.maildir()).len(), senders.len() * 3 * LISTED);

    account(&server, "add", &later);
    for (name, sender) in &senders {
        sender.retry().unwrap();
        wait_until(&format!("{name} has nothing left"), LONGEST, || sender.waiting().unwrap().is_empty());
    }
    wait_for_mail(&next.maildir(), senders.len() * (3 * LISTED + DEFERRED + SOFTLY));
    let mail = mail(&next.maildir());
    for (name, _) in &senders {
        came_out_once(&mail, &format!("setup-{name}"), &[&listed(SETUP), &deferred]);
        came_out_once(&mail, &format!("hard-{name}"), &[&listed(HARD)]);
        came_out_once(&mail, &format!("soft-{name}"), &[&listed(SOFT), &softly]);
    }
    assert!(server.queue().is_empty());
}
