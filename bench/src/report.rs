//! Writes the result page: a table, and the meaning of its figures.

use crate::figures::{FIGURES, Figure, Floor};
use crate::samples::{Samples, Spread, Subject, Verdict};
use crate::server::Peer;
use std::fmt::Write as _;

/// The notes that a person keeps beside this program.
const NOTES: &str = include_str!("../NOTES.md");

/// The page; figures that were not measured are left out unless `whole`.
pub(crate) fn page(samples: &Samples, facts: &[String], whole: bool) -> String {
    let mut page = String::from(
        "# Results\n\nWritten by `cargo run --release -p doorlist-bench -- table`; see [README](README.md).\n\n",
    );
    for fact in facts {
        let _ = writeln!(page, "- {fact}");
    }
    page.push_str("\nMedian (least to greatest). *Limit*: the same load against a server that does nothing.\n\n");
    page.push_str(&rows(samples, whole));
    page.push('\n');
    page.push_str(NOTES);
    page
}

/// The table of the figures, without what stands around it.
pub(crate) fn rows(samples: &Samples, whole: bool) -> String {
    let mut table = String::from(
        "| figure | Postfix | Exim | Doorlist | limit | ratio | floor | met |\n|---|---|---|---|---|---|---|---|\n",
    );
    for figure in FIGURES {
        let ours = samples.spread(figure.id, Subject::Server(Peer::Doorlist));
        let measured = Peer::ALL.iter().any(|peer| samples.spread(figure.id, Subject::Server(*peer)).is_some());
        if measured || whole {
            let _ = writeln!(table, "{}", line(samples, figure, ours));
        }
    }
    table
}

/// The ids of the floors that are not met, or were to be measured and are missing.
pub(crate) fn unmet(samples: &Samples) -> Vec<&'static str> {
    let fell_short =
        FIGURES.iter().filter(|figure| matches!(samples.judge(figure), Verdict::Judged { met: false, .. }));
    fell_short.map(|figure| figure.id).collect()
}

fn line(samples: &Samples, figure: &Figure, ours: Option<Spread>) -> String {
    let cell = |subject| cell(samples.spread(figure.id, subject), figure.decimals);
    let (ratio, met) = match samples.judge(figure) {
        Verdict::Judged { met, ratio } => {
            let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.1}"));
            (ratio, if met { "yes" } else { "**no**" })
        }
        Verdict::Unknown => (String::new(), "?"),
        Verdict::None => (String::new(), ""),
    };
    format!(
        "| {} | {} | {} | {} | {} | {ratio} | {} | {met} |",
        figure.title,
        cell(Subject::Server(Peer::Postfix)),
        cell(Subject::Server(Peer::Exim)),
        self::cell(ours, figure.decimals),
        cell(Subject::Limit),
        floor(figure.floor),
    )
}

fn cell(spread: Option<Spread>, decimals: usize) -> String {
    let Some(spread) = spread else { return String::new() };
    let number = |value| grouped(value, decimals);
    if spread.count == 1 {
        return number(spread.median);
    }
    format!("{} ({} to {})", number(spread.median), number(spread.min), number(spread.max))
}

fn floor(floor: Floor) -> String {
    match floor {
        Floor::TimesOf(peer, times) => format!("{times} x {}", peer.name()),
        Floor::PartOf(peer, parts) => format!("1/{parts} of {}", peer.name()),
        Floor::AtMost(most) => format!("at most {most}"),
        Floor::AtLeast(least) => format!("at least {least}"),
        Floor::TimesOurs(_, times) => format!("at most {times} x that of 10,000"),
        Floor::TimesOursOr(id, times, most) => format!("at most {times} x `{id}`, or {most}"),
        Floor::PartOfOurs(id, part) => format!("at least {part} x `{id}`"),
        Floor::Shown => String::new(),
    }
}

/// Groups thousands: `1234567.8` becomes `1,234,567.8`.
fn grouped(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (value, decimals, text) in [
            (0.0, 0, "0"),
            (999.6, 0, "1,000"),
            (1_234_567.0, 0, "1,234,567"),
            (1234.5, 2, "1,234.50"),
            (-123.0, 0, "-123"),
        ] {
            assert_eq!(grouped(value, decimals), text);
        }
    }

    #[test]
    fn a_floor_that_is_missed_stands_out() {
        let mut samples = Samples::default();
        samples.add("relay", Subject::Server(Peer::Postfix), 400.0);
        samples.add("relay", Subject::Server(Peer::Doorlist), 1_200.0);
        let page = page(&samples, &["Machine: a".to_owned()], false);
        let row = page.lines().find(|line| line.starts_with("| messages relayed"));
        assert!(row.is_some_and(|row| row.ends_with("| 400 |  | 1,200 |  | 3.0 | 4 x Postfix | **no** |")), "{row:?}");
        assert!(!page.contains("| the same, pipelined by 50"), "not measured");
        assert_eq!(unmet(&samples), ["relay"]);
    }
}
