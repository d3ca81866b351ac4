//! S30: the PROXY protocol, from a real HAProxy and from strangers. Only listed peers are believed.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use doorlist_testbed::haproxy::{Haproxy, ProxyProtocol};

use super::{at_work, only_an_honest_message_comes_out, with_destination};
use crate::client::Client;
use crate::server::{Server, Settings};
use crate::sink::Manners;

#[test]
fn s30_behind_haproxy_the_client_is_who_haproxy_says() {
    let mut server = Server::stopped(Settings::default());
    let behind = server.listen_also("proxy_from=127.0.0.1");
    server.run();
    let sink = with_destination(&server, Manners::default());
    for (number, version) in [(1, ProxyProtocol::V1), (2, ProxyProtocol::V2)] {
        let haproxy = Haproxy::start(behind, version).unwrap();
        let client_address = IpAddr::from(Ipv4Addr::new(127, 9, 9, number));
        let mut client = Client::connect_from(client_address, haproxy.address());
        client.hello();
        let id = format!("{number}@test");
        assert!(client.mail(super::ANN, &format!("Message-ID: <{id}>\r\n\r\n")).starts_with("250 2.0.0"));
        let taken = sink.wait_for(usize::from(number));
        let message = taken.iter().find(|taken| taken.id() == id).expect("the message");
        assert!(message.text().contains(&format!("[127.9.9.{number}]")), "{}", message.text());
        server.wait_for_log(&[&format!("connect from unknown[127.9.9.{number}]")]);
    }
}

#[test]
fn s30_headers_that_cannot_be_read_close_the_connection_without_an_answer() {
    let mut server = Server::stopped(Settings::default().set("smtp.handshake", "1 s"));
    let behind = server.listen_also("proxy_from=127.0.0.1");
    server.run();
    let sink = with_destination(&server, Manners::default());
    let v2 = |rest: &[u8]| [b"\r\n\r\n\0\r\nQUIT\n", rest].concat();
    let headers: [Vec<u8>; 9] = [
        b"EHLO client.example.test\r\n".to_vec(),
        format!("PROXY TCP4 {} 127.0.0.1 1 25\r\n", "1".repeat(200)).into_bytes(),
        b"PROXY TCP5 192.0.2.9 127.0.0.1 4660 25\r\n".to_vec(),
        b"PROXY TCP4 192.0.2.9 127.0.0.1 70000 25\r\n".to_vec(),
        b"PROXY TCP4 192.0.2.9 127.0.0.1 4660 25\nEHLO x\r\n".to_vec(),
        v2(b"\x21\x11\xff\xff"),
        v2(b"\x21\x11\0\x04\0\0\0\0"),
        v2(b"\x21\x11\0\x0f\xc0\0\x02\x09\x7f\0\0\x01\x12\x34\0\x19\x01\xff\xff"),
        // Half a header, and then nothing.
        b"PROXY TCP4 192.0.2.9 127".to_vec(),
    ];
    for header in headers {
        let begin = Instant::now();
        let mut stream = std::net::TcpStream::connect(behind).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        std::io::Write::write_all(&mut stream, &header).unwrap();
        let mut answer = Vec::new();
        let _end_or_reset = stream.read_to_end(&mut answer);
        assert_eq!(answer, b"", "{:?}", String::from_utf8_lossy(&header));
        assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", String::from_utf8_lossy(&header));
    }
    only_an_honest_message_comes_out(&server, &sink);
}

#[test]
fn s30_local_and_unknown_are_the_peer_itself_and_a_second_header_is_a_command() {
    let mut server = Server::stopped(Settings::default());
    let behind = server.listen_also("proxy_from=127.0.0.1");
    server.run();
    let sink = with_destination(&server, Manners::default());
    for header in
        [&b"PROXY UNKNOWN\r\n"[..], b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", b"PROXY TCP4 192.0.2.9 127.0.0.1 4660 25\r\n"]
    {
        let mut client = Client::connect(behind);
        client.send(header);
        client.hello();
        client.ask("PROXY TCP4 192.0.2.77 127.0.0.1 4660 25", "500 5.5.2");
        client.ask("QUIT", "221 ");
    }
    server.wait_for_log(&["disconnect from unknown[192.0.2.9]"]);
    let log = server.log();
    assert!(log.contains("connect from unknown[192.0.2.9]:4660"), "{log}");
    assert!(!log.contains("connect from unknown[192.0.2.77]"), "{log}");
    only_an_honest_message_comes_out(&server, &sink);
}

#[test]
fn s30_a_peer_that_is_not_listed_is_not_believed() {
    let (mut server, sink) = at_work(Settings::default());
    let mut client = Client::connect(server.smtp());
    client.expect("220 ");
    client.ask("PROXY TCP4 192.0.2.77 127.0.0.1 4660 25", "500 5.5.2");
    client.ask("QUIT", "221 ");
    server.wait_for_log(&["disconnect from unknown[127.0.0.1]"]);
    assert!(!server.log().contains("connect from unknown[192.0.2.77]"));
    only_an_honest_message_comes_out(&server, &sink);
}
