//! XFORWARD: tells a server behind the gateway who the client was, for its logs and content filters (Postfix,
//! XFORWARD_README). Not an RFC; sent only to trusted servers that offer it.

use std::fmt::Write as _;

/// What the protocol wants in place of an unknown value.
const UNAVAILABLE: &str = "[UNAVAILABLE]";
/// Octets of one value at most (XFORWARD_README).
const VALUE_MAX: usize = 255;

/// The client of a message.
#[derive(Clone, Copy, Debug, Default)]
pub struct XForward<'a> {
    /// Its address, without the `IPv6:` tag.
    pub addr: Option<std::net::IpAddr>,
    pub port: u16,
    /// What it called itself.
    pub helo: &'a str,
    pub ident: &'a str,
}

/// The attributes that there are.
const NAMES: [&str; 7] = ["NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE"];

/// Which attributes a server takes, in the order of their names here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct XForwardAttributes([bool; 7]);

impl XForwardAttributes {
    pub(super) fn from_words<'w>(words: impl Iterator<Item = &'w str>) -> Self {
        let words: Vec<&str> = words.collect();
        Self(NAMES.map(|name| words.iter().any(|word| word.eq_ignore_ascii_case(name))))
    }

    /// Whether the server takes anything that we have to say.
    pub fn any(self) -> bool {
        self != Self::default()
    }

    /// Appends one XFORWARD command with all attributes that are taken (each value is at most 255 octets, so it stays
    /// below the 2,048 octets that servers read).
    pub(super) fn write(self, client: &XForward<'_>, out: &mut String) {
        out.push_str("XFORWARD");
        let addr = client.addr.map(|addr| match addr.to_canonical() {
            std::net::IpAddr::V4(v4) => v4.to_string(),
            std::net::IpAddr::V6(v6) => format!("IPv6:{v6}"),
        });
        let port = (client.port > 0).then(|| client.port.to_string());
        let helo = Some(client.helo).filter(|helo| !helo.is_empty());
        let values = [None, addr.as_deref(), port.as_deref(), Some("ESMTP"), helo, Some(client.ident), Some("REMOTE")];
        for ((taken, name), value) in self.0.into_iter().zip(NAMES).zip(values) {
            if taken {
                let _ = write!(out, " {name}=");
                push_xtext(value.unwrap_or(UNAVAILABLE), out);
            }
        }
        out.push_str("\r\n");
    }
}

/// RFC 3461 §4: printable ASCII but `+` and `=`; the rest as `+` and two hex digits.
fn push_xtext(value: &str, out: &mut String) {
    let start = out.len();
    for byte in value.bytes() {
        if out.len() - start + 3 > VALUE_MAX {
            break;
        }
        match byte {
            b'!'..=b'~' if byte != b'+' && byte != b'=' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "+{byte:02X}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_taken_attributes_are_sent_and_values_are_encoded() {
        let taken = XForwardAttributes::from_words("NAME addr HELO IDENT SOURCE COLOUR".split(' '));
        let client = XForward { addr: "2001:db8::1".parse().ok(), port: 99, helo: "a b+c=\r\nQUIT", ident: "0ABC" };
        let mut out = String::new();
        taken.write(&client, &mut out);
        assert_eq!(
            out,
            "XFORWARD NAME=[UNAVAILABLE] ADDR=IPv6:2001:db8::1 HELO=a+20b+2Bc+3D+0D+0AQUIT IDENT=0ABC SOURCE=REMOTE\r\n"
        );
    }

    #[test]
    fn a_value_stays_within_its_limit() {
        let taken = XForwardAttributes::from_words(["HELO"].into_iter());
        let helo = "\u{e9}".repeat(500);
        let mut out = String::new();
        taken.write(&XForward { helo: &helo, ..Default::default() }, &mut out);
        assert!(out.len() <= "XFORWARD HELO=\r\n".len() + VALUE_MAX, "{}", out.len());
    }
}
