//! Programs of machines that only send: some tell at once how it went, some keep a message until all of it is taken.

use doorlist_testbed::dma::Dma;
use doorlist_testbed::nullmailer::Nullmailer;
use doorlist_testbed::smtp_tools::{msmtp, swaks};

use super::{
    FRIEND, HARD, LISTED, LONGEST, SETUP, SOFT, account, addresses, as_text, bounces_name, came_out_once, gateway,
    mail, message, wait_for_mail,
};
use crate::client::wait_until;

#[test]
fn clients_without_a_queue_hear_of_each_recipient() {
    /// Exit codes of msmtp, as sysexits.h has them.
    const DATA_ERROR: i32 = 65;
    const UNAVAILABLE: i32 = 69;
    let (server, next) = gateway();
    let listed = addresses("listed", LISTED, HARD);
    let send =
        |id: &str, recipients: &[&str]| msmtp(server.smtp(), FRIEND, recipients, &as_text(&message(id))).unwrap();
    let sent = send("msmtp", &listed.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!((sent.code, sent.transcript.as_str()), (0, ""));
    // It gives up at the first recipient that is refused: nobody gets the message.
    for (refused, code, answer) in [
        ("nobody@hard.example.test", DATA_ERROR, "550 5.1.1"),
        ("vetoed00@hard.example.test", DATA_ERROR, "550 5.1.1"),
        ("nobody@setup.example.test", UNAVAILABLE, "451 4.1.1"),
        ("nobody@soft.example.test", UNAVAILABLE, "450 4.1.1"),
        ("ann@elsewhere.test", DATA_ERROR, "550 5.7.1"),
    ] {
        let dialogue = send("msmtp-refused", &[&listed[0], refused, &listed[1]]);
        assert_eq!(dialogue.code, code, "{}", dialogue.transcript);
        for part in [refused, answer] {
            assert!(dialogue.transcript.contains(part), "{part}: {}", dialogue.transcript);
        }
    }

    // swaks goes on with those that are left.
    let mut text = as_text(&message("swaks"));
    // It puts a line end of its own behind what it sends.
    text.pop();
    let file = server.folder().write("swaks", text).unwrap();
    let to = format!(
        "{},nobody@{HARD},vetoed00@{HARD},nobody@{SETUP},nobody@{SOFT},ann@elsewhere.test,{}",
        listed[0], listed[1]
    );
    let data = format!("@{}", file.display());
    let dialogue = swaks(server.smtp(), &["--from", FRIEND, "--to", &to, "--data", &data]).unwrap();
    assert_eq!(dialogue.code, 0, "{}", dialogue.transcript);
    let answers: Vec<&str> = dialogue.transcript.lines().skip_while(|line| !line.contains("RCPT TO")).collect();
    let answers: Vec<&str> = answers.iter().filter(|line| line.starts_with('<')).map(|line| &line[4..13]).collect();
    let expected = ["250 2.1.5", "550 5.1.1", "550 5.1.1", "451 4.1.1", "450 4.1.1", "550 5.7.1", "250 2.1.5"];
    assert_eq!(answers[..expected.len()], expected, "{}", dialogue.transcript);

    wait_for_mail(&next.maildir(), LISTED + 2);
    let mail = mail(&next.maildir());
    came_out_once(&mail, "msmtp", &[&listed]);
    came_out_once(&mail, "swaks", &[&listed[..2]]);
    assert_eq!(mail.len(), LISTED + 2);
}

#[test]
fn programs_of_machines_that_only_send_lose_nobody() {
    /// dma has a process and a session for each recipient.
    const FEW: usize = 10;
    const DEFERRED: usize = 4;
    let (server, next) = gateway();
    let nullmailer = Nullmailer::start(server.smtp()).unwrap();
    let dma = Dma::new(server.smtp()).unwrap();
    let text = |id| as_text(&message(id));
    let listed = addresses("listed", LISTED, SETUP);
    let later = addresses("later", DEFERRED, SETUP);
    let mixed = [listed.as_slice(), &later].concat();
    let (taken, refused) = (addresses("listed", FEW, HARD), addresses("unknown", 2, HARD));
    let refused = [refused.as_slice(), &addresses("vetoed", 1, HARD)].concat();
    let with_refused = [taken.as_slice(), &refused].concat();

    // nullmailer sends a message to all of its recipients or to nobody.
    nullmailer.send(FRIEND, &listed, &text("null-listed")).unwrap();
    nullmailer.send(FRIEND, &mixed, &text("null-mixed")).unwrap();
    nullmailer.send(FRIEND, &with_refused, &text("null-refused")).unwrap();
    let few_mixed = [&listed[..FEW], &later].concat();
    dma.send(FRIEND, &few_mixed, &text("dma-mixed")).unwrap();
    dma.send(FRIEND, &with_refused, &text("dma-refused")).unwrap();

    wait_for_mail(&next.maildir(), LISTED + FEW + FEW);
    wait_until("each keeps what is deferred", LONGEST, || {
        (nullmailer.waiting().unwrap(), dma.waiting().unwrap()) == (1, DEFERRED)
    });
    bounces_name(&next.maildir(), "null-refused", &refused[..1], &[]);
    bounces_name(&next.maildir(), "dma-refused", &refused, &taken);
    assert_eq!(mail(&next.maildir()).len(), LISTED + FEW + FEW, "{}", nullmailer.log().unwrap());

    account(&server, "add", &later);
    nullmailer.retry().unwrap();
    dma.retry().unwrap();
    wait_until("nothing waits", LONGEST, || (nullmailer.waiting().unwrap(), dma.waiting().unwrap()) == (0, 0));
    wait_for_mail(&next.maildir(), LISTED + FEW + FEW + mixed.len() + DEFERRED);
    let mail = mail(&next.maildir());
    came_out_once(&mail, "null-listed", &[&listed]);
    came_out_once(&mail, "null-mixed", &[&mixed]);
    came_out_once(&mail, "null-refused", &[]);
    came_out_once(&mail, "dma-mixed", &[&few_mixed]);
    came_out_once(&mail, "dma-refused", &[&taken]);
}
