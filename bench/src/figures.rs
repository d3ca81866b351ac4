//! The figures of the table and their floors.

use crate::server::Peer;

/// What a figure must reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Floor {
    /// At least so many times that server's figure.
    TimesOf(Peer, f64),
    /// At most one part in so many of that server's figure.
    PartOf(Peer, f64),
    /// The figure must not exceed this.
    AtMost(f64),
    /// The figure must reach this.
    AtLeast(f64),
    /// At most so many times another figure of ours.
    TimesOurs(&'static str, f64),
    /// At most so many times another figure of ours, or at most this, whichever is larger.
    TimesOursOr(&'static str, f64, f64),
    /// At least so many times another figure of ours.
    PartOfOurs(&'static str, f64),
    /// Nothing: it is shown because it explains another one.
    Shown,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figure {
    /// What `--only` and the measurements call it.
    pub(crate) id: &'static str,
    /// What the table calls it.
    pub(crate) title: &'static str,
    /// Number of decimals that are printed.
    pub(crate) decimals: usize,
    /// What it must reach.
    pub(crate) floor: Floor,
}

const fn row(id: &'static str, title: &'static str, decimals: usize, floor: Floor) -> Figure {
    Figure { id, title, decimals, floor }
}

/// All rows, in the table's order.
pub(crate) const FIGURES: &[Figure] = &[
    row(
        "relay",
        "messages relayed per second, 4 KiB, 20 sessions, one message a connection",
        0,
        Floor::TimesOf(Peer::Postfix, 4.0),
    ),
    row("relay-kept", "the same, 100 messages a connection", 0, Floor::TimesOf(Peer::Postfix, 4.0)),
    row("relay-slow", "one message a connection, every fsync 5 ms longer", 0, Floor::TimesOf(Peer::Postfix, 4.0)),
    row("relay-kept-slow", "100 messages a connection, every fsync 5 ms longer", 0, Floor::TimesOf(Peer::Postfix, 4.0)),
    row("cpu", "CPU seconds per 1,000 relayed, one message a connection", 3, Floor::PartOf(Peer::Postfix, 6.0)),
    row("cpu-kept", "CPU seconds per 1,000 relayed, 100 messages a connection", 3, Floor::PartOf(Peer::Postfix, 6.0)),
    row("answers", "RCPT answers per second, 4 sessions, one at a time", 0, Floor::TimesOf(Peer::Exim, 1.5)),
    row("answers-pipelined", "the same, pipelined by 50", 0, Floor::TimesOf(Peer::Exim, 5.0)),
    row("answers-quiet", "RCPT, one session, one at a time, p95, ms", 3, Floor::Shown),
    row("answers-hashing", "the same while 200 passwords are hashed, ms more", 3, Floor::AtMost(2.0)),
    row("answers-pushes", "the same while four pushes of 19 MB are taken over, ms more", 3, Floor::AtMost(2.0)),
    row("answers-import", "the same while a CSV of 1 million rows is imported, ms more", 3, Floor::AtMost(2.0)),
    row(
        "push-memory",
        "four pushes of 19 MB at once, read and planned (`test_run`): memory that they take, in times of their octets",
        2,
        Floor::AtMost(2.0),
    ),
    row(
        "push-memory-written",
        "one of them alone, and written, 500,000 addresses: memory less that of the list which it leaves, in times of its octets",
        2,
        Floor::AtMost(2.0),
    ),
    row("push-memory-list", "the memory of that list, in times of the octets of its push", 2, Floor::Shown),
    row(
        "sessions",
        "new sessions per second, 20 parallel: connect, EHLO, MAIL, RCPT, QUIT",
        0,
        Floor::TimesOf(Peer::Postfix, 4.0),
    ),
    row(
        "verdict-builtin",
        "messages relayed per second, DKIM-signed, with SPF, DKIM and DMARC judged (Postfix: OpenDKIM, OpenDMARC, policyd-spf)",
        0,
        Floor::TimesOf(Peer::Postfix, 4.0),
    ),
    row(
        "verdict-builtin-cpu",
        "the same: CPU seconds per 1,000, filters included",
        3,
        Floor::PartOf(Peer::Postfix, 4.0),
    ),
    row(
        "verdict-rspamd",
        "the same messages, judged by Rspamd: relayed per second",
        0,
        Floor::TimesOf(Peer::Postfix, 1.0),
    ),
    row(
        "verdict-rspamd-cpu",
        "the same: CPU seconds per 1,000, without Rspamd's",
        3,
        Floor::PartOf(Peer::Postfix, 4.0),
    ),
    row(
        "harvest-attack",
        "10,000 sources guess 10,000 names of 1 of 100 domains: guesses answered until it is recognised",
        0,
        Floor::AtMost(200.0),
    ),
    row("harvest-attack-quiet", "RCPT of senders with a good record, without an attack, p99, ms", 3, Floor::Shown),
    row(
        "harvest-attack-friends",
        "the same during that attack, 1,000 guesses a second",
        3,
        Floor::TimesOursOr("harvest-attack-quiet", 2.0, 2.0),
    ),
    row(
        "harvest-yield-network",
        "100,000 guesses from 100 addresses of one network: existing names learnt for 1,000",
        3,
        Floor::PartOf(Peer::Postfix, 100.0),
    ),
    row("harvest-yield-many", "the same from 10,000 networks", 3, Floor::PartOf(Peer::Postfix, 100.0)),
    row("preview", "preview of Enforce, 14 days of 10 million decisions, s", 2, Floor::AtMost(2.0)),
    row("preview-memory", "the same: the command's greatest memory, MiB", 0, Floor::AtMost(200.0)),
    row(
        "rcpt-before",
        "RCPT answers, listed names, one at a time: times those of a build before learning, median of 10 pairs",
        2,
        Floor::AtLeast(0.95),
    ),
    row("rcpt-before-pipelined", "the same, pipelined by 50", 2, Floor::AtLeast(0.95)),
    row("relay-shares-alone", "one destination: from the end of DATA to the next hop, p95, ms", 1, Floor::Shown),
    row(
        "relay-shares",
        "the same, beside 1,000 silent destinations of another customer",
        1,
        Floor::TimesOursOr("relay-shares-alone", 1.5, 50.0),
    ),
    row("relay-wide-240", "2,400 messages to 240 destinations: relayed per second", 0, Floor::Shown),
    row("relay-wide-300", "the same, to 300", 0, Floor::PartOfOurs("relay-wide-240", 0.8)),
    row("relay-wide-600", "the same, to 600", 0, Floor::PartOfOurs("relay-wide-240", 0.5)),
    row("relay-wide-2400", "the same, to 2,400", 0, Floor::PartOfOurs("relay-wide-240", 0.25)),
    row("relay-young", "130,000 messages of one destination, released at once: delivered after, s", 1, Floor::Shown),
    row("relay-young-still", "the same: longest time without a delivery, s", 2, Floor::AtMost(1.0)),
    row("list-bytes", "10 million addresses: octets each in the list", 1, Floor::AtMost(16.0)),
    row("list-pss", "the same, from the server's whole memory (PSS less that of an empty server)", 1, Floor::Shown),
    row("list-lookup", "10 million addresses: look-up in process, median, us", 2, Floor::AtMost(1.0)),
    row("list-start", "10 million addresses, SQLite: start to the first 250, s", 2, Floor::AtMost(15.0)),
    row("import-plan", "CSV of 1 million rows: planned after, s", 1, Floor::AtMost(5.0)),
    row("import-apply", "the same: applied after, s", 1, Floor::AtMost(15.0)),
    row("import-memory", "the same: the server's greatest memory, MiB", 0, Floor::AtMost(1024.0)),
    row(
        "import-stall",
        "the same: longest time that a message waited for its 250 meanwhile, ms",
        0,
        Floor::AtMost(250.0),
    ),
    row("import-hand", "the same: longest time that an address added by hand took meanwhile, s", 1, Floor::AtMost(5.0)),
    row("import-undo", "undo of an import of 100,000 rows, s", 1, Floor::AtMost(5.0)),
    row(
        "sync-full",
        "directory of 100,000 entries, 300,000 addresses: read whole, compared, nothing to change, s",
        2,
        Floor::AtMost(3.0),
    ),
    row("sync-changes", "the same: what has changed since, nothing", 2, Floor::AtMost(1.0)),
    row("add-10k", "one address added to 10,000: effective after, ms", 1, Floor::AtMost(100.0)),
    row("add-1m", "one address added to 1 million: effective after, ms", 1, Floor::AtMost(100.0)),
    row("add-10m", "one address added to 10 million: effective after, ms", 1, Floor::AtMost(100.0)),
    row("add-cpu-10k", "the server's CPU for it, 10,000 listed, ms", 2, Floor::Shown),
    row("add-cpu-1m", "the server's CPU for it, 1 million listed, ms", 2, Floor::TimesOurs("add-cpu-10k", 2.0)),
    row("add-cpu-10m", "the server's CPU for it, 10 million listed, ms", 2, Floor::TimesOurs("add-cpu-10k", 2.0)),
    row(
        "api-next",
        "API, 1 million accounts: page of 20 by `meta.next`, from the start and deep, p95, ms",
        2,
        Floor::AtMost(10.0),
    ),
    row("api-offset", "the same, at random offsets", 2, Floor::AtMost(10.0)),
    row("api-all", "the same, of all domains", 2, Floor::AtMost(10.0)),
    row(
        "api-admin",
        "the same, by an admin of a customer with 101 domains, among them the one of a million",
        2,
        Floor::AtMost(10.0),
    ),
    row("api-domains", "page of 20 of 10,001 domains at random offsets, p95, ms", 2, Floor::AtMost(10.0)),
    row("api-exact", "API: accounts of a local part, p95, ms", 2, Floor::AtMost(25.0)),
    row("api-begins", "1,000 accounts by the beginning of a local part, p95, ms", 2, Floor::AtMost(25.0)),
    row("api-ids", "50 accounts by number, p95, ms", 2, Floor::AtMost(25.0)),
    row("api-name", "accounts by domain name, p95, ms", 2, Floor::AtMost(25.0)),
    row("api-q-first", "`q`, the first in a domain of a million, ms", 0, Floor::Shown),
    row("api-q-memory", "the memory that it takes (PSS), MiB", 1, Floor::Shown),
    row("api-q3", "`q` of three letters, 100,000 hits, p95, ms", 2, Floor::AtMost(25.0)),
    row("api-q6", "`q` of six digits, one hit, p95, ms", 2, Floor::AtMost(25.0)),
    row("api-q1", "`q` of one letter, a million hits, p95, ms", 1, Floor::AtMost(300.0)),
    row("api-busy-exact", "while accounts come and go: of a local part, p95, ms", 2, Floor::AtMost(25.0)),
    row("api-busy-begins", "while accounts come and go: by a beginning, p95, ms", 2, Floor::AtMost(25.0)),
    row("api-busy-ids", "while accounts come and go: by number, p95, ms", 2, Floor::AtMost(25.0)),
    row("api-busy-name", "while accounts come and go: by domain name, p95, ms", 2, Floor::AtMost(25.0)),
    row("api-busy-q3", "while accounts come and go: `q` of three letters, p95, ms", 2, Floor::AtMost(25.0)),
    row("api-busy-q6", "while accounts come and go: `q` of six digits, p95, ms", 2, Floor::AtMost(25.0)),
    row("api-busy-q1", "while accounts come and go: `q` of one letter, p95, ms", 1, Floor::AtMost(300.0)),
    row("api-busy-offset", "while accounts come and go: page of 20 at random offsets, p95, ms", 2, Floor::AtMost(25.0)),
    row("api-busy-all", "while accounts come and go: the same, of all domains, p95, ms", 2, Floor::AtMost(25.0)),
    row("api-mass-add", "mass_add of 10,000, s", 2, Floor::AtMost(1.0)),
    row("api-mass-delete", "mass_delete of 1,000, s", 2, Floor::AtMost(1.0)),
    row("api-mixed", "500 mixed requests/s asked for, server on one core: done per second", 0, Floor::AtLeast(495.0)),
    row("api-mixed-p50", "the same: median, ms", 2, Floor::Shown),
    row("api-mixed-p95", "the same: p95, ms", 2, Floor::Shown),
    row("api-mixed-p99", "the same: p99, ms", 2, Floor::Shown),
    row(
        "api-mixed-most",
        "mixed requests per second on one core, as many as go over 8 connections",
        0,
        Floor::AtLeast(500.0),
    ),
    row("api-memory", "PSS after 100,000 more mixed requests, less that before, MiB", 1, Floor::AtMost(8.0)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_has_an_id_of_its_own_and_points_to_one_that_exists() {
        for (index, figure) in FIGURES.iter().enumerate() {
            assert!(FIGURES.iter().skip(index + 1).all(|other| other.id != figure.id), "{}", figure.id);
            if let Floor::TimesOurs(id, _) | Floor::TimesOursOr(id, ..) | Floor::PartOfOurs(id, _) = figure.floor {
                assert!(FIGURES.iter().any(|other| other.id == id), "{id}");
            }
        }
    }
}
