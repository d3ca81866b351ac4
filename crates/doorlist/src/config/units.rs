//! Parses values such as `50 MiB`, `300 s`, `2 h 30 min`, `100 B/s` and `true`. Errors show the expected form.

use std::time::Duration;

/// Units of size, in octets.
const SIZES: &[(&str, u64)] = &[
    ("B", 1),
    ("kB", 1000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
];

/// Units of time, in milliseconds.
const TIMES: &[(&str, u64)] = &[
    ("ms", 1),
    ("s", 1000),
    ("m", 60_000),
    ("min", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("day", 86_400_000),
    ("days", 86_400_000),
];

/// Parses a size such as `50 MiB`.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a size; write a number with B, KiB, MiB or GiB, such as `50 MiB`");
    let (number, unit, rest) = amount(text).ok_or_else(wrong)?;
    let factor = factor(SIZES, unit).ok_or_else(wrong)?;
    if rest.is_empty() { number.checked_mul(factor).ok_or_else(wrong) } else { Err(wrong()) }
}

/// Parses a rate such as `100 B/s`.
pub(crate) fn rate(text: &str) -> Result<u64, String> {
    let per_second = text.trim_end().strip_suffix("/s");
    per_second
        .and_then(|text| size(text).ok())
        .ok_or_else(|| format!("`{text}` is not a rate; write a size per second, such as `100 B/s`"))
}

/// `300 s`, `2 h 30 min`, `15 d`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration; write a number with ms, s, min, h or d, such as `300 s`");
    let mut rest = text.trim();
    let mut millis: u64 = 0;
    while !rest.is_empty() {
        let (number, unit, behind) = amount(rest).ok_or_else(wrong)?;
        let part = factor(TIMES, unit).and_then(|factor| number.checked_mul(factor)).ok_or_else(wrong)?;
        millis = millis.checked_add(part).ok_or_else(wrong)?;
        rest = behind;
    }
    if millis == 0 { Err(wrong()) } else { Ok(Duration::from_millis(millis)) }
}

/// A whole number above zero.
pub(crate) fn count<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    let number = text.trim().parse::<u64>().ok().filter(|number| *number > 0);
    number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| format!("`{text}` is not a number above zero"))
}

/// Parses `true` or `false`.
pub(crate) fn switch(text: &str) -> Result<bool, String> {
    match text.trim() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("`{text}` is neither true nor false")),
    }
}

/// A number, its unit, and the rest of the text.
fn amount(text: &str) -> Option<(u64, &str, &str)> {
    let text = text.trim_start();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number = text.get(..digits)?.parse().ok()?;
    let text = text.get(digits..)?.trim_start();
    let letters = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (unit, rest) = text.split_at_checked(letters)?;
    Some((number, unit, rest.trim_start()))
}

fn factor(units: &[(&str, u64)], unit: &str) -> Option<u64> {
    units.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_amounts_in_many_ways() {
        assert_eq!(size("50 MiB"), Ok(50 << 20));
        assert_eq!(size("50MiB"), Ok(50 << 20));
        assert_eq!(size(" 1000 B "), Ok(1000));
        assert_eq!(rate("100 B/s"), Ok(100));
        assert_eq!(duration("300 s"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("2h30min"), Ok(Duration::from_secs(9000)));
        assert_eq!(duration("15 d"), Ok(Duration::from_hours(360)));
        assert_eq!(count::<u32>("20"), Ok(20));
    }

    #[test]
    fn what_has_no_unit_or_is_too_much_is_refused() {
        for text in
            ["", "50", "MiB", "50 mib", "50 MiB 3", "-1 MiB", "99999999999999999999 B", "18446744073709551615 GiB"]
        {
            assert!(size(text).is_err(), "{text}");
        }
        for text in ["", "300", "s", "0 s", "1 fortnight", "300 s x", "18446744073709551615 d"] {
            assert!(duration(text).is_err(), "{text}");
        }
        for text in ["100", "100 B", "100 B/min"] {
            assert!(rate(text).is_err(), "{text}");
        }
        for text in ["0", "-1", "x", "4294967296"] {
            assert!(count::<u32>(text).is_err(), "{text}");
        }
    }
}
