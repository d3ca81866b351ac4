//! A domain's own mail servers: each alone, as the API shows them, though a domain keeps them as one list.

use super::on;
use crate::actions::{Actions, Editable};
use crate::error::{ActionError, ErrorKind};
use doorlist_core::address::DomainName;
use doorlist_core::change::{DomainChange, MailServer, ServerTls};
use doorlist_core::domain::DomainId;
use doorlist_store::tenants::{MailServerColumn, MailServerRow, Placed, QueryValue};

/// A server that is wanted.
#[derive(Clone, Debug)]
pub struct NewServer {
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
    pub preference: Option<u16>,
}

impl Actions {
    /// One more server of a domain, at the domain's delivery port.
    ///
    /// # Errors
    /// When it is no host, or the caller may not.
    pub async fn create_server(&self, new: &NewServer) -> Result<Placed<MailServerRow>, ActionError> {
        let domain = self.domain_to_change(new.domain).await?;
        let row = domain.row();
        let server = MailServer {
            host: new.host.clone(),
            port: row.delivery_port,
            preference: new.preference,
            tls: ServerTls::Opportunistic,
            xforward: false,
            named_by: self.names_as(),
        };
        let before: Vec<u32> = self.servers_of(row.id).await?.iter().map(|server| server.row.id).collect();
        let summary = format!("mail server {} of domain {} added", new.host, row.name);
        self.apply_servers(&row.name, &summary, &Edit::Add(server)).await?;
        let is_new = |server: &Placed<MailServerRow>| !before.contains(&server.row.id);
        self.servers_of(row.id).await?.into_iter().rfind(is_new).ok_or(ActionError::NotFound)
    }

    /// A server's name or preference.
    ///
    /// # Errors
    /// When it is no host.
    pub async fn update_server(
        &self,
        server: &Editable<MailServerRow>,
        patch: &ServerPatch,
    ) -> Result<(), ActionError> {
        let row = server.row();
        let summary = format!("mail server {} of domain {} changed", row.host, row.domain_name);
        self.apply_servers(&row.domain_name, &summary, &Edit::Change(row, patch)).await
    }

    /// A server goes. Without any, mail waits.
    pub async fn remove_server(&self, server: &Editable<MailServerRow>) -> Result<(), ActionError> {
        let row = server.row();
        let summary = format!("mail server {} of domain {} removed", row.host, row.domain_name);
        self.apply_servers(&row.domain_name, &summary, &Edit::Remove(row)).await
    }

    /// Where the server stands among its domain's now.
    async fn place_of(&self, row: &MailServerRow) -> Result<usize, ActionError> {
        let now = self.view().mail_server(row.id).await?.ok_or(ActionError::NotFound)?;
        Ok(now.row.place as usize)
    }

    async fn servers_of(&self, domain: DomainId) -> Result<Vec<Placed<MailServerRow>>, ActionError> {
        let query = crate::tenants::page().with(MailServerColumn::Domain, QueryValue::Int(domain.0.into()));
        Ok(self.view().mail_servers(&query).await?.rows)
    }

    async fn apply_servers(&self, domain: &DomainName, summary: &str, edit: &Edit<'_>) -> Result<(), ActionError> {
        for tried in 1.. {
            let base = self.base().await?;
            let mut servers = self.services.domain_details(domain).await?.servers;
            match edit {
                Edit::Add(server) => servers.push(server.clone()),
                Edit::Change(row, patch) => {
                    let at = self.place_of(row).await?;
                    let server = servers.get_mut(at).ok_or(ActionError::NotFound)?;
                    if let Some(host) = patch.host.as_ref().filter(|host| **host != server.host) {
                        server.host.clone_from(host);
                        server.named_by = self.names_as();
                    }
                    server.preference = patch.preference.unwrap_or(server.preference);
                }
                Edit::Remove(row) => {
                    let at = self.place_of(row).await?;
                    servers.drain(at.min(servers.len())..(at + 1).min(servers.len()));
                }
            }
            let applied = self.apply_on(base, on(domain, vec![DomainChange::Servers(servers)]), summary, tried).await;
            match applied.map_err(of_server)? {
                Some(_) => break,
                None => continue,
            }
        }
        Ok(())
    }
}

/// What is to become of a domain's servers.
enum Edit<'a> {
    Add(MailServer),
    Change(&'a MailServerRow, &'a ServerPatch),
    Remove(&'a MailServerRow),
}

fn of_server(error: ActionError) -> ActionError {
    match error {
        ActionError::Failed { kind: ErrorKind::Refused | ErrorKind::Usage, message } => {
            ActionError::invalid("server", message)
        }
        other => other,
    }
}
