//! The entries of a directory: fixed ones, people, and very many people.

use std::fmt::Write as _;

use super::{BASE, PASSWORD};

/// Somebody below `ou=people`, an `inetOrgPerson` that is a `mailRecipient` too.
#[derive(Debug, Clone, Copy, Default)]
pub struct Person<'a> {
    /// The RDN of the entry.
    pub uid: &'a str,
    /// The common name, and the surname.
    pub cn: &'a str,
    /// The values of `mail`.
    pub mail: &'a [&'a str],
    /// The values of `proxyAddresses`, such as `smtp:anna@example.test`.
    pub proxy_addresses: &'a [&'a str],
}

impl Person<'_> {
    pub(super) fn ldif(&self) -> String {
        let mut ldif = format!(
            "dn: uid={uid},ou=people,{BASE}\nobjectClass: inetOrgPerson\nobjectClass: mailRecipient\nuid: {uid}\n\
             cn: {cn}\nsn: {cn}\n",
            uid = self.uid,
            cn = self.cn,
        );
        let mail = self.mail.iter().map(|address| ("mail", address));
        for (attribute, value) in mail.chain(self.proxy_addresses.iter().map(|value| ("proxyAddresses", value))) {
            ldif += &format!("{attribute}: {value}\n");
        }
        ldif + "\n"
    }
}

/// What every directory holds.
pub(super) fn fixed(referral: Option<&str>) -> String {
    let mut ldif = format!("dn: {BASE}\nobjectClass: domain\ndc: example\n\n");
    for unit in ["people", "groups", "services"] {
        ldif += &format!("dn: ou={unit},{BASE}\nobjectClass: organizationalUnit\nou: {unit}\n\n");
    }
    for service in ["reader", "blind"] {
        ldif += &format!(
            "dn: cn={service},ou=services,{BASE}\nobjectClass: applicationProcess\nobjectClass: simpleSecurityObject\n\
             cn: {service}\nuserPassword: {PASSWORD}\n\n"
        );
    }
    if let Some(url) = referral {
        ldif += &format!(
            "dn: ou=elsewhere,{BASE}\nobjectClass: referral\nobjectClass: extensibleObject\nou: elsewhere\n\
             ref: {url}\n\n"
        );
    }
    ldif
}

/// The address `number` (0: its `mail`) of the person `entry` of a large directory, both from 0.
#[must_use]
pub fn large_address(entry: u32, number: u32) -> String {
    match number {
        0 => format!("person{entry}@example.test"),
        _ => format!("person{entry}.{number}@example.test"),
    }
}

/// The people of a large directory.
pub(super) fn large(entries: u32, addresses: u32) -> String {
    let mut ldif = String::new();
    for entry in 0..entries {
        let uid = format!("person{entry}");
        let all: Vec<String> = (0..addresses).map(|number| large_address(entry, number)).collect();
        let proxies: Vec<String> = all.iter().skip(1).map(|address| format!("smtp:{address}")).collect();
        let proxies: Vec<&str> = proxies.iter().map(String::as_str).collect();
        let mail: Vec<&str> = all.iter().take(1).map(String::as_str).collect();
        let person = Person { uid: &uid, cn: &uid, mail: &mail, proxy_addresses: &proxies };
        // They were made long ago: who asks for what has changed lately is told of nobody.
        let _ = write!(
            ldif,
            "{}\nentryCSN: 20250101000000.{:06}Z#000000#000#000000\n\n",
            person.ldif().trim_end(),
            entry % 1_000_000
        );
    }
    ldif
}
