//! `doorlist admin ...`, `doorlist apikey ...`

use super::{Input, print, unexpected};
use crate::cli::logins::{Admin, AdminCreateArgs, ApiKeyCommand, KeyCreate};
use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{
    AdminCreate, AdminCreated, AdminOf, KeyEntry, KeyList, KeyRevoke, KeyRevoked, MembershipAccept, MembershipDecline,
    MembershipList, NewApiKey, Request, Response,
};
use doorlist_core::access::LoginId;

pub(super) async fn admin(
    target: &mut CommandTarget,
    out: &mut Output,
    what: &Admin,
    input: Input,
) -> Result<Exit, Failure> {
    let AdminCreateArgs { email, reseller, customer, domain, auditor, .. } = match what {
        Admin::Create(create) => create,
        Admin::Memberships { login } => return memberships(target, out, MembershipList { login: login.clone() }).await,
        Admin::Accept { login, id } => {
            return memberships(target, out, MembershipAccept { login: login.clone(), id: LoginId(*id) }).await;
        }
        Admin::Decline { login, id } => {
            return memberships(target, out, MembershipDecline { login: login.clone(), id: LoginId(*id) }).await;
        }
    };
    let of = match (reseller, customer, domain) {
        (Some(name), _, _) => AdminOf::Reseller(name.clone()),
        (_, Some(name), _) => AdminOf::Customer(name.clone()),
        (_, _, Some(name)) => AdminOf::Domain(name.clone()),
        (None, None, None) => AdminOf::Everything,
    };
    let request = AdminCreate { email: email.clone(), of, auditor: *auditor, password: input.password };
    match target.ask(request).await? {
        response @ Response::AdminCreated(_) if out.is_json() => out.object(&response)?,
        Response::AdminCreated(AdminCreated { login }) => {
            out.line(&format!("{login} created. To create an API key: doorlist apikey create {login}"))?;
        }
        other => return Err(unexpected(&other)),
    }
    Ok(Exit::DONE)
}

async fn memberships(
    target: &mut CommandTarget,
    out: &mut Output,
    request: impl Into<Request>,
) -> Result<Exit, Failure> {
    let rows = match target.ask(request).await? {
        Response::Memberships(rows) => rows,
        other => return Err(unexpected(&other)),
    };
    for row in &rows {
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
        ApiKeyCommand::Revoke { id } => match target.ask(KeyRevoke { id: *id }).await? {
            Response::KeyRevoked(KeyRevoked { id }) => say!("key {id} revoked"),
            other => return Err(unexpected(&other)),
        },
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
    let made = match target.ask(Box::new(wish)).await? {
        Response::KeyMade(made) => made,
        other => return Err(unexpected(&other)),
    };
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
        let keys = match target.ask(KeyList { after }).await? {
            Response::Keys(keys) => keys,
            other => return Err(unexpected(&other)),
        };
        let Some(last) = keys.last() else { return Ok(Exit::DONE) };
        after = Some(last.id);
        for key in &keys {
            if out.is_json() {
                out.object(key)?;
            } else {
                out.line(&key_line(key))?;
            }
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
