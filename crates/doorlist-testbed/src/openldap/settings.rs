//! The settings of slapd: schema, access and limits.

use std::path::Path;

use super::{BASE, PASSWORD, Setup};

/// Whom no limit and no right holds.
pub(super) const ROOT: &str = "cn=root,dc=example,dc=test";

/// The attributes that Active Directory has and the standard schema has not, under a number for tests.
const SCHEMA: &str = "
attributetype ( 1.3.6.1.4.1.99999.1.1 NAME 'proxyAddresses'
  EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.99999.1.2 NAME 'mailNickname'
  EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.99999.2.1 NAME 'mailRecipient' SUP top AUXILIARY
  MAY ( mail $ proxyAddresses $ mailNickname ) )
";

/// The text of slapd.conf(5).
pub(super) fn text(folder: &Path, setup: &Setup<'_>) -> String {
    let entries_max = setup.entries_max.map_or_else(|| "unlimited".to_owned(), |max| max.to_string());
    let limits = match setup.reader_limits {
        "" => String::new(),
        limits => format!("limits dn.exact=\"cn=reader,ou=services,{BASE}\" {limits}"),
    };
    format!(
        "include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
{SCHEMA}
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload syncprov
pidfile {folder}/pid
TLSCACertificateFile {folder}/authority.pem
TLSCertificateFile {folder}/certificate.pem
TLSCertificateKeyFile {folder}/key.pem
sizelimit {entries_max}
timelimit unlimited
access to dn.base=\"\" by * read
access to dn.base=\"cn=subschema\" by * read

database mdb
suffix {BASE}
rootdn {ROOT}
rootpw \"{PASSWORD}\"
directory {folder}/data
maxsize 4294967296
# What a test writes need not outlive the machine.
dbnosync
index objectClass,entryCSN,entryUUID,mail,uid eq
access to attrs=userPassword by anonymous auth by * none
access to *
  by dn.exact=\"cn=reader,ou=services,{BASE}\" read
  by dn.exact=\"cn=blind,ou=services,{BASE}\" search
  by * none
{limits}
{more}
# An overlay takes the lines after it: RFC 4533, for those who want to be told of changes.
overlay syncprov
syncprov-sessionlog 1000
",
        folder = folder.display(),
        more = setup.settings,
    )
}
