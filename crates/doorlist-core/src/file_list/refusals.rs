//! Right-hand sides of maps that refuse mail: access(5) and transport(5) of Postfix, `error:` of Sendmail, `:fail:` of
//! Exim.

/// Actions of access(5) by which nobody gets the message.
const ACTIONS: [&str; 3] = ["reject", "defer", "discard"];

/// `550 No such user here`, `5.1.1 gone`, `REJECT`, `error:nouser`, `retry:4.0.0 later`, `:fail: gone`, in any case.
pub(super) fn is_refusal(value: &str) -> bool {
    let lower: String = value.trim_start_matches(['"', ' ']).chars().take(32).collect::<String>().to_ascii_lowercase();
    if ["error:", "retry:", ":fail:", ":defer:"].iter().any(|start| lower.starts_with(start)) {
        return true;
    }
    let word = lower.split(|c: char| c.is_whitespace() || matches!(c, '"' | ':' | ',')).next().unwrap_or_default();
    // `defer_if_permit`, `reject_unlisted_recipient`.
    let action = word.split('_').next().unwrap_or_default();
    ACTIONS.contains(&action) || is_reply(word)
}

/// A reply of SMTP that is no success (RFC 5321 4.2), or its enhanced code (RFC 3463).
fn is_reply(word: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = word.split('.').collect();
    word.starts_with(['4', '5'])
        && parts.iter().all(|part| is_number(part))
        && match parts.as_slice() {
            [code] => code.len() == 3,
            [class, _, _] => class.len() == 1,
            _ => false,
        }
}
