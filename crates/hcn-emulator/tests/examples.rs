//! The states of HNS among the examples: what an emulated HNS does that begins with them.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use switchyard_hcn::{Guid, Hcn, hresult};
use switchyard_hcn_emulator::{Emulator, Knobs, Setup, State};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/hns")
}

fn read(name: &str) -> State {
    State::from_json(&fs::read_to_string(folder().join(name)).unwrap()).unwrap()
}

#[test]
fn every_state_is_loaded_and_saved_whole() {
    let mut states = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let state = State::from_json(&text).unwrap();
        let saved: Value = serde_json::from_str(&state.to_json()).unwrap();
        for list in ["networks", "endpoints", "namespaces", "loadBalancers"] {
            let written: Value = serde_json::from_str(&text).unwrap();
            let count = |file: &Value| file[list].as_array().map_or(0, Vec::len);
            assert_eq!(count(&saved), count(&written), "{}: {list}", path.display());
        }
        assert_eq!(State::from_json(&state.to_json()).unwrap(), state, "{}", path.display());
        assert_eq!(Emulator::new(state.clone()).state(), state);
        states += 1;
    }
    assert_eq!(states, 5);
}

/// A load balancer on a frontend that nobody has, over an endpoint of the state.
fn another(state: &State, flags: u32, protocol: u32) -> String {
    let (endpoint, _) = state.endpoints().next().unwrap();
    json!({ "HostComputeEndpoints": [endpoint], "FrontendVIPs": ["10.96.99.99"], "Flags": flags,
        "PortMappings": [{ "Protocol": protocol, "InternalPort": 80, "ExternalPort": 80 }],
        "SchemaVersion": { "Major": 2, "Minor": 0 } })
    .to_string()
}

#[test]
fn the_exhausted_pool_has_no_block_left() {
    let state = read("port-pool-exhausted.json");
    let with = |port_blocks| {
        let knobs = Knobs { port_blocks, ..Knobs::default() };
        let hns = Emulator::blocking(Setup { knobs, ..Setup::of(state.clone()) });
        move |flags, protocol| {
            let made = hns.create_load_balancer(Guid::NIL, &another(&hns.state(), flags, protocol));
            made.err().map(|error| error.hresult)
        }
    };
    let (tcp, udp, dsr) = (6, 17, 1);
    let exhausted = Some(hresult::HCN_E_PORT_ALREADY_EXISTS);
    assert_eq!(with(Some(Knobs::PORT_BLOCKS))(0, tcp), exhausted);
    // The pools of the protocols are two, and direct server return takes nothing of either.
    assert_eq!(with(Some(Knobs::PORT_BLOCKS))(0, udp), None);
    assert_eq!(with(Some(Knobs::PORT_BLOCKS))(dsr, tcp), None);
    assert_eq!(with(Some(Knobs::PORT_BLOCKS + 1))(0, tcp), None);
    assert_eq!(with(None)(0, tcp), None);
}

#[test]
fn what_the_crash_left_is_told_by_a_detailed_query() {
    let hns = Emulator::new(read("after-crash.json"));
    let state = hns.state();
    let (degraded, _) = state.load_balancers().find(|(_, held)| held.is_degraded()).unwrap();
    let handle = hns.open_load_balancer(degraded).unwrap();
    let query = r#"{"SchemaVersion":{"Major":2,"Minor":0},"Flags":1}"#;
    let text = hns.query_load_balancer_properties(handle, query).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["State"], 4);
}
