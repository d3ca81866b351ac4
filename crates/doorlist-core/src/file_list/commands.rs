//! Lines of scripts that make accounts: `useradd ann --password=...`, `New-Mailbox -Name Ann -Password ...`. Any word of
//! them may be a password, so that none is listed or shown.

/// Programs that make accounts or set their passwords.
const PROGRAMS: [&str; 17] = [
    "adduser",
    "useradd",
    "usermod",
    "passwd",
    "chpasswd",
    "htpasswd",
    "smbpasswd",
    "saslpasswd2",
    "doveadm",
    "zmprov",
    "plesk",
    "samba-tool",
    "dsadd",
    "gam",
    "imapsync",
    "v-add-mail-account",
    "vadduser",
];
/// Verbs with which commands of PowerShell begin.
const VERBS: [&str; 6] = ["New-", "Set-", "Add-", "Enable-", "Get-", "Import-"];

/// Whether the line is a command rather than a value.
pub(super) fn is_command(line: &str) -> bool {
    let line = line.trim_start_matches(['$', '#', '>', ' ']);
    let line = line.strip_prefix("sudo ").unwrap_or(line);
    let Some((first, rest)) = line.split_once(char::is_whitespace) else { return false };
    let program = first.rsplit('/').next().unwrap_or(first);
    let is_program = PROGRAMS.iter().any(|known| program.eq_ignore_ascii_case(known));
    let is_verb = VERBS.iter().any(|verb| program.starts_with(verb));
    let has_option = rest.split_whitespace().any(|word| {
        let lower = word.to_ascii_lowercase();
        ["--pass", "--pwd", "-password", "-passwd", "--secret"].iter().any(|option| lower.starts_with(option))
    });
    // Nobody's value has options behind it; an address with words behind it is one of a map.
    !first.contains('@') && (is_program || is_verb || has_option)
}

#[cfg(test)]
mod tests {
    use super::is_command;

    #[test]
    fn commands_are_no_names() {
        for line in [
            "useradd ann",
            "$ sudo adduser ann",
            "/usr/bin/doveadm pw -u ann",
            "New-Mailbox -Name Ann",
            "x ann --password=y",
        ] {
            assert!(is_command(line), "{line}");
        }
        for line in ["gam", "Ann Lee", "new-member", "New-Member@example.test OK", "ann@example.test --password=y", ""]
        {
            assert!(!is_command(line), "{line}");
        }
    }
}
