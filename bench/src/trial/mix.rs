//! A mix: one organisation, its mail and what happens to it in thirty days, read from a file of `bench/trials`. Every
//! field is described in `bench/trials/README.md`.

use anyhow::{Context as _, Result, ensure};
use doorlist_core::address::DomainName;
use serde::Deserialize;
use std::fs;
use std::path::Path;

/// People of one organisation: more need other names.
const PEOPLE_MAX: usize = 60_000;

/// One organisation with everything that happens to it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrialMix {
    pub(crate) domain: String,
    pub(crate) people: usize,
    #[serde(default)]
    pub(crate) names: NameMix,
    #[serde(default)]
    pub(crate) mail: MailMix,
    /// Much spam in short times.
    #[serde(default)]
    pub(crate) spam: Vec<SpamRun>,
    /// Attacks that guess the names of its people.
    #[serde(default)]
    pub(crate) harvest: Vec<HarvestMix>,
    /// Bounces to forged senders.
    #[serde(default)]
    pub(crate) bounces: Vec<BounceFlood>,
    /// Times in which the domain's server does not answer.
    #[serde(default)]
    pub(crate) outage: Vec<OutageMix>,
    /// From this day on the domain's server takes every name.
    pub(crate) accepts_all_from_day: Option<f64>,
}

/// How a local part is made of a person's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum NamePattern {
    #[default]
    #[serde(rename = "first.last")]
    FirstDotLast,
    #[serde(rename = "flast")]
    InitialLast,
    #[serde(rename = "first")]
    First,
}

/// Who has which addresses, and who comes and goes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NameMix {
    pub(crate) pattern: NamePattern,
    /// Share of people with a second local part.
    pub(crate) aliases: f64,
    /// Share of people whose only local part looks like a short form of somebody else's.
    pub(crate) false_aliases: f64,
    /// Number of its distribution lists.
    pub(crate) lists: usize,
    /// Shares of people who come, and who go, during the trial.
    pub(crate) join: f64,
    pub(crate) leave: f64,
}

impl Default for NameMix {
    fn default() -> Self {
        Self { pattern: NamePattern::default(), aliases: 0.2, false_aliases: 0.01, lists: 5, join: 0.03, leave: 0.03 }
    }
}

/// The mail of all days.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MailMix {
    /// Clean messages a person and workday, on average.
    pub(crate) clean: f64,
    /// Share of people with one message in the whole trial.
    pub(crate) once: f64,
    /// Share of people who get nothing but newsletters.
    pub(crate) newsletters_only: f64,
    /// Share of people who get nothing but spam.
    pub(crate) spam_only: f64,
    /// Newsletters, each with a server of its own.
    pub(crate) newsletters: usize,
    /// Share of a newsletter's recipients who do not exist.
    pub(crate) stale: f64,
    /// Share of clean messages to names that do not exist.
    pub(crate) typos: f64,
    /// Share of clean messages to a second local part that its person's first one gets, too.
    pub(crate) shared: f64,
    /// Share of clean messages that some other address gets, too.
    pub(crate) copied: f64,
    /// Share of clean messages to a sub-address of their recipient.
    pub(crate) sub_addresses: f64,
    /// Share of clean messages that no scanner could judge.
    pub(crate) unchecked: f64,
    /// Share of clean messages with the null sender.
    pub(crate) null_sender: f64,
    /// Mail servers of correspondents, besides those of large providers.
    pub(crate) senders: usize,
    /// Spam messages a person and day, on average, besides its runs.
    pub(crate) spam: f64,
    /// Share of that spam to names that exist.
    pub(crate) spam_known: f64,
}

impl Default for MailMix {
    fn default() -> Self {
        Self {
            clean: 2.0,
            once: 0.03,
            newsletters_only: 0.03,
            spam_only: 0.02,
            newsletters: 3,
            stale: 0.03,
            typos: 0.005,
            shared: 0.0,
            copied: 0.0,
            sub_addresses: 0.01,
            unchecked: 0.02,
            null_sender: 0.01,
            senders: 200,
            spam: 0.5,
            spam_known: 0.5,
        }
    }
}

