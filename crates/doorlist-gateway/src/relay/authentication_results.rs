//! The `Authentication-Results:` field (RFC 8601) in front of mail that is relayed. Fields in our name that a message
//! brings are removed at its reception (`doorlist_smtp::message`), so this is the only one.

use doorlist_core::address::DomainName;
use doorlist_core::verdict::{Authentication, SpfIdentity};
use doorlist_store::spool::Envelope;

/// The field with its line ends; empty when nothing was evaluated.
pub(super) fn field(hostname: &str, envelope: &Envelope) -> String {
    envelope.assessment.authentication.as_ref().map(|results| text(hostname, results)).unwrap_or_default()
}

fn text(hostname: &str, results: &Authentication) -> String {
    let mut field = format!("Authentication-Results: {hostname}");
    let mut add = |method: &str, result: &str, property: &str, domain: Option<&DomainName>| {
        field.push_str(&format!(";\r\n\t{method}={result}"));
        if let Some(domain) = domain {
            field.push_str(&format!(" {property}={domain}"));
        }
    };
    // RFC 8601 §2.7.2: which identity of SPF it was.
    let identity = match results.spf.identity {
        SpfIdentity::MailFrom => "smtp.mailfrom",
        SpfIdentity::Helo => "smtp.helo",
    };
    add("spf", results.spf.result.word(), identity, results.spf.domain.as_ref());
    for signature in &results.dkim {
        add("dkim", signature.result.word(), "header.d", signature.domain.as_ref());
    }
    if results.dkim.is_empty() {
        add("dkim", "none", "header.d", None);
    }
    add("dmarc", results.dmarc.word(), "header.from", results.from.as_ref());
    // RFC 8617 §10.2 registers it.
    add("arc", results.arc.word(), "", None);
    field.push_str("\r\n");
    field
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use doorlist_core::verdict::{AuthenticationResult, DkimCheck, SpfCheck};

    #[test]
    fn the_field_names_each_method_with_its_domain() {
        let domain = |name: &str| Some(name.parse().unwrap());
        let mut results = Authentication {
            spf: SpfCheck {
                result: AuthenticationResult::SoftFail,
                identity: SpfIdentity::MailFrom,
                domain: domain("list.example.test"),
            },
            dkim: vec![
                DkimCheck { result: AuthenticationResult::Pass, domain: domain("bücher.example.test") },
                DkimCheck { result: AuthenticationResult::Neutral, domain: None },
            ],
            dmarc: AuthenticationResult::Pass,
            arc: AuthenticationResult::Fail,
            from: domain("example.test"),
        };
        assert_eq!(
            text("gw.example.test", &results),
            "Authentication-Results: gw.example.test;\r\n\
             \tspf=softfail smtp.mailfrom=list.example.test;\r\n\
             \tdkim=pass header.d=xn--bcher-kva.example.test;\r\n\
             \tdkim=neutral;\r\n\
             \tdmarc=pass header.from=example.test;\r\n\
             \tarc=fail\r\n"
        );
        results = Authentication { spf: SpfCheck { identity: SpfIdentity::Helo, ..results.spf }, ..Default::default() };
        let field = text("gw.example.test", &results);
        assert!(field.contains(
            "\tspf=softfail smtp.helo=list.example.test;\r\n\tdkim=none;\r\n\tdmarc=none;\r\n\tarc=none\r\n"
        ));
    }
}
