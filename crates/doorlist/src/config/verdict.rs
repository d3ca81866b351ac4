//! The settings of scanners, and of the name server that they need.

use super::build::ConfigReader;
use doorlist_core::verdict::UncheckedMail;
use doorlist_gateway::config::{RspamdAddress, VerdictEngine};
use std::net::{IpAddr, SocketAddr};

/// Default port of Rspamd's normal worker.
const RSPAMD_PORT: u16 = 11333;
/// Default port of name servers.
const DNS_PORT: u16 = 53;

pub(super) fn engine(reader: &mut ConfigReader<'_>) -> VerdictEngine {
    let (mut engine, mut rspamd) = (VerdictEngine::default(), RspamdAddress { host: String::new(), port: RSPAMD_PORT });
    reader.set(&mut rspamd, "verdict.rspamd_url", rspamd_address);
    reader.set(&mut engine, "verdict.engine", |text| match text {
        "builtin" => Ok(VerdictEngine::Builtin),
        "rspamd" => Ok(VerdictEngine::Rspamd(rspamd.clone())),
        "none" => Ok(VerdictEngine::Nobody),
        other => Err(format!("`{other}` is neither builtin, rspamd nor none")),
    });
    engine
}

pub(super) fn unchecked(text: &str) -> Result<UncheckedMail, String> {
    match text {
        "deliver" => Ok(UncheckedMail::Deliver),
        "defer" => Ok(UncheckedMail::Defer),
        other => Err(format!("`{other}` is neither deliver nor defer")),
    }
}

/// Parses `http://HOST[:PORT]`; TLS is not spoken to a scanner, which gets whole messages anyway.
fn rspamd_address(text: &str) -> Result<RspamdAddress, String> {
    let wrong = || format!("`{text}` is not a URL such as http://127.0.0.1:{RSPAMD_PORT}");
    let authority = text.strip_prefix("http://").ok_or_else(wrong)?;
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let url = url::Url::parse(&format!("http://{authority}")).map_err(|_| wrong())?;
    if url.path() != "/" || url.query().is_some() || !url.username().is_empty() || authority.contains('/') {
        return Err(wrong());
    }
    let host = url.host_str().ok_or_else(wrong)?.trim_start_matches('[').trim_end_matches(']').to_owned();
    // The default port of a URL is that of HTTP, which its parser leaves out.
    let port = if authority.ends_with(":80") { 80 } else { url.port().unwrap_or(RSPAMD_PORT) };
    Ok(RspamdAddress { host, port })
}

/// Parses an address with or without a port.
pub(super) fn name_server(text: &str) -> Result<Option<SocketAddr>, String> {
    let with_port = text.parse::<SocketAddr>();
    let address = with_port.or_else(|_| text.parse::<IpAddr>().map(|address| SocketAddr::new(address, DNS_PORT)));
    address.map(Some).map_err(|_| format!("`{text}` is not an address such as 127.0.0.1 or 127.0.0.1:5353"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_rspamd_have_a_host_and_a_port() {
        let parse = |text: &str| rspamd_address(text).ok().map(|address| address.to_string());
        assert_eq!(parse("http://127.0.0.1:11333").as_deref(), Some("127.0.0.1:11333"));
        assert_eq!(parse("http://scanner.example.test/").as_deref(), Some("scanner.example.test:11333"));
        assert_eq!(parse("http://[::1]:80").as_deref(), Some("[::1]:80"));
        for wrong in [
            "",
            "127.0.0.1:11333",
            "https://a.test",
            "http://",
            "http://a.test/x",
            "http://a@b.test",
            "http://a.test?x",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn unchecked_mail_is_delivered_or_deferred() {
        assert_eq!(unchecked("deliver"), Ok(UncheckedMail::Deliver));
        assert_eq!(unchecked("defer"), Ok(UncheckedMail::Defer));
        assert!(["", "Defer", "451", "none"].into_iter().all(|text| unchecked(text).is_err()));
    }

    #[test]
    fn name_servers_are_addresses() {
        assert_eq!(name_server("127.0.0.1"), Ok(Some(SocketAddr::from(([127, 0, 0, 1], 53)))));
        assert_eq!(name_server("127.0.0.1:5353"), Ok(Some(SocketAddr::from(([127, 0, 0, 1], 5353)))));
        assert!(name_server("::1").is_ok_and(|found| found.is_some()) && name_server("ns.example.test").is_err());
    }
}
