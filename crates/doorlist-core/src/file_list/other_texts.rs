//! Texts that hold addresses and are no lists of recipients: logs and queues of mail servers, dumps of databases.

use super::NotAList;
use super::heads::normal;
use super::lines::Lines;

/// Lines that are looked at.
const LOOKED_AT: usize = 200;
/// Octets of a line before the end of its time.
const TIME_BEFORE: usize = 80;
/// Octets of a line that is looked at.
const LINE_MAX: usize = 1024;

/// What stands behind the time in logs of Postfix, Sendmail, Exim and Dovecot.
const LOG_MARKS: [&str; 11] =
    ["]: ", " to=<", " from=<", " rcpt ", "rcpt to", "rcpt from", " <= ", " => ", " -> ", " ** ", " == "];
/// How statements and dumps of SQL begin, in lower case.
const SQL_STARTS: [&str; 7] = [
    "insert into ",
    "insert ignore into ",
    "replace into ",
    "-- mysql dump",
    "-- mariadb dump",
    "-- postgresql database dump",
    "create table ",
];

/// Refuses what would list recipients that are none.
pub(super) fn refuse(text: &str) -> Result<(), NotAList> {
    let lines = || Lines::new(text).map(|(_, line)| start(line)).filter(|line| !line.is_empty()).take(LOOKED_AT);
    if lines().any(is_sql) {
        return Err(NotAList::SqlDump);
    }
    let (logged, all) = lines().fold((0, 0), |(logged, all), line| (logged + usize::from(is_log_line(line)), all + 1));
    if (logged > 0 && logged * 2 >= all) || lines().take(20).any(is_trace_head) {
        return Err(NotAList::MailLog);
    }
    Ok(())
}

/// So much of a line as is looked at.
fn start(line: &str) -> &str {
    let line = line.trim();
    line.get(..line.floor_char_boundary(LINE_MAX)).unwrap_or(line)
}

fn is_sql(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    SQL_STARTS.iter().any(|start| lower.starts_with(start))
        || (lower.starts_with("copy ") && lower.ends_with("from stdin;"))
}

/// `Nov 12 10:00:00 mx postfix/smtpd[1]: ...`, `2026-11-12T10:00:00+01:00 mx ...`, `2026-11-12 10:00:00 1abcde-x => ...`.
fn is_log_line(line: &str) -> bool {
    let Some(end) = time_end(line.as_bytes()) else { return false };
    let Some((before, behind)) = line.split_at_checked(end) else { return false };
    let behind = behind.to_ascii_lowercase();
    !before.contains('@') && LOG_MARKS.iter().any(|mark| behind.contains(mark))
}

/// Where the first time of day ends.
fn time_end(line: &[u8]) -> Option<usize> {
    let is_time = |time: &[u8]| {
        time.iter().enumerate().all(|(at, byte)| if at % 3 == 2 { *byte == b':' } else { byte.is_ascii_digit() })
    };
    line.get(..TIME_BEFORE.min(line.len()))?.windows(8).position(is_time).map(|at| at + 8)
}

/// The head of a message trace or tracking log of Exchange, of `mailq`.
fn is_trace_head(line: &str) -> bool {
    let names = normal(line);
    (names.contains("senderaddress") && names.contains("recipientaddress")) || line.starts_with("-Queue ID-")
}
