//! Reverse-path and forward-path (RFC 5321 §4.1.2): where the parts of an address begin and end.
//!
//! As strict as needed to find the parts unambiguously; `doorlist-core` decides whether they are a valid address.

use crate::reply::Reply;

pub use doorlist_core::address::PATH_MAX;

/// A path, split into its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Path<'a> {
    /// Text between the brackets, after a source route.
    pub(super) written: &'a [u8],
    pub(super) local: &'a [u8],
    /// Empty if there is no `@`.
    pub(super) domain: &'a [u8],
    pub(super) source_route: bool,
}

impl<'a> Path<'a> {
    /// Parses a path at the start of `text`. Returns it and the text after it; a path that begins as one but is none gets
    /// the reply `bad_syntax`.
    pub(super) fn parse(text: &'a [u8], bad_syntax: Reply) -> Result<(Self, &'a [u8]), Reply> {
        let [b'<', inner @ ..] = text else { return Self::without_brackets(text, bad_syntax) };
        if let [b'>', rest @ ..] = inner {
            return Ok((Self { written: b"", local: b"", domain: b"", source_route: false }, rest));
        }
        let mailbox = source_route(inner).ok_or(bad_syntax)?;
        let (local, domain, rest) = mailbox_at(mailbox).ok_or(bad_syntax)?;
        let [b'>', rest @ ..] = rest else { return Err(bad_syntax) };
        if text.len() - rest.len() > PATH_MAX + "<>".len() {
            return Err(bad_syntax);
        }
        let written = &mailbox[..mailbox.len() - rest.len() - ">".len()];
        Ok((Self { written, local, domain, source_route: mailbox.len() != inner.len() }, rest))
    }

    /// `RCPT TO:ann@example.test`, as old programs write it: a mailbox up to a blank, without a source route.
    fn without_brackets(text: &'a [u8], bad_syntax: Reply) -> Result<(Self, &'a [u8]), Reply> {
        if text.is_empty() {
            return Err(Reply::BadArguments);
        }
        let (local, domain, rest) = mailbox_at(text).ok_or(bad_syntax)?;
        let (written, _) = text.split_at(text.len() - rest.len());
        if written.len() > PATH_MAX || !matches!(rest, [] | [b' ' | b'\t', ..]) {
            return Err(bad_syntax);
        }
        Ok((Self { written, local, domain, source_route: false }, rest))
    }
}

/// Local part, domain (empty if there is no `@`) and the text behind the mailbox at the start of `text`.
fn mailbox_at(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (local, behind) = text.split_at(local_len(text)?);
    let (domain, rest) = match behind {
        [b'@', behind @ ..] => behind.split_at(domain_len(behind)?),
        _ => (&b""[..], behind),
    };
    Some((local, domain, rest))
}

/// The text after `@one,@two:`, or `text` without a source route. `None` if the source route does not end.
fn source_route(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    while let [b'@', behind @ ..] = rest {
        let len = domain_len(behind)?;
        rest = match &behind[len..] {
            [b',', next @ ..] if next.starts_with(b"@") => next,
            [b':', mailbox @ ..] if !mailbox.starts_with(b"@") => return Some(mailbox),
            _ => return None,
        };
    }
    Some(rest)
}

/// The length of a local part: a quoted string, or everything up to the last `@` (or the end, if there is none).
/// `a@b@c` requests relaying, which is detected later.
fn local_len(text: &[u8]) -> Option<usize> {
    if let [b'"', quoted @ ..] = text {
        return Some(quoted_len(quoted)? + 1);
    }
    let mut at = None;
    let mut len = 0;
    while text.get(len).copied().is_some_and(is_local) {
        len += 1;
        if text.get(len) == Some(&b'@') {
            at = Some(len);
            len += 1;
        }
    }
    let len = at.unwrap_or(len);
    (len > 0).then_some(len)
}

/// The length of a quoted string after its opening quote, including the closing one (RFC 5321 §4.1.2).
fn quoted_len(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => match text.get(at + 1)? {
                b' '..=b'~' => at += 2,
                _ => return None,
            },
            b' '..=b'~' | 0x80.. => at += 1,
            _ => return None,
        }
    }
}

/// The length of a domain name or of an address literal with its brackets; never 0.
fn domain_len(text: &[u8]) -> Option<usize> {
    if let [b'[', literal @ ..] = text {
        let len = literal.iter().position(|&b| !matches!(b, b'!'..=b'Z' | b'^'..=b'~'))?;
        return (literal[len] == b']').then_some(len + 2);
    }
    let len = text.iter().position(|&b| !is_local(b)).unwrap_or(text.len());
    (len > 0).then_some(len)
}

/// Octets allowed unquoted in a local part: printable and not special (RFC 5322 §3.2.3). In a domain name, too, which
/// `doorlist-core` validates.
fn is_local(byte: u8) -> bool {
    match byte {
        b'(' | b')' | b'<' | b'>' | b'[' | b']' | b':' | b';' | b'@' | b'\\' | b',' | b'"' => false,
        _ => byte.is_ascii_graphic() || byte >= 0x80,
    }
}
