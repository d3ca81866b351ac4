//! What strangers send, by the numbers of the list of bad inputs: each has a clear answer, loses nothing, and leaves a
//! server that serves the next session. What a machine of states can show alone is shown beside it; here is what needs
//! real segments, real TLS, real time, and a real destination that sees what comes out.

mod addresses;
mod crowd;
mod end_of_data;
mod limits;
mod proxy;
mod relaying;
mod relaying_peers;
mod session;

use crate::client::Client;
use crate::server::{Server, Settings};
use crate::sink::{Manners, Sink};

/// The one mailbox of [`at_work`].
const ANN: &str = "ann@example.test";

/// A server that protects example.test with one mailbox, `ann`, and the destination that takes her mail.
fn at_work(settings: Settings) -> (Server, Sink) {
    let server = Server::with(settings);
    let sink = with_destination(&server, Manners::default());
    (server, sink)
}

fn with_destination(server: &Server, manners: Manners) -> Sink {
    let sink = Sink::with(manners);
    server.protect("example.test", sink.address(), &["ann"]);
    sink
}

/// The next session works: its message comes out, and it is the only one that does. No session before it ended by a
/// fault of ours.
#[track_caller]
fn only_an_honest_message_comes_out(server: &Server, sink: &Sink) {
    let mut client = Client::greeted(server.smtp());
    assert!(client.mail(ANN, "Message-ID: <honest@test>\r\n\r\nHello").starts_with("250 2.0.0"));
    sink.wait_for(1);
    crate::client::wait_until("the queue is empty", std::time::Duration::from_secs(20), || server.queue().is_empty());
    let taken = sink.taken();
    assert_eq!(taken.len(), 1, "{taken:?}");
    assert_eq!(taken[0].id(), "honest@test");
    assert_eq!(server.metric("doorlist_smtp_panics_total"), 0.0);
    assert!(server.metric("doorlist_messages_accepted_total") > 0.0);
}
