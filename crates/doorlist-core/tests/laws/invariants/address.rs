//! Addresses: what parses prints in canonical form, which parses back to itself; case makes no difference.

use doorlist_core::address::{
    Address, AddressError, DomainName, LOCAL_PART_MAX, LocalPart, PATH_MAX, SUB_ADDRESS_LOOKUPS_MAX, SubAddressing,
    is_invisible,
};
use doorlist_core::policy::Recipient;

/// Checks the laws on the whole input as a text, and on what stands on either side of its last `@`.
pub fn check(input: &[u8]) {
    if let Some(address) = std::str::from_utf8(input).ok().and_then(|text| text.parse::<Address>().ok()) {
        check_address(&address);
        if let Ok(upper) = String::from_utf8(input.to_ascii_uppercase()).map(|text| text.parse()) {
            assert_eq!(upper, Ok(address), "case makes a difference");
        }
    }
    let at = input.iter().rposition(|&byte| byte == b'@').unwrap_or(input.len());
    let (local, domain) = (&input[..at], input.get(at + 1..).unwrap_or_default());
    if let Ok(local) = LocalPart::parse(local) {
        check_local(&local);
    }
    if let Ok(domain) = DomainName::parse(domain) {
        assert_eq!(DomainName::parse(domain.as_str().as_bytes()), Ok(domain.clone()));
        assert!(domain.as_str().is_ascii() && !domain.as_str().ends_with('.'));
    }
    for source_route in [false, true] {
        if let Ok(Recipient::Address(address)) = Recipient::from_path(local, domain, source_route) {
            assert!(!source_route);
            check_address(&address);
        }
    }
}

fn check_address(address: &Address) {
    let printed = address.to_string();
    assert!(!printed.contains(is_invisible), "{printed:?}");
    if address.local().as_str().len() > LOCAL_PART_MAX {
        // A recipient may be longer than an entry of a list; it is looked up, and never read back from a text.
        assert_eq!(printed.parse::<Address>(), Err(AddressError::LocalTooLong), "{printed:?}");
        assert!(address.local().as_str().len() <= PATH_MAX);
        return;
    }
    assert_eq!(printed.parse(), Ok(address.clone()), "{printed:?}");
    check_local(address.local());
}

fn check_local(local: &LocalPart) {
    let printed = local.to_string();
    assert_eq!(LocalPart::parse(printed.as_bytes()), Ok(local.clone()), "{printed:?}");
    let bases: Vec<&str> = local.bases(SubAddressing { plus: true, minus: true }).collect();
    assert!(bases.len() <= SUB_ADDRESS_LOOKUPS_MAX);
    for base in bases {
        assert!(!base.is_empty() && base.len() < local.as_str().len() && local.as_str().starts_with(base));
    }
}
