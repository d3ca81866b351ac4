//! Looking into the change log. Must not know how it is kept.

use crate::error::{ActionError, ErrorKind};
use crate::office::Office;
use crate::response::Response;
use doorlist_core::address::DomainName;
use doorlist_store::directory::{ChangeEntry, PAGE_MAX};

impl Office {
    pub(crate) async fn changes_list(
        &self,
        domain: Option<&DomainName>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<ChangeEntry>, ActionError> {
        Ok(self.directory.changes(domain, before, limit.clamp(1, PAGE_MAX)).await?)
    }

    pub(crate) async fn changes_show(&self, id: u64, after: Option<u64>, limit: u32) -> Result<Response, ActionError> {
        let Some(entry) = self.directory.change(id).await? else {
            let message = format!("change {id} does not exist; `changes list` shows the changes");
            return Err(ActionError::new(ErrorKind::NotFound, message));
        };
        let (rows, next) = self.directory.change_rows(id, after, limit.clamp(1, PAGE_MAX)).await?;
        Ok(Response::Change { entry, rows, next })
    }
}
