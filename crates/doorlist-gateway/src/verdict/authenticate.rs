//! SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 9989) and ARC (RFC 8617) of a message, within limits of time and of DNS
//! look-ups. What cannot be evaluated in time is a temporary error, never a pass.

use super::ScannedMessage;
use super::dns_budget::{DnsBudget, GivenUp};
use doorlist_core::address::DomainName;
use doorlist_core::verdict::{Authentication, AuthenticationResult, DkimCheck, SpfCheck, SpfIdentity};
use doorlist_store::spool::ClientInfo;
use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{
    AuthenticatedMessage, DkimOutput, DkimResult, DmarcResult, MessageAuthenticator, SpfOutput, SpfResult,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::time::Instant;

/// Signatures that are evaluated; mailing lists leave two or three.
const SIGNATURES_MAX: usize = 8;
/// Fields that a signature may name; each is looked for in the whole header section.
const SIGNED_FIELDS_MAX: usize = 200;

/// Who evaluates, and under which name.
pub(crate) struct Authenticator {
    pub(crate) methods: MessageAuthenticator,
    /// Our host name, for macros of SPF (RFC 7208 §7.3).
    pub(crate) hostname: String,
}

impl Authenticator {
    /// Evaluates all methods; without the bytes of the message, SPF alone.
    pub(super) async fn evaluate(
        &self,
        message: &ScannedMessage,
        bytes: Option<&[u8]>,
        until: Instant,
    ) -> Authentication {
        let budget = DnsBudget::default();
        let now = Instant::now();
        // The last part of the time is for DMARC, which needs the results of the others.
        let first = now + until.saturating_duration_since(now) * 3 / 4;
        let parsed = bytes.and_then(parse);
        let signatures = async {
            let message = parsed.as_ref()?;
            Some(budget.within(first, self.methods.verify_dkim(budget.count(message))).await)
        };
        let (sent, signed) = tokio::join!(self.spf((&message.client, &message.sender), &budget, first), signatures);
        let (spf, output) = sent;
        let mut authentication = Authentication { spf, ..Authentication::default() };
        let (Some(parsed), Some(signed)) = (&parsed, signed) else { return authentication };
        authentication.from = author(&parsed.from);
        authentication.dkim = match &signed {
            Ok(outputs) => outputs.iter().map(dkim_check).collect(),
            Err(given_up) => vec![DkimCheck { result: error_of(*given_up), domain: None }],
        };
        if authentication.from.is_some() {
            let params = DmarcParameters {
                message: parsed,
                dkim_output: signed.as_deref().unwrap_or_default(),
                dkim2_output: None,
                rfc5321_mail_from_domain: output.domain(),
                spf_output: &output,
            };
            let evaluated = budget.within(until, self.methods.verify_dmarc(budget.count(params))).await;
            authentication.dmarc = match (evaluated.map(|output| dmarc_result(&output.result())), &signed) {
                (Ok(AuthenticationResult::Fail), Err(_)) => AuthenticationResult::TempError,
                (Ok(result), _) => result,
                (Err(given_up), _) => error_of(given_up),
            };
        }
        // Last, with what the others left of time and look-ups: no verdict hangs on it.
        authentication.arc = self.chain(parsed, &budget, until).await;
        authentication
    }

    /// Whether DMARC would pass for a message whose author is in the domain of MAIL FROM: that publishes a record, and SPF
    /// passes. For an envelope whose message never comes.
    pub(crate) async fn envelope_passes(&self, client: &ClientInfo, sender: &str, until: Instant) -> bool {
        let budget = DnsBudget::default();
        let (check, output) = self.spf((client, sender), &budget, until).await;
        let (AuthenticationResult::Pass, SpfIdentity::MailFrom, Some(domain)) =
            (check.result, check.identity, check.domain)
        else {
            return false;
        };
        let text = format!("From: postmaster@{domain}\r\n\r\n");
        let Some(message) = parse(text.as_bytes()) else { return false };
        let params = DmarcParameters {
            message: &message,
            dkim_output: &[],
            dkim2_output: None,
            rfc5321_mail_from_domain: output.domain(),
            spf_output: &output,
        };
        let evaluated = budget.within(until, self.methods.verify_dmarc(budget.count(params))).await;
        evaluated.is_ok_and(|output| dmarc_result(&output.result()) == AuthenticationResult::Pass)
    }

    /// The chain of those who forwarded the message. Whatever is wrong with it, and be it a name server, makes it fail
    /// (RFC 8617 §5.2.1); a chain that lacks fields is no exception.
    async fn chain(
        &self,
        message: &AuthenticatedMessage<'_>,
        budget: &DnsBudget,
        until: Instant,
    ) -> AuthenticationResult {
        let fields = message.ams_headers.len() + message.as_headers.len() + message.aar_headers.len();
        if fields == 0 && !message.has_arc_errors {
            return AuthenticationResult::None;
        }
        if message.ams_headers.iter().any(|header| header.header.h.len() > SIGNED_FIELDS_MAX) {
            return AuthenticationResult::Fail;
        }
        match budget.within(until, self.methods.verify_arc(budget.count(message))).await {
            Ok(output) if *output.result() == DkimResult::Pass => AuthenticationResult::Pass,
            _ => AuthenticationResult::Fail,
        }
    }

    /// SPF for the domain of MAIL FROM; for the null sender, for the host in HELO (RFC 7208 §2.4).
    async fn spf(
        &self,
        (client, path): (&ClientInfo, &str),
        budget: &DnsBudget,
        until: Instant,
    ) -> (SpfCheck, SpfOutput) {
        let sender = path.rsplit_once('@');
        let identity = if path.is_empty() { SpfIdentity::Helo } else { SpfIdentity::MailFrom };
        let name = sender.map_or(&*client.helo, |(_, domain)| domain);
        let domain = match (identity, sender) {
            // A path without a domain has no identity; its HELO says nothing of it.
            (SpfIdentity::MailFrom, None) => None,
            _ => DomainName::parse(name.as_bytes()).ok(),
        };
        let (Some(found), Some(address)) = (&domain, client.address) else {
            return (SpfCheck { result: AuthenticationResult::None, identity, domain }, SpfOutput::default());
        };
        let path = format!("{}@{found}", sender.map_or("postmaster", |(local, _)| local));
        let params = SpfParameters::new(address.to_canonical(), found.as_str(), &client.helo, &self.hostname, &path);
        let output = budget.within(until, self.methods.check_host(budget.count(params))).await;
        let output = output.unwrap_or_else(|given_up| {
            let result = if given_up == GivenUp::TooLate { SpfResult::TempError } else { SpfResult::PermError };
            SpfOutput::new(found.to_string()).with_result(result)
        });
        (SpfCheck { result: spf_result(output.result()), identity, domain }, output)
    }
}

/// Parses the header section and hashes the body. The parser has panicked on bad input: then there is nothing to
/// evaluate.
fn parse(bytes: &[u8]) -> Option<AuthenticatedMessage<'_>> {
    let mut parsed = catch_unwind(AssertUnwindSafe(|| AuthenticatedMessage::parse(bytes))).ok().flatten()?;
    parsed.dkim_headers.retain(|header| header.header.h.len() <= SIGNED_FIELDS_MAX);
    parsed.dkim_headers.truncate(SIGNATURES_MAX);
    // Those of chains are counted as signatures by the library, and are told apart by `has_arc_errors`.
    parsed.errors.retain(|error| error.name.trim_ascii().eq_ignore_ascii_case(b"DKIM-Signature"));
    parsed.errors.truncate(SIGNATURES_MAX);
    Some(parsed)
}

