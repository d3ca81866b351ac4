//! `doorlist harvest ...`

use crate::config::units;
use clap::Subcommand;
use doorlist_actions::HarvestTarget;
use doorlist_core::address::DomainName;
use doorlist_core::network::Network;
use std::time::Duration;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum HarvestCommand {
    /// Show domains under attack, blocks and recent events
    #[command(after_help = "\
With a domain, also shows its state on each node, the names that were guessed within 24 hours, and
the listed recipients that were deferred by the defence.

Examples:
  doorlist harvest status
  doorlist harvest status example.test
  doorlist harvest status --json")]
    Status {
        /// Domain or domain alias
        domain: Option<DomainName>,
    },
    /// List flagged sources
    #[command(after_help = "\
A source is an IPv4 address or an IPv6 /64. While it is flagged, all its recipients but postmaster
get the same 451 after the same delay.

Examples:
  doorlist harvest sources
  doorlist harvest sources --limit 1000 --json")]
    Sources {
        /// Maximum number of sources
        #[arg(long, value_name = "NUMBER", default_value_t = 100)]
        limit: u32,
    },
    /// Block a network for a time: defer all its recipients but postmaster
    #[command(after_help = "\
Blocked clients get 451 4.7.1 for every recipient, whether it exists or not. All nodes follow within
5 seconds. Nothing is blocked for longer than 365 days; a block of the same network is replaced.

Examples:
  doorlist harvest block 192.0.2.0/24 --for 7d --reason 'dictionary attack'
  doorlist harvest block 2001:db8:1:2::/64 --for 12h --reason 'see ticket 4711'")]
    Block {
        /// Network or address
        network: Network,
        /// How long: 30min, 12h, 7d
        #[arg(long = "for", value_name = "DURATION", value_parser = units::duration)]
        length: Duration,
        /// Reason, shown by `harvest status`
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Release a source, a network or a domain
    #[command(after_help = "\
Of a source or a network, ends flags and blocks. Of a domain, ends its state; it begins anew only
after the number of unknown recipients has gone down. All nodes follow within 5 seconds.

Examples:
  doorlist harvest release 192.0.2.7
  doorlist harvest release 192.0.2.0/24
  doorlist harvest release example.test")]
    Release {
        /// Address, network or domain
        #[arg(value_name = "SOURCE|NETWORK|DOMAIN")]
        target: HarvestTarget,
    },
    /// Extend the state of a domain beyond 4 hours
    #[command(after_help = "\
The state still ends when the number of unknown recipients goes down. At most 7 days.

Example:
  doorlist harvest extend example.test --for 12h")]
    Extend {
        /// Domain or domain alias
        domain: DomainName,
        /// How long from now on: 12h, 2d
        #[arg(long = "for", value_name = "DURATION", value_parser = units::duration)]
        length: Duration,
    },
}
