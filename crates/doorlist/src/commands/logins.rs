//! `doorlist admin ...`, `doorlist apikey ...`

use super::{Input, print};
use crate::cli::logins::{Admin, AdminCreateArgs, ApiKeyCommand, KeyCreate};
use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{
    AdminCreate, AdminOf, KeyEntry, KeyList, KeyRevoke, KeyRevoked, MembershipAccept, MembershipDecline,
    MembershipList, NewApiKey, Response,
};
use doorlist_core::access::LoginId;
use doorlist_store::logins::MembershipRow;

pub(super) async fn admin(
    target: &mut CommandTarget,
    out: &mut Output,
    what: &Admin,
    input: Input,
) -> Result<Exit, Failure> {
    let AdminCreateArgs { email, reseller, customer, domain, auditor, .. } = match what {
        Admin::Create(create) => create,
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
    let of = match (reseller, customer, domain) {
        (Some(name), _, _) => AdminOf::Reseller(name.clone()),
        (_, Some(name), _) => AdminOf::Customer(name.clone()),
        (_, _, Some(name)) => AdminOf::Domain(name.clone()),
        (None, None, None) => AdminOf::Everything,
    };
    let request = AdminCreate { email: email.clone(), of, auditor: *auditor, password: input.password };
    let created = target.ask(request).await?;
    let login = created.login.clone();
    out.entry(&Response::AdminCreated(created), || {
        format!("{login} created. To create an API key: doorlist apikey create {login}")
    })?;
    Ok(Exit::DONE)
}

fn memberships(out: &mut Output, rows: &[MembershipRow]) -> Result<Exit, Failure> {
    for row in rows {
        if out.is_json() {
            out.object(row)?;
            continue;
        }
        let state = row.offered_until.map(|until| format!("offered until {}", print::time(until)));
        let state = state.unwrap_or_else(|| "accepted".to_owned());
        out.line(&format!("{:>6}  {}, {state}", row.id.0, row.of))?;
    }
    Ok(Exit::DONE)
}

pub(super) async fn api_key(
    target: &mut CommandTarget,
    out: &mut Output,
    what: &ApiKeyCommand,
) -> Result<Exit, Failure> {
    match what {
        ApiKeyCommand::Create(create) => return create_key(target, out, create).await,
        ApiKeyCommand::List => return list_keys(target, out).await,
        ApiKeyCommand::Revoke { id } => {
            let KeyRevoked { id } = target.ask(KeyRevoke { id: *id }).await?;
            say!("key {id} revoked");
        }
    }
    Ok(Exit::DONE)
}

async fn create_key(target: &mut CommandTarget, out: &mut Output, create: &KeyCreate) -> Result<Exit, Failure> {
    let wish = NewApiKey {
        login: create.login.clone(),
        name: create.name.clone(),
        read_only: create.read_only,
        domains: create.domain.clone(),
        networks: create.from.clone(),
        days: create.days,
    };
    let made = target.ask(Box::new(wish)).await?;
    if out.is_json() {
        out.object(&made)?;
    } else if create.login_key_only {
        out.line(&format!("{}:{}", made.login, made.key))?;
    } else {
        out.line(&format!("login  {}", made.login))?;
        out.line(&format!("key    {}", made.key))?;
        say!("key {} is not shown again. Use it as: Authorization: ApiKey LOGIN:KEY", made.id);
    }
    Ok(Exit::DONE)
}

async fn list_keys(target: &mut CommandTarget, out: &mut Output) -> Result<Exit, Failure> {
    let mut after = None;
    loop {
        let keys = target.ask(KeyList { after }).await?;
        let Some(last) = keys.last() else { return Ok(Exit::DONE) };
        after = Some(last.id);
        for key in &keys {
            out.entry(key, || key_line(key))?;
        }
    }
}

fn key_line(key: &KeyEntry) -> String {
    let mut text = format!("{:>6}  {}...  {}", key.id, key.prefix, key.login);
    if !key.name.is_empty() {
        text.push_str(&format!(" ({})", key.name));
    }
    if key.limits.read_only {
        text.push_str(", read only");
    }
    if let Some(domains) = &key.limits.domains {
        text.push_str(&format!(", {} domains", domains.len()));
    }
    for network in &key.limits.networks {
        text.push_str(&format!(", from {network}"));
    }
    if let Some(expires) = key.expires {
        text.push_str(&format!(", until {}", print::time(expires)));
    }
    let used = key.last_used.map_or_else(|| "never used".to_owned(), |at| format!("last used {}", print::time(at)));
    text + ", " + &used
}
