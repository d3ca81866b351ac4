//! The state of a client and its transaction, and the replies that need no waiting: HELO, MAIL, RCPT.

use super::Inbound;
use super::guard::ClientGuard;
use super::stage;
use super::trace::Trace;
use crate::asked;
use crate::callout::{Asker, PendingAnswer};
use crate::clock;
use crate::config::GatewayConfig;
use crate::fall_back::RefusedSender;
use crate::journal::{Batch, FieldValue, Line, Process};
use doorlist_core::address::{Address, is_invisible};
use doorlist_core::domain::{DomainId, Mode, ProtectedDomain};
use doorlist_core::fall_back;
use doorlist_core::list::Snapshot;
use doorlist_core::mail_policy::{PolicyTable, SpamTreatment};
use doorlist_core::network::SourceKey;
use doorlist_core::policy::{Decision, Offer, Reason, Recipient, ReturnPath, SourceStanding, Verdict, decide_for};
use doorlist_core::queue_id::QueueId;
use doorlist_core::sender_rules::Sender;
use doorlist_core::time::Timestamp;
use doorlist_core::verification::Knowledge;
use doorlist_smtp::reply::{self, Reply};
use doorlist_smtp::server::{MailFrom, RcptTo};
use doorlist_store::mail_log::{MailAction, RefusedRecipient};
use doorlist_store::spool::{ClientInfo, EnvelopeRecipient};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The state of a client, and the pending output.
pub(super) struct SessionDialogue {
    inbound: Arc<Inbound>,
    pub(super) config: Arc<GatewayConfig>,
    /// Name of the client in log lines, `unknown[192.0.2.9]:4660`; the port distinguishes its sessions.
    pub(super) name: String,
    pub(super) client: ClientInfo,
    extended: bool,
    pub(super) out: Vec<u8>,
    pub(super) log: Batch,
    /// Buffer for the event of a log line.
    event: String,
    guard: ClientGuard,
    pub(super) transaction: Option<InboundTransaction>,
    pub(super) commands: Commands,
}

/// Counters for the log line at the end of a session.
#[derive(Default)]
pub(super) struct Commands {
    pub(super) mail: u64,
    pub(super) rcpt: u64,
    pub(super) rcpt_accepted: u64,
    pub(super) data: u64,
    pub(super) messages: u64,
}

/// From MAIL to the end of DATA. Uses one snapshot and one policy table, so that all recipients are checked against
/// the same list.
pub(super) struct InboundTransaction {
    pub(super) sender: Box<str>,
    pub(super) size: Option<u64>,
    pub(super) eight_bit: bool,
    pub(super) smtp_utf8: bool,
    pub(super) recipients: Vec<EnvelopeRecipient>,
    seen: HashSet<Address>,
    has_bare_postmaster: bool,
    /// Domains of accepted recipients that get their first message: their trial begins with it.
    pub(super) new_domains: Vec<DomainId>,
    list: Arc<Snapshot>,
    policies: Arc<PolicyTable>,
    offer: Offer,
}

impl InboundTransaction {
    /// Message size limit of all accepted recipients.
    pub(super) fn size_max(&self) -> u64 {
        self.offer.others.map_or(self.offer.size_max, |class| class.size_max)
    }

    /// What becomes of spam, for all accepted recipients.
    pub(super) fn spam(&self) -> SpamTreatment {
        self.offer.others.map(|class| class.spam).unwrap_or_default()
    }

    fn note_new_domain(&mut self, id: DomainId) {
        if !self.new_domains.contains(&id) {
            self.new_domains.push(id);
        }
    }
}

/// A recipient on which its list has said its word.
pub(super) struct UndecidedRecipient {
    recipient: Recipient,
    decision: Decision,
    standing: SourceStanding,
}

/// Whether an accepted recipient counts towards the limit of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AcceptedRecipient {
    New,
    /// Repeated in this transaction: one delivery.
    Repeated,
    /// The recipient was refused or deferred.
    No,
}

