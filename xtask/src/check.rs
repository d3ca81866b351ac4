//! `cargo xtask check`: all checks that a change must pass, on a machine with only Debian and the Rust toolchain.

mod debian;
mod steps;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;

use steps::{Outcome, STEPS, Step};

/// What of it to do.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only this step; may be given several times
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Do the other steps although one has failed
    #[arg(long)]
    keep_going: bool,
    /// Name the steps and do nothing
    #[arg(long)]
    list: bool,
}

/// Does the steps in their order.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.list {
        STEPS.iter().for_each(|step| println!("{:10} {}", step.name, step.about));
        return Ok(());
    }
    let chosen = choose(STEPS, &options.only)?;
    let begin = Instant::now();
    let (mut failed, mut not_here) = (Vec::new(), Vec::new());
    for (number, step) in chosen.iter().enumerate() {
        println!("\n== {}/{} {}: {}", number + 1, chosen.len(), step.name, step.about);
        let step_begin = Instant::now();
        let done = (step.run)();
        let time = spoken(step_begin.elapsed());
        match done {
            Ok(Outcome::Passed) => println!("== {}: passed in {time}", step.name),
            Ok(Outcome::NotHere(why)) => {
                println!("== {}: NOT CHECKED: {why}", step.name);
                not_here.push(format!("; {} NOT CHECKED: {why}", step.name));
            }
            Err(error) => {
                println!("== {}: FAILED after {time}: {error:#}", step.name);
                failed.push(step.name);
                if !options.keep_going {
                    break;
                }
            }
        }
    }
    let time = spoken(begin.elapsed());
    if let Some(first) = failed.first() {
        bail!(
            "\ncargo xtask check: FAILED in {time}: {}. To run only this step: cargo xtask check --only {first}",
            failed.join(", ")
        );
    }
    let what = if chosen.len() == STEPS.len() { "everything" } else { "what was chosen" };
    let count = chosen.len() - not_here.len();
    println!("\ncargo xtask check: {what} passed ({count} steps) in {time}{}", not_here.concat());
    Ok(())
}

/// The steps with these names, in the order of the list; all without a name.
fn choose<'a>(steps: &'a [Step], names: &[String]) -> Result<Vec<&'a Step>> {
    if let Some(unknown) = names.iter().find(|name| !steps.iter().any(|step| step.name == **name)) {
        let known: Vec<&str> = steps.iter().map(|step| step.name).collect();
        bail!("there is no step {unknown:?}; the steps are: {}", known.join(", "));
    }
    Ok(steps.iter().filter(|step| names.is_empty() || names.iter().any(|name| name == step.name)).collect())
}

/// "4 min 12 s", "12.3 s".
fn spoken(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    #[test]
    fn steps_are_chosen_by_name_in_their_own_order() {
        let named = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            choose(STEPS, &names).map(|steps| steps.iter().map(|step| step.name).collect::<Vec<_>>())
        };
        assert_eq!(named(&["tests", "format"]).unwrap(), ["format", "tests"]);
        assert_eq!(named(&[]).unwrap().len(), STEPS.len());
        let error = named(&["clipy"]).unwrap_err().to_string();
        assert!(error.contains("clippy"), "{error}");
    }

    #[test]
    fn times_are_for_people() {
        assert_eq!(spoken(Duration::from_millis(12_340)), "12.3 s");
        assert_eq!(spoken(Duration::from_secs(252)), "4 min 12 s");
    }
}
