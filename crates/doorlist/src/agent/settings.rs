//! The configuration file of the agent: the remote server, its key, and the directories, with the names of `source
//! add`.

use crate::cli::source::SourceOptions;
use crate::commands::{Input, new_settings};
use crate::config::PUSHES_PER_12H;
use crate::exit::{Exit, Failure};
use crate::remote::RemoteSettings;
use doorlist_actions::PUSH_WINDOW;
use doorlist_actions::{EVERY_MINUTES, EVERY_MINUTES_MAX, EVERY_MINUTES_MIN, SourceSettings};
use doorlist_core::address::DomainName;
use doorlist_core::connection::{CA_BYTES_MAX, LdapBind};
use doorlist_core::network::Network;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Table;

/// Maximum octets of the file.
const FILE_MAX: u64 = 1 << 20;
/// Maximum domains of an agent.
const DOMAINS_MAX: usize = 1_000;
/// Maximum aliases of a domain.
const ALIASES_MAX: usize = 1_000;

#[derive(Debug)]
pub(super) struct AgentSettings {
    pub(super) remote: RemoteSettings,
    /// Path of the state file.
    pub(super) state_file: PathBuf,
    pub(super) every: Duration,
    /// Private networks in which directories may be read.
    pub(super) networks: Vec<Network>,
    pub(super) domains: Vec<DomainSettings>,
}

/// A domain and its directory.
#[derive(Debug)]
pub(super) struct DomainSettings {
    pub(super) name: DomainName,
    pub(super) aliases: Vec<DomainName>,
    pub(super) source: SourceSettings,
    pub(super) password_file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    server: String,
    key_file: PathBuf,
    ca_file: Option<PathBuf>,
    #[serde(default)]
    allow_http: bool,
    state_file: PathBuf,
    #[serde(default = "every_minutes")]
    every: u32,
    #[serde(default)]
    allow_networks: Vec<Network>,
    domain: Vec<Table>,
}

fn every_minutes() -> u32 {
    EVERY_MINUTES
}

/// The shortest interval in minutes that stays within the default limit of pushes, if something changes each time.
fn every_fits() -> u64 {
    (PUSH_WINDOW.as_secs() / 60).div_ceil(u64::from(PUSHES_PER_12H))
}

impl AgentSettings {
    /// A warning to print at the start, if any.
    pub(super) fn warning(&self) -> Option<String> {
        let (every, fits) = (self.every.as_secs() / 60, every_fits());
        (every < fits).then(|| {
            format!(
                "warning: every = {every} may push a domain {} times in 12 hours, but a server accepts \
                 {PUSHES_PER_12H} by default. Set every = {fits}, or raise api.pushes_per_12h on the server",
                PUSH_WINDOW.as_secs() / 60 / every
            )
        })
    }

    /// Reads and validates the file. Relative paths start at its folder.
    pub(super) fn read(file: &Path) -> Result<Self, Failure> {
        let text = text(file, FILE_MAX)?;
        let folder = file.parent().unwrap_or(Path::new(""));
        Self::parse(&text, folder).map_err(|failure| {
            let why = format!(
                "{}: {}\nnothing was done; `doorlist agent --help` shows an example",
                file.display(),
                failure.error
            );
            Failure::because(failure.exit, why)
        })
    }

    fn parse(text: &str, folder: &Path) -> Result<Self, Failure> {
        let written: Written = toml::from_str(text).map_err(|error| wrong(error.to_string().trim_end()))?;
        if !(EVERY_MINUTES_MIN..=EVERY_MINUTES_MAX).contains(&written.every) {
            return Err(wrong(format_args!("every must be {EVERY_MINUTES_MIN} to {EVERY_MINUTES_MAX} minutes")));
        }
        if !(1..=DOMAINS_MAX).contains(&written.domain.len()) {
            return Err(wrong(format_args!("the file must have 1 to {DOMAINS_MAX} [[domain]] sections")));
        }
        let domains: Vec<DomainSettings> =
            written.domain.into_iter().map(|table| DomainSettings::parse(table, folder)).collect::<Result<_, _>>()?;
        let mut names = BTreeSet::new();
        if let Some(twice) = domains.iter().find(|domain| !names.insert(&domain.name)) {
            let why = format_args!(
                "{} is configured twice; a push replaces the whole list of a domain, so it needs exactly \
                              one directory",
                twice.name
            );
            return Err(wrong(why));
        }
        let remote = RemoteSettings {
            url: written.server,
            key_file: folder.join(written.key_file),
            ca_file: written.ca_file.map(|path| folder.join(path)),
            allow_http: written.allow_http,
        };
        remote.check().map_err(|why| wrong(format_args!("server: {why}")))?;
        Ok(Self {
            remote,
            state_file: folder.join(written.state_file),
            every: Duration::from_secs(u64::from(written.every) * 60),
            networks: written.allow_networks,
            domains,
        })
    }
}

