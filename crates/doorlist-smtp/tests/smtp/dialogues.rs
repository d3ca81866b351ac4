//! What a session answers, command by command.

use super::invariants::session::{Item, run};
use super::script::{play, play_default};
use doorlist_smtp::reply::Reply;
use doorlist_smtp::server::SessionConfig;

#[test]
fn a_session_from_end_to_end() {
    play_default(
        r"
        C EHLO c.example.test
        S ehlo c.example.test
        C mail from:<s@example.test> size=100 body=8bitmime smtputf8
        S mail <s@example.test> size=100 8bit utf8
        C Rcpt To:<r@example.test>
        S rcpt <r@example.test>
        C RCPT TO:<no@example.test>
        S rcpt <no@example.test>
        C RCPT TO:<Postmaster>
        S rcpt <Postmaster>
        C DATA
        S data
        C Subject: x
        C
        C ..
        C .
        S message Complete Subject: x\r\n\r\n.\r\n
        C MAIL FROM:<>
        S mail <>
        C RCPT TO:<r@example.test>
        S rcpt <r@example.test>
        C RSET
        S reset
        S 250 2.0.0
        C NOOP whatever
        S 250 2.0.0
        C HELP
        S 214 2.0.0
        C QUIT
        S quit
        ",
    );
}

#[test]
fn s14_a_command_line_has_2048_octets_and_no_more() {
    let longest = format!("C NOOP {}\n", "x".repeat(2_048 - "NOOP \r\n".len()));
    let too_long = format!("C NOOP {}\n", "x".repeat(2_049 - "NOOP \r\n".len()));
    play_default(&format!("{longest} S 250 2.0.0\n {too_long} S 500 5.5.2\n C QUIT\n S quit"));
}

#[test]
fn s14_a_line_without_end_is_thrown_away_and_then_closed() {
    let longest = format!("C {}\n", "x".repeat((1 << 20) - 2));
    let endless = format!("C {}\n", "x".repeat((1 << 20) - 1));
    play_default(&format!("{longest} S 500 5.5.2\n {endless} S 421 4.5.2 Line without end; closing (closed)\n C QUIT"));
}

#[test]
fn s13_s21_line_ends_and_control_characters_in_commands() {
    play_default(
        r"
        C NOOP\nNOOP
        S 500 5.5.2 Command line does not end in CRLF
        S 250 2.0.0
        C NOOP \0
        S 501 5.5.2
        C NOOP \r x
        S 501 5.5.2
        C NOOP\r
        S 501 5.5.2
        C
        S 500 5.5.2
        ",
    );
}

#[test]
fn s17_declared_sizes() {
    play_default(
        r"
        C EHLO c
        S ehlo
        C MAIL FROM:<s@example.test> SIZE=52428801
        S 552 5.3.4
        C MAIL FROM:<s@example.test> SIZE=18446744073709551616
        S 552 5.3.4
        C MAIL FROM:<s@example.test> SIZE=99999999999999999999
        S 552 5.3.4
        C MAIL FROM:<s@example.test> SIZE=111111111111111111111
        S 501 5.5.4
        C MAIL FROM:<s@example.test> SIZE=-1
        S 501 5.5.4
        C MAIL FROM:<s@example.test> SIZE=NaN
        S 501 5.5.4
        C MAIL FROM:<s@example.test> SIZE=
        S 501 5.5.4
        C MAIL FROM:<s@example.test> SIZE
        S 501 5.5.4
        C MAIL FROM:<s@example.test> SIZE=52428800
        S mail <s@example.test> size=52428800
        ",
    );
}

#[test]
fn s18_nothing_is_read_behind_quit() {
    play_default(
        r"
        C EHLO c
        S ehlo
        C QUIT
        S quit
        C MAIL FROM:<s@example.test>
        C RCPT TO:<r@example.test>
        ",
    );
}