impl SessionDialogue {
    pub(super) fn new(inbound: Arc<Inbound>, config: Arc<GatewayConfig>, peer: SocketAddr) -> Self {
        let address = peer.ip().to_canonical();
        let log = inbound.journal.batch();
        let guard = ClientGuard::new(Arc::clone(&inbound.harvest), address, config.guard.enabled);
        let client = ClientInfo { address: Some(address), port: peer.port(), ..ClientInfo::default() };
        Self {
            inbound,
            config,
            name: format!("unknown[{address}]:{}", peer.port()),
            client,
            extended: false,
            out: Vec::new(),
            log,
            event: String::new(),
            guard,
            transaction: None,
            commands: Commands::default(),
        }
    }

    /// Writes a reply to `stage`; logs rejections that are not decisions on a recipient.
    pub(super) fn reply_to(&mut self, stage: &str, reply: Reply) {
        self.out.extend_from_slice(reply.line());
        if let Some(end) = stage::end_of_session(reply) {
            return self.event(&format!("{end} after {stage} from {}", self.name), &[]);
        }
        if reply.code() >= 400 {
            let event = format!("NOQUEUE: reject: {stage} from {}: {reply};", self.name);
            self.event(&event, &[("helo", FieldValue::Path(&self.client.helo.clone()))]);
        }
    }

