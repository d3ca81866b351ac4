//! The scanner that is built in, with the names of a table: what it makes of mail, of broken mail, and of name servers
//! that are slow, silent or endless.

use crate::name_server::{Entry, NameServer, Zone};
use crate::signing::SigningDomain;
use doorlist_core::queue_id::QueueId;
use doorlist_core::verdict::{Assessment, Authentication, AuthenticationResult, ContentVerdict};
use doorlist_gateway::relay::resolver::SystemResolver;
use doorlist_gateway::verdict::builtin::Builtin;
use doorlist_gateway::verdict::{PendingScan, ScannedMessage, Scanner, TIME_MAX, Verdicts};
use doorlist_store::spool::{ClientInfo, SpoolConfig};
use doorlist_store::{Spool, StoreUrl};
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

pub(crate) const MESSAGE: &str =
    "From: Ann <ann@example.test>\r\nTo: bob@d.example.test\r\nSubject: hello\r\n\r\nHow are you?\r\n";
/// The address of the client in these tests.
const CLIENT: &str = "192.0.2.7";
pub(crate) const SPF: &str = "v=spf1 ip4:192.0.2.7 -all";
/// In two parts, so that this file is none of them.
const GTUBE: [&str; 2] = ["XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-", "STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"];
const EICAR_IN_BASE64: [&str; 2] =
    ["WDVPIVAlQEFQWzRcUFpYNTQoUF4pN0NDKTd9JEVJQ0FSLVNUQU5EQVJE", "LUFOVElWSVJVUy1URVNULUZJTEUhJEgrSCo="];

/// The scanner, and a spool that keeps the messages for it.
pub(crate) struct ScanBench {
    pub(crate) scanner: Arc<dyn Scanner>,
    names: NameServer,
    spool: Spool,
    _folder: tempfile::TempDir,
}

impl ScanBench {
    async fn start(zone: Zone) -> Self {
        Self::on(NameServer::start(zone).await).await
    }

    async fn on(names: NameServer) -> Self {
        let resolver = SystemResolver::of(Some(names.address)).unwrap();
        let scanner = Arc::new(Builtin::new(&resolver, "gw.example.test"));
        Self::of(scanner, names).await
    }

    pub(crate) async fn of(scanner: Arc<dyn Scanner>, names: NameServer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::Sqlite(folder.path().to_owned());
        let spool = Spool::open(&url, SpoolConfig::default()).await.unwrap();
        Self { scanner, names, spool, _folder: folder }
    }

    pub(crate) async fn message(&self, sender: &str, message: &[u8]) -> ScannedMessage {
        let mut writer = self.spool.body(None);
        writer.write(message).await.unwrap();
        let complete = self.spool.complete(writer).await.unwrap();
        let body = complete.contents().clone();
        // A large body lies in a file, which goes with what was not accepted.
        std::mem::forget(complete);
        ScannedMessage {
            id: QueueId::from_u64(1),
            client: ClientInfo {
                address: CLIENT.parse().ok(),
                helo: "mail.example.test".into(),
                ..ClientInfo::default()
            },
            sender: sender.into(),
            recipients: vec!["bob@d.example.test".into()],
            body,
        }
    }

    pub(crate) async fn assess(&self, sender: &str, message: impl AsRef<[u8]>) -> Assessment {
        let message = self.message(sender, message.as_ref()).await;
        self.scanner.assess(&message, Instant::now() + TIME_MAX).await.assessment
    }
}

/// The results of SPF, DKIM and DMARC.
fn results(assessment: &Assessment) -> (AuthenticationResult, AuthenticationResult, AuthenticationResult) {
    let Authentication { spf, dmarc, .. } = assessment.authentication.as_ref().unwrap();
    (spf.result, assessment.authentication.as_ref().unwrap().dkim_result(), *dmarc)
}

use AuthenticationResult::{Fail, None as Absent, Pass, PermError, TempError};

