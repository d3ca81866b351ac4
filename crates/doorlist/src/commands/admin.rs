//! `doorlist admin ...`

use super::{Input, print};
use crate::cli::admin::{Admin, AdminCreateArgs};
use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{AdminCreate, AdminOf, MembershipAccept, MembershipDecline, MembershipList, Response};
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
