//! Lines on their way into the chain. A tenant whose lines take up its share of the audit has its further requests counted,
//! with one line an hour: so it can push nobody else's lines out. What it changed stands in the change log all the same.

use super::chain::AuditLink;
use super::{AuditEvent, AuditNote, AuditRecord};
use crate::error::ActionError;
use crate::services::Services;
use doorlist_core::access::Scope;
use doorlist_core::time::Timestamp;
use doorlist_store::audit::AUDIT_LINE_OVERHEAD;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// A tenant has at most this part of the audit.
const SHARE: u64 = 10;
/// How often the requests of a tenant that are counted become a line.
const COUNTED_EVERY: Duration = Duration::from_hours(1);
/// Octets of a line beside its path, about.
const LINE_ABOUT: u64 = 200 + AUDIT_LINE_OVERHEAD;

/// A request of a known login that is to be in the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditNews {
    pub event: AuditEvent,
    /// What the login may do something in.
    pub scopes: Vec<Scope>,
}

/// Requests of a tenant that are counted.
struct RequestCount {
    since: Timestamp,
    requests: u64,
}

/// Writes lines into the chain of this node; there is one of them on each.
pub struct AuditWriter {
    services: Services,
    /// Where the chain stood when it was last written.
    stands: Option<AuditLink>,
    /// By tenant. Only tenants that fill their share are here: hardly more than [`SHARE`].
    counted: BTreeMap<String, RequestCount>,
}

impl AuditWriter {
    /// For the chain of this services's node.
    pub fn new(services: &Services) -> Self {
        Self { services: services.clone(), stands: None, counted: BTreeMap::new() }
    }

    /// Marks where lines are sealed with a key for the first time, if that is here.
    ///
    /// # Errors
    /// When the store fails, or the key cannot be read or made.
    pub async fn begin(&mut self) -> Result<(), ActionError> {
        self.stands = Some(self.services.audit_append(Vec::new(), None).await?);
        Ok(())
    }

    /// Writes what came, and counts whose time has come.
    ///
    /// # Errors
    /// When the store fails, or the key cannot be read or made; then none of it is there.
    pub async fn write(&mut self, news: Vec<AuditNews>) -> Result<(), ActionError> {
        let share = self.services.retention.audit.size_max / SHARE;
        let mut sizes = HashMap::<String, u64>::new();
        for size in self.services.audit.sizes().await? {
            *sizes.entry(size.tenant).or_default() += size.octets;
        }
        let mut tenants = HashMap::new();
        let mut lines = Vec::with_capacity(news.len());
        for AuditNews { event, scopes } in news {
            let tenant = self.tenant(&scopes, event.login.as_deref(), &mut tenants).await?;
            let size = sizes.entry(tenant.clone()).or_default();
            let octets = event.path.len() as u64 + LINE_ABOUT;
            if !tenant.is_empty() && *size + octets > share {
                let counted = self.counted.entry(tenant).or_insert(RequestCount { since: event.time, requests: 0 });
                counted.requests += 1;
            } else {
                *size += octets;
                lines.push((tenant, AuditRecord::Request(event)));
            }
        }
        lines.extend(self.counts_due(Some(self.services.now())));
        self.append(lines).await
    }

    /// Writes all that is counted.
    ///
    /// # Errors
    /// When the store fails, or the key cannot be read.
    pub async fn end(&mut self) -> Result<(), ActionError> {
        let lines = self.counts_due(None);
        self.append(lines).await
    }

    async fn append(&mut self, lines: Vec<(String, AuditRecord)>) -> Result<(), ActionError> {
        if !lines.is_empty() {
            // After an error nobody knows where it stands: the lines may be there all the same.
            let expected = self.stands.take();
            self.stands = Some(self.services.audit_append(lines, expected.as_ref()).await?);
        }
        Ok(())
    }

    /// Lines about what is counted for long enough; with `None` about all.
    fn counts_due(&mut self, now: Option<Timestamp>) -> Vec<(String, AuditRecord)> {
        let time = now.unwrap_or_else(|| self.services.now());
        let is_due = |counted: &RequestCount| now.is_none_or(|now| now.since(counted.since) >= COUNTED_EVERY);
        let due: Vec<String> =
            self.counted.iter().filter(|(_, counted)| is_due(counted)).map(|(tenant, _)| tenant.clone()).collect();
        let line = |tenant: String| {
            let counted = self.counted.remove(&tenant)?;
            let note = format!(
                "{tenant} has used its share of the audit log (a tenth of audit.size_max): {} more write requests are \
                 counted, not recorded; the change log has their changes",
                counted.requests
            );
            Some((tenant, AuditRecord::Note(AuditNote { time, note })))
        };
        due.into_iter().filter_map(line).collect()
    }

    /// In whose share a login's requests count: its customer's, its reseller's, or its own if it serves several.
    async fn tenant(
        &self,
        scopes: &[Scope],
        login: Option<&str>,
        known: &mut HashMap<Vec<Scope>, Option<String>>,
    ) -> Result<String, ActionError> {
        let tenant = match known.get(scopes) {
            Some(tenant) => tenant.clone(),
            None => {
                let tenant = self.tenant_of(scopes).await?;
                known.insert(scopes.to_vec(), tenant.clone());
                tenant
            }
        };
        Ok(tenant.unwrap_or_else(|| format!("login {}", login.unwrap_or_default())))
    }

    async fn tenant_of(&self, scopes: &[Scope]) -> Result<Option<String>, ActionError> {
        if scopes.contains(&Scope::All) {
            return Ok(Some(String::new()));
        }
        let mut tenants = Vec::new();
        for scope in scopes {
            let tenant = match (*scope, self.services.audit.customer_of(*scope).await?) {
                (Scope::Reseller(id), _) => format!("reseller {}", id.0),
                (_, Some(customer)) => format!("customer {customer}"),
                (_, None) => return Ok(None),
            };
            tenants.push(tenant);
        }
        tenants.dedup();
        let is_one = tenants.len() == 1;
        Ok(tenants.pop().filter(|_| is_one))
    }
}
