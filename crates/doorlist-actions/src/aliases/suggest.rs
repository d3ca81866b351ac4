//! Accounts that look like other names of one person: they get the same messages, or their names have one pattern.

use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::ActionError;
use doorlist_core::address::{Address, DomainName, LocalPart};
use doorlist_core::learning::{AliasSuggestion, SharedMail, find_shared_mail, suggest_aliases};
use doorlist_core::list::{AddressId, EntryKind, Standing};
use doorlist_store::recipients::{AddressEntry, PAGE_MAX};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Addresses that are looked at.
const ADDRESSES_MAX: usize = 200_000;

/// Suggests which accounts of a domain could be aliases of others.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AliasSuggest {
    pub domain: DomainName,
}

/// An account that could be an alias of another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuggestedAlias {
    pub alias: Address,
    pub account: Address,
    /// There is at least one.
    pub reasons: Vec<AliasReason>,
}

/// Why an account could be an alias.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum AliasReason {
    /// Of the clean mail of the last 30 days, by its Message-IDs.
    SharedMail {
        /// Messages that both got.
        shared: u64,
        /// Messages that the alias got.
        messages: u64,
        /// Domains of senders of those that both got.
        sender_domains: u64,
    },
    /// One is a short form of the other.
    NamePattern,
}

impl Action for AliasSuggest {
    type Answer = Vec<SuggestedAlias>;

    fn reach(&self) -> Reach {
        Reach::domain(&self.domain, true)
    }

    fn is_heavy(&self) -> bool {
        true
    }

    async fn run(self, actions: &Actions) -> Result<Vec<SuggestedAlias>, ActionError> {
        let domain = actions.services.domain_details(&self.domain).await?.summary;
        let addresses = actions.addresses_of(&domain.name).await?;
        let recent = actions.services.recipients.recent_messages();
        let messages = recent.of_domain(domain.id, actions.services.now()).await?;
        let accounts: HashMap<AddressId, &LocalPart> =
            addresses.iter().filter(|one| could_be_alias(one)).map(|one| (one.id, one.address.local())).collect();
        let aliases = known_aliases(&addresses);
        let account_of = |address: AddressId| {
            let account = aliases.get(&address).copied().unwrap_or(address);
            accounts.contains_key(&account).then_some(account)
        };
        let shared = find_shared_mail(messages, account_of);
        let named: Vec<LocalPart> = accounts.values().map(|local| (*local).clone()).collect();
        let found = merged(&shared, suggest_aliases(&named), &accounts);
        let at = |local: &LocalPart| Address::new(local.clone(), domain.name.clone());
        let suggested = |((alias, account), reasons): ((LocalPart, LocalPart), Vec<AliasReason>)| SuggestedAlias {
            alias: at(&alias),
            account: at(&account),
            reasons,
        };
        Ok(found.into_iter().map(suggested).collect())
    }
}

impl Actions {
    /// The addresses of a domain, up to [`ADDRESSES_MAX`].
    async fn addresses_of(&self, domain: &DomainName) -> Result<Vec<AddressEntry>, ActionError> {
        let mut all: Vec<AddressEntry> = Vec::new();
        loop {
            let after = all.last().map(|entry| entry.address.local().clone());
            let page = self.services.recipients.addresses(domain, after.as_ref(), PAGE_MAX).await?;
            let is_last = page.len() < PAGE_MAX as usize;
            all.extend(page);
            if is_last || all.len() >= ADDRESSES_MAX {
                return Ok(all);
            }
        }
    }
}

fn could_be_alias(entry: &AddressEntry) -> bool {
    entry.record.kind == EntryKind::Mailbox && entry.record.standing == Standing::Active
}

/// The account of each alias.
fn known_aliases(addresses: &[AddressEntry]) -> HashMap<AddressId, AddressId> {
    let ids: HashMap<&LocalPart, AddressId> = addresses.iter().map(|one| (one.address.local(), one.id)).collect();
    let account = |alias: &AddressEntry| Some((alias.id, *ids.get(alias.record.account.as_ref()?)?));
    addresses.iter().filter_map(account).collect()
}

/// Each pair once, with everything that speaks for it. What mail says of a pair tells which one is the alias.
fn merged(
    shared: &[SharedMail],
    by_name: Vec<AliasSuggestion>,
    accounts: &HashMap<AddressId, &LocalPart>,
) -> BTreeMap<(LocalPart, LocalPart), Vec<AliasReason>> {
    let mut found = BTreeMap::<(LocalPart, LocalPart), Vec<AliasReason>>::new();
    for SharedMail { alias, account, shared, messages, senders } in shared.iter().copied() {
        if let (Some(alias), Some(account)) = (accounts.get(&alias), accounts.get(&account)) {
            let reason = AliasReason::SharedMail { shared, messages, sender_domains: senders };
            found.insert(((*alias).clone(), (*account).clone()), vec![reason]);
        }
    }
    for AliasSuggestion { alias, account } in by_name {
        let turned = (account.clone(), alias.clone());
        let pair = if found.contains_key(&turned) { turned } else { (alias, account) };
        found.entry(pair).or_default().push(AliasReason::NamePattern);
    }
    found
}
