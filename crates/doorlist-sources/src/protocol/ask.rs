//! LDAP requests: bind, search, StartTLS, unbind.

use super::super::ber::{BOOLEAN, BerWriter, ENUMERATED, INTEGER, OCTETS, SEQUENCE};
use super::{PAGED_RESULTS, START_TLS};
use doorlist_core::connection::{Comparison, Filter};

/// The version of the protocol (RFC 4511 §4.2).
const VERSION: u32 = 3;

/// How far below the base is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SearchScope {
    Base = 0,
    Subtree = 2,
}

#[derive(Debug)]
pub(crate) struct Search<'a> {
    pub(crate) base: &'a [u8],
    pub(crate) scope: SearchScope,
    pub(crate) filter: &'a Filter,
    pub(crate) attributes: &'a [&'a str],
    /// Entries a page, and the cookie of the page before.
    pub(crate) page: Option<(u32, &'a [u8])>,
    /// How long the server may take, in seconds.
    pub(crate) seconds_max: u32,
}

fn message(id: u32, request: impl FnOnce(&mut BerWriter)) -> Vec<u8> {
    message_of(0, id, request)
}

/// With room for so many bytes: what fits is not moved, and leaves no copy behind.
fn message_of(bytes: usize, id: u32, request: impl FnOnce(&mut BerWriter)) -> Vec<u8> {
    let mut out = BerWriter(Vec::with_capacity(bytes));
    out.nested(SEQUENCE, |message| {
        message.number(INTEGER, id);
        request(message);
    });
    out.0
}

/// A bind with name and password, or with neither.
pub(crate) fn bind(id: u32, name: &str, password: &[u8]) -> Vec<u8> {
    const HEADERS: usize = 64;
    message_of(name.len() + password.len() + HEADERS, id, |message| {
        message.nested(0x60, |bind| {
            bind.number(INTEGER, VERSION);
            bind.primitive(OCTETS, name.as_bytes());
            bind.primitive(0x80, password);
        });
    })
}

/// The end of a session.
pub(crate) fn unbind(id: u32) -> Vec<u8> {
    message(id, |message| message.primitive(0x42, &[]))
}

/// Encryption from here on.
pub(crate) fn start_tls(id: u32) -> Vec<u8> {
    message(id, |message| message.nested(0x77, |request| request.primitive(0x80, START_TLS)))
}

/// A search. Aliases are never followed. Paging is asked for, not insisted on: a server that cannot do it sends all, or
/// says that it will not.
pub(crate) fn search(id: u32, search: &Search<'_>) -> Vec<u8> {
    message(id, |message| {
        message.nested(0x63, |request| {
            request.primitive(OCTETS, search.base);
            request.number(ENUMERATED, search.scope as u32);
            request.number(ENUMERATED, 0);
            request.number(INTEGER, 0);
            request.number(INTEGER, search.seconds_max);
            request.primitive(BOOLEAN, &[0]);
            filter(request, search.filter);
            request.nested(SEQUENCE, |list| {
                search.attributes.iter().for_each(|name| list.primitive(OCTETS, name.as_bytes()));
            });
        });
        if let Some((size, cookie)) = search.page {
            message.nested(0xa0, |controls| controls.nested(SEQUENCE, |control| paged(control, size, cookie)));
        }
    })
}

fn paged(control: &mut BerWriter, size: u32, cookie: &[u8]) {
    control.primitive(OCTETS, PAGED_RESULTS);
    control.nested(OCTETS, |value| {
        value.nested(SEQUENCE, |value| {
            value.number(INTEGER, size);
            value.primitive(OCTETS, cookie);
        });
    });
}

/// RFC 4511 §4.5.1. The depth is bounded by what [`Filter`]'s parser lets through.
fn filter(out: &mut BerWriter, tree: &Filter) {
    match tree {
        Filter::And(parts) => out.nested(0xa0, |out| parts.iter().for_each(|part| filter(out, part))),
        Filter::Or(parts) => out.nested(0xa1, |out| parts.iter().for_each(|part| filter(out, part))),
        Filter::Not(part) => out.nested(0xa2, |out| filter(out, part)),
        Filter::Compare { attribute, comparison, value } => {
            let tag = match comparison {
                Comparison::Equal => 0xa3,
                Comparison::GreaterOrEqual => 0xa5,
                Comparison::LessOrEqual => 0xa6,
                Comparison::Approximate => 0xa8,
            };
            out.nested(tag, |out| {
                out.primitive(OCTETS, attribute.as_str().as_bytes());
                out.primitive(OCTETS, value);
            });
        }
        Filter::Present(attribute) => out.primitive(0x87, attribute.as_str().as_bytes()),
        Filter::Substrings { attribute, initial, any, last } => out.nested(0xa4, |out| {
            out.primitive(OCTETS, attribute.as_str().as_bytes());
            out.nested(SEQUENCE, |out| {
                initial.iter().for_each(|piece| out.primitive(0x80, piece));
                any.iter().for_each(|piece| out.primitive(0x81, piece));
                last.iter().for_each(|piece| out.primitive(0x82, piece));
            });
        }),
        Filter::Extensible { attribute, rule, of_dn, value } => out.nested(0xa9, |out| {
            rule.iter().for_each(|rule| out.primitive(0x81, rule.as_str().as_bytes()));
            attribute.iter().for_each(|name| out.primitive(0x82, name.as_str().as_bytes()));
            out.primitive(0x83, value);
            if *of_dn {
                out.primitive(0x84, &[0xff]);
            }
        }),
    }
}
