//! Rspamd, played by a scripted server: what its answers lead to, and that one which hangs, lies, drips or is down makes no
//! mail clean and keeps none.

use crate::home::Log;
use crate::name_server::{NameServer, Zone};
use crate::verdicts::{MESSAGE, SPF, ScanBench};
use doorlist_core::verdict::{AuthenticationResult, ContentVerdict};
use doorlist_gateway::config::RspamdAddress;
use doorlist_gateway::journal::{Journal, JournalFormat, LineRenderer};
use doorlist_gateway::relay::resolver::SystemResolver;
use doorlist_gateway::verdict::ScanFailure;
use doorlist_gateway::verdict::builtin::Builtin;
use doorlist_gateway::verdict::rspamd::Rspamd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

/// How the scripted server behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    /// It answers with this body.
    Says(&'static str),
    /// It writes these octets, whatever HTTP wants.
    Writes(&'static str),
    Hangs,
    /// It sends an octet every 100 ms.
    Drips,
    Floods,
    Closes,
    /// Nobody listens at its address.
    IsDown,
}

pub(crate) struct ScriptedRspamd {
    pub(crate) address: RspamdAddress,
    requests: mpsc::UnboundedReceiver<String>,
    connections: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for ScriptedRspamd {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ScriptedRspamd {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, requests) = mpsc::unbounded_channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            if matches!(manner, Manner::IsDown) {
                return;
            }
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(answer(stream, manner, sender.clone()));
            }
        });
        Self { address: RspamdAddress { host: "127.0.0.1".to_owned(), port }, requests, connections, task }
    }
}

async fn answer(mut stream: TcpStream, manner: Manner, requests: mpsc::UnboundedSender<String>) {
    let mut request = Vec::new();
    while !request.ends_with(b"How are you?\r\n") {
        if matches!(stream.read_buf(&mut request).await, Ok(0) | Err(_)) {
            return;
        }
    }
    let _ = requests.send(String::from_utf8_lossy(&request).into_owned());
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    let _ = match manner {
        Manner::Says(body) => {
            stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await
        }
        Manner::Writes(octets) => stream.write_all(octets.as_bytes()).await,
        Manner::Hangs => std::future::pending().await,
        Manner::Drips => {
            for octet in head.bytes() {
                let _ = stream.write_all(&[octet]).await;
                sleep(Duration::from_millis(100)).await;
            }
            Ok(())
        }
        Manner::Floods => {
            while stream.write_all(&[b' '; 65_536]).await.is_ok() {}
            Ok(())
        }
        Manner::Closes | Manner::IsDown => Ok(()),
    };
}

async fn bench(address: &RspamdAddress) -> (ScanBench, Log) {
    let names = NameServer::start(Zone::default().txt("example.test", SPF)).await;
    let resolver = SystemResolver::of(Some(names.address)).unwrap();
    let log = Log::default();
    let renderer = LineRenderer::new(JournalFormat::Text, "gw.example.test", "doorlist");
    let journal = Journal::start(renderer, Box::new(log.clone())).unwrap();
    let scanner = Rspamd::new(address.clone(), Builtin::new(&resolver, "gw.example.test"), journal);
    (ScanBench::of(Arc::new(scanner), names).await, log)
}

#[tokio::test(flavor = "multi_thread")]
async fn rspamd_is_told_the_envelope_and_its_answer_counts() {
    let clean = r#"{"is_skipped":false,"score":0.1,"action":"no action","symbols":{"R_DKIM_ALLOW":{"score":-0.2}}}"#;
    for (body, verdict) in [
        (clean, ContentVerdict::Clean),
        (r#"{"action":"add header"}"#, ContentVerdict::Suspect),
        (r#"{"action":"reject"}"#, ContentVerdict::Spam),
        (r#"{"action":"reject","symbols":{"CLAM_VIRUS":{}}}"#, ContentVerdict::Virus),
        (r#"{"action":"no action","symbols":{"CLAM_VIRUS_FAIL":{}}}"#, ContentVerdict::Unchecked),
    ] {
        let mut server = ScriptedRspamd::start(Manner::Says(body)).await;
        let (bench, _) = bench(&server.address).await;
        let assessment = bench.assess("ann@example.test", MESSAGE).await;
        assert_eq!(assessment.verdict, verdict, "{body}");
        assert_eq!(assessment.authentication.unwrap().spf.result, AuthenticationResult::Pass);
        let request = server.requests.recv().await.unwrap();
        for line in [
            "POST /checkv2 HTTP/1.1\r\n",
            "\r\nIP: 192.0.2.7\r\n",
            "\r\nHelo: mail.example.test\r\n",
            "\r\nFrom: ann@example.test\r\n",
            "\r\nRcpt: bob@d.example.test\r\n",
            &format!("\r\nContent-Length: {}\r\n", MESSAGE.len()),
        ] {
            assert!(request.contains(line), "{line} is not in\n{request}");
        }
        assert!(request.ends_with(&format!("\r\n\r\n{MESSAGE}")), "{request}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s39_what_rspamd_calls_clean_must_be_within_our_limits() {
    let server = ScriptedRspamd::start(Manner::Says(r#"{"action":"no action"}"#)).await;
    let (bench, _) = bench(&server.address).await;
    let bomb = MESSAGE.replace("How", &format!("{}How", "Content-Type: message/rfc822\r\n\r\n".repeat(1_000)));
    assert_eq!(bench.assess("ann@example.test", &bomb).await.verdict, ContentVerdict::Limit);
}

#[tokio::test(flavor = "multi_thread")]
async fn s40_rspamd_that_fails_makes_nothing_clean_and_keeps_nothing() {
    for manner in [
        Manner::Hangs,
        Manner::Drips,
        Manner::Floods,
        Manner::Closes,
        Manner::Writes("SSH-2.0-OpenSSH_9.2\r\n"),
        Manner::Writes("HTTP/1.1 500 no\r\nContent-Length: 22\r\n\r\n{\"action\":\"no action\"}"),
        Manner::Writes("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"action\":\"no action\"}"),
        Manner::Says("OK"),
    ] {
        let server = ScriptedRspamd::start(manner).await;
        let (bench, _) = bench(&server.address).await;
        let message = bench.message("ann@example.test", MESSAGE.as_bytes()).await;
        let began = Instant::now();
        let outcome = bench.scanner.assess(&message, began + Duration::from_secs(2)).await;
        assert!(began.elapsed() < Duration::from_secs(3), "{manner:?} {:?}", began.elapsed());
        assert_eq!(outcome.assessment.verdict, ContentVerdict::Unchecked, "{manner:?}");
        assert_eq!(outcome.failure, Some(ScanFailure::NoAnswer), "{manner:?}");
        // Who may get a bounce is known all the same.
        assert!(outcome.assessment.may_bounce(&"example.test".parse().unwrap()), "{manner:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s40_rspamd_that_is_down_is_left_alone_for_a_while() {
    let server = ScriptedRspamd::start(Manner::Closes).await;
    let (bench, log) = bench(&server.address).await;
    for _ in 0..20 {
        assert_eq!(bench.assess("ann@example.test", MESSAGE).await.verdict, ContentVerdict::Unchecked);
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 5);
    let line = log.line(&["cleanup", "does not answer; mail is unchecked"]).await;
    assert!(line.contains(&format!("scanner {}", server.address)), "{line}");
}
