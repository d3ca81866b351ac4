//! Header rows: which export has which columns, and what a column name means.

use super::column_words;
use super::columns::ColumnContent;
use super::format::FileFormat as F;
use super::secrets;

/// A format by its columns, names as [`normal`] gives them.
struct Head {
    format: F,
    /// All names of one of these sets stand in the head line.
    any: &'static [&'static [&'static str]],
    /// Where a column means something else than its name says in general.
    own: &'static [(&'static str, ColumnContent)],
}

impl Head {
    fn fits(&self, names: &[String]) -> bool {
        let holds = |name: &&str| names.iter().any(|known| known == name);
        self.any.iter().any(|set| set.iter().all(&holds))
    }
}

/// The first that fits counts.
const HEADS: [Head; 17] = [
    Head {
        format: F::Doorlist,
        any: &[&["address", "kind", "account", "standing"]],
        own: &[
            ("account", ColumnContent::Account),
            ("standing", ColumnContent::Standing),
            ("kind", ColumnContent::Kind),
        ],
    },
    Head {
        format: F::PostiniAliases,
        any: &[&["address", "useraddress"]],
        own: &[("useraddress", ColumnContent::Account), ("domain", ColumnContent::Ignore)],
    },
    Head { format: F::PostiniUsers, any: &POSTINI_USERS, own: &[("domain", ColumnContent::Ignore)] },
    Head {
        format: F::GoogleAliases,
        any: &[&["alias", "target"], &["alias", "targettype"]],
        own: &[("alias", ColumnContent::Address), ("target", ColumnContent::Account)],
    },
    // Members of groups, as GAM prints them.
    Head {
        format: F::Table,
        any: &[&["group", "member"], &["group", "role", "email"], &["groupemail", "member"], &["groupemail", "role"]],
        own: &[
            ("group", ColumnContent::List),
            ("groupemail", ColumnContent::List),
            ("email", ColumnContent::Ignore),
            ("member", ColumnContent::Ignore),
            ("memberemail", ColumnContent::Ignore),
        ],
    },
    Head {
        format: F::CpanelForwarders,
        any: &[
            &["source", "target"],
            &["source", "destination"],
            &["address", "forwardto"],
            &["address", "goto"],
            &["alias", "forward"],
            &["alias", "goto"],
        ],
        own: &[
            ("source", ColumnContent::Address),
            ("alias", ColumnContent::Address),
            ("forward", ColumnContent::Target),
            ("target", ColumnContent::Target),
            ("destination", ColumnContent::Target),
            ("forwardto", ColumnContent::Target),
            ("goto", ColumnContent::Target),
            ("domain", ColumnContent::Ignore),
        ],
    },
    Head {
        format: F::Microsoft365,
        any: &[&["blockcredential"], &["userprincipalname", "proxyaddresses", "licenses"]],
        own: &[("alternateemailaddress", ColumnContent::Ignore), ("alternateemailaddresses", ColumnContent::Ignore)],
    },
    Head {
        format: F::Entra,
        any: &[
            &["userprincipalname", "usertype"],
            &["userprincipalname", "accountenabled"],
            &["userprincipalname", "mail", "objectid"],
            &["userprincipalname", "mail", "id"],
        ],
        own: &[("alternateemailaddress", ColumnContent::Ignore)],
    },
    Head {
        format: F::Exchange,
        any: &EXCHANGE,
        own: &[("alias", ColumnContent::Ignore), ("name", ColumnContent::Ignore)],
    },
    Head { format: F::Google, any: &GOOGLE, own: &[("newstatus", ColumnContent::Ignore)] },
    Head {
        format: F::Outlook,
        any: &OUTLOOK,
        own: &[("email2address", ColumnContent::Alias), ("email3address", ColumnContent::Alias)],
    },
    Head {
        format: F::CpanelAccounts,
        any: &[&["email", "quota"], &["email", "domain", "password"]],
        own: &[("domain", ColumnContent::Domain)],
    },
    Head {
        format: F::MailRoute,
        any: &[&["localpart", "localpartaliases"], &["domain", "localpart"]],
        own: &[("domain", ColumnContent::Domain)],
    },
    Head { format: F::MailRoute, any: &[&["email", "aliases"]], own: &[] },
    // Users of MDaemon.
    Head {
        format: F::Table,
        any: &[&["mailbox", "domain"]],
        own: &[("mailbox", ColumnContent::Local), ("domain", ColumnContent::Domain)],
    },
    // The rejected values of a file without columns.
    Head { format: F::Table, any: &[&["address", "error"]], own: &[] },
    Head { format: F::Proofpoint, any: &PROOFPOINT, own: &[("aliasormobile", ColumnContent::Alias)] },
];

