//! `doorlist alias ...`

use super::account::change_or_show;
use super::{confirm, print};
use crate::cli::alias::Alias;
use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{AliasAdd, AliasRemove};

pub(super) async fn alias(target: &mut CommandTarget, out: &mut Output, what: &Alias) -> Result<Exit, Failure> {
    let request = match what {
        Alias::Add { account, names } => AliasAdd { account: account.clone(), locals: names.clone() }.into(),
        Alias::Remove { addresses, yes } => {
            if addresses.len() > 1 {
                let aliases = print::counted(addresses.len() as u64, "alias");
                confirm::removal(&format!("this removes {aliases}; mail for them is rejected from then on"), *yes)?;
            }
            AliasRemove { addresses: addresses.clone() }.into()
        }
    };
    change_or_show(target, out, request).await
}