#[tokio::test(flavor = "multi_thread")]
async fn mail_of_its_authors_organisation_is_clean() {
    let domain = SigningDomain::new("example.test");
    let stranger = SigningDomain::new("evil.test");
    let zone = Zone::default()
        .txt("example.test", SPF)
        .txt("_dmarc.example.test", "v=DMARC1; p=reject")
        .txt(&domain.key_name(), domain.key_record())
        .txt(&stranger.key_name(), stranger.key_record())
        .txt("evil.test", SPF);
    let bench = ScanBench::start(zone).await;
    let signed = domain.sign(MESSAGE);
    for (sender, message, expected, verdict) in [
        ("ann@example.test", MESSAGE.to_owned(), (Pass, Absent, Pass), ContentVerdict::Clean),
        ("list@nobody.test", signed.clone(), (Absent, Pass, Pass), ContentVerdict::Clean),
        ("list@nobody.test", stranger.sign(&signed), (Absent, Pass, Pass), ContentVerdict::Clean),
        // What a relay puts in front breaks no signature.
        (
            "list@nobody.test",
            format!("Received: from a\r\n\tby b; now\r\n{signed}"),
            (Absent, Pass, Pass),
            ContentVerdict::Clean,
        ),
        // Forged: an attacker's own domain passes, the author's does not.
        ("eve@evil.test", MESSAGE.to_owned(), (Pass, Absent, Fail), ContentVerdict::Unchecked),
        ("eve@evil.test", stranger.sign(MESSAGE), (Pass, Pass, Fail), ContentVerdict::Unchecked),
        (
            "ann@example.test",
            signed.replace("How are", "Who is"),
            (Pass, AuthenticationResult::Neutral, Pass),
            ContentVerdict::Clean,
        ),
        ("list@nobody.test", signed.replace("hello", "other"), (Absent, Fail, Fail), ContentVerdict::Unchecked),
        // Without a From field, or with two, there is no author.
        ("ann@example.test", "Subject: x\r\n\r\n".to_owned(), (Pass, Absent, Absent), ContentVerdict::Unchecked),
        (
            "eve@evil.test",
            MESSAGE.replace("\r\nTo:", "\r\nFrom: eve@evil.test\r\nTo:"),
            (Pass, Absent, Absent),
            ContentVerdict::Unchecked,
        ),
    ] {
        let assessment = bench.assess(sender, &message).await;
        assert_eq!((results(&assessment), assessment.verdict), (expected, verdict), "{sender}\n{message}");
    }
    // The null sender: SPF is that of the host in HELO.
    let assessment = bench.assess("", MESSAGE).await;
    assert_eq!(results(&assessment).0, Absent);
    assert!(!assessment.may_bounce(&"example.test".parse().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_of_forwarders_is_verified_and_vouches_for_nobody() {
    let (list, other) = (SigningDomain::new("list.test"), SigningDomain::new("other.test"));
    let zone = [&list, &other].into_iter().fold(Zone::default(), |zone, of| zone.txt(&of.key_name(), of.key_record()));
    let bench = ScanBench::start(zone).await;
    let once = list.seal(MESSAGE, bench.names.address).await;
    let twice = other.seal(&once, bench.names.address).await;
    let unknown = SigningDomain::new("unknown.test").seal(&once, bench.names.address).await;
    let without = |field: &str| {
        let start = once.find(field).unwrap();
        let end = once[start..].find("\r\nARC-").or(once[start..].find("\r\nFrom:")).unwrap();
        format!("{}{}", &once[..start], &once[start + end + 2..])
    };
    for (message, expected) in [
        (MESSAGE.to_owned(), Absent),
        (once.clone(), Pass),
        (format!("Received: from a\r\n\tby b; now\r\n{twice}"), Pass),
        (twice.replace("How are", "Who is"), Fail),
        (twice.replace("Subject: hello", "Subject: other"), Fail),
        (twice.replacen("i=1", "i=3", 1), Fail),
        (once.replace("cv=none", "cv=pass"), Fail),
        // A name server that does not know the key: every error is the chain's (RFC 8617 §5.2.1).
        (unknown, Fail),
        (without("ARC-Seal:"), Fail),
        (without("ARC-Message-Signature:"), Fail),
        (without("ARC-Authentication-Results:"), Fail),
        (format!("ARC-Seal: nonsense\r\n{MESSAGE}"), Fail),
        (format!("ARC-Authentication-Results: i=1; a.test\r\n{MESSAGE}"), Fail),
    ] {
        let assessment = bench.assess("list@nobody.test", &message).await;
        let found = assessment.authentication.as_ref().unwrap();
        assert_eq!((found.arc, assessment.verdict), (expected, ContentVerdict::Unchecked), "{message}");
        assert_eq!(found.dkim, [], "errors of a chain are none of signatures: {message}");
    }
    // An endless chain costs no look-ups.
    let asked = bench.names.asked();
    let endless =
        (1..=60).fold(MESSAGE.to_owned(), |message, _| format!("{}{message}", &once[..once.len() - MESSAGE.len()]));
    let assessment = bench.assess("list@nobody.test", &endless).await;
    assert_eq!(assessment.authentication.unwrap().arc, Fail);
    assert!(bench.names.asked() < asked + 10, "{} and {asked}", bench.names.asked());
}

#[tokio::test(flavor = "multi_thread")]
async fn test_messages_of_filters_are_what_they_say() {
    let bench = ScanBench::start(Zone::default().txt("example.test", SPF)).await;
    let part = format!("{MESSAGE}--x\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    let eicar = EICAR_IN_BASE64.concat();
    let large = "x".repeat(70).to_owned() + "\r\n";
    for (message, verdict) in [
        (format!("{MESSAGE}{}\r\n", GTUBE.concat()), ContentVerdict::Spam),
        (format!("{part}{eicar}\r\n"), ContentVerdict::Virus),
        (format!("{part}{}\r\n{}\r\n", EICAR_IN_BASE64[0], EICAR_IN_BASE64[1]), ContentVerdict::Virus),
        // S39: far behind the start, in a body that lies in a file.
        (format!("{MESSAGE}{}{eicar}\r\n", large.repeat(30_000)), ContentVerdict::Virus),
        (format!("{MESSAGE}{}", large.repeat(30_000)), ContentVerdict::Clean),
        // S38
        (format!("{MESSAGE}{}", "Content-Type: message/rfc822\r\n\r\n".repeat(10_000)), ContentVerdict::Limit),
        (format!("{}{MESSAGE}", "X-A: b\r\n".repeat(20_000)), ContentVerdict::Limit),
    ] {
        let assessment = bench.assess("ann@example.test", &message).await;
        assert_eq!(assessment.verdict, verdict, "{}", &message[..message.len().min(300)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_has_spf_alone() {
    let bench = ScanBench::start(Zone::default().txt("example.test", SPF)).await;
    let message = format!("{MESSAGE}{}", "0123456789abcde\r\n".repeat(2_100_000));
    let assessment = bench.assess("ann@example.test", &message).await;
    assert_eq!((assessment.verdict, results(&assessment)), (ContentVerdict::Limit, (Pass, Absent, Absent)));
    assert!(assessment.may_bounce(&"example.test".parse().unwrap()), "SPF passed for MAIL FROM");
}

#[tokio::test(flavor = "multi_thread")]
async fn name_servers_that_fail_make_nothing_clean() {
    let domain = SigningDomain::new("example.test");
    let signed = domain.sign(MESSAGE);
    let broken = Zone::default()
        .with("example.test", Entry::Broken)
        .with(&domain.key_name(), Entry::Broken)
        .with("_dmarc.example.test", Entry::Broken);
    let bench = ScanBench::start(broken).await;
    let assessment = bench.assess("ann@example.test", &signed).await;
    assert_eq!(
        (results(&assessment), assessment.verdict),
        ((TempError, TempError, TempError), ContentVerdict::Unchecked)
    );
    // SPF passes, the policy is not known.
    let bench =
        ScanBench::start(Zone::default().txt("example.test", SPF).with("_dmarc.example.test", Entry::Broken)).await;
    let assessment = bench.assess("ann@example.test", MESSAGE).await;
    assert_eq!((results(&assessment), assessment.verdict), ((Pass, Absent, TempError), ContentVerdict::Unchecked));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_name_server_costs_no_more_than_the_time() {
    let domain = SigningDomain::new("example.test");
    let zone = Zone::default().txt("example.test", SPF).with(&domain.key_name(), Entry::Silence);
    let bench = ScanBench::start(zone).await;
    let message = bench.message("ann@example.test", domain.sign(MESSAGE).as_bytes()).await;
    let began = Instant::now();
    let assessment = bench.scanner.assess(&message, began + Duration::from_secs(2)).await.assessment;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    // What could be evaluated counts.
    assert_eq!((results(&assessment), assessment.verdict), ((Pass, TempError, Absent), ContentVerdict::Clean));
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_records_are_cut_off() {
    // Each record includes ten others, for ever.
    let names = NameServer::answering(|name| {
        let includes: String = (0..9).map(|n| format!(" include:{n}.{name}")).collect();
        Some(Entry::Txt(format!("v=spf1{includes} -all")))
    })
    .await;
    let bench = ScanBench::on(names).await;
    let assessment = bench.assess("ann@example.test", MESSAGE).await;
    assert_eq!((results(&assessment).0, assessment.verdict), (PermError, ContentVerdict::Unchecked));
    assert!(bench.names.asked() < 60, "{}", bench.names.asked());
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_mail_are_no_trouble() {
    let bench = ScanBench::start(Zone::default().txt("example.test", SPF)).await;
    let fields = "DKIM-Signature: v=1; a=rsa-sha256; d=example.test; s=s1; h=".to_owned();
    for message in [
        Vec::new(),
        vec![0; 1000],
        vec![0xff; 300_000],
        b"From:".to_vec(),
        b"From: \"\\\r\n (((((\r\n\r\n".to_vec(),
        [fields.clone(), "from:".repeat(20_000), "; bh=; b=\r\n\r\n".to_owned()].concat().into_bytes(),
        [fields, "from; bh=YQ==; b=YQ==\r\n".to_owned()].concat().repeat(900).into_bytes(),
    ] {
        let began = Instant::now();
        let assessment = bench.assess("ann@example.test", &message).await;
        assert_eq!(assessment.verdict, ContentVerdict::Unchecked);
        assert_eq!(results(&assessment).0, Pass);
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
}

/// A scanner that is as bad as they come.
struct Bad(bool);

impl Scanner for Bad {
    fn assess<'a>(&'a self, _: &'a ScannedMessage, _: Instant) -> PendingScan<'a> {
        Box::pin(async move {
            assert!(!self.0, "a scanner that panics");
            std::future::pending().await
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s40_a_scanner_that_panics_or_hangs_loses_nothing() {
    let bench = ScanBench::start(Zone::default()).await;
    for (panics, reason) in [(true, "panic"), (false, "late")] {
        let mut registry = Registry::with_prefix("doorlist");
        let verdicts = Verdicts::start(Arc::new(Bad(panics)), &mut registry).unwrap();
        let message = bench.message("ann@example.test", MESSAGE.as_bytes()).await;
        let began = Instant::now();
        let outcome = verdicts.assess(message).await;
        assert_eq!(outcome.assessment, Assessment::default());
        // One that panics does so each time, and the message would never be accepted.
        assert_eq!(outcome.may_be_checked_later(), !panics);
        assert!(began.elapsed() < TIME_MAX + Duration::from_secs(2));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        assert!(text.contains(&format!("doorlist_verdict_failures_total{{reason=\"{reason}\"}} 1")), "{text}");
        assert!(text.contains("doorlist_verdicts_total{verdict=\"unchecked\"} 1"), "{text}");
    }
}
