//! `doorlist apikey ...`

use super::print;
use crate::cli::api_key::{ApiKeyCommand, KeyCreate};
use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{KeyEntry, KeyList, KeyRevoke, KeyRevoked, NewApiKey};

pub(super) async fn api_key(
    target: &mut CommandTarget,
    out: &mut Output,
    what: &ApiKeyCommand,
) -> Result<Exit, Failure> {
    match what {
        ApiKeyCommand::Create(create) => return create_key(target, out, create).await,
        ApiKeyCommand::List => return list_keys(target, out).await,
        ApiKeyCommand::Show { id } => return show_key(target, out, *id).await,
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
        let Some(last) = keys.last() else { break };
        after = Some(last.id);
        for key in &keys {
            out.entry(key, || key_line(key))?;
        }
    }
    if after.is_none() {
        say!("no API keys. Create one: doorlist apikey create LOGIN");
    }
    Ok(Exit::DONE)
}

async fn show_key(target: &mut CommandTarget, out: &mut Output, id: u32) -> Result<Exit, Failure> {
    let keys = target.ask(KeyList { after: id.checked_sub(1) }).await?;
    let Some(key) = keys.first().filter(|key| key.id == id) else {
        let why = format_args!("key {id} does not exist; `apikey list` shows the keys");
        return Err(Failure::because(Exit::of_action(3), why));
    };
    if out.is_json() {
        out.object(key)?;
        return Ok(Exit::DONE);
    }
    out.line(&key_line(key))?;
    out.line(&format!("  created {} by {}", print::time(key.created), key.created_by))?;
    Ok(Exit::DONE)
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
        text.push_str(&format!(", {}", print::counted(domains.len() as u64, "domain")));
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
