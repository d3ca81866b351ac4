//! A domain's own mail servers: each alone, as the API shows them, though a domain keeps them as one list.

use super::domains::on;
use super::{Desk, DeskError, Editable};
use doorlist_core::change::{DomainChange, MailServer, ServerTls};
use doorlist_core::domain::DomainId;
use doorlist_store::tenants::{MailServerRow, Placed, Value};

/// A server that is wanted.
#[derive(Clone, Debug)]
pub struct NewServer {
    /// Whose.
    pub domain: DomainId,
    /// Host name or IP address.
    pub host: String,
    /// As in MX: lowest first.
    pub preference: u16,
}

/// What is to be changed; `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerPatch {
    /// Host name or IP address.
    pub host: Option<String>,
    /// As in MX.
    pub preference: Option<u16>,
}

impl Desk {
    /// One more server of a domain, at the domain's delivery port.
    ///
    /// # Errors
    /// When it is no host, or the caller may not.
    pub async fn create_server(&self, new: &NewServer) -> Result<Placed<MailServerRow>, DeskError> {
        let domain = self.domain_to_change(new.domain).await?;
        let row = domain.row();
        let server = MailServer {
            host: new.host.clone(),
            port: row.delivery_port,
            preference: new.preference,
            tls: ServerTls::Opportunistic,
            xforward: false,
        };
        let before: Vec<u32> = self.servers_of(row.id).await?.iter().map(|server| server.row.id).collect();
        let summary = format!("mail server {} of domain {} added", new.host, row.name);
        self.apply_servers(&row.name, summary, async |servers| {
            servers.push(server.clone());
            Ok(())
        })
        .await?;
        let is_new = |server: &Placed<MailServerRow>| !before.contains(&server.row.id);
        self.servers_of(row.id).await?.into_iter().rfind(is_new).ok_or(DeskError::NotFound)
    }

    /// A server's name or preference.
    ///
    /// # Errors
    /// When it is no host.
    pub async fn update_server(&self, server: &Editable<MailServerRow>, patch: &ServerPatch) -> Result<(), DeskError> {
        let row = server.row();
        let summary = format!("mail server {} of domain {} changed", row.host, row.domain_name);
        self.apply_servers(&row.domain_name, summary, async |servers| {
            let at = self.place_of(row).await?;
            let server = servers.get_mut(at).ok_or(DeskError::NotFound)?;
            server.host = patch.host.clone().unwrap_or_else(|| server.host.clone());
            server.preference = patch.preference.unwrap_or(server.preference);
            Ok(())
        })
        .await
    }

    /// A server goes. Without any, mail waits.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove_server(&self, server: &Editable<MailServerRow>) -> Result<(), DeskError> {
        let row = server.row();
        let summary = format!("mail server {} of domain {} removed", row.host, row.domain_name);
        self.apply_servers(&row.domain_name, summary, async |servers| {
            let at = self.place_of(row).await?;
            if at < servers.len() {
                servers.remove(at);
            }
            Ok(())
        })
        .await
    }

    /// Where the server stands among its domain's now.
    async fn place_of(&self, row: &MailServerRow) -> Result<usize, DeskError> {
        let now = self.view().mail_server(row.id).await?.ok_or(DeskError::NotFound)?;
        Ok(now.row.place as usize)
    }

    async fn servers_of(&self, domain: DomainId) -> Result<Vec<Placed<MailServerRow>>, DeskError> {
        let query = super::tenants::page().with("domain", Value::Int(domain.0.into()));
        Ok(self.view().mail_servers(&query).await?.rows)
    }

    async fn apply_servers<F>(
        &self,
        domain: &doorlist_core::address::DomainName,
        summary: String,
        change: F,
    ) -> Result<(), DeskError>
    where
        F: AsyncFn(&mut Vec<MailServer>) -> Result<(), DeskError>,
    {
        self.apply_built(summary, async || {
            let mut servers = self.office.domain_show(domain).await?.servers;
            change(&mut servers).await?;
            Ok(on(domain, vec![DomainChange::Servers(servers)]))
        })
        .await
        .map_err(|error| match error {
            DeskError::Invalid { message, .. } => DeskError::invalid("server", message),
            other => other,
        })?;
        Ok(())
    }
}
