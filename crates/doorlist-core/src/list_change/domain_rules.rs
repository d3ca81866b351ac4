//! The rules of domains: what a change does to a domain, what a name may be given to, and what a mail server may be. Who
//! has a name is looked up by the caller.

use super::address_state::ListDomain;
use super::record::{DomainRecord, SMTP_PORT};
use super::refusal::Refusal;
use crate::address::DomainName;
use crate::change::{DomainChange, MailServer};
use crate::domain::{BounceAddresses, Mode, SubAddressing};
use crate::mail_policy::SpamTreatment;
use std::net::IpAddr;

/// Mail servers of a domain.
pub const SERVERS_MAX: usize = 50;
pub const DOMAIN_ALIASES_MAX: usize = 1_000;
/// Characters of a customer's name.
pub const CUSTOMER_NAME_MAX: usize = 200;

/// The record of a domain that is added.
///
/// # Errors
/// When the customer's name or a server is not one.
pub fn new_domain(name: &DomainName, customer: &str, servers: &[MailServer]) -> Result<DomainRecord, Refusal> {
    check_customer(customer)?;
    Ok(DomainRecord {
        customer: customer.to_owned(),
        customer_id: None,
        mode: Mode::NEW,
        trial_end: None,
        active: true,
        hold: false,
        sub_addressing: SubAddressing::default(),
        accept_abuse: true,
        bounce_addresses: BounceAddresses::default(),
        fall_back: false,
        plus_refused: false,
        domain_aliases: Vec::new(),
        aliases_off: Vec::new(),
        servers: checked_servers(name, servers)?,
        delivery_port: SMTP_PORT,
        message_max: None,
        spam: SpamTreatment::default(),
    })
}

fn check_customer(name: &str) -> Result<(), Refusal> {
    if name.is_empty() || name.chars().count() > CUSTOMER_NAME_MAX || name.chars().any(char::is_control) {
        let what = "characters of a customer's name, none of them a control character".to_owned();
        return Err(Refusal::TooMany { what, limit: CUSTOMER_NAME_MAX as u64 });
    }
    Ok(())
}

/// Changes the record of a domain. Adding and removing domains changes no record.
///
/// # Errors
/// When a limit is exceeded, an alias is not there, or a server is not one.
pub fn change(name: &DomainName, domain: &mut DomainRecord, change: &DomainChange) -> Result<(), Refusal> {
    match change {
        DomainChange::Add { .. } | DomainChange::Remove => {}
        DomainChange::Mode(mode) => {
            domain.mode = *mode;
            domain.trial_end = mode.trial_end().or(domain.trial_end);
        }
        DomainChange::Hold(hold) => domain.hold = *hold,
        DomainChange::Active(active) => domain.active = *active,
        DomainChange::Servers(servers) => domain.servers = checked_servers(name, servers)?,
        DomainChange::SubAddressing(sub_addressing) => domain.sub_addressing = *sub_addressing,
        DomainChange::PlusRefused(refused) => domain.plus_refused = *refused,
        DomainChange::AcceptAbuse(accept) => domain.accept_abuse = *accept,
        DomainChange::BounceAddresses(forms) => domain.bounce_addresses = *forms,
        DomainChange::FallBack(on) => domain.fall_back = *on,
        DomainChange::AddAlias(alias) => {
            if let Err(place) = domain.domain_aliases.binary_search(alias) {
                domain.domain_aliases.insert(place, alias.clone());
            }
            if domain.domain_aliases.len() > DOMAIN_ALIASES_MAX {
                let what = format!("domain aliases of {name}");
                return Err(Refusal::TooMany { what, limit: DOMAIN_ALIASES_MAX as u64 });
            }
        }
        DomainChange::RemoveAlias(alias) => match domain.domain_aliases.binary_search(alias) {
            Ok(place) => {
                domain.domain_aliases.remove(place);
                domain.aliases_off.retain(|off| off != alias);
            }
            Err(_) => return Err(Refusal::NoSuchDomainAlias { name: alias.clone(), domain: name.clone() }),
        },
        DomainChange::AliasActive { name: alias, active } => {
            if domain.domain_aliases.binary_search(alias).is_err() {
                return Err(Refusal::NoSuchDomainAlias { name: alias.clone(), domain: name.clone() });
            }
            domain.aliases_off.retain(|off| off != alias);
            if !active {
                domain.aliases_off.push(alias.clone());
                domain.aliases_off.sort();
            }
        }
        DomainChange::Customer(customer) => {
            check_customer(customer)?;
            if *customer != domain.customer {
                (domain.customer, domain.customer_id) = (customer.clone(), None);
            }
        }
        DomainChange::DeliveryPort(0) => {
            return Err(Refusal::BadServer { server: name.to_string(), why: "port 0".to_owned() });
        }
        DomainChange::DeliveryPort(port) => domain.delivery_port = *port,
        DomainChange::MessageMax(octets) => domain.message_max = *octets,
        DomainChange::Spam(spam) => domain.spam = *spam,
    }
    Ok(())
}

