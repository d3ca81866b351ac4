//! Connects the confirmation page of `doorlist-web` with the actions.

use doorlist_actions::{ActionError, ErrorKind, Office};
use doorlist_web::{AskedFor, ConfirmationAnswer, ConfirmationRefused, Confirmations};
use std::sync::{Arc, OnceLock};

/// Passes confirmations to the office, once it is open: pages answer before the list is loaded.
#[derive(Default)]
pub(crate) struct ConfirmationDesk(OnceLock<Arc<Office>>);

impl ConfirmationDesk {
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

/// Converts an error; details of the store are only logged.
fn refused(error: ActionError) -> ConfirmationRefused {
    if error.kind == ErrorKind::NotFound {
        return ConfirmationRefused::NoLink;
    }
    say!("doorlist: could not confirm a contact: {}", error.message);
    ConfirmationRefused::Away
}
