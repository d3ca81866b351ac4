//! `doorlist agent`, for networks that allow no inbound connections: reads directories with the same code as the server's
//! schedule, and pushes the result to a remote server. An incomplete read is never pushed.
//!
//! | module | what it is |
//! |---|---|
//! | `settings` | the agent's configuration file |
//! | `round` | one domain: read, compared with the last push, pushed |
//! | `items` | pure: rows of a directory as accounts with aliases |
//! | `memory` | the last push of each domain, in a file |

mod items;
mod memory;
mod round;
mod settings;
#[cfg(test)]
mod tests;

use crate::cli::Global;
use crate::cli::agent::Agent;
use crate::config::named_file;
use crate::directory_reader::Directories;
use crate::exit::{Exit, Failure, OrExit};
use crate::output::Output;
use crate::remote::RemoteTimeouts;
use crate::root_path;
use anyhow::Context;
use nix::unistd::Uid;
use ring::rand::{SecureRandom, SystemRandom};
use round::Round;
use settings::AgentSettings;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Runs the agent, once or until it is stopped.
pub(crate) fn agent(global: &Global, what: &Agent) -> Result<Exit, Failure> {
    let Some(file) = named_file(global.config.as_deref()) else {
        return Err(Failure::because(
            Exit::USAGE,
            "--config FILE is required: the agent's own configuration file (`agent --help` shows one)",
        ));
    };
    if !global.set.is_empty() {
        return Err(Failure::because(
            Exit::USAGE,
            "--set does not apply to the agent; change the agent's configuration \
                                                  file",
        ));
    }
    let settings = AgentSettings::read(&file)?;
    if let Some(warning) = settings.warning() {
        say!("doorlist: {warning}");
    }
    if Uid::effective().is_root() {
        // What it remembers is read and written where nobody else can lead it elsewhere.
        root_path::folder_of(&settings.state_file)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().or_exit(Exit::SYSTEM)?;
    runtime.block_on(async {
        let ended = ended()?;
        tokio::select! {
            // What is cut here changes nothing: a push counts only when all of it has arrived.
            () = ended => Ok(Exit::DONE),
            exit = run(&settings, what, Output::new(global.json)) => exit,
        }
    })
}

async fn run(settings: &AgentSettings, what: &Agent, mut out: Output) -> Result<Exit, Failure> {
    let reader = Directories::new(settings.networks.clone());
    let round = Round { settings, reader: &reader, dry_run: what.dry_run, times: RemoteTimeouts::default() };
    loop {
        let exit = round.run(&mut out).await?;
        if what.once || what.dry_run {
            return Ok(exit);
        }
        tokio::time::sleep(until_next(settings.every)).await;
    }
}

fn ended() -> Result<impl Future<Output = ()>, Failure> {
    let catch = |kind| signal(kind).context("cannot install signal handlers").or_exit(Exit::SYSTEM);
    let (mut terminate, mut interrupt) = (catch(SignalKind::terminate())?, catch(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// The delay with 10 % random variation, so that many agents do not push at once.
fn until_next(every: Duration) -> Duration {
    let mut random = [0_u8; 2];
    // Without randomness they come as they may.
    let _ = SystemRandom::new().fill(&mut random);
    every * 9 / 10 + every / 5 * u32::from(u16::from_le_bytes(random)) / u32::from(u16::MAX)
}
