//! What holds after any calls.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    CreateNetwork(u32),
    DeleteNetwork(u32),
    CreateEndpoint {
        network: u32,
        number: u32,
        address: u8,
        remote: bool,
    },
    DeleteEndpoint(u32),
    CreateLoadBalancer {
        number: u32,
        vip: u8,
        endpoints: Vec<u32>,
    },
    ModifyLoadBalancer {
        number: u32,
        vip: u8,
        endpoints: Vec<u32>,
    },
    DeleteLoadBalancer(u32),
    CreateNamespace(u32),
    DeleteNamespace(u32),
    /// By the older way in: HNS picks the id.
    PostEndpoint {
        network: u32,
        address: u8,
        remote: bool,
    },
    DeleteByPath {
        collection: &'static str,
        number: u32,
    },
    Garbage(String),
}

fn step() -> impl Strategy<Value = Step> {
    let networks = 1..3_u32;
    let endpoints = || 11..16_u32;
    let balancers = || 31..34_u32;
    let several = || proptest::collection::vec(11..16_u32, 0..4);
    prop_oneof![
        2 => networks.clone().prop_map(Step::CreateNetwork),
        1 => networks.clone().prop_map(Step::DeleteNetwork),
        6 => (networks, endpoints(), 0..6_u8, any::<bool>()).prop_map(
            |(network, number, address, remote)| Step::CreateEndpoint {
                network, number, address, remote
            }
        ),
        2 => endpoints().prop_map(Step::DeleteEndpoint),
        4 => (balancers(), 0..3_u8, several()).prop_map(|(number, vip, endpoints)| {
            Step::CreateLoadBalancer { number, vip, endpoints }
        }),
        3 => (balancers(), 0..3_u8, several()).prop_map(|(number, vip, endpoints)| {
            Step::ModifyLoadBalancer { number, vip, endpoints }
        }),
        2 => balancers().prop_map(Step::DeleteLoadBalancer),
        2 => (51..54_u32).prop_map(Step::CreateNamespace),
        1 => (51..54_u32).prop_map(Step::DeleteNamespace),
        3 => (1..3_u32, 0..6_u8, any::<bool>()).prop_map(|(network, address, remote)| {
            Step::PostEndpoint { network, address, remote }
        }),
        2 => (prop::sample::select(vec!["endpoints", "policylists", "namespaces"]), 11..54_u32)
            .prop_map(|(collection, number)| Step::DeleteByPath { collection, number }),
        1 => "[\\[\\]{}\",:a-zA-Z0-9]{0,20}".prop_map(Step::Garbage),
    ]
}

/// What must be there, by adding up the answers: endpoints with their network, load balancers with their backends.
#[derive(Debug, Default)]
struct Sum {
    networks: BTreeSet<Guid>,
    endpoints: BTreeMap<Guid, Guid>,
    namespaces: BTreeSet<Guid>,
    load_balancers: BTreeMap<Guid, Vec<Guid>>,
}

fn network(number: u32) -> Value {
    json!({ "Name": format!("network{number}"), "Type": "L2Bridge", "Ipams": [{ "Subnets": [
        { "IpAddressPrefix": "10.1.1.0/29" }] }] })
}

/// What the older way in answers, if it did what it was asked for.
fn post(hns: &Emulator, method: &str, path: &str, document: &Value) -> Option<Value> {
    let text = hns.hns_call(method, path, &document.to_string()).unwrap();
    let mut answer: Value = serde_json::from_str(&text).unwrap();
    (answer["Success"] == true).then(|| answer["Output"].take())
}

