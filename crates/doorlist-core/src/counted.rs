//! Counts with their noun in the singular or the plural.

/// `1 bad row`, `2 bad rows`, `3 aliases`, `4 entries`: `what` is the singular.
pub fn counted(count: u64, what: &str) -> String {
    if count == 1 {
        return format!("1 {what}");
    }
    let vowel_before_y = ["ay", "ey", "oy"].iter().any(|end| what.ends_with(end));
    match what.strip_suffix('y') {
        Some(stem) if !vowel_before_y => format!("{count} {stem}ies"),
        _ if what.ends_with(['s', 'x']) => format!("{count} {what}es"),
        _ => format!("{count} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noun_follows_its_number() {
        for (count, what, text) in [
            (1, "address", "1 address"),
            (0, "address", "0 addresses"),
            (2, "alias", "2 aliases"),
            (2, "mailbox", "2 mailboxes"),
            (1, "entry", "1 entry"),
            (7, "entry", "7 entries"),
            (2, "day", "2 days"),
            (3, "bad row", "3 bad rows"),
        ] {
            assert_eq!(counted(count, what), text);
        }
    }
}
