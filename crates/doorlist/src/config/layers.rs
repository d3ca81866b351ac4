//! The layers of settings: defaults, file, the files of `conf.d` next to it, environment, options. Each value keeps
//! its origin, so that errors and `config show --origin` can name the line.

use super::keys::{self, KEYS, SettingDefault};
use super::{ConfigError, Problem};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// Maximum octets of a configuration file.
const FILE_MAX: u64 = 1024 * 1024;
/// Prefix of environment variables with settings.
const ENVIRONMENT_PREFIX: &str = "DOORLIST__";

/// A value as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Raw {
    /// A text, a number or a switch.
    One(String),
    /// A list of them.
    List(Vec<String>),
}

/// Where a value was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ValueOrigin {
    Default,
    /// In a file, at this line.
    File(PathBuf, usize),
    Environment(String),
    /// On the command line.
    Flag,
}

impl fmt::Display for ValueOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueOrigin::Default => f.write_str("default"),
            ValueOrigin::File(path, line) => write!(f, "{}:{line}", path.display()),
            ValueOrigin::Environment(variable) => write!(f, "environment {variable}"),
            ValueOrigin::Flag => f.write_str("--set"),
        }
    }
}

/// A setting's value and where it came from.
#[derive(Clone, Debug)]
pub(crate) struct SettingValue {
    pub raw: Raw,
    pub origin: ValueOrigin,
}

/// The effective value of every setting.
#[derive(Debug)]
pub(crate) struct SettingValues(BTreeMap<&'static str, SettingValue>);

/// The input of the layers, as a parameter for tests.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// The main file; the files of `conf.d` next to it follow in the order of their names.
    pub file: Option<PathBuf>,
    /// Environment variables; those without the prefix are ignored.
    pub environment: Vec<(String, String)>,
    /// `KEY=VALUE` from the command line.
    pub flags: Vec<String>,
}

impl SettingValues {
    /// Reads all layers. Reports all unknown keys at once.
    pub(crate) fn read(sources: &Sources) -> Result<Self, ConfigError> {
        let ReadLayers { values, problems, .. } = ReadLayers::of(sources);
        if problems.is_empty() { Ok(Self(values)) } else { Err(ConfigError(problems)) }
    }

    /// Reads what is right in all layers, with the problems of the rest.
    ///
    /// # Errors
    /// When a file cannot be read at all.
    pub(super) fn read_what_is_right(sources: &Sources) -> Result<(Self, Vec<Problem>), ConfigError> {
        let ReadLayers { values, problems, unread } = ReadLayers::of(sources);
        if unread { Err(ConfigError(problems)) } else { Ok((Self(values), problems)) }
    }

    /// The value of a setting; every known setting has one.
    pub(crate) fn get(&self, name: &str) -> Option<&SettingValue> {
        self.0.get(name)
    }
}

impl ReadLayers {
    fn of(sources: &Sources) -> Self {
        let mut reading = Self { values: defaults(), problems: Vec::new(), unread: false };
        if let Some(file) = &sources.file {
            reading.file(file);
            let before = reading.problems.len();
            let drop_ins = drop_ins(file, &mut reading.problems);
            reading.unread |= reading.problems.len() > before;
            for file in drop_ins {
                reading.file(&file);
            }
        }
        for (variable, value) in &sources.environment {
            reading.variable(variable, value);
        }
        for flag in &sources.flags {
            reading.flag(flag);
        }
        reading
    }
}

fn defaults() -> BTreeMap<&'static str, SettingValue> {
    let raw = |default: SettingDefault| match default {
        SettingDefault::One(text) => Raw::One(text.to_owned()),
        SettingDefault::List(items) => Raw::List(items.iter().map(|item| (*item).to_owned()).collect()),
    };
    KEYS.iter().map(|key| (key.name, SettingValue { raw: raw(key.default), origin: ValueOrigin::Default })).collect()
}