fn apply(hns: &Emulator, sum: &mut Sum, step: Step) {
    match step {
        Step::CreateNetwork(number) => {
            if hns.create_network(id(number), &network(number).to_string()).is_ok() {
                assert!(sum.networks.insert(id(number)));
            }
        }
        Step::DeleteNetwork(number) => {
            let deleted = hns.delete_network(id(number)).is_ok();
            assert_eq!(deleted, sum.networks.remove(&id(number)));
            sum.endpoints.retain(|_, network| *network != id(number));
        }
        Step::CreateEndpoint { network, number, address, remote } => {
            let mut document = local(&format!("10.1.1.{address}"));
            document["Flags"] = json!(u32::from(remote));
            let Ok(network_handle) = hns.open_network(id(network)) else {
                return assert!(!sum.networks.contains(&id(network)));
            };
            if hns.create_endpoint(network_handle, id(number), &document.to_string()).is_ok() {
                assert!(sum.endpoints.insert(id(number), id(network)).is_none());
            }
        }
        Step::DeleteEndpoint(number) => {
            if hns.delete_endpoint(id(number)).is_ok() {
                assert!(sum.endpoints.remove(&id(number)).is_some());
                assert!(!sum.load_balancers.values().flatten().any(|named| *named == id(number)));
            }
        }
        Step::CreateLoadBalancer { number, vip, endpoints } => {
            let document = balancer(&format!("172.20.0.{vip}"), &endpoints);
            if hns.create_load_balancer(id(number), &document.to_string()).is_ok() {
                let backends = endpoints.into_iter().map(id).collect();
                assert!(sum.load_balancers.insert(id(number), backends).is_none());
            }
        }
        Step::ModifyLoadBalancer { number, vip, endpoints } => {
            let document = balancer(&format!("172.20.0.{vip}"), &endpoints);
            let Ok(handle) = hns.open_load_balancer(id(number)) else {
                return assert!(!sum.load_balancers.contains_key(&id(number)));
            };
            if hns.modify_load_balancer(handle, &document.to_string()).is_ok() {
                sum.load_balancers.insert(id(number), endpoints.into_iter().map(id).collect());
            }
        }
        Step::DeleteLoadBalancer(number) => {
            let deleted = hns.delete_load_balancer(id(number)).is_ok();
            assert_eq!(deleted, sum.load_balancers.remove(&id(number)).is_some());
        }
        Step::CreateNamespace(number) => {
            if hns.create_namespace(id(number), r#"{"Type":"Guest"}"#).is_ok() {
                assert!(sum.namespaces.insert(id(number)));
            }
        }
        Step::DeleteNamespace(number) => {
            let deleted = hns.delete_namespace(id(number)).is_ok();
            assert_eq!(deleted, sum.namespaces.remove(&id(number)));
        }
        Step::PostEndpoint { network, address, remote } => {
            let address = format!("10.1.1.{address}");
            let document = json!({ "VirtualNetwork": id(network), "IPAddress": address,
                "IsRemoteEndpoint": remote });
            if let Some(output) = post(hns, "POST", "/endpoints/", &document) {
                let made = output["ID"].as_str().unwrap().parse().unwrap();
                assert!(sum.endpoints.insert(made, id(network)).is_none());
            }
        }
        Step::DeleteByPath { collection, number } => {
            let path = format!("/{collection}/{}", id(number));
            if post(hns, "DELETE", &path, &Value::Null).is_some() {
                assert!(match collection {
                    "endpoints" => sum.endpoints.remove(&id(number)).is_some(),
                    "namespaces" => sum.namespaces.remove(&id(number)),
                    _ => sum.load_balancers.remove(&id(number)).is_some(),
                });
            }
        }
        Step::Garbage(text) => {
            let _ = hns.create_load_balancer(id(99), &text).unwrap_err();
            let _ = hns.enumerate_endpoints(&text);
            let _ = hns.hns_call(&text, &text, &text);
        }
    }
}

proptest! {
    #[test]
    fn listings_are_the_sum_of_all_answers(steps in proptest::collection::vec(step(), 0..60)) {
        let hns = Emulator::new(State::default());
        let mut sum = Sum::default();
        for step in steps {
            apply(&hns, &mut sum, step);
            prop_assert_eq!(&ids(&hns.enumerate_networks("").unwrap()), &sum.networks);
            prop_assert!(ids(&hns.enumerate_endpoints("").unwrap()).iter().eq(sum.endpoints.keys()));
            prop_assert!(
                ids(&hns.enumerate_load_balancers("").unwrap()).iter().eq(sum.load_balancers.keys())
            );
            prop_assert_eq!(&ids(&hns.enumerate_namespaces("").unwrap()), &sum.namespaces);
            let state = hns.state();
            for (id, backends) in &sum.load_balancers {
                let held = state.load_balancer(*id).unwrap();
                prop_assert_eq!(&held.host_compute_endpoints, backends);
            }
        }
        let state = hns.state();
        hns.steer(|service| assert_eq!(service.index, Index::of(&state)));
        prop_assert_eq!(&State::from_json(&state.to_json()).unwrap(), &state);
    }
}