const POSTINI_USERS: [&[&str]; 5] = [
    &["userid", "address"],
    &["approvedsenders"],
    &["blockedsenders"],
    &["approvedsenderlist"],
    &["blockedsenderlist"],
];

/// The head line of its rejected rows, too.
const PROOFPOINT: [&[&str]; 2] = [&["firstname", "surname", "primaryemail"], &["emailaddress", "aliasormobile"]];

const EXCHANGE: [&[&str]; 7] = [
    &["primarysmtpaddress"],
    &["emailaddresses"],
    &["recipienttypedetails"],
    &["recipienttype"],
    &["windowsemailaddress"],
    &["proxyaddresses"],
    &["mailnickname", "mail"],
];

const GOOGLE: [&[&str]; 5] = [
    &["emailaddress", "orgunitpath"],
    &["emailaddress", "passwordhashfunction"],
    &["emailaddress", "lastsignin"],
    &["emailaddress", "newprimaryemail"],
    &["emailaddress", "recoveryemail"],
];

const OUTLOOK: [&[&str]; 7] = [
    &["emailaddress", "emailtype"],
    &["emailaddress", "emaildisplayname"],
    &["emailaddress", "email2address"],
    &["emailaddress", "businessphone"],
    &["emailaddress", "homephone"],
    &["emailaddress", "homestreet"],
    &["emailaddress", "mobilephone"],
];

/// Names that say what a column holds, wherever they stand. Of several for the row's address the first in this order
/// counts.
const NAMES: [(&str, ColumnContent); 55] = [
    ("primarysmtpaddress", ColumnContent::Address),
    ("primaryemail", ColumnContent::Address),
    ("primaryemailaddress", ColumnContent::Address),
    ("primaryaddress", ColumnContent::Address),
    ("emailaddress", ColumnContent::Address),
    ("email", ColumnContent::Address),
    ("mail", ColumnContent::Address),
    ("address", ColumnContent::Address),
    ("smtpaddress", ColumnContent::Address),
    ("mailaddress", ColumnContent::Address),
    ("useremail", ColumnContent::Address),
    ("emailaccount", ColumnContent::Address),
    ("windowsemailaddress", ColumnContent::Address),
    ("localpart", ColumnContent::Local),
    ("userprincipalname", ColumnContent::Login),
    ("upn", ColumnContent::Login),
    ("alias", ColumnContent::Alias),
    ("aliases", ColumnContent::Alias),
    ("emailaddresses", ColumnContent::Alias),
    ("proxyaddress", ColumnContent::Alias),
    ("proxyaddresses", ColumnContent::Alias),
    ("smtpaddresses", ColumnContent::Alias),
    ("mailalternateaddress", ColumnContent::Alias),
    ("mailalternateaddresses", ColumnContent::Alias),
    ("localpartaliases", ColumnContent::Alias),
    ("noneditablealiases", ColumnContent::Alias),
    ("secondarysmtpaddress", ColumnContent::Alias),
    ("secondarysmtpaddresses", ColumnContent::Alias),
    ("zimbramailalias", ColumnContent::Alias),
    ("recipienttypedetails", ColumnContent::Kind),
    ("recipienttype", ColumnContent::Kind),
    ("objectclass", ColumnContent::Kind),
    ("distributionlist", ColumnContent::Kind),
    ("status", ColumnContent::Status),
    ("accountstatus", ColumnContent::Status),
    ("accountenabled", ColumnContent::Status),
    ("enabled", ColumnContent::Status),
    ("zimbraaccountstatus", ColumnContent::Status),
    ("active", ColumnContent::Status),
    ("blockcredential", ColumnContent::Blocked),
    ("accountdisabled", ColumnContent::Blocked),
    ("suspended", ColumnContent::Blocked),
    ("blocked", ColumnContent::Blocked),
    ("disabled", ColumnContent::Blocked),
    ("usertype", ColumnContent::Guest),
    ("useraccountcontrol", ColumnContent::Blocked),
    // Addresses elsewhere, or of other people.
    ("recoveryemail", ColumnContent::Ignore),
    ("homesecondaryemail", ColumnContent::Ignore),
    ("worksecondaryemail", ColumnContent::Ignore),
    ("manageremail", ColumnContent::Ignore),
    ("newprimaryemail", ColumnContent::Ignore),
    ("externalemailaddress", ColumnContent::Ignore),
    ("forwardingsmtpaddress", ColumnContent::Ignore),
    ("forwardingaddress", ColumnContent::Ignore),
    ("error", ColumnContent::Ignore),
];

