//! The settings of the API: domain verification and rate limits.

use super::build::Reader;

/// Pushes of one domain within twelve hours, where nothing else is set.
pub(crate) const PUSHES_PER_12H: u32 = 50;

/// What the API is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiSettings {
    /// Whoever is not the operator proves that a domain is theirs.
    pub proof_needed: bool,
    /// Pushes of one domain within twelve hours.
    pub pushes_per_12h: u32,
    /// Requests of one key in a second.
    pub requests_per_key: u32,
    /// Requests from one address in a second.
    pub requests_per_address: u32,
    /// Wrong keys from one address in a minute.
    pub failures_per_address: u32,
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            proof_needed: true,
            pushes_per_12h: PUSHES_PER_12H,
            requests_per_key: 1_000,
            requests_per_address: 2_000,
            failures_per_address: 60,
        }
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> ApiSettings {
    let mut api = ApiSettings::default();
    reader.set(&mut api.proof_needed, "api.domain_proof", |text| match text {
        "dns" => Ok(true),
        "none" => Ok(false),
        _ => Err(format!("`{text}` is neither dns nor none")),
    });
    reader.set(&mut api.pushes_per_12h, "api.pushes_per_12h", above_zero);
    reader.set(&mut api.requests_per_key, "api.requests_per_key", above_zero);
    reader.set(&mut api.requests_per_address, "api.requests_per_address", above_zero);
    reader.set(&mut api.failures_per_address, "api.failures_per_address", above_zero);
    api
}

pub(super) fn above_zero(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| format!("`{text}` is not a number above 0"))
}
