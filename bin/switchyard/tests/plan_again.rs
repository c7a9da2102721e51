//! What `plan --write-hns` writes needs no further operation: for every example, on both networks, with every version of HNS.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::fs;
use std::path::Path;

use clap::Parser;
use serde_json::Value;
use switchyard::arguments::Arguments;
use switchyard::command::run;
use switchyard::failure::Exit;
use switchyard_model::{ClusterEvent, Node};
use switchyard_source::Manifests;

const EXAMPLES: [&str; 5] = ["cluster-dns", "dual-stack", "shop", "troubles", "zones"];
const VERSIONS: [&str; 10] =
    ["9.2", "9.3", "10.1", "10.4", "11.10", "12.0", "13.2", "15.4", "15.5", "16.0"];

fn plan(words: &[&str]) -> (Exit, Value) {
    let all = ["switchyard", "plan", "-o", "json"].iter().chain(words);
    let mut out = Vec::new();
    let mut notices = Vec::new();
    let exit = run(Arguments::parse_from(all).command, &mut out, &mut notices);
    let exit = exit.unwrap_or_else(|failure| panic!("plan {}: {failure}", words.join(" ")));
    (exit, serde_json::from_slice(&out).unwrap())
}

fn nodes(manifests: &str) -> Vec<Node> {
    let events = Manifests::read(manifests).unwrap().into_events();
    let nodes = events.into_iter().filter_map(|event| match event {
        ClusterEvent::Node(node) => Some(node),
        _ => None,
    });
    nodes.collect()
}

/// A network file; an overlay's source VIP is an address of the node's own pods.
fn network(kind: &str, version: &str, node: &Node) -> String {
    let mut text = format!("type: {kind}\nhnsVersion: \"{version}\"\n");
    if kind == "overlay" {
        let range = node.pod_ranges.iter().find(|range| range.addr().is_ipv4());
        let address = range.and_then(|range| range.hosts().nth(1)).unwrap();
        text += &["sourceVip: ", &address.to_string(), "\n"].concat();
    }
    text
}

#[test]
fn a_second_plan_is_empty_on_l2bridge() {
    a_second_plan_is_empty_on("l2bridge");
}

#[test]
fn a_second_plan_is_empty_on_an_overlay() {
    a_second_plan_is_empty_on("overlay");
}

fn a_second_plan_is_empty_on(kind: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plan-again").join(kind);
    fs::create_dir_all(&folder).unwrap();
    let (file, state) = (folder.join("network.yaml"), folder.join("hns.json"));
    let (file, state) = (file.to_str().unwrap(), state.to_str().unwrap());
    let (mut plans, mut operations) = (0, 0);
    for example in EXAMPLES {
        let manifests = format!("{}/../../examples/{example}", env!("CARGO_MANIFEST_DIR"));
        for node in nodes(&manifests) {
            let has_ipv4 = node.pod_ranges.iter().any(|range| range.addr().is_ipv4());
            if kind == "overlay" && !has_ipv4 {
                // VXLAN on Windows has no pods without IPv4 addresses.
                continue;
            }
            for version in VERSIONS {
                fs::write(file, network(kind, version, &node)).unwrap();
                let of = ["--manifests", &manifests, "--node", &node.name, "--network", file];
                let what = format!("{example}, {}, {kind}, {version}", node.name);
                let (exit, first) = plan(&[&of[..], &["--write-hns", state]].concat());
                let count = first["operations"].as_array().unwrap().len();
                assert_eq!(exit == Exit::Operations, count > 0, "{what}");
                let (exit, second) = plan(&[&of[..], &["--hns", state]].concat());
                assert_eq!(second["operations"], Value::Array(Vec::new()), "{what}");
                assert_eq!(exit, Exit::Answered, "{what}");
                plans += 1;
                operations += count;
            }
        }
    }
    let is_much = plans >= EXAMPLES.len() * VERSIONS.len() && operations > plans;
    assert!(is_much, "only {plans} plans of {operations} operations");
}