/// The domain of the one author, or of several in one domain.
fn author(addresses: &[String]) -> Option<DomainName> {
    let mut domains = addresses.iter().map(|address| {
        let (_, domain) = address.rsplit_once('@')?;
        DomainName::parse(domain.as_bytes()).ok()
    });
    let first = domains.next()??;
    domains.all(|domain| domain.as_ref() == Some(&first)).then_some(first)
}

fn error_of(given_up: GivenUp) -> AuthenticationResult {
    match given_up {
        GivenUp::TooLate => AuthenticationResult::TempError,
        GivenUp::TooManyLookups => AuthenticationResult::PermError,
    }
}

fn spf_result(result: SpfResult) -> AuthenticationResult {
    match result {
        SpfResult::Pass => AuthenticationResult::Pass,
        SpfResult::Fail => AuthenticationResult::Fail,
        SpfResult::SoftFail => AuthenticationResult::SoftFail,
        SpfResult::Neutral => AuthenticationResult::Neutral,
        SpfResult::TempError => AuthenticationResult::TempError,
        SpfResult::PermError => AuthenticationResult::PermError,
        SpfResult::None => AuthenticationResult::None,
    }
}

fn dkim_check(output: &DkimOutput<'_>) -> DkimCheck {
    let result = match output.result() {
        DkimResult::Pass => AuthenticationResult::Pass,
        DkimResult::Fail(_) => AuthenticationResult::Fail,
        DkimResult::Neutral(_) => AuthenticationResult::Neutral,
        DkimResult::PermError(_) => AuthenticationResult::PermError,
        DkimResult::TempError(_) => AuthenticationResult::TempError,
        DkimResult::None => AuthenticationResult::None,
    };
    let domain = output.signature().and_then(|signature| DomainName::parse(signature.d.as_bytes()).ok());
    DkimCheck { result, domain }
}

fn dmarc_result(result: &DmarcResult) -> AuthenticationResult {
    match result {
        DmarcResult::Pass => AuthenticationResult::Pass,
        DmarcResult::Fail(_) => AuthenticationResult::Fail,
        DmarcResult::TempError(_) => AuthenticationResult::TempError,
        DmarcResult::PermError(_) => AuthenticationResult::PermError,
        DmarcResult::None => AuthenticationResult::None,
    }
}
