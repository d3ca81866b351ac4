//! An address of this machine for the name server, while it runs. It is none of 127.0.0.0/8: libunbound, by which OpenDKIM asks,
//! asks no server there, and the setting against that is read by several threads at once, and so wrongly.

use crate::server::must;
use anyhow::Result;
use std::net::Ipv4Addr;
use std::process::Command;

/// The address, on the loopback interface until this is dropped: nothing that is sent to it leaves the machine.
pub(super) struct NameAddress(());

impl NameAddress {
    /// Of a network for documentation (RFC 5737), where nobody is.
    pub(super) const IP: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 53);

    /// Adds it; one that an earlier run left behind is the same.
    pub(super) fn add() -> Result<Self> {
        must(&mut Self::ip("replace"))?;
        Ok(Self(()))
    }

    fn ip(what: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["address", what, &format!("{}/32", Self::IP), "dev", "lo"]);
        command
    }
}

impl Drop for NameAddress {
    fn drop(&mut self) {
        // One that stays does no harm: the next run takes it.
        let _ = Self::ip("del").output();
    }
}
