//! Who may depend on whom inside the workspace.

use super::Trouble;
use crate::workspace::{Package, Workspace};

/// What one crate may use.
struct Edges {
    name: &'static str,
    /// In what it is.
    uses: &'static [&'static str],
    /// Also in its tests.
    tests_use: &'static [&'static str],
}

const fn edges(name: &'static str, uses: &'static [&'static str]) -> Edges {
    Edges { name, uses, tests_use: &[] }
}

const MODEL: &str = "switchyard-model";
const NODEVIEW: &str = "switchyard-nodeview";
const SOURCE: &str = "switchyard-source";
const HCN: &str = "switchyard-hcn";
const HCN_CONTRACT: &str = "switchyard-hcn-contract";
const HCN_EMULATOR: &str = "switchyard-hcn-emulator";
const HCN_SYS: &str = "switchyard-hcn-sys";
const COMPUTENETWORK: &str = "switchyard-computenetwork";
const HCN_SHARED: &str = "switchyard-hcn-shared";
const WINKERNEL: &str = "switchyard-winkernel";
const AGENT: &str = "switchyard-agent";
const WINDOWS_HOST: &str = "switchyard-windows-host";
const CONFORMANCE: &str = "switchyard-conformance";
const PREFLIGHT: &str = "switchyard-preflight";
const KUBE_FAKE: &str = "switchyard-kube-fake";
const KUBE_CONTRACT: &str = "switchyard-kube-contract";
const PRODUCT: &str = "switchyard";

/// The graph. A new edge is a change of design.
const GRAPH: &[Edges] = &[
    edges(MODEL, &[]),
    // Its tests read clusters from manifests.
    Edges { name: NODEVIEW, uses: &[MODEL], tests_use: &[SOURCE] },
    // Its tests follow an API server in memory.
    Edges { name: SOURCE, uses: &[MODEL], tests_use: &[KUBE_FAKE] },
    edges(HCN, &[]),
    edges(HCN_EMULATOR, &[HCN, MODEL]),
    Edges { name: HCN_SHARED, uses: &[HCN, HCN_EMULATOR], tests_use: &[HCN_CONTRACT] },
    edges(COMPUTENETWORK, &[HCN, HCN_SHARED]),
    // Its tests put both sides of the C interface together.
    Edges { name: HCN_SYS, uses: &[HCN], tests_use: &[COMPUTENETWORK, HCN_SHARED, HCN_CONTRACT] },
    // It knows nothing of what it tests but the trait.
    edges(HCN_CONTRACT, &[HCN]),
    Edges {
        name: WINKERNEL,
        uses: &[HCN, MODEL],
        tests_use: &[NODEVIEW, SOURCE, HCN_EMULATOR, CONFORMANCE],
    },
    Edges {
        name: AGENT,
        uses: &[MODEL, NODEVIEW, SOURCE, HCN, WINKERNEL, WINDOWS_HOST],
        tests_use: &[HCN_EMULATOR, KUBE_FAKE],
    },
    // It knows nothing of what it asks but the trait; its tests ask the emulator.
    Edges { name: PREFLIGHT, uses: &[HCN], tests_use: &[HCN_EMULATOR] },
    edges(CONFORMANCE, &[]),
    edges(WINDOWS_HOST, &[]),
    edges(KUBE_FAKE, &[]),
    // It knows nothing of what it tests but the address.
    edges(KUBE_CONTRACT, &[]),
    // Of the API server in memory, the demo is made.
    edges(
        PRODUCT,
        &[
            MODEL,
            NODEVIEW,
            SOURCE,
            HCN,
            HCN_EMULATOR,
            HCN_SYS,
            KUBE_FAKE,
            WINKERNEL,
            AGENT,
            PREFLIGHT,
            WINDOWS_HOST,
        ],
    ),
    edges("switchyard-fuzz", &[MODEL, NODEVIEW, SOURCE, HCN]),
    edges(
        "xtask",
        &[
            MODEL,
            NODEVIEW,
            SOURCE,
            HCN,
            HCN_EMULATOR,
            HCN_CONTRACT,
            KUBE_CONTRACT,
            KUBE_FAKE,
            WINKERNEL,
            AGENT,
            CONFORMANCE,
            PRODUCT,
        ],
    ),
];

/// Every edge that is not in the graph, and every crate that it does not know.
pub(super) fn check(workspace: &Workspace) -> Vec<Trouble> {
    let ours: Vec<&str> = workspace.packages.iter().map(|package| package.name.as_str()).collect();
    workspace.packages.iter().flat_map(|package| of_package(workspace, package, &ours)).collect()
}

fn of_package(workspace: &Workspace, package: &Package, ours: &[&str]) -> Vec<Trouble> {
    let path = workspace.relative(&package.manifest_path);
    let mut troubles = Vec::new();
    if package.description.as_deref().is_none_or(|text| text.trim().is_empty()) {
        let what = "no description: say in a sentence what the crate is".to_owned();
        troubles.push(Trouble::new(path, 1, what));
    }
    let Some(edges) = GRAPH.iter().find(|edges| edges.name == package.name) else {
        let what = format!("{} is not in the crate graph: add it to GRAPH in xtask", package.name);
        troubles.push(Trouble::new(path, 1, what));
        return troubles;
    };
    let wanted = package.dependencies.iter().filter(|other| ours.contains(&other.name.as_str()));
    for other in wanted {
        let name = other.name.as_str();
        let in_tests = other.kind.as_deref() == Some("dev");
        let allowed = edges.uses.contains(&name) || (in_tests && edges.tests_use.contains(&name));
        if !allowed {
            let what = format!(
                "{} must not depend on {name}: depend inward, or change GRAPH in xtask and say why",
                package.name
            );
            troubles.push(Trouble::new(path, 1, what));
        }
    }
    troubles
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn package(name: &str, description: &str, dependencies: Vec<Dependency>) -> Package {
        Package {
            name: name.to_owned(),
            description: Some(description.to_owned()),
            manifest_path: format!("/top/{name}/Cargo.toml").into(),
            dependencies,
        }
    }

    /// That there is exactly the trouble `expected` when `name` depends on `other`; none where nothing is expected.
    fn expect(name: &str, other: &str, kind: Option<&str>, expected: &str) {
        let depend = |name: &str, kind: Option<&str>| Dependency {
            name: name.to_owned(),
            kind: kind.map(str::to_owned),
        };
        let dependencies = vec![depend(other, kind), depend("serde", None)];
        let workspace = Workspace {
            root: "/top".into(),
            target: "/top/target".into(),
            packages: vec![package(name, "One.", dependencies), package(other, "Two.", Vec::new())],
        };
        let found: Vec<_> = check(&workspace).iter().map(ToString::to_string).collect();
        let expected: Vec<_> = Some(expected).filter(|text| !text.is_empty()).into_iter().collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        assert!(found.iter().zip(expected).all(|(found, text)| found.contains(text)), "{found:?}");
    }

    #[test]
    fn an_edge_is_in_the_graph_or_wrong() {
        expect(NODEVIEW, MODEL, None, "");
        expect(NODEVIEW, SOURCE, None, "must not depend on switchyard-source");
        expect(NODEVIEW, SOURCE, Some("dev"), "");
        expect(NODEVIEW, HCN, Some("dev"), "must not depend on switchyard-hcn");
        expect(WINKERNEL, HCN_EMULATOR, Some("dev"), "");
        expect(HCN_CONTRACT, HCN_EMULATOR, Some("dev"), "must not depend on");
        expect(WINKERNEL, HCN_EMULATOR, None, "must not depend on switchyard-hcn-emulator");
        expect(
            "stranger",
            MODEL,
            None,
            "stranger/Cargo.toml:1: stranger is not in the crate graph",
        );
    }

    #[test]
    fn a_crate_says_what_it_is() {
        let workspace = Workspace {
            root: "/top".into(),
            target: "/top/target".into(),
            packages: vec![package(MODEL, " ", Vec::new())],
        };
        let found: Vec<_> = check(&workspace).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("switchyard-model/Cargo.toml:1: no description"));
    }
}
