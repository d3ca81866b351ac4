//! Directory harvest attacks over real connections: when one is recognised and what senders with a good record feel of it,
//! and what an attacker learns, beside Postfix as packaged. Sources are told by the PROXY protocol.

mod attackers;
mod friends;
mod setup;

use crate::api::percentile;
use crate::load::Message;
use crate::packages::Packages;
use crate::samples::{Samples, Subject};
use crate::server::Peer;
use crate::sink::Sink;
use anyhow::{Context as _, Result};
use attackers::{Campaign, Learnt, Sources};
use friends::Friends;
use setup::Setup;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Sources and names of the attack on one of so many domains.
const SOURCES: u32 = 10_000;
const NAMES: u32 = 10_000;
const DOMAINS: u32 = 100;
/// Guesses of an attack whose yield is measured, and addresses of the one network.
const GUESSES: u32 = 100_000;
const NETWORK_SOURCES: u32 = 100;
/// Guesses a second of the attack beside which senders are measured.
const PACE: u32 = 1_000;
/// Names in a session: no server delays or closes it for so few.
const NAMES_PER_SESSION: u32 = 5;
/// Sessions at once. More than Doorlist lets wait, so that the attack is not slowed by the answers that do.
const SESSIONS: usize = 400;
/// The same with Postfix, which serves 100 at once (`default_process_limit`): the kernel forgets those that wait too long.
const SESSIONS_OF_POSTFIX: usize = 80;
/// Of so many names one exists.
const ONE_EXISTS_OF: u32 = 20;
/// Sources with a good record.
const FRIENDS: u32 = 1_000;

const US: Subject = Subject::Server(Peer::Doorlist);

/// Measures what is wanted of `harvest-*`; `part` divides the counts.
pub(crate) fn measure(
    packages: &Packages,
    work: &Path,
    rounds: (u32, Duration, u32),
    servers: &[Peer],
    wanted: &dyn Fn(&str) -> bool,
    samples: &mut Samples,
) -> Result<()> {
    let (runs, quiet, part) = rounds;
    let next_hop = Sink::start("127.0.0.1:0".parse()?, Arc::new(Message::new(100)))?;
    let setup = Setup { packages, work, next_hop: next_hop.address() };
    let attack = ["harvest-attack", "harvest-attack-quiet", "harvest-attack-friends"].into_iter().any(wanted);
    for run in 1..=runs {
        if attack && servers.contains(&Peer::Doorlist) {
            eprintln!("bench: round {run}, {SOURCES} sources guess at one of {DOMAINS} domains");
            attack_beside_friends(&setup, quiet, part, samples)?;
        }
        for (id, sources) in [("harvest-yield-network", Sources::Network), ("harvest-yield-many", Sources::Many)] {
            for peer in servers.iter().copied().filter(|peer| wanted(id) && *peer != Peer::Exim) {
                eprintln!("bench: round {run}, {}, {} guesses, {sources:?}", peer.name(), GUESSES / part);
                let learnt = harvest(&setup, peer, sources, GUESSES / part).with_context(|| peer.name())?;
                samples.add(id, Subject::Server(peer), learnt.per_thousand());
            }
        }
    }
    Ok(())
}

/// How many guesses are answered before the attack is recognised, and the 99th percentile of RCPT for senders with a good
/// record without it and beside it.
fn attack_beside_friends(setup: &Setup<'_>, quiet: Duration, part: u32, samples: &mut Samples) -> Result<()> {
    let guesses = SOURCES.max(NAMES) / part;
    let target = setup.doorlist(guesses / ONE_EXISTS_OF + 1, DOMAINS, FRIENDS)?;
    let friends = Friends::begin(&target, FRIENDS, DOMAINS);
    std::thread::sleep(quiet);
    let mut before = friends.end()?;
    let friends = Friends::begin(&target, FRIENDS, DOMAINS);
    let pace = Some(PACE);
    let campaign = Campaign { sources: Sources::Many, guesses, sessions: SESSIONS, names_per_session: 1, pace };
    let learnt = campaign.run(&target)?;
    let mut beside = friends.end()?;
    eprintln!("bench:   {learnt:?}; {} and {} answers to friends", before.len(), beside.len());
    samples.add("harvest-attack", US, f64::from(learnt.until_recognised()));
    samples.add("harvest-attack-quiet", US, percentile(&mut before, 99));
    samples.add("harvest-attack-friends", US, percentile(&mut beside, 99));
    target.end()
}

/// What an attacker learns who guesses as fast as answers come.
fn harvest(setup: &Setup<'_>, peer: Peer, sources: Sources, guesses: u32) -> Result<Learnt> {
    let listed = guesses / ONE_EXISTS_OF + 1;
    let (target, sessions) = match peer {
        Peer::Doorlist => (setup.doorlist(listed, 1, 0)?, SESSIONS),
        _ => (setup.postfix(listed)?, SESSIONS_OF_POSTFIX),
    };
    let campaign = Campaign { sources, guesses, sessions, names_per_session: NAMES_PER_SESSION, pace: None };
    let learnt = campaign.run(&target)?;
    eprintln!("bench:   {learnt:?}");
    target.end()?;
    Ok(learnt)
}
