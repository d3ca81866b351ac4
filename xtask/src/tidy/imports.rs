//! Checks imports in the `Cargo.toml` files: between our crates, of drivers, and of the pure crates.

use toml::{Table, Value};

use super::Fault;
use super::tree::Tree;

/// Every edge between our crates (ARCHITECTURE.md). Siblings never import each other: actions declares a small trait and
/// the binary wires it.
const EDGES: &[(&str, &[&str])] = &[
    ("doorlist-core", &[]),
    ("doorlist-smtp", &["doorlist-core"]),
    ("doorlist-store", &["doorlist-core"]),
    ("doorlist-actions", &["doorlist-core", "doorlist-store"]),
    ("doorlist-gateway", &["doorlist-core", "doorlist-smtp", "doorlist-store"]),
    ("doorlist-sources", &["doorlist-core", "doorlist-actions"]),
    ("doorlist-web", &["doorlist-core", "doorlist-store", "doorlist-actions"]),
    (
        "doorlist",
        &[
            "doorlist-core",
            "doorlist-smtp",
            "doorlist-store",
            "doorlist-actions",
            "doorlist-gateway",
            "doorlist-sources",
            "doorlist-web",
        ],
    ),
    ("doorlist-testbed", &[]),
    ("xtask", &["doorlist-testbed"]),
];

/// Which crates may have a driver among their dependencies.
const DRIVERS: &[(&str, &[&str])] = &[
    ("sqlx", &["doorlist-store"]),
    ("axum", &["doorlist-web"]),
    ("rustls-native-certs", &["doorlist-sources", "doorlist"]),
    ("reqwest", &["doorlist"]),
    ("hickory-resolver", &["doorlist-gateway"]),
    ("ppp", &["doorlist-gateway"]),
    ("mail-builder", &["doorlist-gateway"]),
    ("mail-auth", &["doorlist-gateway", "doorlist-bench"]),
    ("clap", &["doorlist", "xtask"]),
    ("mimalloc", &["doorlist"]),
];

/// The crates without I/O, and all that they may depend on: none of these touches the world by itself.
const PURE: &[&str] = &["doorlist-core", "doorlist-smtp"];
const PURE_DEPENDENCIES: &[&str] = &[
    "base64",
    "doorlist-core",
    "encoding_rs",
    "icu_properties",
    "idna",
    "memchr",
    "psl",
    "serde",
    "siphasher",
    "thiserror",
    "unicode-normalization",
];

/// One dependency in a `Cargo.toml`.
struct Dependency<'a> {
    manifest: &'a str,
    package: String,
    name: String,
    is_dev: bool,
    from_workspace: bool,
}

impl Dependency<'_> {
    fn fault(&self, what: String) -> Fault {
        Fault::new(self.manifest, 0, what)
    }
}

/// Crates import only whom they may. Tests may use more, but the testbed is for tests alone.
pub(super) fn edges(tree: &Tree) -> Vec<Fault> {
    let mut faults = unreadable(tree);
    for dependency in dependencies(tree) {
        let Dependency { package, name, .. } = &dependency;
        let Some((_, allowed)) = EDGES.iter().find(|(from, _)| from == package) else {
            faults.push(dependency.fault(format!("{package} is new: give it its place among the EDGES of tidy")));
            continue;
        };
        let is_ours = EDGES.iter().any(|(ours, _)| ours == name);
        if is_ours && !dependency.is_dev && !allowed.contains(&name.as_str()) {
            faults.push(dependency.fault(format!("{package} must not import {name}")));
        }
    }
    faults.dedup();
    faults
}

/// Drivers stay in the crate that owns them.
pub(super) fn drivers(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for dependency in dependencies(tree).iter().filter(|dependency| !dependency.is_dev) {
        let Dependency { package, name, .. } = dependency;
        let owners = DRIVERS.iter().find(|(driver, _)| driver == name);
        if let Some((_, owners)) = owners
            && !owners.contains(&package.as_str())
        {
            faults.push(dependency.fault(format!("{name} belongs to {}, not to {package}", owners.join(", "))));
        }
    }
    faults
}

/// Pure crates depend on nothing that could do I/O behind their back.
pub(super) fn pure_dependencies(tree: &Tree) -> Vec<Fault> {
    let of_pure = dependencies(tree);
    let of_pure = of_pure.iter().filter(|dependency| !dependency.is_dev && PURE.contains(&dependency.package.as_str()));
    of_pure
        .filter(|dependency| !PURE_DEPENDENCIES.contains(&dependency.name.as_str()))
        .map(|dependency| {
            let Dependency { package, name, .. } = dependency;
            dependency.fault(format!("{package} is pure: is {name}? Then say so in PURE_DEPENDENCIES of tidy"))
        })
        .collect()
}

pub(super) fn versions(tree: &Tree) -> Vec<Fault> {
    let dependencies = dependencies(tree);
    let repeated = dependencies.iter().filter(|dependency| !dependency.from_workspace);
    repeated.map(|own| own.fault(format!("{} must say `workspace = true`", own.name))).collect()
}

