//! Many destinations: how much dead ones delay the others, what their number costs, and what happens to more mail for
//! one of them than fits into memory.

mod setup;

use crate::load::Message;
use crate::packages::Packages;
use crate::samples::{Samples, Subject};
use crate::server::Peer;
use anyhow::{Result, bail, ensure};
use setup::{Sender, Setup, Silent, send_all};
use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Octets of a message.
const MESSAGE: usize = 1024;
/// Destinations of the customer whose servers are silent, and messages for each.
const SILENT: u32 = 1_000;
/// Messages to the live one, and between two of them.
const MEASURED: u32 = 200;
const PACE: Duration = Duration::from_millis(15);
/// Messages to many destinations, and to how many.
const WIDE: u32 = 2_400;
const DESTINATIONS: [(&str, u32); 4] =
    [("relay-wide-240", 240), ("relay-wide-300", 300), ("relay-wide-600", 600), ("relay-wide-2400", 2_400)];
/// Messages to one destination on hold.
const YOUNG: u32 = 130_000;
/// Nothing that is delivered waits longer, or the run fails.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often it is looked whether anything has arrived.
const LOOK: Duration = Duration::from_millis(5);

const US: Subject = Subject::Server(Peer::Doorlist);

/// Measures what is wanted of `relay-shares`, `relay-wide` and `relay-young`.
pub(crate) fn measure(
    packages: &Packages,
    work: &Path,
    runs: u32,
    wanted: &dyn Fn(&str) -> bool,
    samples: &mut Samples,
) -> Result<()> {
    let message = Arc::new(Message::new(MESSAGE));
    for run in 1..=runs {
        if wanted("relay-shares") || wanted("relay-shares-alone") {
            eprintln!("bench: round {run}, {SILENT} silent destinations and a live one");
            shares(&Setup::new(packages, work, &message), samples)?;
        }
        for (id, destinations) in DESTINATIONS.into_iter().filter(|(id, _)| wanted(id)) {
            eprintln!("bench: round {run}, {WIDE} messages to {destinations} destinations");
            wide(&Setup::new(packages, work, &message), id, destinations, samples)?;
        }
        if wanted("relay-young") || wanted("relay-young-still") {
            eprintln!("bench: round {run}, {YOUNG} messages of one destination");
            young(&Setup::new(packages, work, &message), samples)?;
        }
    }
    Ok(())
}

/// The 95th percentile of the time from the end of DATA to the arrival at the next hop, alone, and while another
/// customer's servers accept connections and say nothing.
fn shares(setup: &Setup<'_>, samples: &mut Samples) -> Result<()> {
    let (sink, silent) = (setup.sink()?, Silent::start()?);
    let server = setup.start(|domains| {
        domains.add("live", 0, sink.address().port())?;
        (1..=SILENT).try_for_each(|number| domains.add("silent", number, silent.port()))
    })?;
    let mut sender = Sender::connect(server.address)?;
    for (id, first) in [("relay-shares-alone", 0), ("relay-shares", MEASURED)] {
        if first > 0 {
            let recipients = (1..=SILENT).flat_map(|number| [number; 2]);
            send_all(server.address, &setup.message, recipients.collect(), 2 * MEASURED)?;
        }
        sink.clear();
        let mut delays = Vec::new();
        for number in 0..MEASURED {
            let begun = sender.send(&setup.message, 0, u64::from(first + number))?;
            let arrived = sink.await_messages(u64::from(number) + 1, PATIENCE);
            ensure!(arrived.messages == u64::from(number) + 1, "message {number} did not arrive within {PATIENCE:?}");
            delays.push(arrived.last.unwrap_or(begun).saturating_duration_since(begun));
            sleep(PACE);
        }
        delays.sort_unstable();
        let p95 = delays.get(delays.len() * 95 / 100).copied().unwrap_or_default();
        samples.add(id, US, p95.as_secs_f64() * 1e3);
    }
    Ok(())
}

/// Messages per second from the first connection to the last arrival, spread over so many destinations.
fn wide(setup: &Setup<'_>, id: &'static str, destinations: u32, samples: &mut Samples) -> Result<()> {
    let sink = setup.sink()?;
    let server =
        setup.start(|domains| (0..destinations).try_for_each(|n| domains.add("many", n, sink.address().port())))?;
    let begun = Instant::now();
    send_all(server.address, &setup.message, (0..WIDE).map(|n| n % destinations).collect(), 0)?;
    let arrived = sink.await_messages(u64::from(WIDE), PATIENCE);
    ensure!(arrived.messages == u64::from(WIDE), "{} of {WIDE} messages arrived", arrived.messages);
    ensure!(arrived.duplicates + arrived.damaged == 0, "{arrived:?}");
    let Some(last) = arrived.last else { bail!("nothing arrived") };
    samples.add(id, US, f64::from(WIDE) / (last - begun).as_secs_f64());
    Ok(())
}

/// How long the delivery of messages that were on hold takes, and the longest time without any arrival.
fn young(setup: &Setup<'_>, samples: &mut Samples) -> Result<()> {
    let sink = setup.sink()?;
    let server = setup.start(|domains| domains.add("deep", 0, sink.address().port()))?;
    server.domain("hold", 0)?;
    send_all(server.address, &setup.message, vec![0; YOUNG as usize], 0)?;
    server.domain("release", 0)?;
    let begun = Instant::now();
    let (mut had, mut last, mut longest) = (0, begun, Duration::ZERO);
    while had < u64::from(YOUNG) {
        sleep(LOOK);
        let now = sink.arrived();
        if now > had {
            longest = longest.max(last.elapsed());
            (had, last) = (now, Instant::now());
        }
        ensure!(last.elapsed() < PATIENCE, "{had} of {YOUNG} messages arrived, then nothing for {PATIENCE:?}");
    }
    samples.add("relay-young", US, begun.elapsed().as_secs_f64());
    samples.add("relay-young-still", US, longest.as_secs_f64());
    Ok(())
}
