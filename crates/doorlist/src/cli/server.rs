//! A mail server as the command line writes it: `HOST[:PORT[:PREFERENCE]][,tls=...][,xforward]`.

use doorlist_core::address::DomainName;
use doorlist_core::change::{MailServer, NamedBy, ServerTls};
use std::net::{IpAddr, Ipv6Addr};

const PORT: u16 = 25;
const PREFERENCE: u16 = 10;

/// Parses a mail server. An IPv6 address must be in brackets.
pub(crate) fn parse(text: &str) -> Result<MailServer, String> {
    let mut parts = text.split(',');
    let (host, numbers) = host_and_rest(parts.next().unwrap_or(""))?;
    let mut numbers = numbers.split(':').skip(1);
    let mut number = |what: &str, otherwise: u16| match numbers.next() {
        None => Ok(otherwise),
        Some(text) => text.parse::<u16>().map_err(|_| format!("`{text}` is not a valid {what} (0 to 65535)")),
    };
    let (port, preference) = (number("port", PORT)?, number("preference", PREFERENCE)?);
    if let Some(more) = numbers.next() {
        return Err(format!("unexpected `{more}` after HOST:PORT:PREFERENCE; put an IPv6 address in brackets"));
    }
    if port == 0 {
        return Err("port 0 is not a valid port".to_owned());
    }
    let (tls, named_by) = (ServerTls::Opportunistic, NamedBy::Machine);
    let mut server = MailServer { host, port, preference, tls, xforward: false, named_by };
    for option in parts {
        match option {
            "xforward" => server.xforward = true,
            "tls=opportunistic" => server.tls = ServerTls::Opportunistic,
            "tls=required" => server.tls = ServerTls::Required,
            "tls=verify" => server.tls = ServerTls::Verify,
            _ => return Err(format!("unknown option `{option}`; use tls=opportunistic|required|verify or xforward")),
        }
    }
    Ok(server)
}

/// The host, and the rest of the text: empty, or starting with a colon.
fn host_and_rest(text: &str) -> Result<(String, &str), String> {
    let wrong = || format!("`{text}` is not a host; write mail.example.test, 192.0.2.7 or [2001:db8::7]");
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or_else(wrong)?;
        let address = host.parse::<Ipv6Addr>().map_err(|_| wrong())?;
        return if rest.is_empty() || rest.starts_with(':') { Ok((address.to_string(), rest)) } else { Err(wrong()) };
    }
    let (host, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok((address.to_string(), rest));
    }
    match DomainName::parse(host.as_bytes()) {
        Ok(name) => Ok((name.to_string(), rest)),
        Err(_) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn people_name_servers_in_many_ways() {
        let cases = [
            ("mail.example.test", ("mail.example.test", 25, 10)),
            ("MAIL.example.test:2525", ("mail.example.test", 2525, 10)),
            ("192.0.2.7:25:0", ("192.0.2.7", 25, 0)),
            ("[2001:db8:0::7]", ("2001:db8::7", 25, 10)),
            ("[2001:db8::7]:26:5", ("2001:db8::7", 26, 5)),
        ];
        for (text, (host, port, preference)) in cases {
            let server = parse(text).unwrap();
            assert_eq!((server.host.as_str(), server.port, server.preference), (host, port, preference), "{text}");
        }
        let server = parse("mail.example.test,tls=verify,xforward").unwrap();
        assert_eq!((server.tls, server.xforward), (ServerTls::Verify, true));
    }

    #[test]
    fn what_is_no_server_is_refused() {
        let wrong = [
            "",
            ":25",
            "mail.example.test:",
            "mail:x",
            "mail:70000",
            "mail:0",
            "mail:25:10:3",
            "2001:db8::7",
            "[2001:db8::7",
            "[192.0.2.7]",
            "[2001:db8::7]x",
            "two words",
            "mail,",
            "mail,tls=maybe",
            "a..b",
        ];
        for text in wrong {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
