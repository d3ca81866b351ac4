//! `doorlist admin ...`

use super::{Input, print};
use crate::cli::admin::{Admin, AdminCreateArgs};
use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{
    AdminCreate, AdminList, AdminOf, AdminRemove, MembershipAccept, MembershipDecline, MembershipList, Response,
};
use doorlist_core::access::{LoginId, Role, Scope};
use doorlist_core::address::DomainName;
use doorlist_store::logins::{MembershipRow, RoleRow};

pub(super) async fn admin(
    target: &mut CommandTarget,
    out: &mut Output,
    what: &Admin,
    input: Input,
) -> Result<Exit, Failure> {
    let AdminCreateArgs { email, reseller, customer, domain, auditor, .. } = match what {
        Admin::Create(create) => create,
        Admin::List => return list(target, out).await,
        Admin::Show { login } => return show(target, out, login).await,
        Admin::Remove { login, everything, reseller, customer, domain } => {
            let of = everything.then_some(AdminOf::Everything);
            let of = of.or_else(|| narrowed(reseller.as_ref(), customer.as_ref(), domain.as_ref()));
            return remove(target, out, login, of).await;
        }
        Admin::Memberships { login } => {
            return memberships(out, &target.ask(MembershipList { login: login.clone() }).await?);
        }
        Admin::Accept { login, id } => {
            let request = MembershipAccept { login: login.clone(), id: LoginId(*id) };
            return memberships(out, &target.ask(request).await?);
        }
        Admin::Decline { login, id } => {
            let request = MembershipDecline { login: login.clone(), id: LoginId(*id) };
            return memberships(out, &target.ask(request).await?);
        }
    };
    let of = narrowed(reseller.as_ref(), customer.as_ref(), domain.as_ref()).unwrap_or(AdminOf::Everything);
    let before = roles(target, &email.to_string()).await;
    let has_password = input.password.is_some();
    let request = AdminCreate { email: email.clone(), of, auditor: *auditor, password: input.password };
    let created = target.ask(request).await?;
    let login = created.login.clone();
    let what = match (before == roles(target, &login).await, has_password) {
        (false, _) => "created",
        (true, false) => "is that already; nothing was changed",
        (true, true) => "is that already; its password was set",
    };
    out.entry(&Response::AdminCreated(created), || {
        format!("{login} {what}. To create an API key: doorlist apikey create {login}")
    })?;
    Ok(Exit::DONE)
}

/// What a login is admin or auditor of; of one that is not there, nothing.
async fn roles(target: &mut CommandTarget, login: &str) -> Vec<String> {
    let roles = target.ask(AdminList { login: Some(login.to_owned()), after: None }).await.unwrap_or_default();
    roles.iter().map(role_text).collect()
}

fn narrowed(reseller: Option<&String>, customer: Option<&String>, domain: Option<&DomainName>) -> Option<AdminOf> {
    let reseller = reseller.cloned().map(AdminOf::Reseller);
    let customer = customer.cloned().map(AdminOf::Customer);
    reseller.or(customer).or_else(|| domain.cloned().map(AdminOf::Domain))
}

async fn list(target: &mut CommandTarget, out: &mut Output) -> Result<Exit, Failure> {
    let mut after = None;
    loop {
        let roles = target.ask(AdminList { login: None, after }).await?;
        let Some(last) = roles.last() else { break };
        after = Some(last.number);
        for role in &roles {
            out.entry(role, || format!("{:<40} {}", role.login, role_text(role)))?;
        }
    }
    if after.is_none() {
        say!("no admins. Create one: doorlist admin create ops@example.test");
    }
    Ok(Exit::DONE)
}

async fn show(target: &mut CommandTarget, out: &mut Output, login: &str) -> Result<Exit, Failure> {
    let roles = target.ask(AdminList { login: Some(login.to_owned()), after: None }).await?;
    for role in &roles {
        out.entry(role, || format!("{:<40} {}", role.login, role_text(role)))?;
    }
    if out.is_json() {
        return Ok(Exit::DONE);
    }
    for membership in target.ask(MembershipList { login: login.to_owned() }).await? {
        out.line(&format!("  membership {}", membership_text(&membership)))?;
    }
    Ok(Exit::DONE)
}

async fn remove(
    target: &mut CommandTarget,
    out: &mut Output,
    login: &str,
    of: Option<AdminOf>,
) -> Result<Exit, Failure> {
    for role in target.ask(AdminRemove { login: login.to_owned(), of }).await? {
        out.entry(&role, || format!("removed: {}, {}", role.login, role_text(&role)))?;
    }
    Ok(Exit::DONE)
}

/// `admin of customer Example Inc since 2026-11-23T15:07:17Z`
fn role_text(role: &RoleRow) -> String {
    let what = match role.grant.role {
        Role::Admin => "admin",
        Role::Auditor => "auditor",
    };
    let of = match role.grant.scope {
        Scope::All => "everything".to_owned(),
        Scope::Reseller(_) => format!("reseller {}", role.of),
        Scope::Customer(_) => format!("customer {}", role.of),
        Scope::Domain(_) => format!("domain {}", role.of),
        Scope::Account(_) => "an account".to_owned(),
    };
    let inactive = if role.active { "" } else { ", inactive" };
    format!("{what} of {of} since {}{inactive}", print::time(role.since))
}

fn membership_text(row: &MembershipRow) -> String {
    let state = row.offered_until.map(|until| format!("offered until {}", print::time(until)));
    format!("{:>6}  {}, {}", row.id.0, row.of, state.unwrap_or_else(|| "accepted".to_owned()))
}

fn memberships(out: &mut Output, rows: &[MembershipRow]) -> Result<Exit, Failure> {
    for row in rows {
        out.entry(row, || membership_text(row))?;
    }
    Ok(Exit::DONE)
}
