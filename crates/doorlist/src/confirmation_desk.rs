//! The page that confirms a contact's address, as the office sees it. Must not know how the page looks.

use doorlist_actions::{ActionError, ErrorKind, Office};
use doorlist_web::{AskedFor, ConfirmationAnswer, ConfirmationRefused, Confirmations};
use std::sync::{Arc, OnceLock};

/// Takes confirmations for the office, once there is one: pages answer before the list is loaded.
#[derive(Default)]
pub(crate) struct ConfirmationDesk(OnceLock<Arc<Office>>);

impl ConfirmationDesk {
    /// The office is open.
    pub(crate) fn open(&self, office: Arc<Office>) {
        // It opens once.
        let _ = self.0.set(office);
    }

    fn office(&self) -> Result<&Office, ConfirmationRefused> {
        self.0.get().map(|office| &**office).ok_or(ConfirmationRefused::Away)
    }
}

impl Confirmations for ConfirmationDesk {
    fn look<'a>(&'a self, token: &'a str) -> ConfirmationAnswer<'a, AskedFor> {
        Box::pin(async move {
            let asked = self.office()?.confirmation_link(token).await.map_err(refused)?;
            Ok(AskedFor { address: asked.address.to_string(), customer: asked.customer })
        })
    }

    fn confirm<'a>(&'a self, token: &'a str) -> ConfirmationAnswer<'a, ()> {
        Box::pin(async move { self.office()?.confirm_by_link(token).await.map_err(refused) })
    }
}

/// What the store said is for the operator's eyes.
fn refused(error: ActionError) -> ConfirmationRefused {
    if error.kind == ErrorKind::NotFound {
        return ConfirmationRefused::NoLink;
    }
    tracing::error!("a contact could not be confirmed: {}", error.message);
    ConfirmationRefused::Away
}
