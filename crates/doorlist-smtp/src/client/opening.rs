//! From the greeting to the point where mail may be sent: EHLO or HELO, STARTTLS, EHLO again. The caller decides
//! whether to try again after a fault.

use super::capabilities::Capabilities;
use super::reply_parser::ServerReply;

/// When the connection is to be encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsUse {
    /// Not even when offered: the handshake has failed before and this server may be spoken to in the clear.
    Never,
    /// Use STARTTLS when the server offers it.
    WhenOffered,
    /// Or not at all.
    Always,
}

/// The opening of one connection.
#[derive(Debug)]
pub struct Opening {
    hostname: Box<str>,
    tls: TlsUse,
    own_name_is_a_loop: bool,
    /// The greeting says LMTP.
    greets_as_lmtp: bool,
    stage: OpeningStage,
}

#[derive(Debug)]
enum OpeningStage {
    Greeting,
    /// EHLO (`extended`) or HELO.
    Hello {
        extended: bool,
        encrypted: bool,
    },
    /// The server knows neither EHLO nor HELO; that is what it said.
    LmtpHello(ServerReply),
    StartTls(Capabilities),
}

/// What the caller does next.
#[derive(Debug, PartialEq, Eq)]
pub enum OpeningStep {
    /// Send what was appended to `out` and wait for a reply.
    Continue,
    /// Nothing may follow the reply in the buffer; make the handshake, then call [`Opening::encrypted`].
    Handshake,
    /// Mail may be sent.
    Ready(Capabilities),
    /// No mail can be sent here.
    Fault(OpeningFault),
}

/// Why no mail can be sent on this connection. None of them is a verdict on a recipient.
#[derive(Debug, PartialEq, Eq)]
pub enum OpeningFault {
    /// The greeting, EHLO or HELO was answered with something else than it must be.
    Refused {
        /// What the server answered to.
        to: &'static str,
        reply: ServerReply,
    },
    /// The server calls itself by our name: mail would go in a circle.
    Ourselves,
    /// The server speaks LMTP (RFC 2033), which has LHLO in the place of EHLO.
    Lmtp,
    /// Encryption is required, and not offered.
    NoTls,
    /// Encryption is required, was offered, and then refused.
    TlsRefused(ServerReply),
}

impl Opening {
    /// Begins on a fresh connection: the greeting is awaited. With `own_name_is_a_loop` a server that calls itself by
    /// our `hostname` is [`OpeningFault::Ourselves`]; not for another server on this very machine, which may share it.
    pub fn new(hostname: &str, tls: TlsUse, own_name_is_a_loop: bool) -> Self {
        Self {
            hostname: hostname.into(),
            tls,
            own_name_is_a_loop,
            greets_as_lmtp: false,
            stage: OpeningStage::Greeting,
        }
    }

    /// Takes a reply; commands that follow from it are appended to `out`.
    pub fn reply(&mut self, reply: ServerReply, out: &mut Vec<u8>) -> OpeningStep {
        match self.stage {
            // RFC 5321 §3.1: 220; a 554 greeting or a 421 is another server's turn.
            OpeningStage::Greeting if reply.code() == 220 => {
                // The first word is its name, which may be anything.
                self.greets_as_lmtp = reply.to_string().split([' ', '(', ')']).skip(2).any(|word| word == "LMTP");
                self.hello(true, false, out)
            }
            OpeningStage::Greeting => OpeningStep::Fault(OpeningFault::Refused { to: "connecting", reply }),
            OpeningStage::Hello { .. } if reply.is_positive() && self.is_our_name(&reply) => {
                OpeningStep::Fault(OpeningFault::Ourselves)
            }
            OpeningStage::Hello { extended, encrypted } if reply.is_positive() => {
                let offers = if extended { Capabilities::from_ehlo(&reply) } else { Capabilities::default() };
                self.offered(offers, encrypted, out)
            }
            // RFC 5321 §3.2: an old server knows HELO only.
            OpeningStage::Hello { extended: true, encrypted } if reply.is_permanent() => {
                self.hello(false, encrypted, out)
            }
            OpeningStage::Hello { extended: false, .. } if reply.is_misunderstanding() => {
                self.hello_refused(reply, out)
            }
            OpeningStage::Hello { extended, .. } => {
                OpeningStep::Fault(OpeningFault::Refused { to: if extended { "EHLO" } else { "HELO" }, reply })
            }
            OpeningStage::LmtpHello(_) if reply.is_positive() => OpeningStep::Fault(OpeningFault::Lmtp),
            OpeningStage::LmtpHello(ref refusal) => {
                OpeningStep::Fault(OpeningFault::Refused { to: "HELO", reply: refusal.clone() })
            }
            OpeningStage::StartTls(_) if reply.code() == 220 => OpeningStep::Handshake,
            OpeningStage::StartTls(_) if self.tls == TlsUse::Always => {
                OpeningStep::Fault(OpeningFault::TlsRefused(reply))
            }
            OpeningStage::StartTls(offers) => OpeningStep::Ready(Capabilities { start_tls: false, ..offers }),
        }
    }

