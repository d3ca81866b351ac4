//! The page for handing in a file, as the office sees it. Must not know how the page looks, nor how a file is read.

use doorlist_actions::{ActionError, ErrorKind, Office};
use doorlist_web::{UploadAnswer, UploadRefused, UploadTaken, Uploads};
use std::sync::{Arc, OnceLock};

/// What may be handed in.
const FORMATS: [&str; 4] = [
    "an export of Exchange, Microsoft 365, Google Workspace, Zimbra or another mail system",
    "a table (CSV) with a column of mail addresses",
    "an LDIF file or a Postfix map",
    "a text file with one mail address in each line",
];

/// Takes files for the office, once there is one: pages answer before the list is loaded.
#[derive(Default)]
pub(crate) struct UploadDesk(OnceLock<Arc<Office>>);

impl UploadDesk {
    /// With this office.
    #[cfg(test)]
    pub(crate) fn of(office: Arc<Office>) -> Self {
        Self(OnceLock::from(office))
    }

    /// The office is open.
    pub(crate) fn open(&self, office: Arc<Office>) {
        // It opens once.
        let _ = self.0.set(office);
    }

    fn office(&self) -> Result<&Office, UploadRefused> {
        self.0.get().map(|office| &**office).ok_or(UploadRefused::Away)
    }
}

impl Uploads for UploadDesk {
    fn formats(&self) -> Vec<String> {
        FORMATS.map(str::to_owned).to_vec()
    }

    fn look<'a>(&'a self, token: &'a str) -> UploadAnswer<'a, String> {
        Box::pin(
            async move { self.office()?.upload_link(token).await.map(|domain| domain.to_string()).map_err(refused) },
        )
    }

    fn take<'a>(&'a self, token: &'a str, file_name: &'a str, bytes: Vec<u8>) -> UploadAnswer<'a, UploadTaken> {
        Box::pin(async move {
            let answer = self.office()?.upload(token, file_name, bytes).await.map_err(refused)?;
            Ok(UploadTaken {
                format: answer.format,
                addresses: answer.addresses,
                bad_rows: answer.bad_rows,
                waits: answer.plan.is_some(),
            })
        })
    }
}

/// What the store said is for the operator's eyes; everything else is meant for whoever hands the file in.
fn refused(error: ActionError) -> UploadRefused {
    match error.kind {
        ErrorKind::NotFound => UploadRefused::NoLink,
        ErrorKind::Data | ErrorKind::Usage => UploadRefused::Unfit(error.message),
        ErrorKind::Refused | ErrorKind::Moved | ErrorKind::Unconfirmed | ErrorKind::Busy => {
            UploadRefused::NotNow(error.message)
        }
        ErrorKind::Store | ErrorKind::Unavailable => {
            tracing::error!("a file of an upload link could not be taken: {}", error.message);
            UploadRefused::Away
        }
    }
}

#[cfg(test)]
mod tests;
