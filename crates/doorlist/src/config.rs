//! The configuration: read in layers, validated once, and passed to each crate as a value of its own type. No other
//! crate reads files or the environment for settings.

mod api;
mod build;
pub(crate) mod keys;
mod layers;
mod log;
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

/// The default configuration file, if it exists.
pub(crate) const SYSTEM_FILE: &str = "/etc/doorlist/doorlist.toml";

/// All errors of the configuration; nothing was started or changed.
#[derive(Debug, thiserror::Error)]
pub(crate) struct ConfigError(Vec<Problem>);

/// One error with its origin.
#[derive(Debug)]
struct Problem {
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

impl Sources {
    /// The layers of this process: the given or the default file, the environment, the options.
    pub(crate) fn of_process(file: Option<&Path>, flags: &[String]) -> Self {
        let system = || Some(PathBuf::from(SYSTEM_FILE)).filter(|file| file.exists());
        // A variable that is not UTF-8 is none of ours: its name or its value would not be valid anyway.
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        };
        Self {
            file: file.map(Path::to_owned).or_else(system),
            environment: std::env::vars_os().filter_map(text).collect(),
            flags: flags.to_vec(),
        }
    }
}

impl Config {
    /// Reads and checks all settings.
    pub(crate) fn load(sources: &Sources) -> Result<Self, ConfigError> {
        build::build(&SettingValues::read(sources)?)
    }
}
