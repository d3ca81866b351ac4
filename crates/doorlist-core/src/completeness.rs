//! How complete a list is, by the clean mail that it would have let through.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Clean messages of a domain, each counted once for each of its recipients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completeness {
    pub clean: u64,
    /// Those to listed addresses.
    pub listed: u64,
}

impl Completeness {
    /// The share in tenths of a percent, rounded down: only a list that lacks nothing has 1,000. `None`: there was no clean
    /// mail.
    pub fn per_mille(self) -> Option<u64> {
        let share = u128::from(self.listed.min(self.clean)) * 1_000 / u128::from(self.clean).max(1);
        (self.clean > 0).then(|| u64::try_from(share).unwrap_or(1_000))
    }
}

impl fmt::Display for Completeness {
    /// Prints it as in `99.2 %`; without clean mail as `-`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.per_mille() {
            Some(share) => write!(f, "{}.{} %", share / 10, share % 10),
            None => f.write_str("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_never_rounded_up() {
        for (listed, clean, text) in [
            (0, 0, "-"),
            (0, 7, "0.0 %"),
            (992, 1_000, "99.2 %"),
            (99_999_999, 100_000_000, "99.9 %"),
            (u64::MAX, u64::MAX, "100.0 %"),
            (8, 7, "100.0 %"),
        ] {
            assert_eq!(Completeness { clean, listed }.to_string(), text, "{listed} of {clean}");
        }
    }
}
