//! Whether a domain's own server takes `user+tag` of a user that it takes. Where it does not, such mail would be accepted
//! here and refused there.

use super::ServerAnswer;
use super::route::{TRUSTED_FOR, UNTRUSTED_FOR};
use std::time::Duration;

/// A server that refuses is asked for it anew after this time: an administrator may have switched it on.
const REFUSED_FOR: Duration = Duration::from_hours(24);

/// What a server said of a name on the list, and of the same name with `+` and a random rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlusControl {
    pub known: ServerAnswer,
    pub with_plus: ServerAnswer,
}

impl PlusControl {
    /// `None`: nothing clear. Only of a name that the server takes does it say anything that it refuses the longer one.
    pub fn is_refused(self) -> Option<bool> {
        match (self.known, self.with_plus) {
            (ServerAnswer::Exists, ServerAnswer::NoSuchUser) => Some(true),
            (ServerAnswer::Exists, ServerAnswer::Exists) => Some(false),
            _ => None,
        }
    }
}

/// Whether sub-addresses with `+` are refused by the servers of a domain, which share its mail: by one is enough, and they
/// are taken only if each takes them. `None`: it is not known.
pub fn plus_refused(controls: &[PlusControl]) -> Option<bool> {
    let mut answers = controls.iter().map(|control| control.is_refused());
    if answers.clone().any(|refused| refused == Some(true)) {
        return Some(true);
    }
    (!controls.is_empty() && answers.all(|refused| refused == Some(false))).then_some(false)
}

/// How long an answer to [`plus_refused`] holds; then it is asked for anew.
pub fn plus_holds(refused: Option<bool>) -> Duration {
    match refused {
        Some(true) => REFUSED_FOR,
        Some(false) => TRUSTED_FOR,
        None => UNTRUSTED_FOR,
    }
}

#[cfg(test)]
mod tests {
    use super::ServerAnswer::{Exists, NoSuchUser, Undecided};
    use super::*;

    #[test]
    fn one_server_that_refuses_is_enough_and_all_have_to_take() {
        let control = |known, with_plus| PlusControl { known, with_plus };
        let (takes, refuses) = (control(Exists, Exists), control(Exists, NoSuchUser));
        let unclear = [control(Undecided, NoSuchUser), control(NoSuchUser, NoSuchUser), control(Exists, Undecided)];
        assert_eq!(plus_refused(&[]), None);
        assert_eq!((plus_refused(&[takes]), plus_refused(&[takes, takes])), (Some(false), Some(false)));
        assert_eq!((plus_refused(&[refuses]), plus_refused(&[takes, refuses])), (Some(true), Some(true)));
        for unclear in unclear {
            assert_eq!(plus_refused(&[unclear]), None, "{unclear:?}");
            assert_eq!(plus_refused(&[takes, unclear]), None, "{unclear:?}");
            assert_eq!(plus_refused(&[unclear, refuses]), Some(true), "{unclear:?}");
        }
    }
}