/// Much spam in a short time, from a botnet.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpamRun {
    pub(crate) day: f64,
    pub(crate) hours: f64,
    pub(crate) messages: u32,
    pub(crate) sources: u32,
    /// Share to names that exist.
    pub(crate) known: f64,
    /// Share that the scanner takes for clean.
    #[serde(default)]
    pub(crate) judged_clean: f64,
}

/// How the guesses of an attack come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HarvestPace {
    /// Each source goes on as fast as it is answered.
    Burst,
    /// The guesses of each source lie anywhere in the time of the attack.
    Spread,
}

/// A directory harvest attack.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HarvestMix {
    pub(crate) name: String,
    pub(crate) pace: HarvestPace,
    pub(crate) day: f64,
    pub(crate) days: f64,
    pub(crate) sources: u32,
    /// Networks (/24) that have them.
    pub(crate) networks: u32,
    pub(crate) names_each: u32,
    /// Share of guesses that name an existing address.
    pub(crate) hits: f64,
}

/// Somebody sends spam in the name of this domain, and other people's servers send it back.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BounceFlood {
    pub(crate) day: f64,
    pub(crate) hours: f64,
    pub(crate) messages: u32,
    /// Share to names that exist.
    pub(crate) known: f64,
    /// Share that comes from servers of correspondents and providers, which send clean mail, too.
    pub(crate) from_correspondents: f64,
}

/// The domain's server does not answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutageMix {
    pub(crate) day: f64,
    pub(crate) hours: f64,
}

impl TrialMix {
    /// Reads the mixes of a folder, in the order of their file names.
    pub(crate) fn of_folder(folder: &Path) -> Result<Vec<Self>> {
        let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
        files.sort();
        files.iter().map(|file| Self::of_file(file)).collect()
    }

    /// Reads the mix of one file.
    pub(crate) fn of_file(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        Self::parse(&text).with_context(|| format!("{} is no mix of a trial", file.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let mix: Self = toml::from_str(text)?;
        mix.domain.parse::<DomainName>().with_context(|| format!("domain = {:?}", mix.domain))?;
        ensure!((1..=PEOPLE_MAX).contains(&mix.people), "people must be 1 to {PEOPLE_MAX}");
        let days = mix.spam.iter().map(|run| run.day).chain(mix.harvest.iter().map(|harvest| harvest.day));
        let days = days.chain(mix.bounces.iter().map(|flood| flood.day)).chain(mix.outage.iter().map(|o| o.day));
        ensure!(days.chain(mix.accepts_all_from_day).all(|day| day >= 1.0), "the first day is day 1");
        ensure!(mix.harvest.iter().all(|harvest| harvest.sources > 0 && harvest.networks > 0), "an attack has sources");
        ensure!(mix.spam.iter().all(|run| run.sources > 0), "a run of spam has sources");
        Ok(mix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_needs_a_domain_and_people_and_says_what_is_wrong() {
        let mix = TrialMix::parse("domain = \"example.test\"\npeople = 30\n[names]\npattern = \"flast\"\n").unwrap();
        assert_eq!((mix.people, mix.names.pattern, mix.names.lists), (30, NamePattern::InitialLast, 5));
        for (text, word) in [
            ("people = 30", "domain"),
            ("domain = \"example.test\"\npeople = 0", "people"),
            ("domain = \"example.test\"\npeople = 3\nsnow = 1", "snow"),
            ("domain = \"example.test\"\npeople = 3\n[[outage]]\nday = 0.5\nhours = 1", "day 1"),
        ] {
            let error = format!("{:#}", TrialMix::parse(text).unwrap_err());
            assert!(error.contains(word), "{word:?} is not in {error}");
        }
    }

    #[test]
    fn the_mixes_of_this_folder_can_be_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("trials");
        assert!(TrialMix::of_folder(&folder).unwrap().len() >= 5);
    }
}