#[test]
fn s18_s24_commands_out_of_sequence() {
    play_default(
        r"
        C MAIL FROM:<s@example.test>
        S 503 5.5.1 Send EHLO
        C RCPT TO:<r@example.test>
        S 503 5.5.1 Send EHLO
        C DATA
        S 503 5.5.1 Send EHLO
        C HELO c
        S helo c
        C RCPT TO:<r@example.test>
        S 503 5.5.1 Send MAIL
        C DATA
        S 503 5.5.1 Send MAIL
        C MAIL FROM:<no@example.test>
        S mail
        C RCPT TO:<r@example.test>
        S 503 5.5.1 Send MAIL
        C MAIL FROM:<s@example.test>
        S mail
        C MAIL FROM:<s@example.test>
        S 503 5.5.1 A transaction
        C DATA
        S 503 5.5.1 Send RCPT
        C RCPT TO:<no@example.test>
        S rcpt
        C DATA
        S 554 5.5.1
        C RCPT TO:<r@example.test>
        S rcpt
        C EHLO
        S 501 5.5.4
        C RSET now
        S 501 5.5.4
        C DATA now
        S 501 5.5.4
        C EHLO c
        S reset
        S ehlo c
        C RCPT TO:<r@example.test>
        S 503 5.5.1 Send MAIL
        ",
    );
}

#[test]
fn s19_starttls_without_tls_on_offer() {
    play_default("C EHLO c\n S ehlo\n C STARTTLS\n S 502 5.5.1\n C STARTTLS now\n S 501 5.5.4");
}

#[test]
fn s22_beyond_ascii_only_with_smtputf8_and_only_as_utf8() {
    play_default(
        r"
        C EHLO \xff
        S ehlo
        C EHLO c
        S ehlo
        C MAIL FROM:<\xc3\xa9@example.test>
        S 553 5.6.7
        C MAIL FROM:<\xe9@example.test> SMTPUTF8
        S 501 5.1.7
        C MAIL FROM:<s@example.test>
        S mail
        C RCPT TO:<\xc3\xa9@example.test>
        S 553 5.6.7
        C RSET
        S reset
        S 250
        C MAIL FROM:<\xc3\xa9@example.test> SMTPUTF8
        S mail <\xc3\xa9@example.test> utf8
        C RCPT TO:<\xc3\xa9@example.test>
        S rcpt <\xc3\xa9@example.test>
        C RCPT TO:<\xe9@example.test>
        S 501 5.1.3
        ",
    );
}

#[test]
fn s23_s31_commands_that_are_not_served() {
    play_default(
        r"
        C EHLO c
        S ehlo
        C VRFY r@example.test
        S 252 2.0.0
        C VRFY
        S 501 5.5.4
        C EXPN list
        S 502 5.5.1
        C ETRN example.test
        S 502 5.5.1
        C AUTH PLAIN AGEAYg==
        S 502 5.5.1
        C BDAT 3 LAST
        S 502 5.5.1
        C TURN
        S 502 5.5.1
        C XCLIENT ADDR=192.0.2.1
        S 502 5.5.1
        C XFORWARD NAME=c
        S 502 5.5.1
        C PROXY TCP4 192.0.2.1 192.0.2.2 1 25
        S 500 5.5.2
        C MAILFROM:<s@example.test>
        S 500 5.5.2
        C CONNECT
        S 500 5.5.2
        ",
    );
}

#[test]
fn s23_a_browser_is_not_talked_to() {
    for line in ["GET / HTTP/1.1", "post /x HTTP/1.0", "CONNECT r:25 HTTP/1.1", "OPTIONS * HTTP/1.1"] {
        play_default(&format!("C {line}\n S 421 4.7.0 This is a mail server; closing (closed)\n C NOOP"));
    }
}

#[test]
fn s23_tls_on_a_plain_port_is_not_waited_for() {
    let hello = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01];
    for segments in [vec![&hello[..]], hello.chunks(1).collect(), vec![&hello[..1], &hello[1..]]] {
        let items = run(SessionConfig::default(), segments, false);
        assert_eq!(items, [Item::Close(Reply::NotSmtp)]);
    }
    // A client that begins its handshake although STARTTLS was refused.
    play_default(
        r"
        C EHLO c
        S ehlo
        C STARTTLS
        S 502 5.5.1
        C \x16\x03\x01
        S 421 4.7.0 This is a mail server
    ",
    );
}

