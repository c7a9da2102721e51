//! Random configuration documents.

use serde_json::{Value, json};

use super::dice::Dice;

pub(super) fn random(dice: &mut Dice, has_v6: bool) -> Vec<Value> {
    let mut documents = vec![];
    if dice.percent(55) {
        documents.push(kube_proxy(dice, has_v6));
    }
    if dice.percent(55) {
        documents.push(switchyard(dice));
    }
    documents
}

fn kube_proxy(dice: &mut Dice, has_v6: bool) -> Value {
    let mut document = json!({"apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration"});
    let addresses = match dice.below(14) {
        0 => Some(json!([])),
        1 => Some(json!(["primary"])),
        2 => Some(json!(["198.51.100.0/24"])),
        3 | 4 => Some(json!(["192.0.2.0/24", "198.51.100.0/24"])),
        5 => Some(json!(["0.0.0.0/0", "::/0"])),
        6 => Some(json!(["127.0.0.0/8", "192.0.2.0/24"])),
        7 => Some(json!(["127.0.0.1/32", "::1/128"])),
        8 => Some(json!(["2001:db8::/32"])),
        _ => None,
    };
    if let Some(addresses) = addresses {
        document["nodePortAddresses"] = addresses;
    }
    match dice.below(10) {
        0 | 1 => document["clusterCIDR"] = json!("10.1.0.0/16"),
        2 if has_v6 => document["clusterCIDR"] = json!("10.1.0.0/16,fd00:1::/32"),
        3 => document["clusterCIDR"] = json!("10.1.0.0/23"),
        4 => document["clusterCIDR"] = json!(""),
        _ => {}
    }
    match dice.below(12) {
        0 | 1 => document["detectLocalMode"] = json!("ClusterCIDR"),
        2 | 3 => document["detectLocalMode"] = json!("NodeCIDR"),
        4 => document["detectLocalMode"] = json!("BridgeInterface"),
        5 => document["detectLocalMode"] = json!("InterfaceNamePrefix"),
        6 => document["detectLocalMode"] = json!(""),
        _ => {}
    }
    match dice.below(12) {
        0 => document["iptables"] = json!({"masqueradeAll": true}),
        1 => document["nftables"] = json!({"masqueradeAll": true}),
        2 => document["iptables"] = json!({"masqueradeAll": false}),
        _ => {}
    }
    document
}

fn switchyard(dice: &mut Dice) -> Value {
    let mut document = json!({"apiVersion": "switchyard.dev/v1alpha1",
        "kind": "SwitchyardConfiguration"});
    match dice.below(6) {
        0 => document["serviceCIDRs"] = json!([]),
        1 | 2 => document["serviceCIDRs"] = json!(["172.20.0.0/16"]),
        3 => document["serviceCIDRs"] = json!(["172.20.0.0/16", "fd00:20::/108"]),
        4 => document["serviceCIDRs"] = json!(["fd00:20::/108"]),
        _ => {}
    }
    match dice.below(10) {
        0 => document["externalIPs"] = json!(false),
        1 => document["externalIPs"] = json!(true),
        2 => document["externalIPs"] = json!(["203.0.113.0/24"]),
        3 => document["externalIPs"] = json!(["203.0.113.100/30", "2001:db8::/32"]),
        4 => document["externalIPs"] = json!([]),
        _ => {}
    }
    document
}
