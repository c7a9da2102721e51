use std::error::Error;

use serde_json::{Value, json};

use super::*;

fn read(file: &Value) -> State {
    State::from_json(&file.to_string()).unwrap()
}

fn written(state: &State) -> Value {
    serde_json::from_str(&state.to_json()).unwrap()
}

#[test]
fn a_state_is_written_by_id_with_what_is_unknown() {
    let state = read(&json!({
        "loadBalancers": [
            { "ID": "{00000000-0000-0000-0000-00000000000B}", "State": 4, "Flags": 0, "New": [1] },
            { "ID": "00000000-0000-0000-0000-00000000000a", "PortMappings": [{ "Protocol": "6" }] },
        ],
        "endpoints": [{ "ID": "00000000-0000-0000-0000-000000000005", "Flags": "1" }],
        "namespaces": [{ "ID": "00000000-0000-0000-0000-000000000006", "Type": "Guest" }],
        "networks": [{ "ID": "00000000-0000-0000-0000-000000000001", "Type": "l2bridge" }],
        "version": { "Major": "13", "Minor": 2 },
        "comment": "kept",
    }));
    assert_eq!(state.version, Version::new(13, 2));
    assert_eq!(
        written(&state),
        json!({
            "version": { "Major": 13, "Minor": 2 },
            "networks": [{ "ID": "00000000-0000-0000-0000-000000000001", "Type": "L2Bridge" }],
            "endpoints": [{ "ID": "00000000-0000-0000-0000-000000000005", "Flags": 1 }],
            "namespaces": [{ "ID": "00000000-0000-0000-0000-000000000006", "Type": "Guest" }],
            "loadBalancers": [
                { "ID": "00000000-0000-0000-0000-00000000000a", "PortMappings": [{ "Protocol": 6 }] },
                { "ID": "00000000-0000-0000-0000-00000000000b", "State": 4, "New": [1] },
            ],
            "comment": "kept",
        })
    );
    assert_eq!(State::from_json(&state.to_json()).unwrap(), state);
}

#[test]
fn nothing_is_needed() {
    assert_eq!(read(&json!({})), State::default());
    assert_eq!(
        read(&json!({ "version": null, "networks": null, "endpoints": [] })),
        State::default()
    );
    assert_eq!(
        State::default().to_json().split_whitespace().collect::<String>(),
        r#"{"version":{"Major":15,"Minor":5},"networks":[],"endpoints":[],"namespaces":[],"loadBalancers":[]}"#
    );
}

#[test]
fn a_file_that_powershell_wrote_is_read() {
    let state = read(&json!({ "networks": [{ "ID": "00000000-0000-0000-0000-000000000001" }] }));
    let text = format!("\u{FEFF}{}", state.to_json());
    assert_eq!(State::from_json(&text).unwrap(), state);
    assert_eq!(crate::Setup::from_json("\u{FEFF}").unwrap().state, State::default());
}

#[test]
fn what_is_put_in_has_its_id_and_schema() {
    let mut state = State::default();
    let id: Guid = "00000000-0000-0000-0000-000000000001".parse().unwrap();
    state.insert_network(id, Network::default());
    state.insert_endpoint(id, Endpoint::default());
    state.insert_load_balancer(id, LoadBalancer::default());
    let plain = json!([{ "ID": id, "SchemaVersion": { "Major": 2, "Minor": 0 } }]);
    let file = written(&state);
    assert_eq!(file["networks"], plain);
    assert_eq!(file["endpoints"], plain);
    assert_eq!(file["loadBalancers"], plain);
    assert!(state.remove_load_balancer(id).is_some());
    assert!(state.remove_endpoint(id).is_some());
    assert!(state.remove_network(id).is_some());
    assert_eq!(state, State::default());
}

#[test]
fn refusals_name_the_member() {
    fn check(file: &str, expect: &str) {
        let error = State::from_json(file).unwrap_err();
        let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        assert_eq!(format!("{error}{source}"), expect, "{file}");
    }
    let id = "00000000-0000-0000-0000-000000000001";
    check("{", "the HNS state is not JSON: EOF while parsing an object at line 1 column 1");
    check(
        r#"{"version":{"Major":"x"}}"#,
        "version of the HNS state cannot be read: \
         invalid value: string \"x\", expected a number, or a word for one",
    );
    check(
        r#"{"endpoints":{}}"#,
        "endpoints of the HNS state cannot be read: invalid type: map, expected a sequence",
    );
    check(r#"{"networks":[{"Name":"cbr0"}]}"#, "networks[0] of the HNS state has no ID");
    check(r#"{"namespaces":[{"Name":"a"}]}"#, "namespaces[0] of the HNS state has no ID");
    check(
        r#"{"networks":[{"ID":"cbr0"}]}"#,
        "networks[0].ID of the HNS state cannot be read: \"cbr0\" is not a GUID",
    );
    check(
        &json!({ "loadBalancers": [
            { "ID": id }, { "Flags": 1, "PortMappings": [{ "InternalPort": 70000 }] }] })
        .to_string(),
        "loadBalancers[1].PortMappings of the HNS state cannot be read: \
         invalid value: integer `70000`, expected a smaller number",
    );
    check(
        &json!({ "endpoints": [{ "ID": id }, { "ID": id }] }).to_string(),
        &format!("endpoints[1] of the HNS state has the ID of another, {id}"),
    );
}
