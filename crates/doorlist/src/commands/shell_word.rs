//! Words of a command that is printed for a person to copy: a shell must read each as one word.

/// The word as a shell reads it; one that would be taken for an option gets `--` in front.
pub(super) fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "@._+-=/:,%".contains(c);
    let quoted = match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    };
    if text.starts_with('-') { format!("-- {quoted}") } else { quoted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_one_word() {
        for (text, word) in [
            ("ann+x@example.test", "ann+x@example.test"),
            ("o'neil@example.test", r"'o'\''neil@example.test'"),
            ("$(reboot)@example.test", "'$(reboot)@example.test'"),
            ("-rf@example.test", "-- -rf@example.test"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(text), word);
        }
    }
}
