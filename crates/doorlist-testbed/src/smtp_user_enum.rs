//! smtp-user-enum: asks a server for name after name, by RCPT, VRFY or EXPN, and tells which of them it calls existing.
//! It waits for slow answers, and connects again when it is thrown out.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Result, bail};

use crate::folder::Folder;
use crate::{process, python};

/// Exact versions, as `pip freeze` lists them.
const REQUIREMENTS: &str = include_str!("python/smtp-user-enum.txt");
/// Seconds for which it waits for an answer; servers that slow it down make it wait for at most half of that.
const PATIENCE: &str = "20";

/// What it tells of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guess {
    pub name: String,
    /// Whether it calls it existing.
    pub exists: bool,
    /// The reply that it got.
    pub reply: String,
}

/// Asks a server for these names of a domain, in one session as long as that is not closed; `mode` is `RCPT`, `VRFY` or
/// `EXPN`.
///
/// # Errors
/// Fails if it cannot be installed, or gives up.
pub fn ask(address: SocketAddr, mode: &str, domain: &str, names: &[String]) -> Result<Vec<Guess>> {
    let program = python::installed("smtp-user-enum", REQUIREMENTS)?;
    let folder = Folder::new("smtp-user-enum")?;
    let words = folder.write("words", names.join("\n") + "\n")?;
    let mut command = Command::new(program);
    command.args(["--mode", mode, "--domain", domain, "--wrap", "--from-mail", "<user@sender.example.test>"]);
    command.args(["--helo", "client.example.test", "--timeout-enum", PATIENCE, "--file"]).arg(words);
    command.arg(address.ip().to_string()).arg(address.port().to_string());
    let told = String::from_utf8(process::run(&mut command)?)?;
    let guesses: Vec<Guess> = told.lines().filter_map(guess).collect();
    if guesses.iter().map(|guess| &guess.name).ne(names) {
        bail!("not every name was asked for: {told}");
    }
    Ok(guesses)
}

/// A line such as `[SUCC] ann      250 2.1.5 Ok`, in colours.
fn guess(line: &str) -> Option<Guess> {
    let at = line.find("[SUCC]").or_else(|| line.find("[----]"))?;
    let line = line.get(at..)?;
    let (verdict, rest) = line.split_at_checked("[SUCC]".len())?;
    let (name, reply) = rest.trim_start().split_once(char::is_whitespace)?;
    let reply = reply.replace("\x1b[00m", "").trim().to_owned();
    Some(Guess { name: name.to_owned(), exists: verdict == "[SUCC]", reply })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_tells_is_read() {
        let told = "\x1b[93m[TEST] ann ...\x1b[00m\r\x1b[92m[SUCC] ann   \x1b[00m250 2.1.5 Ok";
        let guess = guess(told).map(|guess| (guess.name, guess.exists, guess.reply));
        assert_eq!(guess, Some(("ann".to_owned(), true, "250 2.1.5 Ok".to_owned())));
        assert_eq!(super::guess("Start enumerating users with RCPT mode ..."), None);
    }
}
