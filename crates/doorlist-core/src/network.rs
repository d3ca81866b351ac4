//! Networks and kinds of IP addresses: where outgoing connections may lead, and which addresses count as one client.

mod source_key;

pub use source_key::SourceKey;

use crate::serde_text::serde_as_text;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network such as `10.1.0.0/16`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// The text is not a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a network as 10.1.0.0/16 or fd00:1::/64, or a single address")]
pub struct NetworkError;

impl Network {
    /// Its first address, as it was written.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    pub fn is_ipv4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// How many bits of its addresses are the same.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    pub fn is_one_address(&self) -> bool {
        self.prefix == if self.address.is_ipv4() { 32 } else { 128 }
    }

    /// Whether it contains the address. IPv4 in IPv6 forms counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.holds(plain(address))
    }

    /// Whether it contains the address of a peer. An IPv4 peer on an IPv6 socket counts as IPv4; 6to4 and NAT64
    /// addresses do not count as the IPv4 address in them, which belongs to somebody else.
    pub fn contains_peer(&self, peer: IpAddr) -> bool {
        self.holds(peer.to_canonical())
    }

    /// Whether it contains every address of `other`.
    pub fn covers(&self, other: &Self) -> bool {
        self.prefix <= other.prefix && self.holds(other.address)
    }

    fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                (own.to_bits() ^ other.to_bits()) & mask == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                (own.to_bits() ^ other.to_bits()) & mask == 0
            }
            _ => false,
        }
    }
}

/// Converts IPv4 in IPv6 forms (mapped, compatible, NAT64, 6to4) to the IPv4 address.
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let bits = v6.to_bits();
    let low = IpAddr::V4(Ipv4Addr::from_bits((bits & 0xffff_ffff) as u32));
    match bits >> 32 {
        // ::ffff:a.b.c.d and 64:ff9b::a.b.c.d (RFC 6052 §2.1)
        0xffff | 0x0064_ff9b_0000_0000_0000_0000 => low,
        // ::a.b.c.d, but neither :: nor ::1
        0 if bits > 1 => low,
        // 2002:a.b.c.d::/48 (RFC 3056 §2)
        _ if bits >> 112 == 0x2002 => IpAddr::V4(Ipv4Addr::from_bits((bits >> 80 & 0xffff_ffff) as u32)),
        _ => address,
    }
}

/// The kind of an address (RFC 6890).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkKind {
    /// On the public Internet.
    Public,
    /// On a private network: RFC 1918, unique local (RFC 4193), carrier-grade NAT (RFC 6598).
    Private,
    /// This machine or link, or not usable by a server: loopback, link-local, unspecified, multicast, reserved,
    /// documentation.
    Local,
}

/// The kind of an address; of IPv4 in its IPv6 forms, that of the IPv4 address.
pub fn kind(address: IpAddr) -> NetworkKind {
    let (public, private) = match plain(address) {
        IpAddr::V4(v4) => (is_public_v4(v4), v4.is_private() || is_shared(v4)),
        IpAddr::V6(v6) => (is_public_v6(v6), v6.is_unique_local()),
    };
    match (public, private) {
        (true, _) => NetworkKind::Public,
        (_, true) => NetworkKind::Private,
        _ => NetworkKind::Local,
    }
}

/// Whether the address is on the public Internet: not local, private, multicast or reserved (RFC 6890).
pub fn is_public(address: IpAddr) -> bool {
    kind(address) == NetworkKind::Public
}

/// Whether the address means this machine wherever it is used: loopback, or unspecified, which connects to loopback.
pub fn is_loopback(address: IpAddr) -> bool {
    let address = plain(address);
    address.is_loopback() || address.is_unspecified()
}

/// Whether a list of networks contains an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    No,
    /// A listed network contains it.
    InNetwork,
    /// The address itself is listed.
    ByItself,
}

/// Looks an address up in a list of networks that the operator allows.
pub fn listed(address: IpAddr, networks: &[Network]) -> Listed {
    let mut with_it = networks.iter().filter(|network| network.contains(address)).peekable();
    match (with_it.peek().is_some(), with_it.any(Network::is_one_address)) {
        (_, true) => Listed::ByItself,
        (true, false) => Listed::InNetwork,
        (false, false) => Listed::No,
    }
}

