//! Words of requests: modes and forms of lists as a person names them.

use serde::{Deserialize, Serialize};

/// A mode as a person names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModeWish {
    /// Ask the domain's own server and learn.
    Learn,
    /// Ask the domain's own server.
    Monitor,
    /// Accept mail only for mailboxes in the list.
    Enforce,
}

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// With a header line: address, kind, account, standing.
    Csv,
    /// The same for a spreadsheet program: no cell is taken for a formula.
    Spreadsheet,
    /// `relay_recipient_maps` of Postfix: accepted addresses only.
    Postfix,
    /// LDAP Data Interchange Format.
    Ldif,
    /// JSON Lines.
    Json,
}
