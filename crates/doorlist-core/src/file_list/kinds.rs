//! Words for kinds of recipients and states of accounts in exports.

/// What a recipient is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecipientKind {
    /// A mailbox, or something that receives mail like one.
    Mailbox,
    /// Mail goes on to several.
    List,
    /// An entry that may point elsewhere; what it has of our domain receives mail.
    Contact,
    /// A guest of the tenant.
    Guest,
    /// An account of the system itself.
    System,
}

/// Mailboxes that Exchange keeps for itself.
const SYSTEM: [&str; 8] = [
    "discoverymailbox",
    "arbitrationmailbox",
    "auditlogmailbox",
    "auxauditlogmailbox",
    "monitoringmailbox",
    "systemmailbox",
    "systemattendantmailbox",
    "supervisoryreviewpolicymailbox",
];

/// What `RecipientTypeDetails`, `objectClass` and their like say; of several classes the one that says most.
pub(super) fn recipient(cell: &str) -> RecipientKind {
    let kinds = cell.split([';', ',', '|']).map(of_word);
    kinds.into_iter().find(|kind| *kind != RecipientKind::Mailbox).unwrap_or(RecipientKind::Mailbox)
}

fn of_word(word: &str) -> RecipientKind {
    let word = word.trim().to_ascii_lowercase();
    if word.starts_with("guest") {
        RecipientKind::Guest
    } else if SYSTEM.contains(&word.as_str()) {
        RecipientKind::System
    } else if word == "mailcontact" || word == "mailuser" || word == "contact" {
        RecipientKind::Contact
    } else if word == "groupmailbox" || word.contains("group") || word.contains("list") {
        RecipientKind::List
    } else {
        RecipientKind::Mailbox
    }
}

/// What the state of an account means for its mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccountState {
    Normal,
    /// Nobody can sign in; mail is still received.
    Blocked,
    Closed,
}

/// Reads a cell of `accountEnabled`, `active`, `Status` or `zimbraAccountStatus`.
pub(super) fn status(cell: &str) -> AccountState {
    match cell.trim().to_ascii_lowercase().as_str() {
        "false" | "f" | "0" | "no" | "n" | "off" | "suspended" | "disabled" | "inactive" | "locked" | "lockout"
        | "archived" | "blocked" => AccountState::Blocked,
        "closed" | "deleted" => AccountState::Closed,
        _ => AccountState::Normal,
    }
}

/// `Block credential`: true where signing in is blocked; `userAccountControl`: by its flag.
pub(super) fn blocked(cell: &str) -> AccountState {
    match cell.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "1" | "yes" | "y" | "on" | "blocked" => AccountState::Blocked,
        flags if is_disabled(flags) || flags.contains("accountdisable") => AccountState::Blocked,
        _ => AccountState::Normal,
    }
}

/// Bit 2 of Active Directory's `userAccountControl`: nobody can sign in.
pub(super) fn is_disabled(flags: &str) -> bool {
    const ACCOUNT_DISABLE: u32 = 2;
    flags.trim().parse::<u32>().is_ok_and(|flags| flags & ACCOUNT_DISABLE != 0)
}

/// Accounts that Zimbra makes for itself.
pub(super) fn is_zimbra_system(local: &str) -> bool {
    ["galsync", "spam.", "ham.", "virus-quarantine."].iter().any(|start| local.starts_with(start))
}
