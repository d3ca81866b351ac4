//! Pages of all domains that a caller sees: the same rows and the same total as one domain after another, whoever asks and
//! whatever was changed, on both engines.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use doorlist_core::access::{Access, CustomerId, Grant, Lineage, Permission, ResellerId, Role, Scope};
use doorlist_core::address::LocalPart;
use doorlist_core::change::{Actor, Change, ChangeSet, DomainChange, Source, Structure, Via};
use doorlist_core::domain::DomainId;
use doorlist_core::list::AddressId;
use doorlist_core::time::Timestamp;
use doorlist_store::tenants::{
    AccountColumn, AliasColumn, CustomerFields, CustomerPatch, ListColumn, Lookup, Query, QueryValue, ResellerFields,
    RowFilter, View,
};
use doorlist_store::{RecipientStore, StoreUrl, Tenants};
use doorlist_testbed::postgres::Cluster;

const NOW: Timestamp = Timestamp::from_millis(1_000);

#[tokio::test(flavor = "multi_thread")]
async fn all_domains_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    tell(StoreUrl::Sqlite(folder.path().join("state"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_domains_on_postgresql() {
    let cluster = Cluster::start().unwrap();
    tell(StoreUrl::Postgres(cluster.url("all").unwrap())).await;
}

/// The list, whoever looks at it, and the numbers of tenants: Ash and Birch are North's, Maple is the operator's.
struct Stage {
    recipients: RecipientStore,
    tenants: Tenants,
    north: ResellerId,
    ash: CustomerId,
    birch: CustomerId,
}

async fn tell(url: StoreUrl) {
    let stage = Stage::new(&url).await;
    stage.agree("nothing is there").await;
    for (domain, customer, rows) in [("a1", "Ash", 5), ("a2", "Ash", 0), ("b1", "Birch", 7), ("m1", "Maple", 4)] {
        stage.apply(filled(domain, customer, rows)).await;
    }
    stage.agree("four domains").await;
    stage
        .apply(vec![claim("m1", 90, Structure::Mailbox), claim("a2", 91, Structure::DistributionList), veto("b1", 0)])
        .await;
    stage.agree("accounts come and go").await;
    stage.apply(vec![domain("m1", DomainChange::Remove)]).await;
    stage.agree("a domain goes").await;
    stage.apply(filled("m2", "Maple", 3)).await;
    stage.apply(filled("m1", "Maple", 2)).await;
    stage.agree("two come, one of them again").await;
    stage.apply(vec![domain("m2", DomainChange::Customer("Ash".to_owned()))]).await;
    stage.agree("a domain moves").await;
    let patch = CustomerPatch { reseller: Some(ResellerId(1)), ..CustomerPatch::default() };
    stage.tenants.put_customer(stage.birch, &patch, NOW).await.unwrap().unwrap();
    stage.agree("a customer moves").await;
}

impl Stage {
    async fn new(url: &StoreUrl) -> Self {
        let recipients = RecipientStore::open(url).await.unwrap();
        let tenants = Tenants::of(&recipients);
        let north = ResellerFields { name: "North".to_owned(), allow_branding: false, allow_customer_branding: false };
        let north = tenants.add_reseller(&north, NOW).await.unwrap().unwrap();
        let [ash, birch] = ["Ash", "Birch"].map(|name| CustomerFields {
            name: name.to_owned(),
            reseller: north,
            allow_branding: false,
            is_full_user_list: false,
            reported_user_count: None,
        });
        let ash = tenants.add_customer(&ash, NOW).await.unwrap().unwrap();
        let birch = tenants.add_customer(&birch, NOW).await.unwrap().unwrap();
        Self { recipients, tenants, north, ash, birch }
    }

    async fn apply(&self, changes: Vec<Change>) {
        let actor = Actor { name: "ann".to_owned(), via: Via::Api };
        let set = ChangeSet { changes, summary: "pages".to_owned() };
        self.recipients.apply(&set, &actor, None).await.unwrap();
    }

    /// Whoever asks gets what may be seen of the rows that the domains have one by one.
    async fn agree(&self, when: &str) {
        let operator = self.tenants.seen_by(&Access::operator());
        let accounts = one_by_one(&operator, Table::Accounts).await;
        let aliases = one_by_one(&operator, Table::Aliases).await;
        for access in self.callers(&accounts) {
            let view = self.tenants.seen_by(&access);
            for (table, all) in [(Table::Accounts, &accounts), (Table::Aliases, &aliases)] {
                let seen = |(_, lineage): &&(AddressId, Lineage)| access.on(lineage) > Permission::Nothing;
                let expected: Vec<AddressId> = all.iter().filter(seen).map(|(id, _)| *id).collect();
                pages(&view, table, &expected, &format!("{when}, {access:?}")).await;
            }
        }
    }

    fn callers(&self, accounts: &[(AddressId, Lineage)]) -> Vec<Access> {
        let domains: Vec<DomainId> = accounts.iter().filter_map(|(_, lineage)| lineage.domain).collect();
        let (first, last) = (domains.first().copied(), domains.last().copied());
        let (first, last) = (first.unwrap_or(DomainId(1)), last.unwrap_or(DomainId(2)));
        let (north, maple) = (Scope::Reseller(self.north), Scope::Reseller(ResellerId(1)));
        let (ash, birch) = (Scope::Customer(self.ash), Scope::Customer(self.birch));
        let table: &[(&[Scope], Option<&[DomainId]>)] = &[
            (&[Scope::All], None),
            (&[Scope::All], Some(&[last, first])),
            (&[Scope::All], Some(&[])),
            (&[north], None),
            (&[maple], None),
            (&[north, maple], None),
            (&[north], Some(&[first, last])),
            (&[ash], None),
            (&[birch], Some(&[last])),
            (&[birch, Scope::Domain(first)], None),
            (&[Scope::Domain(last)], None),
            (&[Scope::Domain(DomainId(77))], None),
            (&[], None),
        ];
        let access = |(scopes, only): &(&[Scope], Option<&[DomainId]>)| Access {
            grants: scopes.iter().map(|&scope| Grant { role: Role::Auditor, scope }).collect(),
            read_only: false,
            only_domains: only.map(<[DomainId]>::to_vec),
        };
        table.iter().map(access).collect()
    }
}

#[derive(Clone, Copy)]
enum Table {
    Accounts,
    Aliases,
}

impl Table {
    async fn page(self, view: &View, asked: Asked) -> (Vec<(AddressId, Lineage)>, u64) {
        match self {
            Table::Accounts => {
                let query = asked.query([AccountColumn::Domain, AccountColumn::LocalPart]);
                let page = view.accounts(&query).await.unwrap();
                (page.rows.iter().map(|placed| (placed.row.id, placed.lineage)).collect(), page.total)
            }
            Table::Aliases => {
                let query = asked.query([AliasColumn::Domain, AliasColumn::LocalPart]);
                let page = view.aliases(&query).await.unwrap();
                (page.rows.iter().map(|placed| (placed.row.id, placed.lineage)).collect(), page.total)
            }
        }
    }
}

/// What either list is asked for.
#[derive(Clone, Copy, Default)]
struct Asked {
    limit: u32,
    offset: u64,
    after: Option<u64>,
    domain: Option<i64>,
    starts_with: Option<&'static str>,
}

impl Asked {
    fn query<C: ListColumn>(self, [domain, local]: [C; 2]) -> Query<C> {
        let Asked { limit, offset, after, .. } = self;
        let mut query = Query { limit, offset, after, ..Query::default() };
        query = match self.domain {
            Some(number) => query.with(domain, QueryValue::Int(number)),
            None => query,
        };
        if let Some(text) = self.starts_with {
            let values = vec![QueryValue::Text(text.to_owned())];
            query.filters.push(RowFilter { column: local, lookup: Lookup::StartsWith, values });
        }
        query
    }
}

/// All rows in order of their domains' numbers, each domain read whole.
async fn one_by_one(operator: &View, table: Table) -> Vec<(AddressId, Lineage)> {
    let mut all = Vec::new();
    for number in 1..10 {
        let asked = Asked { limit: 1_000, domain: Some(number), ..Asked::default() };
        all.extend(table.page(operator, asked).await.0);
    }
    all
}

async fn pages(view: &View, table: Table, expected: &[AddressId], when: &str) {
    let ids = |rows: &[(AddressId, Lineage)]| rows.iter().map(|row| row.0).collect::<Vec<_>>();
    for offset in 0..expected.len() + 2 {
        let asked = Asked { limit: 3, offset: offset as u64, ..Asked::default() };
        let (rows, total) = table.page(view, asked).await;
        assert_eq!(total, expected.len() as u64, "{when}");
        let rest = expected.get(offset..).unwrap_or_default();
        assert_eq!(ids(&rows), rest[..rest.len().min(3)], "{when}: at {offset}");
        let Some(last) = rows.last() else { continue };
        let asked = Asked { offset: asked.offset + 3, after: Some(last.0.0.into()), ..asked };
        let rest = expected.get(offset + 3..).unwrap_or_default();
        let (next, _) = table.page(view, asked).await;
        assert_eq!(ids(&next), rest[..rest.len().min(3)], "{when}: behind {last:?}");
    }
    let asked = Asked { limit: 1_000, starts_with: Some("n"), ..Asked::default() };
    let (rows, total) = table.page(view, asked).await;
    assert_eq!((ids(&rows), total), (expected.to_vec(), expected.len() as u64), "{when}: found by text");
}

fn domain(name: &str, change: DomainChange) -> Change {
    Change::Domain { name: format!("{name}.example.test").parse().unwrap(), change }
}

/// A new domain of a customer with so many accounts, and with aliases of some.
fn filled(name: &str, customer: &str, rows: usize) -> Vec<Change> {
    let add = DomainChange::Add { customer: customer.to_owned(), servers: Vec::new() };
    let mut changes = vec![domain(name, add)];
    changes.extend((0..rows).map(|number| claim(name, number, Structure::Mailbox)));
    let alias = |number| Structure::AliasOf(LocalPart::from_canonical(&format!("n{number}")));
    changes.extend((0..rows).step_by(2).map(|number| claim(name, 50 + number, alias(number))));
    changes
}

fn claim(domain: &str, number: usize, structure: Structure) -> Change {
    let address = format!("n{number}@{domain}.example.test").parse().unwrap();
    Change::Claim { address, structure, source: Source::Api }
}

fn veto(domain: &str, number: usize) -> Change {
    Change::Veto { address: format!("n{number}@{domain}.example.test").parse().unwrap() }
}
