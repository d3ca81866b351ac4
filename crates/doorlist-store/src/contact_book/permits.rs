//! Permits, each of which is counted as it is given: what is not sent in the end has used its place up.

use super::{
    CONFIRMATION_GAP, CONFIRMATION_TERM, CONFIRMATIONS_PER_ADDRESS_MAX, CONFIRMATIONS_PER_CUSTOMER_MAX,
    COPIES_PER_DOMAIN_MAX, ContactBook, ContactOf, ContactStanding, DAY, HOUR, NOTICES_PER_ADDRESS_MAX,
    NOTICES_PER_CUSTOMER_MAX, mailbox,
};
use crate::db::{Bind, Read, Tx, binds};
use crate::error::StoreError;
use doorlist_core::access::CustomerId;
use doorlist_core::address::Address;
use doorlist_core::domain::DomainId;
use doorlist_core::time::Timestamp;

/// The operator, among the customers for whom notices are counted.
const OPERATOR: CustomerId = CustomerId(0);

/// Permission for one message of our own to one address. [`ContactBook`] alone makes it; whoever sends uses it up.
#[derive(Debug, PartialEq, Eq)]
pub struct MailPermit(Address);

impl MailPermit {
    pub fn address(&self) -> &Address {
        &self.0
    }
}

/// Why an address gets no mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPermit {
    /// The customer or domain in whose name it was to be written to is gone.
    #[error("its customer was removed")]
    NoCustomer,
    /// It is outside of the customer's domains, and nobody has confirmed it.
    #[error("it is not confirmed")]
    Unconfirmed,
    /// It is in one of the customer's domains and not on its list, or asks for a relay.
    #[error("it is not on the list of its domain")]
    Unlisted,
    /// Nothing has to be confirmed.
    #[error("it needs no confirmation")]
    NothingToConfirm,
    /// It was asked, and its link can still be used.
    #[error("a confirmation mail was already sent")]
    Asked,
    /// One of the limits of its address.
    #[error("the limit of its address is reached")]
    AddressLimit,
    /// One of the limits of its customer.
    #[error("the limit of its customer is reached")]
    CustomerLimit,
    /// The domain has had its [`COPIES_PER_DOMAIN_MAX`].
    #[error("the limit of its domain is reached")]
    DomainLimit,
}

type Permitted = Result<Result<MailPermit, NoPermit>, StoreError>;

impl ContactBook {
    /// For a notice to a contact that a tenant named.
    pub async fn permit_notice(&self, of: ContactOf, to: &Address, now: Timestamp) -> Permitted {
        let Some(customer) = self.customer(of).await? else { return Ok(Err(NoPermit::NoCustomer)) };
        match self.standing(customer, to).await? {
            ContactStanding::Own | ContactStanding::Confirmed => self.count_notice(customer.id, to, now).await,
            ContactStanding::Unlisted => Ok(Err(NoPermit::Unlisted)),
            ContactStanding::Unconfirmed => Ok(Err(NoPermit::Unconfirmed)),
        }
    }

    /// For a notice to an address that the operator named, by command or in the configuration; for no other.
    pub async fn permit_operators_notice(&self, to: &Address, now: Timestamp) -> Permitted {
        self.count_notice(OPERATOR, to, now).await
    }

    async fn count_notice(&self, customer: CustomerId, to: &Address, now: Timestamp) -> Permitted {
        const OF_ADDRESS: &str = "
            SELECT COUNT(*) FROM notice_sent WHERE kind = 'notice' AND subject = $1 AND sent > $2";
        const OF_CUSTOMER: &str = "
            SELECT COUNT(*) FROM notice_sent WHERE kind = 'notice' AND customer_id = $1 AND sent > $2";
        let subject = mailbox(to);
        let mut tx = self.begin_counting().await?;
        if count(&mut tx, OF_ADDRESS, &binds![&subject, now - DAY]).await? >= NOTICES_PER_ADDRESS_MAX {
            return Ok(Err(NoPermit::AddressLimit));
        }
        let of_customer = binds![customer, now - HOUR];
        if customer != OPERATOR && count(&mut tx, OF_CUSTOMER, &of_customer).await? >= NOTICES_PER_CUSTOMER_MAX {
            return Ok(Err(NoPermit::CustomerLimit));
        }
        note_sent(tx, ("notice", &subject), customer, now).await?;
        Ok(Ok(MailPermit(to.clone())))
    }

