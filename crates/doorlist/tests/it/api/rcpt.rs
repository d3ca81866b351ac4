//! What the running gateway says about an address a moment after the API was told: the next RCPT hears of it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU16, Ordering};

use crate::client::Client;
use crate::server::Server;

/// The reply to a recipient. Every question comes from an address of its own, so that none is taken for a guess.
pub(super) fn answer(server: &Server, recipient: &str) -> String {
    static ASKED: AtomicU16 = AtomicU16::new(0);
    let [high, low] = ASKED.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    let source = Ipv4Addr::new(127, 77, high, low.max(1));
    let mut client = Client::connect_from(IpAddr::V4(source), server.smtp());
    client.hello();
    client.ask("MAIL FROM:<friend@sender.example.test>", "250 ");
    client.send(format!("RCPT TO:<{recipient}>\r\n"));
    client.reply().unwrap_or_else(|| "(closed)".to_owned())
}
