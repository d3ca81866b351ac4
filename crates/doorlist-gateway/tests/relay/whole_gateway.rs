//! The whole gateway in one process: a client, a name server and a domain's server, all on loopback. What is found at the
//! end of DATA is logged, kept, and put in front of the message.

use crate::fake::{Event, Fake, ok, say};
use crate::home::{Log, server};
use crate::name_server::{NameServer, Zone};
use crate::signing::SigningDomain;
use doorlist_core::change::{Actor, Change, ChangeSet, DomainChange, Source, Structure, Via};
use doorlist_core::verdict::ContentVerdict;
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

const MESSAGE: &str = "From: ann@example.test\r\nTo: bob@d.example.test\r\nSubject: hello\r\n\r\nHow are you?\r\n";

struct Whole {
    gateway: Gateway,
    spool: Spool,
    log: Log,
    registry: Registry,
    _names: NameServer,
    _folder: tempfile::TempDir,
}

impl Whole {
    /// A gateway for `bob@d.example.test`, whose server is `next`; other mail goes to `others`.
    async fn start(zone: Zone, engine: VerdictEngine, next: &Fake, others: &Fake) -> Self {
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
            name_server: Some(names.address),
            postmaster: None,
        };
        let certificate = Certificate::default();
        certificate.load(&config.tls, &config.hostname).unwrap();
        let certificate = Arc::new(certificate);
        let parts = GatewayParts { certificate, recipients, spool: spool.clone(), mail_log, journal };
        let mut registry = Registry::with_prefix("doorlist");
        let gateway = Gateway::start(config, parts, &mut registry).await.unwrap();
        Self { gateway, spool, log, registry, _names: names, _folder: folder }
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
        let set = ChangeSet { changes: vec![change], summary: "test".to_owned() };
        let actor = Actor { name: "test".to_owned(), via: Via::Command };
        recipients.apply(&set, &actor, None).await.unwrap();
    }
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
    let forged = "Authentication-Results: gw.example.test; dmarc=fail\r\n";
    let signed = domain.sign(MESSAGE);
    let reply = whole.send("ann@example.test", &format!("{forged}{signed}")).await;
    assert!(reply.starts_with("250 "), "{reply}");
    whole.log.line(&["cleanup", "verdict=clean, spf=pass, dkim=pass, dmarc=pass"]).await;
    let taken = next.next().await;
    let text = String::from_utf8(taken.body).unwrap();
    let front = "Authentication-Results: gw.example.test;\r\n\tspf=pass smtp.mailfrom=example.test;\r\n\
                 \tdkim=pass header.d=example.test;\r\n\tdmarc=pass header.from=example.test\r\n\
                 Received: from client.example.test";
    assert!(text.starts_with(front) && text.ends_with(&signed), "{text}");
    assert_eq!(taken.mail, format!("MAIL FROM:<ann@example.test> SIZE={}", text.len()));
    assert_eq!(text.matches("Authentication-Results").count(), 1, "{text}");
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
    // In two parts each, so that this file is none of them.
    let virus = [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-", "STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].concat();
    let spam = ["XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-", "STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"].concat();
    let reply = whole.send("ann@example.test", &format!("{MESSAGE}{virus}\r\n")).await;
    assert_eq!(reply, "550 5.7.1 Message content rejected: a virus was found\r\n");
    whole.log.line(&["reject: END-OF-MESSAGE", "550 5.7.1 Message content rejected", "from=<ann@example.test>"]).await;
    assert!(whole.pending().await.is_empty());
    assert!(whole.send("ann@example.test", &format!("{MESSAGE}{spam}\r\n")).await.starts_with("250 "));
    whole.log.line(&["cleanup", "verdict=spam, spf=pass"]).await;
    let tagged = String::from_utf8(next.next().await.body).unwrap();
    assert!(tagged.starts_with("X-Spam-Flag: YES\r\nAuthentication-Results: ") && tagged.contains(&spam), "{tagged}");
    for verdict in ["virus", "spam"] {
        let line = format!("doorlist_verdicts_total{{verdict=\"{verdict}\"}} 1");
        assert!(whole.metrics().contains(&line), "{}", whole.metrics());
    }
}
