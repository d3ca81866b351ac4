//! The commands of one transaction as text.

use super::super::capabilities::Capabilities;
use super::{SmtpUtf8, TransactionOffer};

/// The commands of a transaction, one a line.
#[derive(Default)]
pub(super) struct Script {
    text: String,
    /// A path had a control character and could be read as another command.
    path_is_unclean: bool,
}

impl Script {
    /// RSET and XFORWARD as needed; how many replies they will bring.
    pub(super) fn preamble(&mut self, server: &Capabilities, offer: &TransactionOffer<'_>) -> u8 {
        let mut replies = 0;
        if offer.reset {
            self.text.push_str("RSET\r\n");
            replies += 1;
        }
        if let Some(client) = &offer.xforward
            && server.xforward.any()
        {
            server.xforward.write(client, &mut self.text);
            replies += 1;
        }
        replies
    }

    pub(super) fn mail(&mut self, server: &Capabilities, offer: &TransactionOffer<'_>) {
        self.path("MAIL FROM:<", offer.sender);
        if server.size.is_some() {
            self.text.push_str(" SIZE=");
            self.text.push_str(&offer.size.to_string());
        }
        if offer.eight_bit && server.eight_bit_mime {
            self.text.push_str(" BODY=8BITMIME");
        }
        if offer.smtp_utf8 != SmtpUtf8::Unused && server.smtp_utf8 {
            self.text.push_str(" SMTPUTF8");
        }
        self.text.push_str("\r\n");
    }

    pub(super) fn rcpt(&mut self, recipient: &str) {
        self.path("RCPT TO:<", recipient);
        self.text.push_str("\r\n");
    }

    /// All commands with DATA at the end; none if a path is unclean.
    pub(super) fn data(mut self) -> Option<Vec<u8>> {
        self.text.push_str("DATA\r\n");
        (!self.path_is_unclean).then(|| self.text.into_bytes())
    }

    fn path(&mut self, command: &str, path: &str) {
        self.path_is_unclean |= path.bytes().any(|byte| byte.is_ascii_control());
        self.text.push_str(command);
        self.text.push_str(path);
        self.text.push('>');
    }
}
