//! OpenMetrics text as the older text format of Prometheus (0.0.4). There a family has the name of its samples, and fewer
//! types. Exemplars, of which we have none, would stay.

/// The type word of a family, and what its samples have behind the family's name in OpenMetrics.
fn type_of(word: &str) -> (&str, &'static str) {
    match word {
        "counter" => ("counter", "_total"),
        "info" => ("gauge", "_info"),
        "stateset" => ("gauge", ""),
        "gaugehistogram" => ("histogram", ""),
        "unknown" => ("untyped", ""),
        other => (other, ""),
    }
}

/// The same metrics in the older format.
pub(super) fn from_open_metrics(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    // The help of a family comes before its type, which decides its name.
    let mut help: Option<(&str, &str)> = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ');
        } else if let Some((name, word)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            let (word, end) = type_of(word);
            if let Some((_, text)) = help.take().filter(|(of, _)| *of == name) {
                plain.push_str(&format!("# HELP {name}{end} {}\n", text.replace("\\\"", "\"")));
            }
            plain.push_str(&format!("# TYPE {name}{end} {word}\n"));
        } else if !line.starts_with('#') {
            plain.push_str(line);
            plain.push('\n');
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::from_open_metrics;

    #[test]
    fn families_are_named_as_their_samples() {
        let open = "# HELP a_mails Mails of \\\"a\\\".\n# TYPE a_mails counter\na_mails_total{x=\" # {\"} 3\n\
                    # HELP a_build Version.\n# TYPE a_build info\na_build_info{version=\"1\"} 1\n\
                    # HELP a_wait_seconds Time.\n# TYPE a_wait_seconds histogram\n# UNIT a_wait_seconds seconds\n\
                    a_wait_seconds_bucket{le=\"1.0\"} 2\n\
                    # TYPE a_queue gauge\na_queue 7\n# TYPE a_odd unknown\na_odd 1\n# EOF\n";
        let plain = "# HELP a_mails_total Mails of \"a\".\n# TYPE a_mails_total counter\na_mails_total{x=\" # {\"} 3\n\
                     # HELP a_build_info Version.\n# TYPE a_build_info gauge\na_build_info{version=\"1\"} 1\n\
                     # HELP a_wait_seconds Time.\n# TYPE a_wait_seconds histogram\n\
                     a_wait_seconds_bucket{le=\"1.0\"} 2\n\
                     # TYPE a_queue gauge\na_queue 7\n# TYPE a_odd untyped\na_odd 1\n";
        assert_eq!(from_open_metrics(open), plain);
    }
}
