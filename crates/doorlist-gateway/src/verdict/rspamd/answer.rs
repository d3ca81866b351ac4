//! What an answer of Rspamd means: its action and its symbols lead to a verdict by one table, which is also in
//! docs/verdicts.md. In doubt the verdict is not clean.

use crate::verdict::ScanFailure;
use doorlist_core::verdict::ContentVerdict;
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;

/// The action of an answer, and the verdict without further symbols. An action that is not here: unchecked.
const ACTIONS: &[(&str, ContentVerdict)] = &[
    ("no action", ContentVerdict::Clean),
    ("greylist", ContentVerdict::Suspect),
    ("add header", ContentVerdict::Suspect),
    ("rewrite subject", ContentVerdict::Suspect),
    ("soft reject", ContentVerdict::Suspect),
    ("quarantine", ContentVerdict::Spam),
    ("discard", ContentVerdict::Spam),
    ("reject", ContentVerdict::Spam),
];
/// The end of symbols of scanners for viruses: `CLAM_VIRUS`, `SOPHOS_VIRUS`.
const VIRUS: &str = "_VIRUS";
/// The end of symbols of such scanners that failed: nothing is clean then.
const VIRUS_FAIL: &str = "_VIRUS_FAIL";
/// What Rspamd says of such a scanner that it cannot reach. Whatever else it says is about the message: a limit of the
/// scanner, or contents that it does not understand.
const NOT_REACHED: &str = "retransmits exceed";
/// The ends of symbols for what such scanners could not look into.
const NOT_LOOKED_INTO: [&str; 2] = ["_VIRUS_ENCRYPTED", "_VIRUS_MACRO"];

/// The part of an answer that counts.
#[derive(Debug, Deserialize)]
pub(super) struct RspamdAnswer {
    action: String,
    #[serde(default)]
    is_skipped: bool,
    #[serde(default)]
    symbols: HashMap<String, Value>,
}

/// What Rspamd said, or why it said nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RspamdVerdict {
    pub(super) verdict: ContentVerdict,
    pub(super) failure: Option<ScanFailure>,
}

impl RspamdVerdict {
    pub(super) fn missing(failure: ScanFailure) -> Self {
        Self { verdict: ContentVerdict::Unchecked, failure: Some(failure) }
    }
}

impl RspamdAnswer {
    pub(super) fn parse(body: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(body).map_err(|error| format!("its answer cannot be read: {error}"))
    }

    pub(super) fn verdict(&self) -> RspamdVerdict {
        let has = |end: &str| self.symbols.keys().any(|symbol| symbol.ends_with(end));
        let by_action = ACTIONS.iter().find(|(action, _)| *action == self.action).map(|(_, verdict)| *verdict);
        let mut failure = None;
        let verdict = match by_action.unwrap_or(ContentVerdict::Unchecked) {
            _ if has(VIRUS) => ContentVerdict::Virus,
            _ if self.is_skipped => ContentVerdict::Unchecked,
            ContentVerdict::Clean if NOT_LOOKED_INTO.into_iter().any(has) => ContentVerdict::Suspect,
            ContentVerdict::Clean if has(VIRUS_FAIL) => {
                failure = self.lacks_virus_scanner().then_some(ScanFailure::NoVirusScanner);
                ContentVerdict::Unchecked
            }
            verdict => verdict,
        };
        RspamdVerdict { verdict, failure }
    }

    /// Whether a scanner for viruses could not be reached.
    fn lacks_virus_scanner(&self) -> bool {
        let failed = self.symbols.iter().filter(|(symbol, _)| symbol.ends_with(VIRUS_FAIL));
        let options = failed.filter_map(|(_, symbol)| symbol.get("options")?.as_array()).flatten();
        options.filter_map(Value::as_str).any(|text| text.contains(NOT_REACHED))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn action_and_symbols_lead_to_a_verdict() {
        for (answer, expected) in [
            (r#"{"action":"no action","symbols":{"R_SPF_ALLOW":{"score":-0.2}}}"#, ContentVerdict::Clean),
            (r#"{"action":"no action"}"#, ContentVerdict::Clean),
            (r#"{"action":"greylist"}"#, ContentVerdict::Suspect),
            (r#"{"action":"add header"}"#, ContentVerdict::Suspect),
            (r#"{"action":"rewrite subject"}"#, ContentVerdict::Suspect),
            (r#"{"action":"soft reject"}"#, ContentVerdict::Suspect),
            (r#"{"action":"reject","symbols":{"GTUBE":{}}}"#, ContentVerdict::Spam),
            (r#"{"action":"reject","symbols":{"CLAM_VIRUS":{"options":["Eicar"]}}}"#, ContentVerdict::Virus),
            (r#"{"action":"no action","symbols":{"CLAM_VIRUS":{}}}"#, ContentVerdict::Virus),
            (r#"{"action":"no action","symbols":{"CLAM_VIRUS_FAIL":{}}}"#, ContentVerdict::Unchecked),
            (r#"{"action":"no action","symbols":{"CLAM_VIRUS_ENCRYPTED":{}}}"#, ContentVerdict::Suspect),
            (r#"{"action":"reject","symbols":{"CLAM_VIRUS_FAIL":{}}}"#, ContentVerdict::Spam),
            (r#"{"action":"no action","is_skipped":true}"#, ContentVerdict::Unchecked),
            (r#"{"action":"accept, trust me"}"#, ContentVerdict::Unchecked),
        ] {
            let answered = RspamdAnswer::parse(answer.as_bytes()).unwrap().verdict();
            assert_eq!((answered.verdict, answered.failure), (expected, None), "{answer}");
        }
    }

    #[test]
    fn a_virus_scanner_that_is_not_reached_may_be_there_later() {
        for (symbols, expected) in [
            (r#"{"CLAM_VIRUS_FAIL":{"options":["failed to scan and retransmits exceed"]}}"#, true),
            (r#"{"CLAM_VIRUS_FAIL":{"options":["Limits Exceeded: Heuristics.Limits.Exceeded.MaxRecursion"]}}"#, false),
            (r#"{"CLAM_VIRUS_FAIL":{"options":"retransmits exceed"}}"#, false),
            (r#"{"CLAM_VIRUS_FAIL":7}"#, false),
        ] {
            let answer = format!(r#"{{"action":"no action","symbols":{symbols}}}"#);
            let answered = RspamdAnswer::parse(answer.as_bytes()).unwrap().verdict();
            let failure = expected.then_some(ScanFailure::NoVirusScanner);
            assert_eq!((answered.verdict, answered.failure), (ContentVerdict::Unchecked, failure), "{answer}");
        }
    }

    #[test]
    fn s40_garbage_is_no_answer() {
        for garbage in ["", "{}", "[]", "OK", r#"{"action":1}"#, r#"{"action":"no action""#, "\u{0}"] {
            assert!(RspamdAnswer::parse(garbage.as_bytes()).is_err(), "{garbage}");
        }
        let deep = "[".repeat(100_000);
        assert!(RspamdAnswer::parse(format!("{{\"action\":\"no action\",\"x\":{deep}").as_bytes()).is_err());
    }
}
