//! The page that confirms a contact's address, as the services sees it. Must not know how the page looks.

use doorlist_actions::{ActionError, ErrorKind, Services};
use doorlist_web::{AskedFor, ConfirmationAnswer, ConfirmationRefused, Confirmations};
use std::sync::{Arc, OnceLock};

/// Takes confirmations for the services, once there is one: pages answer before the list is loaded.
#[derive(Default)]
pub(crate) struct ConfirmationDesk(OnceLock<Arc<Services>>);

impl ConfirmationDesk {
    /// The services is open.
    pub(crate) fn open(&self, services: Arc<Services>) {
        // It opens once.
        let _ = self.0.set(services);
    }

    fn services(&self) -> Result<&Services, ConfirmationRefused> {
        self.0.get().map(|services| &**services).ok_or(ConfirmationRefused::Away)
    }
}

impl Confirmations for ConfirmationDesk {
    fn look<'a>(&'a self, token: &'a str) -> ConfirmationAnswer<'a, AskedFor> {
        Box::pin(async move {
            let asked = self.services()?.confirmation_link(token).await.map_err(refused)?;
            Ok(AskedFor { address: asked.address.to_string(), customer: asked.customer })
        })
    }

    fn confirm<'a>(&'a self, token: &'a str) -> ConfirmationAnswer<'a, ()> {
        Box::pin(async move { self.services()?.confirm_by_link(token).await.map_err(refused) })
    }
}

/// Converts an error; details of the store are only logged.
fn refused(error: ActionError) -> ConfirmationRefused {
    if error.kind() == ErrorKind::NotFound {
        return ConfirmationRefused::NoLink;
    }
    tracing::error!("could not confirm a contact: {}", error);
    ConfirmationRefused::Away
}