    /// The handshake is done: all that was learnt in the clear is forgotten (RFC 3207 §4.2).
    pub fn encrypted(&mut self, out: &mut Vec<u8>) {
        self.hello(true, true, out);
    }

    fn hello(&mut self, extended: bool, encrypted: bool, out: &mut Vec<u8>) -> OpeningStep {
        self.stage = OpeningStage::Hello { extended, encrypted };
        self.say(if extended { "EHLO" } else { "HELO" }, out)
    }

    /// Neither EHLO nor HELO is known: asks whether it is LMTP, so that the fault can be named.
    fn hello_refused(&mut self, refusal: ServerReply, out: &mut Vec<u8>) -> OpeningStep {
        if self.greets_as_lmtp {
            return OpeningStep::Fault(OpeningFault::Lmtp);
        }
        self.stage = OpeningStage::LmtpHello(refusal);
        self.say("LHLO", out)
    }

    fn say(&self, hello: &str, out: &mut Vec<u8>) -> OpeningStep {
        for word in [hello, " ", &self.hostname, "\r\n"] {
            out.extend_from_slice(word.as_bytes());
        }
        OpeningStep::Continue
    }

    fn offered(&mut self, offers: Capabilities, encrypted: bool, out: &mut Vec<u8>) -> OpeningStep {
        if encrypted {
            return OpeningStep::Ready(offers);
        }
        match self.tls {
            TlsUse::WhenOffered | TlsUse::Always if offers.start_tls => {
                self.stage = OpeningStage::StartTls(offers);
                out.extend_from_slice(b"STARTTLS\r\n");
                OpeningStep::Continue
            }
            TlsUse::Always => OpeningStep::Fault(OpeningFault::NoTls),
            TlsUse::WhenOffered | TlsUse::Never => OpeningStep::Ready(offers),
        }
    }

