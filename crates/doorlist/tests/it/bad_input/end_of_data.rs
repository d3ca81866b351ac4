//! S01 to S13: only CRLF.CRLF ends a message, however the bytes are cut, and nothing that might be taken for an end by
//! somebody else is ever sent onward.

use super::{ANN, at_work, only_an_honest_message_comes_out};
use crate::client::Client;
use crate::server::{Server, Settings, file_below};

/// What an attacker hopes to have read as commands, and the true end.
const SMUGGLED: &str = "MAIL FROM:<evil@sender.example.test>\r\nRCPT TO:<ann@example.test>\r\nDATA\r\n\
    Subject: smuggled\r\n\r\nsecond\r\n.\r\n";
const BEGIN: &str = "Subject: x\r\n\r\nfirst";

const VARIANTS: [(&str, &str); 12] = [
    ("S01", "\n.\n"),
    ("S02", "\n.\r\n"),
    ("S03", "\r\n.\n"),
    ("S04", "\r.\r"),
    ("S05", "\r.\n"),
    ("S06", "\n.\r"),
    ("S07", "\r.\r\n"),
    ("S08", "\r\n.\r"),
    ("S09", "\r\n.\r\r\n"),
    ("S10", "\r\r\n.\r\r\n"),
    ("S11 NUL in front", "\r\n\0.\r\n"),
    ("S11 NUL behind", "\r\n.\0\r\n"),
];

/// Sends one variant in these pieces; it must be refused at its true end. Had anything behind the false end been read
/// as a command, its reply would be taken for that of the next transaction's MAIL.
#[track_caller]
fn is_refused<'a>(client: &mut Client, name: &str, pieces: impl IntoIterator<Item = &'a [u8]>) {
    client.begin_data(ANN);
    for piece in pieces {
        client.send(piece);
    }
    let reply = client.reply().expect("an answer");
    assert!(reply.starts_with("550 5.5.2 "), "{name}: {reply}");
}

/// Every variant whole, cut once at each octet around the false end, and in single octets.
fn every_variant_is_refused(client: &mut Client) {
    for (name, variant) in VARIANTS {
        let wire = format!("{BEGIN}{variant}{SMUGGLED}");
        let wire = wire.as_bytes();
        is_refused(client, name, [wire]);
        for cut in BEGIN.len() - 1..=BEGIN.len() + variant.len() + 1 {
            is_refused(client, &format!("{name} cut at {cut}"), [&wire[..cut], &wire[cut..]]);
        }
        is_refused(client, &format!("{name} in single octets"), wire.chunks(1));
    }
}

#[test]
fn s01_s12_no_false_end_of_data_ends_a_message_in_any_tcp_segments() {
    let (server, sink) = at_work(Settings::default());
    every_variant_is_refused(&mut Client::greeted(server.smtp()));
    only_an_honest_message_comes_out(&server, &sink);
}

#[test]
fn s12_no_false_end_of_data_ends_a_message_in_any_tls_records() {
    let (server, sink) = at_work(Settings::default());
    every_variant_is_refused(&mut inside_tls(&server));
    only_an_honest_message_comes_out(&server, &sink);
}

fn inside_tls(server: &Server) -> Client {
    let mut client = Client::greeted(server.smtp());
    client.ask("STARTTLS", "220 ");
    let mut client = client.start_tls(&file_below(&server.state(), "cert.pem").expect("a certificate"));
    client.ask("EHLO client.example.test", "250 ");
    client
}

#[test]
fn s13_a_lone_lf_comes_out_as_a_line_end_or_is_refused_where_the_listener_says_so() {
    let mut server = Server::stopped(Settings::default());
    let strict = server.listen_also("bare_lf=reject");
    server.run();
    let sink = super::with_destination(&server, crate::sink::Manners::default());
    let message = "Message-ID: <device@test>\n\none\ntwo\r\n..three\n..\r\nend";
    let mut client = Client::greeted(strict);
    assert!(client.mail(ANN, message).starts_with("550 5.5.2"));
    let mut client = Client::greeted(server.smtp());
    assert!(client.mail(ANN, message).starts_with("250 2.0.0"));
    let taken = &sink.wait_for(1)[0];
    let wire = String::from_utf8(taken.wire.clone()).unwrap();
    assert!(wire.ends_with("Message-ID: <device@test>\r\n\r\none\r\ntwo\r\n..three\r\n..\r\nend\r\n"), "{wire:?}");
    assert!(!wire.replace("\r\n", "").contains(['\r', '\n']), "{wire:?}");
    client.send("NOOP\n");
    client.expect("500 5.5.2");
}