    pub(super) fn event(&mut self, event: &str, fields: &[(&str, FieldValue<'_>)]) {
        self.log.add(&Line { process: Process::Smtpd, queue: None, event, fields });
    }

    pub(super) fn hello(&mut self, extended: bool, name: &[u8], tls_offered: bool) {
        self.client.helo = String::from_utf8_lossy(name).into();
        self.extended = extended;
        self.transaction = None;
        if extended {
            let extensions = reply::Extensions { size_max: self.config.limits.message_bytes_max, tls: tls_offered };
            reply::ehlo(&self.config.hostname, &extensions, &mut self.out);
        } else {
            reply::hello(&self.config.hostname, &mut self.out);
        }
    }

    /// Drops all state from before STARTTLS (RFC 3207 §4.2).
    pub(super) fn tls_started(&mut self, tls: String) {
        self.client.helo = Box::default();
        self.client.tls = Some(tls.into());
        self.transaction = None;
    }

    /// Handles MAIL; true if a transaction begins.
    pub(super) fn mail(&mut self, mail: &MailFrom<'_>) -> bool {
        self.commands.mail += 1;
        let sender = match str::from_utf8(mail.path) {
            Ok(sender) if !sender.contains(is_invisible) => sender,
            _ => {
                self.reply_to("MAIL", Reply::BadSenderSyntax);
                return false;
            }
        };
        if let Some(refusal) = self.inbound.refusal_of_storage() {
            self.reply_to("MAIL", refusal);
            return false;
        }
        self.transaction = Some(InboundTransaction {
            sender: sender.into(),
            size: mail.size,
            eight_bit: mail.eight_bit,
            smtp_utf8: mail.smtp_utf8,
            recipients: Vec::new(),
            seen: HashSet::new(),
            has_bare_postmaster: false,
            new_domains: Vec::new(),
            list: self.inbound.recipients.snapshot(),
            policies: self.inbound.recipients.policies(),
            offer: Offer {
                sender: Sender::from_path(sender),
                return_path: if sender.is_empty() { ReturnPath::Null } else { ReturnPath::Address },
                size: mail.size,
                size_max: self.config.limits.message_bytes_max,
                others: None,
            },
        });
        self.reply_to("MAIL", Reply::SenderOk);
        true
    }

    /// Number of recipients of the open transaction.
    pub(super) fn recipients(&self) -> usize {
        self.transaction.as_ref().map_or(0, |transaction| transaction.recipients.len())
    }

    /// Whether idle sessions must make room for others.
    pub(super) fn crowded(&self) -> bool {
        self.inbound.slots.crowded(self.config.limits.sessions_max)
    }

    /// Whether the session was refused too many recipients. While some were accepted, their message is received first.
    pub(super) fn has_guessed_enough(&mut self) -> bool {
        self.recipients() == 0 && self.guard.is_over(clock::now())
    }

    /// Whether the session may be closed because no more sessions can wait.
    pub(super) fn may_be_closed(&mut self) -> bool {
        self.recipients() == 0 && self.guard.is_slowed(clock::now())
    }

    /// Handles RCPT: decides by the list and by the recipient's rules for sender and size. `None`: the answer is given.
    pub(super) fn rcpt(&mut self, rcpt: &RcptTo<'_>) -> Option<UndecidedRecipient> {
        self.commands.rcpt += 1;
        let Some(transaction) = &self.transaction else {
            self.reply_to("RCPT", Reply::MailFirst);
            return None;
        };
        // Which of its rules an address breaks is told to people (`doorlist check`), not to senders.
        let Ok(recipient) = Recipient::from_path(rcpt.local, rcpt.domain, rcpt.source_route) else {
            self.reply_to("RCPT", Reply::BadRecipientSyntax);
            return None;
        };
        let (policies, offer, now) = (&transaction.policies, &transaction.offer, clock::now());
        let standing = self.guard.standing(&recipient, &transaction.list, &transaction.sender, now);
        let decision = decide_for(&recipient, &transaction.list, standing, now, policies, offer);
        Some(UndecidedRecipient { recipient, decision, standing })
    }

    /// What is known of a recipient that its list does not decide, or an answer that is on its way. `None`: it is decided.
    pub(super) fn ask(&mut self, undecided: &UndecidedRecipient) -> Option<Result<Knowledge, PendingAnswer>> {
        let (Recipient::Address(address), Reason::Undecided) = (&undecided.recipient, undecided.decision.reason) else {
            return None;
        };
        let (domain, now) = (self.transaction.as_ref()?.list.domain(address.domain())?, clock::now());
        let asker = Asker {
            source: SourceKey::from(self.client.address?),
            class: self.guard.class(now),
            may_ask: self.guard.may_probe(domain, now),
        };
        Some(self.inbound.callout.ask(address, domain, asker))
    }

    /// Answers RCPT with what is known. Returns also how long the answer waits, as a penalty.
    pub(super) fn answer_rcpt(
        &mut self,
        rcpt: &RcptTo<'_>,
        undecided: UndecidedRecipient,
        known: Knowledge,
    ) -> (AcceptedRecipient, Option<Duration>) {
        let UndecidedRecipient { recipient, decision, standing } = undecided;
        let Some(transaction) = &self.transaction else { return (AcceptedRecipient::No, None) };
        let now = clock::now();
        let mut decision = transaction.offer.knowing(&recipient, decision, known, &transaction.policies);
        let needs_smtp_utf8 = !rcpt.path.is_ascii() || !transaction.sender.is_ascii();
        if needs_smtp_utf8 && decision.domain.is_some_and(&self.inbound.lacks_smtp_utf8) {
            decision = decision.without_smtp_utf8();
        }
        self.inbound.metrics.decided(&decision);
        let domain = match &recipient {
            Recipient::Address(address) => transaction.list.domain(address.domain()).map(|domain| &**domain),
            _ => None,
        };
        // Its trial begins with its first message.
        let begins_trial = domain.filter(|domain| domain.mode == Mode::NEW).map(|domain| domain.id);
        let delay = self.guard.delay(standing, decision.reason.answer(), domain, now);
        self.note_for_fall_back(domain, &decision, now);
        if let Some(until) = self.guard.answered(&recipient, &decision, now) {
            self.tell_flagged(until, now);
        }
        let sender = self.transaction.as_ref().map_or("", |transaction| &transaction.sender);
        let class = || self.guard.asking(standing, now);
        asked::at_rcpt(&self.inbound.mail_log, sender, &recipient, &decision, class);
        let reply = Reply::to_rcpt(&decision);
        let path = String::from_utf8_lossy(rcpt.path);
        self.out.extend_from_slice(reply.line());
        if decision.verdict == Verdict::Accept {
            self.commands.rcpt_accepted += 1;
            return (self.add(recipient, &path, &decision, begins_trial), delay);
        }
        self.log_refusal(&path, &decision, reply, now);
        (AcceptedRecipient::No, delay)
    }

    fn add(
        &mut self,
        recipient: Recipient,
        path: &str,
        decision: &Decision,
        begins_trial: Option<DomainId>,
    ) -> AcceptedRecipient {
        let Some(transaction) = &mut self.transaction else { return AcceptedRecipient::No };
        if let Some(id) = begins_trial {
            transaction.note_new_domain(id);
        }
        let is_new = match recipient {
            Recipient::Address(address) => transaction.seen.insert(address),
            Recipient::Postmaster | Recipient::Relay => !std::mem::replace(&mut transaction.has_bare_postmaster, true),
        };
        if !is_new {
            return AcceptedRecipient::Repeated;
        }
        transaction.offer.others = Some(transaction.offer.class(decision, &transaction.policies));
        transaction.recipients.push(EnvelopeRecipient {
            path: path.into(),
            domain: decision.domain,
            address: decision.matched.address_id(),
            system: decision.reason == Reason::System,
            unlisted: decision.reason == Reason::Confirmed,
        });
        AcceptedRecipient::New
    }

    /// Notes a sender that an enforced list refused, if the domain may fall back and its source has a good record.
    fn note_for_fall_back(&self, domain: Option<&ProtectedDomain>, decision: &Decision, now: Timestamp) {
        let (Some(domain), Some(transaction)) = (domain, &self.transaction) else { return };
        let (sender, Some(peer)) = (&transaction.sender, self.client.address) else { return };
        if fall_back::may_count(domain, decision, sender) && self.inbound.harvest.rating(peer, now).is_good() {
            let (client, sender) = (self.client.clone(), sender.clone());
            self.inbound.fall_back.note(RefusedSender { domain: domain.id, client, sender });
        }
    }

    fn tell_flagged(&mut self, until: Timestamp, now: Timestamp) {
        self.inbound.metrics.flags.inc();
        let minutes = until.since(now).as_secs() / 60;
        let event = format!("{} guessed too many addresses: all its recipients are deferred;", self.name);
        self.event(&event, &[("minutes", FieldValue::Num(minutes))]);
    }

    /// Logs a rejected recipient, in the format of Postfix, and adds a mail log entry.
    fn log_refusal(&mut self, path: &str, decision: &Decision, reply: Reply, now: Timestamp) {
        let Some(transaction) = &self.transaction else { return };
        let (said, reason) = (reply.as_str(), stage::reason(reply));
        self.event.clear();
        let codes = said.strip_suffix(reply.text()).unwrap_or_default();
        for part in ["NOQUEUE: reject: RCPT from ", &self.name, ": ", codes, "<", path, ">: ", reason, ";"] {
            self.event.push_str(part);
        }
        self.log.add(&Line {
            process: Process::Smtpd,
            queue: None,
            event: &self.event,
            fields: &[
                ("from", FieldValue::Path(&transaction.sender)),
                ("to", FieldValue::Path(path)),
                ("proto", FieldValue::Str(if self.extended { "ESMTP" } else { "SMTP" })),
                ("helo", FieldValue::Path(&self.client.helo)),
                ("reason", FieldValue::Str(decision.reason.word())),
            ],
        });
        self.inbound.mail_log.record_refusal(&RefusedRecipient {
            time: now,
            action: if decision.verdict == Verdict::Defer { MailAction::Deferred } else { MailAction::Refused },
            sender: &transaction.sender,
            recipient: path,
            domain: decision.domain,
            client: self.client.address,
            reason: decision.reason.word(),
            reply: said,
        });
    }

    /// The `Received:` field of the open transaction.
    pub(super) fn trace_header(&self, id: QueueId) -> String {
        let (smtp_utf8, recipients) =
            self.transaction.as_ref().map_or((false, &[][..]), |t| (t.smtp_utf8, t.recipients.as_slice()));
        Trace {
            client: &self.client,
            extended: self.extended,
            smtp_utf8,
            hostname: &self.config.hostname,
            id,
            recipients,
            now: clock::now(),
        }
        .header()
    }
}
