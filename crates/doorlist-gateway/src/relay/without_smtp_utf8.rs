//! Remembers which servers lacked SMTPUTF8 at their last connection, so that a recipient whose servers all lack it is
//! rejected at RCPT instead of bounced. Kept in memory; an unknown server counts as capable.

use doorlist_core::change::MailServer;
use doorlist_core::time::Timestamp;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};
use std::time::Duration;

/// How long an observation is valid.
pub(crate) const REMEMBERED_FOR: Duration = Duration::from_hours(24);
/// Minimum time between two notes of one server, so that readers are rarely blocked.
const NOTED_EVERY: Duration = Duration::from_mins(15);
/// Maximum number of remembered servers, each about 64 octets plus its name.
const SERVERS_MAX: usize = 10_000;

/// Host and port, as a route names them.
type ServerName = (Box<str>, u16);

/// The servers without SMTPUTF8, with the time of the last observation.
#[derive(Default)]
pub(crate) struct WithoutSmtpUtf8 {
    servers: RwLock<HashMap<ServerName, Timestamp>>,
}

impl WithoutSmtpUtf8 {
    /// Notes whether a server offers SMTPUTF8.
    pub(crate) fn saw(&self, host: &str, port: u16, offers: bool, now: Timestamp) {
        let name: ServerName = (host.into(), port);
        let noted = self.servers.read().unwrap_or_else(PoisonError::into_inner).get(&name).copied();
        let is_known = match noted {
            None => offers,
            Some(at) => !offers && now.since(at) < NOTED_EVERY,
        };
        if is_known {
            return;
        }
        let mut servers = self.write();
        servers.remove(&name);
        if !offers {
            make_room(&mut servers, now);
            servers.insert(name, now);
        }
    }

    /// Whether all servers of the best preference lack it; false for a route without servers. Never waits: while a
    /// note is written, all servers count as unknown.
    pub(crate) fn is_whole_route(&self, route: &[MailServer], now: Timestamp) -> bool {
        let Some(best) = route.iter().map(|server| server.preference).min() else { return false };
        let Ok(servers) = self.servers.try_read() else { return false };
        route.iter().filter(|server| server.preference == best).all(|server| {
            let noted = servers.get(&(server.host.as_str().into(), server.port));
            noted.is_some_and(|at| now.since(*at) < REMEMBERED_FOR)
        })
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<ServerName, Timestamp>> {
        self.servers.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room in a full table: removes expired observations, otherwise the oldest one.
fn make_room(servers: &mut HashMap<ServerName, Timestamp>, now: Timestamp) {
    if servers.len() < SERVERS_MAX {
        return;
    }
    servers.retain(|_, at| now.since(*at) < REMEMBERED_FOR);
    if servers.len() >= SERVERS_MAX
        && let Some(oldest) = servers.iter().min_by_key(|(_, at)| **at).map(|(name, _)| name.clone())
    {
        servers.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorlist_core::change::{NamedBy, ServerTls};

    const START: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn server(host: &str, preference: u16) -> MailServer {
        MailServer {
            host: host.to_owned(),
            port: 25,
            preference,
            tls: ServerTls::Opportunistic,
            xforward: false,
            named_by: NamedBy::Machine,
        }
    }

    #[test]
    fn a_route_lacks_it_if_every_best_server_did_within_a_day() {
        let record = WithoutSmtpUtf8::default();
        let route = [server("a", 10), server("b", 10), server("backup", 20)];
        assert!(!record.is_whole_route(&route, START), "nobody was seen");
        record.saw("a", 25, false, START);
        record.saw("backup", 25, false, START);
        assert!(!record.is_whole_route(&route, START), "b is unknown");
        record.saw("b", 26, false, START);
        assert!(!record.is_whole_route(&route, START), "another port is another server");
        record.saw("b", 25, false, START + Duration::from_hours(1));
        let almost = START + REMEMBERED_FOR - Duration::from_millis(1);
        assert!(record.is_whole_route(&route, almost));
        assert!(!record.is_whole_route(&route, START + REMEMBERED_FOR), "what a did is forgotten");
        record.saw("a", 25, false, almost);
        assert!(record.is_whole_route(&route, START + REMEMBERED_FOR), "it was seen again");
        record.saw("a", 25, true, almost);
        assert!(!record.is_whole_route(&route, almost), "it has learnt it");
        assert!(!record.is_whole_route(&[], START));
    }

    #[test]
    fn a_server_among_the_backups_makes_no_difference() {
        let record = WithoutSmtpUtf8::default();
        record.saw("a", 25, false, START);
        record.saw("backup", 25, true, START);
        assert!(record.is_whole_route(&[server("backup", 20), server("a", 10)], START));
    }

    #[test]
    fn the_table_is_bounded_and_the_oldest_go_first() {
        let record = WithoutSmtpUtf8::default();
        let full: HashMap<ServerName, Timestamp> =
            (0..SERVERS_MAX as u64).map(|n| ((n.to_string().into(), 25), START + Duration::from_millis(n))).collect();
        *record.write() = full;
        let later = START + Duration::from_hours(1);
        record.saw("new", 25, false, later);
        assert_eq!(record.write().len(), SERVERS_MAX);
        assert!(
            !record.is_whole_route(&[server("0", 10)], later) && record.is_whole_route(&[server("new", 10)], later)
        );
        record.saw("newer", 25, false, START + REMEMBERED_FOR + Duration::from_secs(60));
        assert_eq!(record.write().len(), 2, "what is not believed is not kept");
    }
}