/// Shared address space, 100.64.0.0/10 (RFC 6598).
fn is_shared(v4: Ipv4Addr) -> bool {
    let [a, b, ..] = v4.octets();
    a == 100 && b & 0xc0 == 64
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let protocol = a == 192 && b == 0 && c == 0; // RFC 6890 §2.1
    let benchmark = a == 198 && b & 0xfe == 18; // RFC 2544
    !(a == 0
        || a >= 240
        || is_shared(v4)
        || protocol
        || benchmark
        || v4.is_loopback()
        || v4.is_private()
        || v4.is_link_local()
        || v4.is_multicast()
        || v4.is_documentation())
}

/// Only 2000::/3 is assigned to the Internet, with exceptions.
fn is_public_v6(v6: Ipv6Addr) -> bool {
    let [a, b, ..] = v6.segments();
    let documentation = (a == 0x2001 && b == 0xdb8) || (a == 0x3fff && b < 0x1000); // RFC 3849, RFC 9637
    let protocol = a == 0x2001 && b < 0x200; // Teredo and others, RFC 6890
    a & 0xe000 == 0x2000 && !documentation && !protocol
}

impl FromStr for Network {
    type Err = NetworkError;
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = text.trim().split_once('/').map_or((text.trim(), None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(longest), str::parse).map_err(|_| NetworkError)?;
        if prefix <= longest { Ok(Self { address, prefix }) } else { Err(NetworkError) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

serde_as_text!(Network);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn l14_what_is_not_public() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::10.0.0.1",
            "2002:a00:1::1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
            "64:ff9b:1::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1",
            "2a00::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn networks_of_ones_own_are_private() {
        let kind = |address: &str| kind(address.parse().unwrap());
        for address in
            ["10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", "::ffff:10.0.0.1", "2002:a00:1::1"]
        {
            assert_eq!(kind(address), NetworkKind::Private, "{address}");
        }
        for address in [
            "127.0.0.1",
            "0.0.0.0",
            "::",
            "::1",
            "169.254.169.254",
            "fe80::1",
            "224.0.0.1",
            "192.0.2.1",
            "255.255.255.255",
            "64:ff9b::7f00:1",
            "::ffff:169.254.169.254",
            "fec0::1",
            "2001:db8::1",
        ] {
            assert_eq!(kind(address), NetworkKind::Local, "{address}");
        }
        assert_eq!(kind("9.9.9.9"), NetworkKind::Public);
    }

    #[test]
    fn a_list_names_networks_and_addresses() {
        let networks = ["10.0.0.0/8", "10.9.9.9", "::1"].map(|network| network.parse().unwrap());
        let listed = |address: &str| listed(address.parse().unwrap(), &networks);
        assert_eq!(listed("10.1.1.1"), Listed::InNetwork);
        assert_eq!((listed("10.9.9.9"), listed("::ffff:10.9.9.9")), (Listed::ByItself, Listed::ByItself));
        assert_eq!((listed("::1"), listed("127.0.0.1")), (Listed::ByItself, Listed::No));
    }

    #[test]
    fn networks_contain_what_they_should() {
        let holds =
            |network: &str, address: &str| network.parse::<Network>().unwrap().contains(address.parse().unwrap());
        assert!(holds("10.1.0.0/16", "10.1.255.1") && !holds("10.1.0.0/16", "10.2.0.0"));
        assert!(holds("10.1.2.3", "10.1.2.3") && !holds("10.1.2.3", "10.1.2.4"));
        assert!(holds("10.0.0.0/8", "::ffff:10.9.9.9"), "the mapped form is the same address");
        let trusts =
            |network: &str, peer: &str| network.parse::<Network>().unwrap().contains_peer(peer.parse().unwrap());
        assert!(trusts("10.0.0.0/8", "10.9.9.9") && trusts("10.0.0.0/8", "::ffff:10.9.9.9"));
        assert!(!trusts("10.0.0.0/8", "2002:a00:1::1") && !trusts("10.0.0.0/8", "64:ff9b::10.0.0.1"));
        assert!(holds("0.0.0.0/0", "8.8.8.8") && !holds("0.0.0.0/0", "2a00::1"));
        assert!(holds("fd00::/8", "fd12::1") && !holds("fd00::/8", "fe80::1") && holds("::/0", "fe80::1"));
        for bad in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/-1", "a/8", "10.0.0.0/"] {
            assert_eq!(bad.parse::<Network>(), Err(NetworkError), "{bad}");
        }
    }
}
