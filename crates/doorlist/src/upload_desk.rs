//! Connects the upload page of `doorlist-web` with the actions.

use doorlist_actions::{ActionError, ErrorKind, Office};
use doorlist_web::{UploadAnswer, UploadRefused, UploadTaken, Uploads};
use std::sync::{Arc, OnceLock};

/// Supported files, for the upload page.
const FORMATS: [&str; 4] = [
    "an export of Exchange, Microsoft 365, Google Workspace, Zimbra or another mail system",
    "a table (CSV) with a column of mail addresses",
    "an LDIF file or a Postfix map",
    "a text file with one mail address in each line",
];

/// Passes files to the office, once it is open: pages answer before the list is loaded.
#[derive(Default)]
pub(crate) struct UploadDesk(OnceLock<Arc<Office>>);

impl UploadDesk {
    #[cfg(test)]
    pub(crate) fn of(office: Arc<Office>) -> Self {
        Self(OnceLock::from(office))
    }

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

/// Converts an error; details of the store are only logged.
fn refused(error: ActionError) -> UploadRefused {
    match error.kind {
        ErrorKind::NotFound => UploadRefused::NoLink,
        ErrorKind::Data | ErrorKind::Usage => UploadRefused::Unfit(error.message),
        ErrorKind::Refused | ErrorKind::Moved | ErrorKind::Unconfirmed | ErrorKind::Busy => {
            UploadRefused::NotNow(error.message)
        }
        ErrorKind::Store | ErrorKind::Unavailable => {
            say!("doorlist: could not accept an uploaded file: {}", error.message);
            UploadRefused::Away
        }
    }
}

#[cfg(test)]
mod tests;
