//! The position in a directory's own order of changes, so that the next read can ask only for later changes.
//!
//! Active Directory numbers the changes of each server (uSNChanged): a number is only valid for the same database of
//! the same server. OpenLDAP stamps changes with a time (entryCSN). Both show only changed entries that still match
//! the filter: deletions need a full read.

use super::error::{ReadError, ReadFault, Stage};
use super::mapping::guid_text;
use super::protocol::{Search, SearchScope};
use super::ranges::anything;
use super::session::{DirectorySession, SearchResult};
use doorlist_core::connection::{AttributeName, DirectoryConnection, DirectoryServer, Filter, Preset};
use jiff::ToSpan;
use jiff::civil::DateTime;

/// Maximum bytes of a marker.
const MARKER_BYTES_MAX: usize = 1_024;
/// Overlap of OpenLDAP's time stamps: changes of another server may arrive late with older stamps.
const OVERLAP_MINUTES: i64 = 10;
/// The form of OpenLDAP's time stamps.
const CSN_FORM: &str = "%Y%m%d%H%M%S";

/// A position in a directory's order of changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// Changes of Active Directory up to this number, in this database of this server.
    Usn { server: String, database: String, usn: u64 },
    /// Changes of OpenLDAP up to this time of this server.
    Csn { server: String, time: String },
}

impl Position {
    /// Parses the text of [`Self::marker`]. `None` for anything else, which leads to a full read.
    pub(crate) fn parse(marker: &str) -> Option<Self> {
        if marker.len() > MARKER_BYTES_MAX {
            return None;
        }
        let parts: Vec<&str> = marker.split(' ').collect();
        match parts.as_slice() {
            ["usn", server, database, usn] => {
                Some(Self::Usn { server: (*server).into(), database: (*database).into(), usn: usn.parse().ok()? })
            }
            ["csn", server, time] => {
                DateTime::strptime(CSN_FORM, time).ok()?;
                Some(Self::Csn { server: (*server).into(), time: (*time).into() })
            }
            _ => None,
        }
    }

    /// The text to store until the next read.
    pub(crate) fn marker(&self) -> String {
        match self {
            Self::Usn { server, database, usn } => format!("usn {server} {database} {usn}"),
            Self::Csn { server, time } => format!("csn {server} {time}"),
        }
    }

    /// The filter for changes since this position; `now` is a later position.
    pub(crate) fn changed_until(&self, now: &Self) -> Option<Filter> {
        match (self, now) {
            (
                Self::Usn { server, database, usn },
                Self::Usn { server: now_server, database: now_database, usn: now },
            ) => {
                let same = server == now_server && database == now_database && usn <= now;
                let next = usn.checked_add(1)?;
                same.then(|| Filter::at_least(name("uSNChanged"), next.to_string().into_bytes()))
            }
            (Self::Csn { server, time }, Self::Csn { server: now_server, time: now }) => {
                let from = DateTime::strptime(CSN_FORM, time).ok()?.checked_sub(OVERLAP_MINUTES.minutes()).ok()?;
                let stamp = format!("{}.000000Z#000000#000#000000", from.strftime(CSN_FORM));
                (server == now_server && time <= now).then(|| Filter::at_least(name("entryCSN"), stamp.into_bytes()))
            }
            _ => None,
        }
    }

    /// The current position of the directory. `None` if it has none, or if this account cannot read it.
    pub(crate) async fn now(
        session: &mut DirectorySession,
        connection: &DirectoryConnection,
        server: &DirectoryServer,
    ) -> Result<Option<Self>, ReadError> {
        let server = format!("{}:{}", server.host, server.port);
        match connection.preset {
            Preset::ActiveDirectory | Preset::ActiveDirectoryExchange => usn(session, server).await,
            Preset::OpenLdap => csn(session, &connection.base, server).await,
            Preset::Generic => Ok(None),
        }
    }
}

async fn usn(session: &mut DirectorySession, server: String) -> Result<Option<Position>, ReadError> {
    let root = one(session, b"", &["highestCommittedUSN", "dsServiceName"]).await?;
    let usn = text(&root, "highestCommittedUSN").and_then(|usn| usn.parse().ok());
    let (Some(usn), Some(service)) = (usn, text(&root, "dsServiceName")) else { return Ok(None) };
    // A database that was restored counts on from an old number under a new name (invocationId).
    let service = one(session, service.as_bytes(), &["invocationId"]).await?;
    let id = service.iter().find(|(name, _)| name.eq_ignore_ascii_case("invocationId"));
    let Some(id) = id.and_then(|(_, value)| <&[u8; 16]>::try_from(value.as_slice()).ok()) else { return Ok(None) };
    Ok(Some(Position::Usn { server, database: guid_text(id).into(), usn }))
}

