//! The page for handing in a file, as the services sees it. Must not know how the page looks, nor how a file is read.

use doorlist_actions::{ActionError, ErrorKind, Services};
use doorlist_web::{UploadAnswer, UploadRefused, UploadTaken, Uploads};
use std::sync::{Arc, OnceLock};

/// Supported files, for the upload page.
const FORMATS: [&str; 4] = [
    "an export of Exchange, Microsoft 365, Google Workspace, Zimbra or another mail system",
    "a table (CSV) with a column of mail addresses",
    "an LDIF file or a Postfix map",
    "a text file with one mail address in each line",
];

/// Takes files for the services, once there is one: pages answer before the list is loaded.
#[derive(Default)]
pub(crate) struct UploadDesk(OnceLock<Arc<Services>>);

impl UploadDesk {
    #[cfg(test)]
    pub(crate) fn of(services: Arc<Services>) -> Self {
        Self(OnceLock::from(services))
    }

    /// The services is open.
    pub(crate) fn open(&self, services: Arc<Services>) {
        // It opens once.
        let _ = self.0.set(services);
    }

    fn services(&self) -> Result<&Arc<Services>, UploadRefused> {
        self.0.get().ok_or(UploadRefused::Away)
    }
}

impl Uploads for UploadDesk {
    fn formats(&self) -> Vec<String> {
        FORMATS.map(str::to_owned).to_vec()
    }

    fn look<'a>(&'a self, token: &'a str) -> UploadAnswer<'a, String> {
        Box::pin(
            async move { self.services()?.upload_link(token).await.map(|domain| domain.to_string()).map_err(refused) },
        )
    }

    fn take<'a>(&'a self, token: &'a str, file_name: &'a str, bytes: Vec<u8>) -> UploadAnswer<'a, UploadTaken> {
        Box::pin(async move {
            let answer = self.services()?.upload(token, file_name, bytes).await.map_err(refused)?;
            Ok(UploadTaken {
                format: answer.format,
                addresses: answer.addresses,
                bad_rows: answer.bad_rows,
                waits: answer.plan.is_some(),
            })
        })
    }
}

/// Converts an error; details of the store are only logged.
fn refused(error: ActionError) -> UploadRefused {
    match error.kind() {
        ErrorKind::NotFound => UploadRefused::NoLink,
        ErrorKind::Data | ErrorKind::Usage => UploadRefused::Unfit(error.to_string()),
        ErrorKind::Refused | ErrorKind::Moved | ErrorKind::Unconfirmed | ErrorKind::Busy => {
            UploadRefused::NotNow(error.to_string())
        }
        ErrorKind::Store | ErrorKind::Unavailable => {
            tracing::error!("could not accept an uploaded file: {}", error);
            UploadRefused::Away
        }
    }
}

#[cfg(test)]
mod tests;
