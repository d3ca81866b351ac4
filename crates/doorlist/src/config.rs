//! The configuration: read in layers, validated once, and passed to each crate as a value of its own type. No other
//! crate reads files or the environment for settings.

mod api;
mod build;
pub(crate) mod keys;
mod layers;
mod log;
mod places;
mod retention;
mod show;
#[cfg(test)]
mod tests;
pub(crate) mod units;
mod verdict;
mod web;
mod work;

pub(crate) use api::PUSHES_PER_12H;
pub(crate) use build::Config;
pub(crate) use layers::Sources;
pub(crate) use show::{ShowWish, show};
pub(crate) use web::WebListenerConfig;
pub(crate) use work::WorkSettings;

use layers::{SettingValues, ValueOrigin};
use std::fmt;
use std::path::{Path, PathBuf};

/// The environment variable that names the configuration file; an empty one names none.
const FILE_VARIABLE: &str = "DOORLIST_CONFIG";
/// The default configuration file, if it exists.
pub(crate) const SYSTEM_FILE: &str = "/etc/doorlist/doorlist.toml";

/// All errors of the configuration; nothing was started or changed.
#[derive(Debug, thiserror::Error)]
pub(crate) struct ConfigError(Vec<Problem>);

/// One error with its origin.
#[derive(Debug)]
pub(crate) struct Problem {
    origin: Option<ValueOrigin>,
    why: String,
}

impl Problem {
    fn new(origin: ValueOrigin, why: String) -> Self {
        Self { origin: Some(origin), why }
    }

    fn unread(path: &Path, why: &str) -> Self {
        Self { origin: None, why: format!("cannot read {}: {why}", path.display()) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{origin}: {}", self.why),
            None => f.write_str(&self.why),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration is invalid; nothing was done:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

/// The file that the option or the environment names.
pub(crate) fn named_file(option: Option<&Path>) -> Option<PathBuf> {
    let variable = || std::env::var_os(FILE_VARIABLE).filter(|file| !file.is_empty()).map(PathBuf::from);
    option.map(Path::to_owned).or_else(variable)
}

impl Sources {
    /// The layers of this process: the given or the default file, the environment, the options.
    pub(crate) fn of_process(file: Option<&Path>, flags: &[String]) -> Self {
        let system = || Some(PathBuf::from(SYSTEM_FILE)).filter(|file| file.exists());
        // A variable that is not UTF-8 is none of ours: its name or its value would not be valid anyway.
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        };
        Self {
            file: named_file(file).or_else(system),
            environment: std::env::vars_os().filter_map(text).collect(),
            flags: flags.to_vec(),
        }
    }
}

impl Config {
    /// Reads and checks all settings. Reports all errors at once.
    pub(crate) fn load(sources: &Sources) -> Result<Self, ConfigError> {
        match Self::load_what_is_right(sources)? {
            (config, problems) if problems.is_empty() => Ok(config),
            (_, problems) => Err(ConfigError(problems)),
        }
    }

    /// Reads all settings, with the problems of those that are wrong and have their default instead.
    ///
    /// # Errors
    /// When a file cannot be read at all.
    pub(crate) fn load_what_is_right(sources: &Sources) -> Result<(Self, Vec<Problem>), ConfigError> {
        let (values, mut problems) = SettingValues::read_what_is_right(sources)?;
        let (config, wrong) = build::build(&values);
        problems.extend(wrong);
        Ok((config, problems))
    }
}
