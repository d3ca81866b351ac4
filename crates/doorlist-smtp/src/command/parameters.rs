//! The ESMTP parameters of MAIL and RCPT (RFC 5321 §4.1.1.11): only those that EHLO offers.

use super::MailFrom;
use crate::reply::Reply;

/// Maximum digits of a SIZE value (RFC 1870 §3).
const SIZE_DIGITS_MAX: usize = 20;

/// Parses the parameters behind the path of MAIL.
pub(super) fn of_mail<'a>(path: &'a [u8], text: &[u8]) -> Result<MailFrom<'a>, Reply> {
    let mut found = MailFrom { path, size: None, eight_bit: false, smtp_utf8: false };
    let mut body_seen = false;
    for parameter in each(text)? {
        let (keyword, value) = split(parameter)?;
        if keyword.eq_ignore_ascii_case(b"SIZE") {
            let size = size(value.ok_or(Reply::BadArguments)?)?;
            set_once(found.size.is_some())?;
            found.size = Some(size);
        } else if keyword.eq_ignore_ascii_case(b"BODY") {
            set_once(std::mem::replace(&mut body_seen, true))?;
            found.eight_bit = is_eight_bit(value.ok_or(Reply::BadArguments)?)?;
        } else if keyword.eq_ignore_ascii_case(b"SMTPUTF8") {
            set_once(found.smtp_utf8)?;
            found.smtp_utf8 = if value.is_none() { true } else { return Err(Reply::BadArguments) };
        } else {
            return Err(Reply::UnknownParameter);
        }
    }
    Ok(found)
}

/// Parses the parameters of RCPT: no offered extension has any.
pub(super) fn of_rcpt(text: &[u8]) -> Result<(), Reply> {
    match each(text)?.next() {
        None => Ok(()),
        Some(parameter) => {
            split(parameter)?;
            Err(Reply::UnknownParameter)
        }
    }
}

/// Splits the parameters at blanks.
fn each(text: &[u8]) -> Result<impl Iterator<Item = &[u8]>, Reply> {
    let is_blank = |b: &u8| matches!(b, b' ' | b'\t');
    if text.first().is_some_and(|b| !is_blank(b)) {
        return Err(Reply::BadArguments);
    }
    Ok(text.split(is_blank).filter(|parameter| !parameter.is_empty()))
}

/// `KEYWORD` or `KEYWORD=value` in the characters of RFC 5321 §4.1.2 (esmtp-keyword, esmtp-value).
fn split(parameter: &[u8]) -> Result<(&[u8], Option<&[u8]>), Reply> {
    let (keyword, value) = match parameter.iter().position(|&b| b == b'=') {
        Some(at) => (&parameter[..at], Some(&parameter[at + 1..])),
        None => (parameter, None),
    };
    let keyword_is_legal = keyword.first().is_some_and(u8::is_ascii_alphanumeric)
        && keyword.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
    let value_is_legal = value.is_none_or(|value| {
        !value.is_empty() && value.iter().all(|b| (b.is_ascii_graphic() && *b != b'=') || *b >= 0x80)
    });
    if keyword_is_legal && value_is_legal { Ok((keyword, value)) } else { Err(Reply::BadArguments) }
}

/// Parses SIZE. A number too large for 64 bits is valid: the message will be too large.
fn size(value: &[u8]) -> Result<u64, Reply> {
    if value.len() > SIZE_DIGITS_MAX || !value.iter().all(u8::is_ascii_digit) {
        return Err(Reply::BadArguments);
    }
    Ok(value.iter().fold(0u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'))))
}

fn is_eight_bit(value: &[u8]) -> Result<bool, Reply> {
    if value.eq_ignore_ascii_case(b"8BITMIME") {
        Ok(true)
    } else if value.eq_ignore_ascii_case(b"7BIT") {
        Ok(false)
    } else if value.eq_ignore_ascii_case(b"BINARYMIME") {
        // RFC 3030 §3: an extension of its own, which needs CHUNKING.
        Err(Reply::UnknownParameter)
    } else {
        Err(Reply::BadArguments)
    }
}

fn set_once(seen: bool) -> Result<(), Reply> {
    if seen { Err(Reply::BadArguments) } else { Ok(()) }
}