    /// For a copy of what this domain's server refused, to the operator's mailbox.
    pub async fn permit_copy(&self, of: DomainId, operators_mailbox: &Address, now: Timestamp) -> Permitted {
        const OF_DOMAIN: &str = "
            SELECT COUNT(*) FROM notice_sent WHERE kind = 'copy' AND subject = $1 AND sent > $2";
        let subject = of.0.to_string();
        let mut tx = self.begin_counting().await?;
        if count(&mut tx, OF_DOMAIN, &binds![&subject, now - HOUR]).await? >= COPIES_PER_DOMAIN_MAX {
            return Ok(Err(NoPermit::DomainLimit));
        }
        note_sent(tx, ("copy", &subject), OPERATOR, now).await?;
        Ok(Ok(MailPermit(operators_mailbox.clone())))
    }

    /// For the mail that asks an address whether it wants a customer's notices, with the link of this token.
    pub async fn permit_confirmation(
        &self,
        customer: CustomerId,
        to: &Address,
        token_hash: &str,
        now: Timestamp,
    ) -> Permitted {
        let Some(found) = self.customer(ContactOf::Customer(customer)).await? else {
            return Ok(Err(NoPermit::NoCustomer));
        };
        match self.standing(found, to).await? {
            ContactStanding::Unconfirmed => {}
            ContactStanding::Unlisted => return Ok(Err(NoPermit::Unlisted)),
            ContactStanding::Own | ContactStanding::Confirmed => return Ok(Err(NoPermit::NothingToConfirm)),
        }
        let mut tx = self.begin_counting().await?;
        if let Some(why) = confirmation_limit(&mut tx, customer, to, now).await? {
            return Ok(Err(why));
        }
        const SQL: &str = "
            INSERT INTO confirmation_mail (token_hash, address, mailbox, customer_id, sent, expires)
            VALUES ($1, $2, $3, $4, $5, $6)";
        let (address, mailbox) = (to.to_string(), mailbox(to));
        tx.execute(SQL, &binds![token_hash, &address, &mailbox, customer, now, now + CONFIRMATION_TERM]).await?;
        tx.commit().await?;
        Ok(Ok(MailPermit(to.clone())))
    }
}

/// Which limit forbids another confirmation mail, if one does.
async fn confirmation_limit(
    tx: &mut Tx,
    customer: CustomerId,
    to: &Address,
    now: Timestamp,
) -> Result<Option<NoPermit>, StoreError> {
    const OPEN: &str = "
        SELECT COUNT(*) FROM confirmation_mail
        WHERE mailbox = $1 AND customer_id = $2 AND used IS NULL AND expires > $3";
    const TO_MAILBOX: &str = "SELECT COUNT(*) FROM confirmation_mail WHERE mailbox = $1 AND sent > $2";
    const OF_CUSTOMER: &str = "SELECT COUNT(*) FROM confirmation_mail WHERE customer_id = $1 AND sent > $2";
    let mailbox = mailbox(to);
    let (to, by, at) = (Bind::from(&mailbox), Bind::from(customer), Bind::from(now));
    if count(tx, OPEN, &[to, by, at]).await? > 0 {
        return Ok(Some(NoPermit::Asked));
    }
    let ever = Bind::Int(i64::MIN);
    if count(tx, TO_MAILBOX, &binds![to, now - CONFIRMATION_GAP]).await? > 0
        || count(tx, TO_MAILBOX, &[to, ever]).await? >= CONFIRMATIONS_PER_ADDRESS_MAX
    {
        return Ok(Some(NoPermit::AddressLimit));
    }
    let of_customer = count(tx, OF_CUSTOMER, &binds![by, now - DAY]).await?;
    Ok((of_customer >= CONFIRMATIONS_PER_CUSTOMER_MAX).then_some(NoPermit::CustomerLimit))
}

async fn note_sent(
    mut tx: Tx,
    (kind, subject): (&str, &str),
    customer: CustomerId,
    now: Timestamp,
) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO notice_sent (kind, subject, customer_id, sent) VALUES ($1, $2, $3, $4)";
    tx.execute(SQL, &binds![kind, subject, customer, now]).await?;
    tx.commit().await
}

async fn count(tx: &mut Tx, sql: &'static str, binds: &[Bind<'_>]) -> Result<u32, StoreError> {
    Ok(tx.value(sql, binds).await?.unwrap_or(0))
}
