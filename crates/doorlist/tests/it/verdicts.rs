//! What becomes of mail for what is in it, with the server as operators have it: commands, settings, and a real Rspamd with a
//! real ClamAV behind it.

use doorlist_testbed::rspamd::{Rspamd, SPAM_SUBJECT, VIRUS};

use crate::client::Client;
use crate::name_server::authenticating;
use crate::server::{Server, Settings};
use crate::sink::Sink;

/// In two parts, so that this file is none of them.
const GTUBE: [&str; 2] = ["XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-", "STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"];
const UNCHECKED: &str = "451 4.3.0 Message content could not be checked; try again later";

/// The answer to a message.
fn send(server: &Server, to: &str, subject: &str, text: &str) -> String {
    let mut client = Client::greeted(server.smtp());
    client.mail(to, &format!("From: friend@sender.example.test\r\nSubject: {subject}\r\n\r\n{text}"))
}

#[test]
fn spam_is_tagged_or_refused_as_the_domain_says() {
    let mut server = Server::with(authenticating(Settings::default()));
    let sink = Sink::start();
    server.protect("example.test", sink.address(), &["ann"]);
    server.protect("other.test", sink.address(), &["bob"]);
    let spam = GTUBE.concat();
    assert!(send(&server, "ann@example.test", "offer", &spam).starts_with("250 2.0.0"));
    assert!(sink.wait_for(1)[0].text().starts_with("X-Spam-Flag: YES\r\nX-Doorlist-Verdict: spam\r\n"));

    server.done(&["domain", "set", "example.test", "--spam", "refuse"]);
    assert!(server.done(&["domain", "show", "example.test"]).contains("spam         refused at the end of DATA"));
    let reply = send(&server, "ann@example.test", "offer", &spam);
    assert_eq!(reply, "550 5.7.1 Message content rejected: it is spam");
    let log = server.wait_for_log(&["reject: END-OF-MESSAGE", "550 5.7.1 Message content rejected: it is spam"]);
    assert!(log.contains("nrcpt=1"), "{log}");
    let entries = server.done(&["log", "--to", "ann@example.test", "--action", "refused", "--json"]);
    assert!(entries.contains(r#""reason":"spam""#), "{entries}");
    // What is no spam gets through, and the other domain has what it had.
    assert!(send(&server, "ann@example.test", "hello", "How are you?").starts_with("250 2.0.0"));
    assert!(send(&server, "bob@other.test", "offer", &spam).starts_with("250 2.0.0"));

    let changes = server.done(&["changes", "list", "--domain", "example.test", "--json"]);
    let change = changes.lines().find(|line| line.contains("domain example.test: spam is refused")).expect(&changes);
    let change: serde_json::Value = serde_json::from_str(change).unwrap();
    server.done(&["changes", "undo", &change["id"].to_string()]);
    assert!(server.done(&["domain", "show", "example.test", "--json"]).contains(r#""spam":"tag""#));
    assert!(send(&server, "ann@example.test", "offer", &spam).starts_with("250 2.0.0"));
    assert_eq!(sink.wait_for(4).len(), 4);
}

#[test]
fn a_real_scanner_that_goes_leaves_mail_unchecked_and_nothing_clean() {
    let mut scanner = Rspamd::start().unwrap();
    let with = |unchecked: &str| {
        let settings = authenticating(Settings::default())
            .set("verdict.engine", "rspamd")
            .set("verdict.rspamd_url", format!("http://{}/", scanner.address()))
            .set("verdict.unchecked", unchecked);
        let (server, sink) = (Server::with(settings), Sink::start());
        server.protect("example.test", sink.address(), &["ann"]);
        server.done(&["domain", "set", "example.test", "--spam", "refuse"]);
        (server, sink)
    };
    let ((delivering, delivered), (deferring, checked)) = (with("deliver"), with("defer"));
    for server in [&delivering, &deferring] {
        let say = |subject, text| send(server, "ann@example.test", subject, text);
        assert!(say("hello", "How are you?").starts_with("250 2.0.0"));
        assert_eq!(say("hello", VIRUS), "550 5.7.1 Message content rejected: a virus was found");
        assert_eq!(say(SPAM_SUBJECT, "Buy"), "550 5.7.1 Message content rejected: it is spam");
    }
    scanner.end_clamav().unwrap();
    for text in [VIRUS, "How are you?"] {
        assert!(send(&delivering, "ann@example.test", "hello", text).starts_with("250 2.0.0"));
        assert_eq!(send(&deferring, "ann@example.test", "hello", text), UNCHECKED);
    }
    assert_eq!(send(&deferring, "ann@example.test", SPAM_SUBJECT, VIRUS).get(..9), Some("550 5.7.1"), "it is spam");
    drop(scanner);
    assert!(send(&delivering, "ann@example.test", "hello", "How are you?").starts_with("250 2.0.0"));
    assert_eq!(send(&deferring, "ann@example.test", "hello", "How are you?"), UNCHECKED);
    let deferred = deferring.done(&["log", "--to", "ann@example.test", "--action", "deferred", "--json"]);
    assert_eq!(deferred.matches(r#""reason":"unchecked""#).count(), 3, "{deferred}");

    let verdicts = |sink: &Sink, count: usize| {
        let taken = sink.wait_for(count);
        let first = |text: String| text.lines().next().unwrap().to_owned();
        let mut fields: Vec<String> = taken.iter().map(|taken| first(taken.text())).collect();
        fields.sort();
        fields
    };
    let unchecked = "X-Doorlist-Verdict: unchecked";
    assert_eq!(verdicts(&delivered, 4), ["X-Doorlist-Verdict: clean", unchecked, unchecked, unchecked]);
    assert_eq!(verdicts(&checked, 1), ["X-Doorlist-Verdict: clean"]);
}