    fn is_our_name(&self, hello: &ServerReply) -> bool {
        if !self.own_name_is_a_loop {
            return false;
        }
        let name = hello.lines().next().and_then(|line| line.split(' ').next());
        name.is_some_and(|name| name.eq_ignore_ascii_case(&self.hostname))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::super::reply_parser::ReplyParser;
    use super::*;

    const HOSTNAME: &str = "gw.example.test";

    /// Leads an opening through a dialogue of `S: ` and `C: ` lines (`*** TLS` is the handshake); its last step.
    fn lead(tls: TlsUse, dialogue: &str) -> OpeningStep {
        let (mut opening, mut out) = (Opening::new(HOSTNAME, tls, true), Vec::new());
        let mut step = OpeningStep::Continue;
        for line in dialogue.lines().map(str::trim) {
            if let Some(server) = line.strip_prefix("S: ") {
                let mut bytes = server.replace('|', "\r\n") + "\r\n";
                let reply = ReplyParser::default().next(&mut bytes.as_bytes()).unwrap().unwrap();
                bytes.clear();
                step = opening.reply(reply, &mut out);
            } else if let Some(client) = line.strip_prefix("C: ") {
                assert_eq!(String::from_utf8_lossy(&out).trim_end(), client);
                out.clear();
            } else if line == "*** TLS" {
                assert_eq!(step, OpeningStep::Handshake);
                opening.encrypted(&mut out);
            }
        }
        assert!(out.is_empty(), "said besides: {}", String::from_utf8_lossy(&out));
        step
    }

    #[test]
    fn plain_server() {
        let step = lead(
            TlsUse::WhenOffered,
            "S: 220 mx ESMTP
             C: EHLO gw.example.test
             S: 250-mx|250 PIPELINING",
        );
        assert_eq!(step, OpeningStep::Ready(Capabilities { pipelining: true, ..Default::default() }));
    }

    #[test]
    fn old_server_knows_helo_only() {
        let step = lead(
            TlsUse::WhenOffered,
            "S: 220 mx
             C: EHLO gw.example.test
             S: 502 what
             C: HELO gw.example.test
             S: 250 mx",
        );
        assert_eq!(step, OpeningStep::Ready(Capabilities::default()));
    }

    #[test]
    fn what_was_offered_in_the_clear_is_forgotten_after_the_handshake() {
        let step = lead(
            TlsUse::Always,
            "S: 220 mx
             C: EHLO gw.example.test
             S: 250-mx|250-PIPELINING|250 STARTTLS
             C: STARTTLS
             S: 220 go
             *** TLS
             C: EHLO gw.example.test
             S: 250-mx|250 8BITMIME",
        );
        assert_eq!(step, OpeningStep::Ready(Capabilities { eight_bit_mime: true, ..Default::default() }));
    }

    #[test]
    fn starttls_refused_falls_back_only_where_it_may() {
        let dialogue = "S: 220 mx
             C: EHLO gw.example.test
             S: 250-mx|250 STARTTLS
             C: STARTTLS
             S: 454 4.7.0 no certificate";
        assert_eq!(lead(TlsUse::WhenOffered, dialogue), OpeningStep::Ready(Capabilities::default()));
        assert!(matches!(lead(TlsUse::Always, dialogue), OpeningStep::Fault(OpeningFault::TlsRefused(_))));
    }

    #[test]
    fn lmtp_is_named() {
        let refused = "C: EHLO gw.example.test
             S: 500 5.5.1 what
             C: HELO gw.example.test
             S: 502 5.5.2 what";
        let asked =
            |answer| format!("S: 220 lmtp.example.test LMTP-free\n{refused}\nC: LHLO gw.example.test\nS: {answer}");
        for (dialogue, is_lmtp) in [
            (format!("S: 220 mail.example.test LMTP Cyrus\n{refused}"), true),
            (format!("S: 220 mail.example.test (LMTP) ready\n{refused}"), true),
            (asked("250-mail|250 PIPELINING"), true),
            (asked("500 5.5.1 what"), false),
        ] {
            let step = lead(TlsUse::WhenOffered, &dialogue);
            assert_eq!(step == OpeningStep::Fault(OpeningFault::Lmtp), is_lmtp, "{dialogue}: {step:?}");
            assert!(
                is_lmtp || matches!(step, OpeningStep::Fault(OpeningFault::Refused { to: "HELO", .. })),
                "{step:?}"
            );
        }
        let smtp = "S: 220 mail.example.test LMTP and SMTP
             C: EHLO gw.example.test
             S: 250 mail.example.test";
        assert_eq!(lead(TlsUse::WhenOffered, smtp), OpeningStep::Ready(Capabilities::default()));
    }

    #[test]
    fn faults_are_told_apart() {
        let hello = "S: 220 mx
             C: EHLO gw.example.test\n";
        let fault = |tls, dialogue: &str| match lead(tls, dialogue) {
            OpeningStep::Fault(fault) => fault,
            other => panic!("{other:?}"),
        };
        assert_eq!(fault(TlsUse::Always, &format!("{hello}S: 250 mx")), OpeningFault::NoTls);
        assert_eq!(
            fault(TlsUse::Never, &format!("{hello}S: 250 GW.example.test at your service")),
            OpeningFault::Ourselves
        );
        for (dialogue, at) in [
            ("S: 421 busy".to_owned(), "connecting"),
            ("S: 554 no".to_owned(), "connecting"),
            (format!("{hello}S: 421 busy"), "EHLO"),
            (format!("{hello}S: 500 what\nC: HELO gw.example.test\nS: 550 go away"), "HELO"),
        ] {
            assert!(
                matches!(fault(TlsUse::Never, &dialogue), OpeningFault::Refused { to, .. } if to == at),
                "{dialogue}"
            );
        }
    }
}