/// The members' manifests. Fuzz packages are no members: they may name their fuzzer.
fn manifests(tree: &Tree) -> impl Iterator<Item = (&str, Result<Table, toml::de::Error>)> {
    tree.ending("Cargo.toml")
        .filter(|file| file.path.starts_with("crates/") || file.path.starts_with("xtask/"))
        .filter(|file| !file.path.contains("/fuzz/"))
        .map(|file| (file.path.as_str(), file.text.parse()))
}

fn unreadable(tree: &Tree) -> Vec<Fault> {
    manifests(tree).filter_map(|(path, read)| Some(Fault::new(path, 0, read.err()?.to_string()))).collect()
}

fn dependencies(tree: &Tree) -> Vec<Dependency<'_>> {
    let mut all = Vec::new();
    for (manifest, read) in manifests(tree) {
        let Ok(table) = read else { continue };
        let package = table.get("package").and_then(|package| package.get("name")?.as_str()).unwrap_or_default();
        let targets = table.get("target").and_then(Value::as_table);
        let of_targets = targets.into_iter().flat_map(Table::values).filter_map(Value::as_table);
        for table in std::iter::once(&table).chain(of_targets) {
            for (section, is_dev) in
                [("dependencies", false), ("build-dependencies", false), ("dev-dependencies", true)]
            {
                let listed = table.get(section).and_then(Value::as_table);
                all.extend(listed.into_iter().flatten().map(|(name, value)| Dependency {
                    manifest,
                    package: package.to_owned(),
                    // `name = { package = "other" }` is `other`.
                    name: value.get("package").and_then(Value::as_str).unwrap_or(name).to_owned(),
                    is_dev,
                    from_workspace: value.get("workspace").and_then(Value::as_bool).unwrap_or(false),
                }));
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::super::fixture::faults;
    use super::*;

    fn manifest(package: &str, rest: &str) -> String {
        format!("[package]\nname = \"{package}\"\n{rest}")
    }

    #[test]
    fn a_forbidden_edge_is_found_wherever_it_stands() {
        for section in ["dependencies", "build-dependencies", "target.'cfg(unix)'.dependencies"] {
            let text = manifest("doorlist-web", &format!("[{section}]\ndoorlist-gateway.workspace = true"));
            let found = faults(edges, &[("crates/doorlist-web/Cargo.toml", &text)]);
            assert_eq!(found, ["crates/doorlist-web/Cargo.toml: doorlist-web must not import doorlist-gateway"]);
        }
    }

    #[test]
    fn allowed_edges_and_tests_are_fine() {
        let store = manifest(
            "doorlist-store",
            "[dependencies]\ndoorlist-core.workspace = true\n[dev-dependencies]\ndoorlist-testbed.workspace = true",
        );
        assert!(faults(edges, &[("crates/doorlist-store/Cargo.toml", &store)]).is_empty());
    }

    #[test]
    fn the_testbed_is_for_tests() {
        let text = manifest("doorlist", "[dependencies]\ndoorlist-testbed.workspace = true");
        assert_eq!(faults(edges, &[("crates/doorlist/Cargo.toml", &text)]).len(), 1);
    }

    #[test]
    fn a_new_crate_needs_its_place() {
        let text = manifest("doorlist-magic", "[dependencies]\nserde.workspace = true");
        assert!(faults(edges, &[("crates/doorlist-magic/Cargo.toml", &text)])[0].contains("EDGES"));
    }

    #[test]
    fn a_driver_elsewhere_is_found_also_under_another_name() {
        for line in ["sqlx.workspace = true", "db = { package = \"sqlx\", workspace = true }"] {
            let text = manifest("doorlist-gateway", &format!("[dependencies]\n{line}"));
            let found = faults(drivers, &[("crates/doorlist-gateway/Cargo.toml", &text)]);
            assert_eq!(
                found,
                ["crates/doorlist-gateway/Cargo.toml: sqlx belongs to doorlist-store, not to doorlist-gateway"]
            );
        }
    }

    #[test]
    fn a_pure_crate_takes_no_runtime() {
        let text = manifest(
            "doorlist-core",
            "[dependencies]\ntokio.workspace = true\n[dev-dependencies]\nproptest.workspace = true",
        );
        let found = faults(pure_dependencies, &[("crates/doorlist-core/Cargo.toml", &text)]);
        assert!(found.len() == 1 && found[0].contains("tokio"), "{found:?}");
    }

    #[test]
    fn versions_outside_the_root_are_found() {
        let text = manifest("doorlist", "[dependencies]\nserde = \"1\"\nclap.workspace = true");
        assert_eq!(
            faults(versions, &[("crates/doorlist/Cargo.toml", &text)]),
            ["crates/doorlist/Cargo.toml: serde must say `workspace = true`"]
        );
    }

    #[test]
    fn a_manifest_that_cannot_be_read_is_a_fault() {
        assert_eq!(faults(edges, &[("crates/doorlist/Cargo.toml", "[package")]).len(), 1);
    }
}