/// The files of `conf.d` next to the main file, in the order of their names.
fn drop_ins(file: &Path, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let folder = file.with_file_name("conf.d");
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            problems.push(Problem::unread(&folder, &error.to_string()));
            return Vec::new();
        }
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    files
}

struct ReadLayers {
    values: BTreeMap<&'static str, SettingValue>,
    problems: Vec<Problem>,
    /// A file could not be read, or is not TOML: nobody knows what it sets.
    unread: bool,
}

impl ReadLayers {
    fn file(&mut self, path: &Path) {
        let text = match read_bounded(path) {
            Ok(text) => text,
            Err(why) => {
                self.unread = true;
                return self.problems.push(Problem::unread(path, &why));
            }
        };
        let at = |offset: usize| ValueOrigin::File(path.to_owned(), line_of(&text, offset));
        match DeTable::parse(&text) {
            Ok(table) => self.table("", table.get_ref(), &at),
            Err(error) => {
                self.unread = true;
                let offset = error.span().map_or(0, |span| span.start);
                self.problems.push(Problem::new(at(offset), error.message().to_owned()));
            }
        }
    }

    fn table(&mut self, prefix: &str, table: &DeTable<'_>, at: &dyn Fn(usize) -> ValueOrigin) {
        for (key, value) in table {
            let name = format!("{prefix}{}", key.get_ref());
            let origin = at(key.span().start);
            match (value.get_ref(), keys::find(&name)) {
                (DeValue::Table(inner), None) => self.table(&format!("{name}."), inner, at),
                (value, known) => match (known, raw(value)) {
                    (Some(_), None) => {
                        self.problems.push(Problem::new(origin, format!("{name} must be a value or a list of values")));
                    }
                    (_, raw) => self.set(&name, raw.unwrap_or(Raw::One(String::new())), origin),
                },
            }
        }
    }

    fn variable(&mut self, variable: &str, value: &str) {
        let Some(rest) = variable.strip_prefix(ENVIRONMENT_PREFIX) else { return };
        let name = rest.replace("__", ".").to_lowercase();
        self.set(&name, from_text(&name, value), ValueOrigin::Environment(variable.to_owned()));
    }

    fn flag(&mut self, flag: &str) {
        let Some((name, value)) = flag.split_once('=') else {
            let why = format!("`{flag}` has no value; write --set KEY=VALUE");
            return self.problems.push(Problem::new(ValueOrigin::Flag, why));
        };
        if keys::find(name).is_some_and(|key| key.secret) {
            let why = format!(
                "{name} may contain a password, and every user of this machine can read command lines; set it in the \
                 file or the environment"
            );
            return self.problems.push(Problem::new(ValueOrigin::Flag, why));
        }
        self.set(name, from_text(name, value), ValueOrigin::Flag);
    }

    fn set(&mut self, name: &str, raw: Raw, origin: ValueOrigin) {
        match keys::find(name) {
            Some(key) => {
                self.values.insert(key.name, SettingValue { raw, origin });
            }
            None => {
                let hint = match keys::nearest(name) {
                    Some(nearest) => format!("; did you mean {nearest}?"),
                    None => "; `doorlist config show` lists all settings".to_owned(),
                };
                self.problems.push(Problem::new(origin, format!("unknown setting {name}{hint}")));
            }
        }
    }
}

/// A value from the environment or an option; lists are separated by commas.
fn from_text(name: &str, text: &str) -> Raw {
    match keys::find(name).map(|key| key.default) {
        Some(SettingDefault::List(_)) => {
            Raw::List(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
        }
        _ => Raw::One(text.to_owned()),
    }
}

fn raw(value: &DeValue<'_>) -> Option<Raw> {
    match value {
        DeValue::Array(items) => items.iter().map(|item| scalar(item.get_ref())).collect::<Option<_>>().map(Raw::List),
        value => scalar(value).map(Raw::One),
    }
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.as_str().to_owned()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(switch) => Some(switch.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

fn read_bounded(path: &Path) -> Result<String, String> {
    let length = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if length > FILE_MAX {
        return Err(format!("{length} bytes are too many for a configuration file"));
    }
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