async fn csn(session: &mut DirectorySession, base: &str, server: String) -> Result<Option<Position>, ReadError> {
    let root = one(session, b"", &["namingContexts"]).await?;
    let plain = |dn: &str| dn.chars().filter(|c| *c != ' ').flat_map(char::to_lowercase).collect::<String>();
    let base = plain(base);
    let suffixes = root.iter().filter_map(|(_, value)| std::str::from_utf8(value).ok());
    let Some(suffix) = suffixes.filter(|suffix| base.ends_with(&plain(suffix))).max_by_key(|suffix| suffix.len())
    else {
        return Ok(None);
    };
    let top = one(session, suffix.as_bytes(), &["contextCSN"]).await?;
    let stamps = top.iter().filter_map(|(_, value)| std::str::from_utf8(value).ok()?.get(..14));
    let time = stamps.filter(|stamp| DateTime::strptime(CSN_FORM, stamp).is_ok()).max();
    Ok(time.map(|time| Position::Csn { server, time: time.to_owned() }))
}

/// The attributes of one entry, a pair per value; empty if the account cannot read it.
async fn one(
    session: &mut DirectorySession,
    dn: &[u8],
    attributes: &[&str],
) -> Result<Vec<(String, Vec<u8>)>, ReadError> {
    let any = anything();
    let mut search =
        Search { base: dn, scope: SearchScope::Base, filter: &any, attributes, page: None, seconds_max: 0 };
    session.search(Stage::Base, &mut search).await?;
    let mut pairs = Vec::new();
    loop {
        match session.found(Stage::Base).await {
            Ok(SearchResult::Entry(range)) => {
                for attribute in session.entry(Stage::Base, &range)?.attributes() {
                    let attribute = attribute.map_err(|fault| ReadError::new(Stage::Base, fault))?;
                    let name = String::from_utf8_lossy(attribute.name).into_owned();
                    pairs.extend(attribute.values.flatten().map(|value| (name.clone(), value.to_vec())));
                }
            }
            Ok(SearchResult::Reference(_)) => {}
            Ok(SearchResult::Done(_)) | Err(ReadError { fault: ReadFault::Refused(_), .. }) => return Ok(pairs),
            Err(error) => return Err(error),
        }
    }
}

fn text<'p>(pairs: &'p [(String, Vec<u8>)], wanted: &str) -> Option<&'p str> {
    let (_, value) = pairs.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
    std::str::from_utf8(value).ok()
}

fn name(text: &str) -> AttributeName {
    text.parse().unwrap_or_else(|_| AttributeName::object_class())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn since(before: &str, now: &str) -> Option<String> {
        Some(Position::parse(before)?.changed_until(&Position::parse(now)?)?.to_string())
    }

    #[test]
    fn only_the_same_order_is_gone_on_with() {
        assert_eq!(since("usn dc1:636 a 41", "usn dc1:636 a 50").unwrap(), "(uSNChanged>=42)");
        assert_eq!(since("usn dc1:636 a 41", "usn dc2:636 a 50"), None);
        assert_eq!(since("usn dc1:636 a 41", "usn dc1:636 b 50"), None);
        assert_eq!(since("usn dc1:636 a 41", "usn dc1:636 a 40"), None, "restored from an older copy");
        let stamp = "(entryCSN>=20261231235500.000000Z#000000#000#000000)";
        assert_eq!(since("csn s:389 20270101000500", "csn s:389 20270101000500").unwrap(), stamp);
        assert_eq!(since("csn s:389 20270101000500", "usn s:389 a 1"), None);
        for bad in ["", "usn a b", "usn a b -1", "csn s x", "csn s 20271301000000", "other", &"x".repeat(2_000)] {
            assert_eq!(Position::parse(bad), None, "{bad}");
        }
        for good in ["usn dc1:636 a 41", "csn s:389 20270101000500"] {
            assert_eq!(Position::parse(good).unwrap().marker(), good);
        }
    }
}
