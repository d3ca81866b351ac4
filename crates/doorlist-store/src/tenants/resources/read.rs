//! Rows of the small tables as they come from the store. The order of columns is that of each table's `select`.

use super::rows::{
    AdminRow, BrandingRow, ContactRow, CustomerRow, DomainAliasRow, DomainNameRow, DomainRow, MailServerRow,
    ResellerRow, SenderRuleRow,
};
use crate::db::Row;
use crate::error::StoreError;
use crate::recipients::domain_name;
use crate::tenants::ContactFields;
use doorlist_core::access::{CustomerId, LoginId, ResellerId, Scope};
use doorlist_core::domain::{DomainId, Mode};
use doorlist_core::list::AddressId;
use doorlist_core::time::Timestamp;

fn number(row: &Row, at: usize) -> Result<u32, StoreError> {
    u32::try_from(row.int(at)?).map_err(|e| StoreError::corrupt("a tenant's table", e.to_string()))
}

fn number_or_null(row: &Row, at: usize) -> Result<Option<u32>, StoreError> {
    row.int_or_null(at)?
        .map(u32::try_from)
        .transpose()
        .map_err(|e| StoreError::corrupt("a tenant's table", e.to_string()))
}

fn time(row: &Row, at: usize) -> Result<Timestamp, StoreError> {
    Ok(Timestamp::from_millis(row.int(at)?))
}

pub(super) fn reseller(row: &Row) -> Result<ResellerRow, StoreError> {
    Ok(ResellerRow {
        id: ResellerId(number(row, 0)?),
        name: row.text(1)?.to_owned(),
        allow_branding: row.flag(2)?,
        allow_customer_branding: row.flag(3)?,
        created: time(row, 4)?,
        updated: time(row, 5)?,
        branding: number_or_null(row, 6)?,
    })
}

pub(super) fn customer(row: &Row) -> Result<CustomerRow, StoreError> {
    Ok(CustomerRow {
        id: CustomerId(number(row, 0)?),
        name: row.text(1)?.to_owned(),
        reseller: ResellerId(number(row, 2)?),
        allow_branding: row.flag(3)?,
        is_full_user_list: row.flag(4)?,
        reported_user_count: row.int_or_null(5)?,
        created: time(row, 6)?,
        updated: time(row, 7)?,
        branding: number_or_null(row, 8)?,
    })
}

pub(super) fn domain(row: &Row) -> Result<DomainRow, StoreError> {
    let mode = match row.text(3)? {
        "enforce" => Mode::Enforce { soft_until: row.int_or_null(4)?.map(Timestamp::from_millis) },
        _ => Mode::SettingUp,
    };
    Ok(DomainRow {
        id: DomainId(number(row, 0)?),
        name: domain_name(row.text(1)?)?,
        customer: CustomerId(number(row, 2)?),
        mode,
        active: row.flag(5)?,
        hold: row.flag(6)?,
        delivery_port: u16::try_from(row.int(7)?).unwrap_or(0),
        message_max: row.int_or_null(8)?.map(i64::cast_unsigned),
        created: time(row, 9)?,
        updated: time(row, 10)?,
        policy_priority: row.int_or_null(11)?,
    })
}

pub(super) fn domain_alias(row: &Row) -> Result<DomainAliasRow, StoreError> {
    Ok(DomainAliasRow {
        id: number(row, 0)?,
        name: domain_name(row.text(1)?)?,
        domain: DomainId(number(row, 2)?),
        domain_name: domain_name(row.text(3)?)?,
        active: row.flag(4)?,
        created: time(row, 5)?,
        updated: time(row, 6)?,
    })
}

pub(super) fn domain_name_row(row: &Row) -> Result<DomainNameRow, StoreError> {
    Ok(DomainNameRow {
        id: number(row, 0)?,
        name: domain_name(row.text(1)?)?,
        is_alias: row.flag(2)?,
        domain: DomainId(number(row, 3)?),
        created: time(row, 4)?,
        updated: time(row, 5)?,
    })
}

pub(super) fn mail_server(row: &Row) -> Result<MailServerRow, StoreError> {
    Ok(MailServerRow {
        id: number(row, 0)?,
        host: row.text(1)?.to_owned(),
        domain: DomainId(number(row, 2)?),
        domain_name: domain_name(row.text(3)?)?,
        port: u16::try_from(row.int(4)?).unwrap_or(0),
        preference: u16::try_from(row.int(5)?).unwrap_or(u16::MAX),
        place: number(row, 6)?,
        created: time(row, 7)?,
        updated: time(row, 8)?,
    })
}

pub(super) fn contact(row: &Row) -> Result<ContactRow, StoreError> {
    let text = |at| Ok::<_, StoreError>(row.text(at)?.to_owned());
    let text_or_null = |at| Ok::<_, StoreError>(row.text_or_null(at)?.map(str::to_owned));
    Ok(ContactRow {
        id: number(row, 0)?,
        fields: ContactFields {
            email: text(1)?,
            first_name: text(2)?,
            last_name: text(3)?,
            address: text_or_null(4)?,
            address2: text_or_null(5)?,
            city: text(6)?,
            state: text(7)?,
            country: text(8)?,
            zipcode: text_or_null(9)?,
            phone: text_or_null(10)?,
            is_technical: row.flag(11)?,
            is_billing: row.flag(12)?,
            is_emergency: row.flag(13)?,
        },
        created: time(row, 14)?,
        updated: time(row, 15)?,
        owner: number(row, 16)?,
        confirmed: row.int_or_null(17)?.map(Timestamp::from_millis),
    })
}

pub(super) fn branding(row: &Row) -> Result<BrandingRow, StoreError> {
    Ok(BrandingRow {
        id: number(row, 0)?,
        reseller: number_or_null(row, 1)?.map(ResellerId),
        customer: number_or_null(row, 2)?.map(CustomerId),
        settings: row.text(3)?.to_owned(),
        created: time(row, 4)?,
        updated: time(row, 5)?,
    })
}

pub(super) fn admin(row: &Row) -> Result<AdminRow, StoreError> {
    let id = number(row, 2)?;
    let scope = match row.text(1)? {
        "reseller" => Scope::Reseller(ResellerId(id)),
        _ => Scope::Customer(CustomerId(id)),
    };
    Ok(AdminRow {
        id: LoginId(number(row, 0)?),
        scope,
        username: row.text(3)?.to_owned(),
        email: row.text(4)?.to_owned(),
        active: row.flag(5)?,
        created: time(row, 6)?,
        last_login: row.int_or_null(7)?.map(Timestamp::from_millis),
    })
}

pub(super) fn rule(row: &Row) -> Result<SenderRuleRow, StoreError> {
    Ok(SenderRuleRow {
        id: number(row, 0)?,
        domain: number_or_null(row, 1)?.map(DomainId),
        account: number_or_null(row, 2)?.map(AddressId),
        sender: row.text(3)?.to_owned(),
        allow: row.flag(4)?,
        created: time(row, 5)?,
        updated: time(row, 6)?,
    })
}
