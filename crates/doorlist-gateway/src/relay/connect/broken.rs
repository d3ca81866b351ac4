//! Why an opening dialogue failed, in words for whoever has to mend it.

use crate::relay::connection::{ConnectionFault, FirstBytes, Peer};
use crate::relay::route::NoRoute;
use crate::relay::tls::certificate_fault;
use doorlist_smtp::client::OpeningFault;
use doorlist_smtp::reply::EnhancedCode;

/// The port of mail submission with TLS from the start (RFC 8314 §3.3).
const SUBMISSIONS_PORT: u16 = 465;

/// Why an opening dialogue failed.
pub(in crate::relay) enum Broken {
    Connection(ConnectionFault, FirstBytes),
    Handshake(HandshakeFault),
    Fault(OpeningFault),
}

/// Why TLS did not begin.
pub(in crate::relay) struct HandshakeFault {
    /// Fixed text without content of the server.
    why: &'static str,
    /// With details of the server, for the operator only.
    details: String,
}

impl From<std::io::Error> for HandshakeFault {
    fn from(error: std::io::Error) -> Self {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let why = match tls {
            Some(rustls::Error::InvalidCertificate(fault)) => certificate_fault(fault),
            _ => "the handshake broke off",
        };
        Self { why, details: error.to_string() }
    }
}

impl Broken {
    pub(super) fn handshake(why: &'static str) -> Self {
        Broken::Handshake(HandshakeFault { why, details: why.to_owned() })
    }

    pub(super) fn into_no_route(self, peer: &Peer) -> NoRoute {
        let name = peer.short();
        match self {
            Broken::Connection(fault, first_bytes) => {
                let hint = hint(&fault, first_bytes, peer);
                let why = format!("conversation with {name} ended before it began: {fault}{hint}");
                NoRoute { said: fault.said(), ..NoRoute::new(4, 4, 2, why) }
            }
            Broken::Handshake(HandshakeFault { why, details }) => {
                let why = format!("TLS is required for {name}, but the handshake failed: {why}");
                NoRoute { said: Some(details), ..NoRoute::new(4, 7, 5, why) }
            }
            Broken::Fault(OpeningFault::Refused { to, reply }) => {
                let status = reply.status();
                // Not even a 5xx greeting is a verdict on a recipient: it is tried again.
                let class = EnhancedCode::new(4, 3, 0);
                let status = if status.class == 4 { status } else { class };
                let why = format!("host {name} refused to talk to me: {reply} (in reply to {to})");
                NoRoute { status, why, said: None }
            }
            Broken::Fault(OpeningFault::Ourselves) => NoRoute::new(
                4,
                4,
                6,
                format!(
                    "mail loops back to this gateway: {peer} is one of its own listeners; set the domain's servers"
                ),
            ),
            Broken::Fault(OpeningFault::Lmtp) => {
                NoRoute::new(4, 5, 0, format!("{peer} speaks LMTP, not SMTP: name the server's SMTP port"))
            }
            Broken::Fault(OpeningFault::NoTls) => {
                NoRoute::new(4, 7, 4, format!("TLS is required, but was not offered by host {name}"))
            }
            Broken::Fault(OpeningFault::TlsRefused(reply)) => {
                NoRoute::new(4, 7, 4, format!("TLS is required, but host {name} said: {reply}"))
            }
        }
    }
}

/// What a server that did not greet may be.
fn hint(fault: &ConnectionFault, first_bytes: FirstBytes, peer: &Peer) -> &'static str {
    let ended = matches!(fault, ConnectionFault::Closed | ConnectionFault::TimedOut | ConnectionFault::Io(_));
    match first_bytes {
        FirstBytes::Tls => "; it speaks TLS from the start: name the port on which it speaks SMTP, usually 25",
        FirstBytes::None if ended && peer.address.port() == SUBMISSIONS_PORT => {
            "; servers speak TLS from the start on port 465: name the port on which it speaks SMTP, usually 25"
        }
        FirstBytes::None if ended => "; it said nothing, as servers do that speak TLS from the start",
        FirstBytes::None | FirstBytes::Other => "",
    }
}
