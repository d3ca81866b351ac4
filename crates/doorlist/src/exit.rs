//! Exit codes and failures. The codes are part of the command line's contract with scripts.

use doorlist_actions::ActionError;
use std::fmt;
use std::process::ExitCode;

/// The exit code of a command. The actions define further codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exit(u8);

impl Exit {
    /// Done; for `check`: accepted.
    pub(crate) const DONE: Self = Self(0);
    /// A failure; the message says what was kept.
    pub(crate) const FAILURE: Self = Self(1);
    /// EX_USAGE of sysexits: the command line is wrong.
    pub(crate) const USAGE: Self = Self(64);
    /// EX_NOINPUT: a file or folder is missing.
    pub(crate) const NO_INPUT: Self = Self(66);
    /// EX_UNAVAILABLE: a service is not running, or already running.
    pub(crate) const UNAVAILABLE: Self = Self(69);
    /// EX_OSERR: an error of the system.
    pub(crate) const SYSTEM: Self = Self(71);
    /// EX_CANTCREAT: a file or folder cannot be created.
    pub(crate) const CANNOT_CREATE: Self = Self(73);
    /// EX_IOERR: reading or writing failed.
    pub(crate) const IO: Self = Self(74);
    /// EX_TEMPFAIL: the same may succeed later.
    pub(crate) const LATER: Self = Self(75);
    /// EX_NOPERM: the caller is not allowed.
    pub(crate) const NO_PERMISSION: Self = Self(77);
    /// EX_CONFIG: the configuration is wrong.
    pub(crate) const CONFIG: Self = Self(78);

    /// The code that an action chose.
    pub(crate) const fn of_action(code: u8) -> Self {
        Self(code)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.0)
    }
}

/// A failure with its exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    pub exit: Exit,
    /// What happened, what was kept, what to do.
    pub error: anyhow::Error,
}

impl Failure {
    /// A failure with an explanation.
    pub(crate) fn because(exit: Exit, why: impl std::fmt::Display) -> Self {
        Self { exit, error: anyhow::anyhow!("{why}") }
    }

    /// Whether an I/O error of this kind is behind it.
    pub(crate) fn is(&self, kind: std::io::ErrorKind) -> bool {
        self.error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == kind)
    }
}

/// The error with its causes. Many errors say their cause themselves: it is told once.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = self.error.to_string();
        for cause in self.error.chain().skip(1).map(ToString::to_string) {
            if !told.contains(&cause) {
                told = format!("{told}: {cause}");
            }
        }
        f.write_str(&told)
    }
}

/// Adds an exit code to an error.
pub(crate) trait OrExit<T> {
    /// Converts the error to a failure with this code.
    fn or_exit(self, exit: Exit) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_exit(self, exit: Exit) -> Result<T, Failure> {
        self.map_err(|error| Failure { exit, error: error.into() })
    }
}

impl From<crate::config::ConfigError> for Failure {
    fn from(error: crate::config::ConfigError) -> Self {
        Self { exit: Exit::CONFIG, error: error.into() }
    }
}

impl From<ActionError> for Failure {
    fn from(error: ActionError) -> Self {
        Self { exit: Exit::of_action(error.exit_code()), error: error.into() }
    }
}

/// Writing to stdout failed.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self { exit: Exit::IO, error: error.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::{Exit, Failure};
    use anyhow::anyhow;

    #[test]
    fn a_cause_is_told_once() {
        let told = |error| Failure { exit: Exit::LATER, error }.to_string();
        let refused = || anyhow!("Connection refused");
        assert_eq!(told(refused().context("cannot connect: Connection refused")), "cannot connect: Connection refused");
        let twice = refused().context("cannot connect").context("the store is away");
        assert_eq!(told(twice), "the store is away: cannot connect: Connection refused");
    }
}