/// Refuses a name that is taken: a name is one domain, or an alias of one domain. `owner` is the domain that the name leads
/// to, with its customer; `alias_of` the domain that wants it as an alias, and may have it already.
///
/// # Errors
/// When it is another domain's name, or another's alias.
pub fn check_name(
    name: &DomainName,
    (owner, customer): (&ListDomain, &str),
    alias_of: Option<&ListDomain>,
) -> Result<(), Refusal> {
    let (name, domain) = (name.clone(), owner.name.clone());
    Err(match alias_of {
        Some(of) if of.id == owner.id && name != domain => return Ok(()),
        Some(of) if name == domain => Refusal::AliasIsDomain { name, domain: of.name.clone() },
        None if name == domain => Refusal::DomainTaken { name, customer: customer.to_owned() },
        _ => Refusal::NameIsAlias { name, domain },
    })
}

/// Who removes a domain names it, not one of its aliases.
///
/// # Errors
/// When the name is an alias of the domain.
pub fn check_removal(name: &DomainName, domain: &DomainName) -> Result<(), Refusal> {
    if name == domain {
        return Ok(());
    }
    Err(Refusal::NameIsAlias { name: name.clone(), domain: domain.clone() })
}

/// Lowest preference first, each host name or address valid and in canonical form.
fn checked_servers(name: &DomainName, servers: &[MailServer]) -> Result<Vec<MailServer>, Refusal> {
    if servers.len() > SERVERS_MAX {
        return Err(Refusal::TooMany { what: format!("mail servers of {name}"), limit: SERVERS_MAX as u64 });
    }
    let mut checked = servers.iter().map(checked_server).collect::<Result<Vec<_>, _>>()?;
    checked.sort_by_key(|server| server.preference);
    Ok(checked)
}

fn checked_server(server: &MailServer) -> Result<MailServer, Refusal> {
    let bad = |why: &str| Refusal::BadServer { server: server.host.clone(), why: why.to_owned() };
    if server.port == 0 {
        return Err(bad("port 0"));
    }
    let host = match server.host.parse::<IpAddr>() {
        Ok(address) if address.is_unspecified() || address.is_multicast() => return Err(bad("not a host's address")),
        Ok(address) => address.to_string(),
        Err(_) => host_name(&server.host).ok_or_else(|| bad("neither a host name nor an IP address"))?,
    };
    Ok(MailServer { host, ..server.clone() })
}

/// A name whose last label is a number would be a mistyped IP address.
fn host_name(host: &str) -> Option<String> {
    let name = DomainName::parse(host.as_bytes()).ok()?;
    let last = name.as_str().rsplit('.').next()?;
    (!last.bytes().all(|b| b.is_ascii_digit())).then(|| name.to_string())
}
