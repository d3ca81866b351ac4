//! The whole gateway in one process: a client, a name server and a domain's server, all on loopback. What is found at the
//! end of DATA is logged, kept, and put in front of the message.

use crate::fake::{Event, Fake, ok, say};
use crate::home::{Log, server};
use crate::name_server::{Entry, NameServer, Zone};
use crate::rspamd::{Manner, ScriptedRspamd};
use crate::signing::SigningDomain;
use doorlist_core::change::{Actor, Change, ChangeSet, DomainChange, Source, Structure, Via};
use doorlist_core::mail_policy::SpamTreatment;
use doorlist_core::verdict::{ContentVerdict, UncheckedMail};
use doorlist_gateway::config::{
    GatewayConfig, GuardConfig, Limits, ListenerConfig, Outbound, RelayConfig, TlsConfig, VerdictEngine,
};
use doorlist_gateway::gateway::{Certificate, Gateway, GatewayParts};
use doorlist_gateway::journal::{Journal, JournalFormat, LineRenderer};
use doorlist_smtp::server::BareLf;
use doorlist_store::mail_log::MailLogConfig;
use doorlist_store::spool::{Pending, SpoolConfig};
use doorlist_store::{MailLog, RecipientStore, Spool, StoreUrl};
use prometheus_client::registry::Registry;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const MESSAGE: &str = "From: ann@example.test\r\nTo: bob@d.example.test\r\nSubject: hello\r\n\r\nHow are you?\r\n";

/// In two parts each, so that this file is none of them.
const EICAR: [&str; 2] = [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-", "STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"];
const GTUBE: [&str; 2] = ["XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-", "STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"];
const DEFERRED: &str = "451 4.3.0 Message content could not be checked; try again later\r\n";

struct Whole {
    gateway: Gateway,
    recipients: RecipientStore,
    spool: Spool,
    log: Log,
    registry: Registry,
    _names: NameServer,
    _folder: tempfile::TempDir,
}

impl Whole {
    /// A gateway for `bob@d.example.test`, whose server is `next`; other mail goes to `others`.
    async fn start(zone: Zone, engine: VerdictEngine, next: &Fake, others: &Fake) -> Self {
        Self::with(zone, engine, UncheckedMail::Deliver, [next, others]).await
    }

    async fn with(zone: Zone, engine: VerdictEngine, unchecked: UncheckedMail, [next, others]: [&Fake; 2]) -> Self {
        let names = NameServer::start(zone).await;
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::Sqlite(folder.path().to_owned());
        let recipients = RecipientStore::open(&url).await.unwrap();
        let spool = Spool::open(&url, SpoolConfig::default()).await.unwrap();
        let mail_log = MailLog::open(&url, MailLogConfig::default()).await.unwrap();
        list_bob(&recipients, next.address).await;
        let log = Log::default();
        let renderer = LineRenderer::new(JournalFormat::Text, "gw.example.test", "doorlist");
        let journal = Journal::start(renderer, Box::new(log.clone())).unwrap();
        let listener = ListenerConfig {
            address: "127.0.0.1:0".parse().unwrap(),
            implicit_tls: false,
            proxy_from: Vec::new(),
            bare_lf: BareLf::Normalize,
        };
        let file = |name: &str| folder.path().join(name);
        let config = GatewayConfig {
            hostname: "gw.example.test".to_owned(),
            listeners: vec![listener],
            tls: TlsConfig { cert: file("cert.pem"), key: file("key.pem"), self_signed: true },
            limits: Limits::default(),
            guard: GuardConfig::default(),
            relay: RelayConfig {
                outbound: Outbound::SmartHost { host: "127.0.0.1".to_owned(), port: others.address.port() },
                ..RelayConfig::default()
            },
            verdict: engine,
            unchecked,
            name_server: Some(names.address),
            postmaster: None,
        };
        let certificate = Certificate::default();
        certificate.load(&config.tls, &config.hostname).unwrap();
        let certificate = Arc::new(certificate);
        let parts =
            GatewayParts { certificate, recipients: recipients.clone(), spool: spool.clone(), mail_log, journal };
        let mut registry = Registry::with_prefix("doorlist");
        let gateway = Gateway::start(config, parts, &mut registry).await.unwrap();
        Self { gateway, recipients, spool, log, registry, _names: names, _folder: folder }
    }

    /// Sends a message to Bob; the reply to its end.
    async fn send(&self, sender: &str, message: &str) -> String {
        let stream = TcpStream::connect(self.gateway.addresses()[0]).await.unwrap();
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        let commands =
            ["", "EHLO client.example.test", &format!("MAIL FROM:<{sender}>"), "RCPT TO:<bob@d.example.test>", "DATA"];
        for command in commands.into_iter().chain([&*format!("{message}.")]) {
            if !command.is_empty() {
                stream.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
            }
            line.clear();
            while line.lines().last().is_none_or(|last| last.as_bytes().get(3) != Some(&b' ')) {
                assert!(stream.read_line(&mut line).await.unwrap() > 0, "{command}: {line}");
            }
        }
        line
    }

    async fn change(&self, change: DomainChange) {
        apply(&self.recipients, Change::Domain { name: "d.example.test".parse().unwrap(), change }).await;
    }

    fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        text
    }

    async fn pending(&self) -> Vec<Pending> {
        self.spool.pending(None, 10).await.unwrap()
    }
}

