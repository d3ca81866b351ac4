//! `doorlist config show`: every setting with its value and origin. Masks secrets.

use super::ConfigError;
use super::keys::{KEYS, SettingKey};
use super::layers::{Raw, SettingValue, SettingValues, Sources, ValueOrigin};
use doorlist_store::{StoreUrl, json};
use std::fmt::Write;
use std::path::Path;

/// What to show of each setting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShowWish {
    /// Where its value comes from, instead of what it means.
    pub origin: bool,
    /// Only settings whose value is given somewhere, with their origin.
    pub changed: bool,
    pub as_objects: bool,
}

/// One line per setting, as in a file, or one JSON object per line.
pub(crate) fn show(sources: &Sources, wish: ShowWish) -> Result<String, ConfigError> {
    let values = SettingValues::read(sources)?;
    let mut out = String::new();
    for key in KEYS {
        let Some(value) = values.get(key.name) else { continue };
        if wish.changed && value.origin == ValueOrigin::Default {
            continue;
        }
        let raw = if key.secret { masked(&value.raw) } else { value.raw.clone() };
        let line = format!("{} = {}", key.name, toml_text(&raw));
        let _ = match (wish.as_objects, wish.origin || wish.changed) {
            (true, _) => writeln!(out, "{}", json::to_string(&as_json(key, &raw, value)).unwrap_or_default()),
            (false, true) => writeln!(out, "{line:<58} # {}", value.origin),
            (false, false) => writeln!(out, "{line:<58} # {}", key.help),
        };
    }
    Ok(out)
}

fn as_json(key: &SettingKey, raw: &Raw, value: &SettingValue) -> serde_json::Value {
    let raw = match raw {
        Raw::One(text) => serde_json::json!(text),
        Raw::List(items) => serde_json::json!(items),
    };
    serde_json::json!({ "setting": key.name, "value": raw, "origin": value.origin.to_string(), "help": key.help })
}

fn toml_text(raw: &Raw) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    match raw {
        Raw::One(text) => quoted(text),
        Raw::List(items) => format!("[{}]", items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", ")),
    }
}

/// The URL of a store without the password.
fn masked(raw: &Raw) -> Raw {
    let Raw::One(text) = raw else { return raw.clone() };
    match StoreUrl::parse(text, Path::new("")) {
        Ok(StoreUrl::Sqlite(_)) => raw.clone(),
        Ok(url) => Raw::One(url.to_string()),
        Err(_) => Raw::One("***".to_owned()),
    }
}
