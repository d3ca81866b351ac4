//! Whose domain it is. The operator's word is enough; whoever else brings a domain shows a TXT record in it, so that no
//! tenant takes another's. Must not know DNS.

use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use doorlist_core::access::CustomerId;
use doorlist_core::address::DomainName;
use doorlist_store::tenants::{DomainNameColumn, QueryValue, VERIFICATIONS_MAX};

/// The name in front of the domain, where the record is looked for.
pub const VERIFICATION_NAME: &str = "_doorlist";
/// What the record begins with; the token follows.
pub const VERIFICATION_WORD: &str = "doorlist-verification=";

impl Actions {
    /// Lets a name pass that no domain and no domain alias has, and that is the customer's. Whether others have it is told
    /// to those who have shown that it is theirs, and to nobody before: until then a name that is taken is one that is not
    /// verified.
    pub(super) async fn must_be_free_and_verified(
        &self,
        name: &DomainName,
        customer: CustomerId,
        what: &str,
    ) -> Result<(), ActionError> {
        let is_taken = self.services.recipients.domain(name).await?.is_some();
        if is_taken && (!self.services.verification_needed || self.sees_name(name).await?) {
            return Err(ActionError::invalid("name", format!("{what} with this Name already exists.")));
        }
        self.must_be_verified(name, customer, "name").await?;
        if is_taken {
            let message = format!(
                "{name} is verified as yours, but it is served for another customer here: ask the operator to give it to \
                 you. Nothing was changed"
            );
            return Err(ActionError::invalid("name", message));
        }
        Ok(())
    }

    /// What to say when a change was refused that gives this name to somebody: whoever comes second, by however little, is
    /// told that it is taken, as those who come later are.
    pub(super) async fn or_is_taken(
        &self,
        refused: ActionError,
        (name, customer): (&DomainName, CustomerId),
        what: &str,
    ) -> ActionError {
        if refused.kind() != ErrorKind::Refused {
            return refused;
        }
        self.must_be_free_and_verified(name, customer, what).await.err().unwrap_or(refused)
    }

    /// Whether the caller sees a domain or a domain alias of this name.
    async fn sees_name(&self, name: &DomainName) -> Result<bool, ActionError> {
        let query = crate::tenants::page().with(DomainNameColumn::Name, QueryValue::Text(name.to_string()));
        Ok(self.view().domain_names(&query).await?.total > 0)
    }

    /// Lets a domain pass that the operator brings, or whose owner the customer is.
    async fn must_be_verified(
        &self,
        name: &DomainName,
        customer: CustomerId,
        field: &'static str,
    ) -> Result<(), ActionError> {
        if self.is_operator() || !self.services.verification_needed {
            return Ok(());
        }
        let fresh = self.services.secrets.token().map_err(ActionError::Bad)?;
        let token = self.services.tenants.verification_token(name, customer, &fresh, self.now()).await?;
        let token = token.ok_or_else(|| {
            let message =
                format!("{VERIFICATIONS_MAX} domains of this customer wait to be verified already: verify some first");
            ActionError::invalid(field, message)
        })?;
        let (at, record) = (format!("{VERIFICATION_NAME}.{name}"), format!("{VERIFICATION_WORD}{token}"));
        match self.services.txt.txt(&at).await {
            Ok(texts) if texts.iter().any(|text| text.trim() == record) => Ok(()),
            Ok(_) => Err(ActionError::invalid(
                field,
                format!(
                    "{name} is not verified as yours yet: put the TXT record \"{record}\" at {at} and send the same \
                     request again, or ask the operator to add the domain. Nothing was changed"
                ),
            )),
            Err(why) => Err(ActionError::invalid(
                field,
                format!(
                    "the TXT record \"{record}\" at {at} verifies that {name} is yours, but {at} could not be looked up \
                     ({why}): try again. Nothing was changed"
                ),
            )),
        }
    }
}
