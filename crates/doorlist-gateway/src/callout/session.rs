//! One probe session: EHLO, MAIL FROM the probe sender, RCPT for each name, QUIT. Never DATA.

use crate::config::RelayConfig;
use crate::relay::{Connection, ConnectionFault, Connector, DestinationKey, NoRoute};
use doorlist_core::address::Address;
use doorlist_core::change::MailServer;
use doorlist_core::verification::ServerAnswer;
use doorlist_smtp::client::{QUIT, ServerReply};
use std::time::Duration;

/// Maximum time to connect, and for each reply: a server that answers later cannot be asked beside mail.
pub(super) const STEP_MAX: Duration = Duration::from_secs(30);
/// Maximum time to send QUIT; its reply is not waited for.
const FAREWELL: Duration = Duration::from_millis(500);

/// What a session brought.
#[derive(Debug, Default)]
pub(super) struct ProbeReport {
    /// An answer for each name, in their order.
    pub(super) answers: Vec<ServerAnswer>,
    /// The sender with which the server spoke about recipients; empty for the null sender.
    pub(super) sender: Option<String>,
    /// It refused that sender when it was told a name: another one may do.
    pub(super) sender_refused: bool,
    /// A permanent refusal that was about us, not about a name: the operator should know of it.
    pub(super) refusal: Option<String>,
    /// The whole dialogue, for people who ask for it.
    pub(super) lines: Vec<String>,
}

impl ProbeReport {
    /// The answer to the first name.
    pub(super) fn first(&self) -> ServerAnswer {
        self.answers.first().copied().unwrap_or(ServerAnswer::Undecided)
    }
}

/// A session with one server.
pub(super) struct ProbeSession<'a> {
    connection: Connection,
    report: ProbeReport,
    names: &'a [Address],
}

impl<'a> ProbeSession<'a> {
    /// Asks a server for names; the first of `senders` that it takes is used. An error means that there was no session.
    pub(super) async fn ask(
        connector: &Connector,
        config: &RelayConfig,
        server: &MailServer,
        senders: &[String],
        names: &'a [Address],
    ) -> Result<ProbeReport, NoRoute> {
        let config = RelayConfig { connect: STEP_MAX, reply: STEP_MAX, ..config.clone() };
        let key = DestinationKey::Servers(std::iter::once(server.clone()).collect());
        let connection = connector.open(&key, &config, 0).await?.connection;
        let mut session = ProbeSession { connection, report: ProbeReport::default(), names };
        // A session that breaks leaves its names undecided.
        let broken = session.envelope(senders).await.err();
        if let Some(fault) = broken {
            session.report.lines.push(format!("({fault})"));
        } else {
            session.connection.out.extend_from_slice(QUIT);
            let _ = session.connection.send(FAREWELL).await;
        }
        session.report.answers.resize(names.len(), ServerAnswer::Undecided);
        Ok(session.report)
    }

    async fn envelope(&mut self, senders: &[String]) -> Result<(), ConnectionFault> {
        let smtp_utf8 = self.names.iter().any(|name| !name.local().as_str().is_ascii());
        if smtp_utf8 && !self.connection.offers.smtp_utf8 {
            return Ok(());
        }
        let parameter = if smtp_utf8 { " SMTPUTF8" } else { "" };
        for sender in senders {
            let reply = self.command(&format!("MAIL FROM:<{sender}>{parameter}")).await?;
            if reply.is_closing() {
                return Ok(());
            }
            if reply.is_positive() {
                self.report.sender = Some(sender.clone());
                self.report.refusal = None;
                return self.recipients().await;
            }
            self.note_refusal(&reply);
        }
        Ok(())
    }

    /// With PIPELINING all names go out at once (RFC 2920 §3.1).
    async fn recipients(&mut self) -> Result<(), ConnectionFault> {
        let commands: Vec<String> = self.names.iter().map(|name| format!("RCPT TO:<{name}>")).collect();
        // Whatever came unasked would count as the answer to a name.
        if self.connection.has_unread() {
            return Ok(());
        }
        let pipelined = self.connection.offers.pipelining;
        if pipelined {
            commands.iter().for_each(|command| self.write(command));
            self.connection.send(STEP_MAX).await?;
        }
        for command in &commands {
            if !pipelined {
                self.write(command);
                self.connection.send(STEP_MAX).await?;
            }
            let reply = self.reply(command).await?;
            let answer = reply.about_recipient();
            if answer == ServerAnswer::Undecided {
                self.note_refusal(&reply);
                self.report.sender_refused |= reply.is_about_sender();
            }
            self.report.answers.push(answer);
            if reply.is_closing() {
                break;
            }
        }
        Ok(())
    }

    fn note_refusal(&mut self, reply: &ServerReply) {
        if reply.is_permanent() {
            self.report.refusal.get_or_insert_with(|| reply.to_string());
        }
    }

    async fn command(&mut self, command: &str) -> Result<ServerReply, ConnectionFault> {
        self.write(command);
        self.connection.send(STEP_MAX).await?;
        self.reply(command).await
    }

    fn write(&mut self, command: &str) {
        self.connection.out.extend_from_slice(command.as_bytes());
        self.connection.out.extend_from_slice(b"\r\n");
    }

    async fn reply(&mut self, command: &str) -> Result<ServerReply, ConnectionFault> {
        let reply = self.connection.reply(STEP_MAX).await?;
        self.report.lines.push(format!("C: {command}"));
        self.report.lines.push(format!("S: {reply}"));
        Ok(reply)
    }
}