#[test]
fn s23_the_hundred_and_first_idle_command_ends_the_session() {
    for line in ["C NOOP\n S 250", "C RSET\n S 250", "C what\n S 500", "C EXPN\n S 502", "C NOOP \\0\n S 501"] {
        let script = format!("{}{}", format!("{line}\n").repeat(100), "C NOOP\n S 421 4.7.0\n C NOOP");
        play_default(&script);
    }
    let hellos = format!("{}{}", "C EHLO c\n S ehlo\n".repeat(101), "C EHLO c\n S 421 4.7.0");
    play_default(&hellos);
}

#[test]
fn s23_a_message_forgives_what_came_before() {
    let message = "C MAIL FROM:<s@example.test>\n S mail\n C RCPT TO:<r@example.test>\n S rcpt\n C DATA\n S data\n \
                   C .\n S message Complete\n";
    let idle = "C NOOP\n S 250\n".repeat(99);
    play_default(&format!("C EHLO c\n S ehlo\n {idle}{message}{idle}{message}"));
}

#[test]
fn s24_recipients_beyond_the_hundredth_come_again() {
    let rcpt = "C RCPT TO:<r@example.test>\n";
    let taken = format!("{rcpt} S rcpt\n").repeat(100);
    let others = format!("{rcpt} S 452 4.5.3\n").repeat(901);
    play_default(&format!("C EHLO c\n S ehlo\n C MAIL FROM:<>\n S mail\n {taken}{others} C DATA\n S data"));
}

#[test]
fn s24_a_client_that_never_stops_is_sent_away() {
    let config = SessionConfig { recipients_max: 1, recipients_overshoot_max: 2, junk_max: 1, ..Default::default() };
    let rcpt = "C RCPT TO:<r@example.test>\n";
    let others = format!("{rcpt} S 452 4.5.3\n").repeat(3);
    play(config, &format!("C EHLO c\n S ehlo\n C MAIL FROM:<>\n S mail\n {rcpt} S rcpt\n {others} {rcpt} S 421 4.7.0"));
}

#[test]
fn s25_parameters() {
    play_default(
        r"
        C EHLO c
        S ehlo
        C MAIL FROM:<s@example.test> SIZE=1 SIZE=1
        S 501 5.5.4
        C MAIL FROM:<s@example.test> BODY=7BIT BODY=7BIT
        S 501 5.5.4
        C MAIL FROM:<s@example.test> SMTPUTF8 SMTPUTF8
        S 501 5.5.4
        C MAIL FROM:<s@example.test> SMTPUTF8=yes
        S 501 5.5.4
        C MAIL FROM:<s@example.test> BODY=BINARYMIME
        S 555 5.5.4
        C MAIL FROM:<s@example.test> BODY=9BIT
        S 501 5.5.4
        C MAIL FROM:<s@example.test> BODY
        S 501 5.5.4
        C MAIL FROM:<s@example.test> AUTH=<>
        S 555 5.5.4
        C MAIL FROM:<s@example.test> AUTH=a+0Ab
        S 555 5.5.4
        C MAIL FROM:<s@example.test> ENVID=1 RET=HDRS
        S 555 5.5.4
        C MAIL FROM:<s@example.test> REQUIRETLS
        S 555 5.5.4
        C MAIL FROM:<s@example.test> =x
        S 501 5.5.4
        C MAIL FROM:<s@example.test> A_B=x
        S 501 5.5.4
        C MAIL FROM:<s@example.test>SIZE=1
        S 501 5.5.4
        C MAIL FROM:<s@example.test>   BODY=7bit  SIZE=1
        S mail <s@example.test> size=1
        C RCPT TO:<r@example.test> ORCPT=rfc822;a+0Ab
        S 555 5.5.4
        C RCPT TO:<r@example.test> NOTIFY=NEVER
        S 555 5.5.4
        C RCPT TO:<r@example.test> =
        S 501 5.5.4
        C RCPT TO:<r@example.test>
        S rcpt
        ",
    );
}
