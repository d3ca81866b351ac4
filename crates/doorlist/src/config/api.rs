//! The settings of the API: domain verification and rate limits.

use super::build::ConfigReader;

/// Default limit of pushes of a domain in twelve hours.
pub(crate) const PUSHES_PER_12H: u32 = 50;

/// The settings of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiSettings {
    /// Whether tenants must verify their domains.
    pub proof_needed: bool,
    /// Maximum pushes of a domain in twelve hours.
    pub pushes_per_12h: u32,
    /// Maximum requests per second with one key.
    pub requests_per_key: u32,
    /// Maximum requests per second from one address.
    pub requests_per_address: u32,
    /// Maximum wrong keys per minute from one address.
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

pub(super) fn read(reader: &mut ConfigReader<'_>) -> ApiSettings {
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
