//! Right-hand sides of Postfix maps that say what is done with mail and name no target: actions of access(5), transports
//! of transport(5). Those that refuse mail stand in `refusals`.

/// Actions that take the message, whatever text is behind them.
const ACTIONS: [&str; 6] = ["DUNNO", "HOLD", "INFO", "OK", "RELAY", "WARN"];

/// Whether an action of access(5) takes the message. Words that may as well be targets count in capitals only: `info` in a
/// map of aliases is a mailbox.
pub(super) fn is_action(value: &str) -> bool {
    let (word, argument) = value.split_once(char::is_whitespace).unwrap_or((value, ""));
    let argument = argument.trim();
    let is = |known: &[&str]| known.iter().any(|known| word.eq_ignore_ascii_case(known));
    if is(&["redirect", "bcc"]) {
        argument.contains('@') && !argument.contains(char::is_whitespace)
    } else if is(&["filter", "prepend"]) {
        argument.contains(':')
    } else {
        // `permit_mynetworks` and other restrictions by name.
        ACTIONS.contains(&word) || is(&["dunno"]) || word.to_ascii_lowercase().starts_with("permit_")
    }
}

/// Whether the value is `transport:nexthop` of transport(5): `smtp:[192.0.2.1]:25`, `lmtp:unix:/path`, `local:`, `:`.
pub(super) fn is_transport(value: &str) -> bool {
    let Some((transport, next_hop)) = value.split_once(':') else { return false };
    let is_name = transport.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    // Our own export of aliases has `alias:ann`.
    is_name && transport != "alias" && !value.contains(['@', ',', ' ', '\t']) && is_next_hop(next_hop)
}

/// Nothing, `[host]:port`, `host:port`, a socket.
fn is_next_hop(next_hop: &str) -> bool {
    let is_host = |host: &str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_place = ["[", "/", "unix:", "inet:"].iter().any(|start| next_hop.starts_with(start));
    is_place || next_hop.split_once(':').map_or(is_host(next_hop), |(host, port)| is_host(host) && is_port(port))
}

#[cfg(test)]
mod tests {
    use super::{is_action, is_transport};

    #[test]
    fn actions_are_no_targets_and_targets_no_actions() {
        for action in
            ["REDIRECT box@other.test", "bcc b@x.test", "HOLD", "WARN a, b", "filter smtp:[x]", "PREPEND X: y"]
        {
            assert!(is_action(action), "{action}");
        }
        for target in ["info", "hold", "redirect", "info bo", "redirect box", "filter", "ann@example.test", ""] {
            assert!(!is_action(target), "{target}");
        }
    }

    #[test]
    fn transports_are_no_programs_of_aliases() {
        for transport in
            ["smtp:[192.0.2.1]:25", "smtp:", ":", ":[mx.test]", "lmtp:unix:/run/lmtp", "local:", "slow:mx:26"]
        {
            assert!(is_transport(transport), "{transport}");
        }
        for other in
            [":fail:", ":fail: gone", ":blackhole:", ":include:/etc/x", "alias:ann", "smtp:a@b.test", "ann", ""]
        {
            assert!(!is_transport(other), "{other}");
        }
    }
}