/// A name without case, blanks, punctuation and a note in brackets: `Email Address [Required]` is `emailaddress`.
pub(super) fn normal(name: &str) -> String {
    let name = name.split('[').next().unwrap_or(name);
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What a column's name says; `None` if nothing.
pub(super) fn field_of(name: &str) -> Option<ColumnContent> {
    if secrets::is_name(name) {
        return Some(ColumnContent::Password);
    }
    let exact = |name: &str| NAMES.iter().find(|(known, _)| *known == name).map(|(_, field)| *field);
    // `aliases.0`, `Alias 2`: several columns of one meaning.
    let without_number = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let numbered = || exact(without_number).filter(|field| *field == ColumnContent::Alias);
    exact(name).or_else(numbered).or_else(|| column_words::field_of(name))
}

/// What the head line says: the format, and each column's field if its name says one.
pub(super) fn read(names: &[String]) -> (Option<F>, Vec<Option<ColumnContent>>) {
    let names: Vec<String> = names.iter().map(|name| normal(name)).collect();
    let head = HEADS.iter().find(|head| head.fits(&names));
    (head.map(|head| head.format), fields(&names, head.map_or(&[], |head| head.own)))
}

/// The fields of a table whose format was said.
pub(super) fn read_as(names: &[String], format: F) -> Vec<Option<ColumnContent>> {
    let names: Vec<String> = names.iter().map(|name| normal(name)).collect();
    let of_format = || HEADS.iter().filter(|head| head.format == format);
    let fitting = of_format().find(|head| head.fits(&names));
    // A table may be any other one.
    let head = fitting.or_else(|| of_format().next().filter(|_| format != F::Table));
    fields(&names, head.map_or(&[], |head| head.own))
}

fn fields(names: &[String], own: &[(&str, ColumnContent)]) -> Vec<Option<ColumnContent>> {
    let of_name =
        |name: &String| own.iter().find(|(known, _)| known == name).map(|(_, field)| *field).or_else(|| field_of(name));
    let mut fields: Vec<Option<ColumnContent>> = names.iter().map(of_name).collect();
    for single in [ColumnContent::Address, ColumnContent::Kind, ColumnContent::Login, ColumnContent::Status] {
        keep_first(names, &mut fields, single);
    }
    fields
}

/// Of several columns for the same single thing the one that stands first among the known names.
fn keep_first(names: &[String], fields: &mut [Option<ColumnContent>], single: ColumnContent) {
    // Names of one format alone come first, names made of known words last.
    let rank = |name: &String| {
        let by_words = || if column_words::field_of(name).is_some() { NAMES.len() } else { 0 };
        NAMES.iter().position(|(known, _)| known == name).unwrap_or_else(by_words)
    };
    let places = (0..fields.len()).filter(|at| fields[*at] == Some(single));
    let Some(best) = places.min_by_key(|at| rank(&names[*at])) else { return };
    for (at, field) in fields.iter_mut().enumerate() {
        if *field == Some(single) && at != best {
            *field = Some(ColumnContent::Ignore);
        }
    }
}

/// A name that nobody would give to a mailbox: a head line of one column even if nothing follows.
pub(super) fn is_surely_head(name: &str) -> bool {
    let normal = normal(name);
    normal.len() > 9 && field_of(&normal).is_some()
}