async fn list_bob(recipients: &RecipientStore, server_at: SocketAddr) {
    let add = DomainChange::Add { customer: "Test".to_owned(), servers: vec![server(server_at)] };
    let bob = Change::Claim {
        address: "bob@d.example.test".parse().unwrap(),
        structure: Structure::Mailbox,
        source: Source::Hand,
    };
    for change in [Change::Domain { name: "d.example.test".parse().unwrap(), change: add }, bob] {
        apply(recipients, change).await;
    }
}

async fn apply(recipients: &RecipientStore, change: Change) {
    let set = ChangeSet { changes: vec![change], summary: "test".to_owned() };
    let actor = Actor { name: "test".to_owned(), via: Via::Command };
    recipients.apply(&set, &actor, None).await.unwrap();
}

fn zone(domain: &SigningDomain) -> Zone {
    Zone::default()
        .txt("example.test", "v=spf1 ip4:127.0.0.1 -all")
        .txt("_dmarc.example.test", "v=DMARC1; p=reject")
        .txt(&domain.key_name(), domain.key_record())
}

#[tokio::test(flavor = "multi_thread")]
async fn results_are_logged_counted_and_put_in_front_of_the_very_octets() {
    let (next, others) = (Fake::start(ok).await, Fake::start(ok).await);
    let domain = SigningDomain::new("example.test");
    let whole = Whole::start(zone(&domain), VerdictEngine::Builtin, &next, &others).await;
    let forged = "Authentication-Results: gw.example.test; dmarc=fail\r\nX-Doorlist-Verdict: virus\r\n";
    let signed = domain.sign(MESSAGE);
    let reply = whole.send("ann@example.test", &format!("{forged}{signed}")).await;
    assert!(reply.starts_with("250 "), "{reply}");
    whole.log.line(&["cleanup", "verdict=clean, spf=pass, dkim=pass, dmarc=pass"]).await;
    let taken = next.next().await;
    let text = String::from_utf8(taken.body).unwrap();
    let front = "X-Doorlist-Verdict: clean\r\nAuthentication-Results: gw.example.test;\r\n\tspf=pass smtp.mailfrom=example.test;\r\n\
                 \tdkim=pass header.d=example.test;\r\n\tdmarc=pass header.from=example.test;\r\n\tarc=none\r\n\
                 Received: from client.example.test";
    assert!(text.starts_with(front) && text.ends_with(&signed), "{text}");
    assert_eq!(taken.mail, format!("MAIL FROM:<ann@example.test> SIZE={}", text.len()));
    assert_eq!(text.matches("Authentication-Results").count(), 1, "{text}");
    assert_eq!(text.matches("X-Doorlist-Verdict").count(), 1, "{text}");
    assert!(whole.metrics().contains("doorlist_verdicts_total{verdict=\"clean\"} 1"), "{}", whole.metrics());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_forged_sender_of_a_refused_message_gets_no_bounce() {
    let next = Fake::start(|event| match event {
        Event::Command(line) if line.starts_with("RCPT") => say("550 5.1.1 no such user"),
        other => ok(other),
    })
    .await;
    let others = Fake::start(ok).await;
    let domain = SigningDomain::new("example.test");
    let whole = Whole::start(zone(&domain), VerdictEngine::Builtin, &next, &others).await;
    // In From: himself, with a valid signature of his own; only MAIL FROM is forged.
    assert!(whole.send("victim@other.test", &domain.sign(MESSAGE)).await.starts_with("250 "));
    whole.log.line(&["failed, kept for the admin: the sender is not authenticated"]).await;
    let pending = whole.pending().await;
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0].envelope.assessment.verdict, ContentVerdict::Clean);
    assert!(whole.send("ann@example.test", MESSAGE).await.starts_with("250 "));
    assert_eq!(others.next().await.rcpt, ["ann@example.test"]);
    assert!(!others.has_more().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_scanner_mail_goes_through_as_it_came() {
    let (next, others) = (Fake::start(ok).await, Fake::start(ok).await);
    let domain = SigningDomain::new("example.test");
    let whole = Whole::start(zone(&domain), VerdictEngine::Nobody, &next, &others).await;
    assert!(whole.send("ann@example.test", MESSAGE).await.starts_with("250 "));
    let text = String::from_utf8(next.next().await.body).unwrap();
    assert!(text.starts_with("Received: ") && text.ends_with(MESSAGE), "{text}");
    assert!(!whole.log.text().contains("verdict="));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_virus_is_refused_at_the_end_of_data_and_spam_is_tagged() {
    let (next, others) = (Fake::start(ok).await, Fake::start(ok).await);
    let domain = SigningDomain::new("example.test");
    let whole = Whole::start(zone(&domain), VerdictEngine::Builtin, &next, &others).await;
    let (virus, spam) = (EICAR.concat(), GTUBE.concat());
    let reply = whole.send("ann@example.test", &format!("{MESSAGE}{virus}\r\n")).await;
    assert_eq!(reply, "550 5.7.1 Message content rejected: a virus was found\r\n");
    whole.log.line(&["reject: END-OF-MESSAGE", "550 5.7.1 Message content rejected", "from=<ann@example.test>"]).await;
    assert!(whole.pending().await.is_empty());
    assert!(whole.send("ann@example.test", &format!("{MESSAGE}{spam}\r\n")).await.starts_with("250 "));
    whole.log.line(&["cleanup", "verdict=spam, spf=pass"]).await;
    let tagged = String::from_utf8(next.next().await.body).unwrap();
    let front = "X-Spam-Flag: YES\r\nX-Doorlist-Verdict: spam\r\nAuthentication-Results: ";
    assert!(tagged.starts_with(front) && tagged.contains(&spam), "{tagged}");
    for verdict in ["virus", "spam"] {
        let line = format!("doorlist_verdicts_total{{verdict=\"{verdict}\"}} 1");
        assert!(whole.metrics().contains(&line), "{}", whole.metrics());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn spam_is_refused_where_the_domain_says_so_and_nothing_else_is() {
    let (next, others) = (Fake::start(ok).await, Fake::start(ok).await);
    let domain = SigningDomain::new("example.test");
    let doubtful = ScriptedRspamd::start(Manner::Says(r#"{"action":"add header"}"#)).await;
    let spam = format!("{MESSAGE}{}\r\n", GTUBE.concat());
    for (engine, message, expected) in [
        (VerdictEngine::Builtin, &*spam, "550 5.7.1 Message content rejected: it is spam\r\n"),
        (VerdictEngine::Builtin, MESSAGE, "250 "),
        (VerdictEngine::Rspamd(doubtful.address.clone()), MESSAGE, "250 "),
    ] {
        let whole = Whole::start(zone(&domain), engine, &next, &others).await;
        whole.change(DomainChange::Spam(SpamTreatment::Refuse)).await;
        let reply = whole.send("ann@example.test", message).await;
        assert!(reply.starts_with(expected), "{reply}");
        if expected.starts_with("550") {
            whole.log.line(&["reject: END-OF-MESSAGE", "550 5.7.1 Message content rejected: it is spam"]).await;
            assert!(whole.pending().await.is_empty());
            whole.change(DomainChange::Spam(SpamTreatment::Tag)).await;
            assert!(whole.send("ann@example.test", message).await.starts_with("250 "));
        }
        next.next().await;
    }
    assert!(!next.has_more().await && !others.has_more().await, "no bounce, and nothing of what was refused");
}

/// The reply to an ordinary message, with this scanner.
async fn reply_with(zone: Zone, engine: VerdictEngine, unchecked: UncheckedMail) -> (String, Option<String>) {
    let (next, others) = (Fake::start(ok).await, Fake::start(ok).await);
    let whole = Whole::with(zone, engine, unchecked, [&next, &others]).await;
    let reply = whole.send("ann@example.test", MESSAGE).await;
    let taken = if reply.starts_with("250 ") { Some(String::from_utf8(next.next().await.body).unwrap()) } else { None };
    assert!(taken.is_some() || whole.pending().await.is_empty());
    (reply, taken)
}

#[tokio::test(flavor = "multi_thread")]
async fn s40_what_a_broken_scanner_leaves_unchecked_is_delivered_or_deferred() {
    let mut running = JoinSet::new();
    for manner in [
        Manner::Hangs,
        Manner::Drips,
        Manner::Closes,
        Manner::Writes("SSH-2.0-OpenSSH_9.2\r\n"),
        Manner::Writes("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"action\":\"no action\"}"),
        Manner::Says("{\"action\":"),
        Manner::Says(r#"{"action":"no action","symbols":{"CLAM_VIRUS_FAIL":{"options":["retransmits exceed"]}}}"#),
        Manner::IsDown,
    ] {
        for unchecked in [UncheckedMail::Deliver, UncheckedMail::Defer] {
            running.spawn(async move {
                let scripted = ScriptedRspamd::start(manner).await;
                let zone = zone(&SigningDomain::new("example.test"));
                let engine = VerdictEngine::Rspamd(scripted.address.clone());
                let (reply, taken) = reply_with(zone, engine, unchecked).await;
                match taken {
                    Some(text) => {
                        assert_eq!(unchecked, UncheckedMail::Deliver, "{manner:?}");
                        assert!(text.starts_with("X-Doorlist-Verdict: unchecked\r\n"), "{manner:?}\n{text}");
                    }
                    None => assert_eq!((&*reply, unchecked), (DEFERRED, UncheckedMail::Defer), "{manner:?}"),
                }
            });
        }
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_may_be_checked_later_is_deferred() {
    let too_large =
        ScriptedRspamd::start(Manner::Writes("HTTP/1.1 413 Request entity too large\r\nContent-Length: 0\r\n\r\n"))
            .await;
    let limits = r#"{"action":"no action","symbols":{"CLAM_VIRUS_FAIL":{"options":["Limits Exceeded"]}}}"#;
    let limits = ScriptedRspamd::start(Manner::Says(limits)).await;
    let skipped = ScriptedRspamd::start(Manner::Says(r#"{"action":"no action","is_skipped":true}"#)).await;
    let rspamd = |scripted: &ScriptedRspamd| VerdictEngine::Rspamd(scripted.address.clone());
    let known = || zone(&SigningDomain::new("example.test"));
    let broken = |name: &str| known().with(name, Entry::Broken);
    for (zone, engine, is_deferred) in [
        (known(), rspamd(&too_large), false),
        (known(), rspamd(&limits), false),
        (known(), rspamd(&skipped), false),
        // Rspamd has its verdict without the name servers of the sender.
        (broken("example.test"), rspamd(&skipped), false),
        (known(), VerdictEngine::Builtin, false),
        (Zone::default(), VerdictEngine::Builtin, false),
        (broken("example.test"), VerdictEngine::Builtin, true),
        (broken("_dmarc.example.test"), VerdictEngine::Builtin, true),
        // Nobody is to look.
        (broken("example.test"), VerdictEngine::Nobody, false),
    ] {
        let case = format!("{zone:?} {engine:?}");
        let (reply, _) = reply_with(zone, engine, UncheckedMail::Defer).await;
        assert_eq!(reply == DEFERRED, is_deferred, "{case}: {reply}");
    }
}