impl DomainSettings {
    fn parse(mut table: Table, folder: &Path) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct DomainTableNames {
            name: DomainName,
            #[serde(default)]
            domain_alias: Vec<DomainName>,
        }
        let names = ["name", "domain_alias"].into_iter().filter_map(|key| table.remove_entry(key)).collect::<Table>();
        let DomainTableNames { name, domain_alias } =
            names.try_into().map_err(|error| wrong(format_args!("[[domain]]: {}", error.to_string().trim_end())))?;
        let of_domain = |why: &dyn std::fmt::Display| wrong(format_args!("domain {name}: {why}"));
        let options: SourceOptions =
            table.try_into().map_err(|error: toml::de::Error| of_domain(&error.to_string().trim_end()))?;
        if options.every.is_some() || options.tell.is_some() || !options.report_to.is_empty() {
            let why = "every belongs at the top of the file, for all domains; report_to and tell only work on a \
                       server";
            return Err(of_domain(&why));
        }
        if domain_alias.len() > ALIASES_MAX {
            return Err(of_domain(&format_args!("domain_alias has more than {ALIASES_MAX} names")));
        }
        if options.ca_file.is_some() && options.pin.is_some() {
            return Err(of_domain(&"ca_file and pin exclude each other"));
        }
        let authority =
            options.ca_file.as_ref().map(|path| text(&folder.join(path), CA_BYTES_MAX as u64)).transpose()?;
        let input = Input { authority, ..Input::default() };
        let source = new_settings(&options, &input).map_err(|failure| of_domain(&failure))?;
        source.connection.validate().map_err(|error| of_domain(&error))?;
        let password_file = options.password_file.map(|path| folder.join(path));
        if matches!(source.connection.bind, LdapBind::Simple { .. }) && password_file.is_none() {
            return Err(of_domain(&"bind_dn requires password_file"));
        }
        Ok(Self { name, aliases: domain_alias, source, password_file })
    }
}

fn wrong(why: impl std::fmt::Display) -> Failure {
    Failure::because(Exit::CONFIG, why)
}

fn text(path: &Path, octets_max: u64) -> Result<String, Failure> {
    let unread = |why: &dyn std::fmt::Display| {
        Failure::because(Exit::NO_INPUT, format_args!("cannot read {}: {why}", path.display()))
    };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| unread(&error))?;
    file.take(octets_max + 1).read_to_string(&mut text).map_err(|error| unread(&error))?;
    if text.len() as u64 > octets_max {
        return Err(unread(&format_args!("it is larger than {octets_max} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const EXAMPLE: &str = include_str!("example.toml");

    #[test]
    fn the_example_is_a_file_and_stands_in_the_readme() {
        let settings = AgentSettings::parse(EXAMPLE, Path::new("/etc/doorlist")).unwrap();
        assert_eq!(settings.remote.key_file, Path::new("/etc/doorlist/agent.key"));
        assert_eq!(settings.state_file, Path::new("/var/lib/doorlist-agent/state.json"));
        assert_eq!(settings.every, Duration::from_secs(3600));
        let domain = &settings.domains[0];
        assert_eq!((domain.aliases.len(), domain.source.connection.servers.len()), (1, 2));
        assert!(include_str!("../../../../README.md").contains(EXAMPLE.trim_end()), "the README shows another file");
    }

    #[test]
    fn readings_that_the_server_would_not_take_are_warned_of() {
        for (every, warned) in [(5, true), (14, true), (15, false), (60, false)] {
            let text = EXAMPLE.replace("every = 60", &format!("every = {every}"));
            let warning = AgentSettings::parse(&text, Path::new("")).unwrap().warning();
            assert_eq!(warning.is_some(), warned, "{warning:?}");
            assert!(warning.is_none_or(|text| text.contains("api.pushes_per_12h") && text.contains("Set every = 15")));
        }
        assert!(EXAMPLE.contains(&format!("below {}, ", every_fits())), "the example names another bound");
        assert!(EXAMPLE.contains(&format!("{PUSHES_PER_12H} pushes of a domain")));
    }

    #[test]
    fn mistakes_are_named() {
        let basic = "server = \"https://a.test\"\nkey_file = \"k\"\nstate_file = \"s\"\n";
        let domain = "[[domain]]\nname = \"example.test\"\nurl = \"ldaps://l.test\"\nbase = \"dc=t\"\n";
        let good = format!("{basic}{domain}");
        AgentSettings::parse(&good, Path::new("")).unwrap();
        for (text, word) in [
            (basic.to_owned(), "domain"),
            (format!("servr = 1\n{good}"), "servr"),
            (good.replace("https://a.test", "http://a.test"), "allow_http = true"),
            (format!("every = 4\n{good}"), "5 to 1440"),
            (format!("allow_networks = [\"10.0.0.0/40\"]\n{good}"), "allow_networks"),
            (format!("{good}{domain}"), "example.test is configured twice"),
            (format!("{good}bass = 1\n"), "domain example.test: unknown field `bass`"),
            (format!("{good}filter = \"(mail=\"\n"), "domain example.test: "),
            (format!("{good}every = 10\n"), "for all domains"),
            (format!("{good}bind_dn = \"cn=a\"\n"), "password_file"),
            (format!("{good}pin = \"12\"\n"), "64 hexadecimal digits"),
            (good.replace("base = \"dc=t\"\n", ""), "domain example.test: "),
            (good.replace("name = \"example.test\"\n", ""), "name"),
        ] {
            let failure = AgentSettings::parse(&text, Path::new("")).unwrap_err();
            let why = failure.to_string();
            assert!(why.contains(word) && failure.exit == Exit::CONFIG, "{word}: {why}");
        }
    }
}
