//! Load balancers: what may be made.

use serde_json::{Value, json};
use switchyard_hcn::Guid;

use super::endpoint::references;
use super::namespace::{add, attach, detach, remove};
use crate::documents::{
    TCP, UDP, fresh, id, knob, l2bridge, load_balancer, local_at, node_port, port, remote_at,
    version, with, without,
};
use crate::finding::{Checked, Finding, accepted, equal};
use crate::session::{Kind, Session, same_ids};
use crate::trial::Trial;

const VIP: &str = "10.96.14.5";
const VIP_V6: &str = "fd00:96::5";

/// A bridge with this many remote endpoints.
fn backends(hns: &Session<'_>, count: usize) -> Result<Vec<Guid>, Finding> {
    backends_of(hns, VIP, count)
}

/// The same, of the family of an address.
fn backends_of(hns: &Session<'_>, vip: &str, count: usize) -> Result<Vec<Guid>, Finding> {
    let existing = hns.list(Kind::Network, &json!({"Name": "cbr0"}))?;
    let network = existing.first().copied().map_or_else(|| hns.network(&l2bridge()), Ok)?;
    let is_v6 = vip.contains(':');
    let address = |number: usize| {
        let (high, low) = (number / 250, number % 250 + 1);
        if is_v6 { format!("fd00:60::{high}:{low}") } else { format!("10.60.{high}.{low}") }
    };
    let made: Result<_, _> =
        (0..count).map(|number| hns.endpoint(network, &remote_at(&address(number)))).collect();
    Ok(made?)
}

/// E11: kubernetes/kubernetes#100384 and #106936; aws/containers-roadmap#240 for version 1.
pub(super) fn references_resolve(trial: &mut Trial<'_>) {
    let says = "A Reference is required";
    for vip in [VIP, VIP_V6] {
        trial.attempt(format!("{vip} without endpoints, and with none that is"), &fresh(), |hns| {
            let made = backends_of(hns, vip, 1)?;
            let document = load_balancer(&made, vip, TCP, 80);
            let to = |endpoints: Value| {
                hns.load_balancer(&with(document.clone(), "HostComputeEndpoints", endpoints))
            };
            hns.refuses_saying("none", 0x803B_001C, says, || to(json!([])))?;
            let absent = without(document.clone(), "HostComputeEndpoints");
            hns.refuses_saying("no member", 0x803B_001C, says, || hns.load_balancer(&absent))?;
            hns.refuses("one that is not", 0x803B_001C, || to(json!([id(1)])))?;
            hns.refuses("the second is not", 0x803B_001C, || to(json!([made[0], id(1)])))?;
            hns.refuses("that of the network", 0x803B_001C, || {
                let network = hns.all(Kind::Network)?;
                to(json!(network))
            })?;
            let balancer = accepted("one that is", to(json!(made)))?;
            references(hns, balancer, &made)
        });
    }
    trial.attempt("an endpoint deleted before", &fresh(), |hns| {
        let made = backends(hns, 2)?;
        hns.delete(Kind::Endpoint, made[1])?;
        let document = load_balancer(&made, VIP, TCP, 80);
        hns.refuses("create", 0x803B_001C, || hns.load_balancer(&document))
    });
    trial.attempt("ids in upper case", &fresh(), |hns| {
        let made = backends(hns, 1)?;
        let upper = json!([made[0].to_string().to_uppercase()]);
        let document = with(load_balancer(&[], VIP, TCP, 80), "HostComputeEndpoints", upper);
        let balancer = accepted("create", hns.load_balancer(&document))?;
        references(hns, balancer, &made)
    });
    trial.attempt("by version 1", &fresh(), |hns| {
        let made = backends(hns, 1)?;
        let list = json!({"Policies": [{
            "Type": "ELB", "Protocol": TCP, "InternalPort": 8080, "ExternalPort": 80,
            "VIPs": [VIP],
        }]});
        let to = |references: Value| {
            hns.v1("POST", "/policylists/", &with(list.clone(), "References", references))
        };
        hns.refuses("no member", 0x803B_000D, || hns.v1("POST", "/policylists/", &list))?;
        hns.refuses("none", 0x803B_000D, || to(json!([])))?;
        let stranger = format!("/endpoints/{}", id(1));
        hns.refuses("one that is not", 0x803B_000D, || to(json!([stranger])))?;
        accepted("one that is", to(json!([format!("/endpoints/{}", made[0])])))?;
        let all = hns.all(Kind::LoadBalancer)?;
        equal("load balancers", &all.len(), &1)?;
        references(hns, all[0], &made)
    });
}

/// E12: kubernetes/kubernetes#139519 and #137530.
pub(super) fn frontends_are_unique(trial: &mut Trial<'_>) {
    for (setting, code) in [("alreadyExists", 0x8007_00B7), ("portAlreadyExists", 0x803B_0013)] {
        let what = format!("frontends twice, {setting}");
        trial.attempt(what, &knob("duplicateFrontend", setting), |hns| twice(hns, code));
    }
    trial.attempt("frontends twice, allowed", &knob("duplicateFrontend", "allowed"), |hns| {
        let made = backends(hns, 1)?;
        let document = load_balancer(&made, VIP, TCP, 80);
        let first = hns.load_balancer(&document)?;
        let second = accepted("again", hns.load_balancer(&document))?;
        same_ids("load balancers", &hns.all(Kind::LoadBalancer)?, &[first, second])
    });
    trial.attempt("by default, and after a restart", &fresh(), |hns| {
        let made = backends(hns, 1)?;
        let document = load_balancer(&made, VIP, TCP, 80);
        let first = hns.load_balancer(&document)?;
        hns.refuses("again", 0x8007_00B7, || hns.load_balancer(&document))?;
        hns.steer("/emulator/restart", &Value::Null)?;
        hns.refuses("after a restart", 0x8007_00B7, || hns.load_balancer(&document))?;
        hns.delete(Kind::LoadBalancer, first)?;
        accepted("free again", hns.load_balancer(&document)).map(drop)
    });
}

fn twice(hns: &Session<'_>, code: u32) -> Checked {
    for (vip, other_vip) in [(VIP, "10.96.14.99"), (VIP_V6, "fd00:96::99")] {
        let made = backends_of(hns, vip, 2)?;
        let document = load_balancer(&made[..1], vip, TCP, 80);
        let first = hns.load_balancer(&document)?;
        hns.refuses(vip, code, || hns.load_balancer(&document))?;
        let others = load_balancer(&made[1..], vip, TCP, 80);
        hns.refuses("other endpoints", code, || hns.load_balancer(&others))?;
        let dsr = with(document.clone(), "Flags", if vip == VIP { 1 } else { 3 });
        hns.refuses("with DSR", code, || hns.load_balancer(&dsr))?;
        let vips = with(document.clone(), "FrontendVIPs", json!([other_vip, vip]));
        hns.refuses("the second address", code, || hns.load_balancer(&vips))?;
        let ports = json!([port(TCP, 81), port(TCP, 80)]);
        let ports = with(document.clone(), "PortMappings", ports);
        hns.refuses("the second port", code, || hns.load_balancer(&ports))?;
        accepted("another port", hns.load_balancer(&load_balancer(&made, vip, TCP, 82)))?;
        accepted("another protocol", hns.load_balancer(&load_balancer(&made, vip, UDP, 80)))?;
        accepted("the same port of the node", {
            let family = if vip == VIP { 0 } else { 2 };
            hns.load_balancer(&with(node_port(&made, &[port(TCP, 80)]), "Flags", family))
        })?;
        let changed = with(others, "ID", json!(first));
        accepted("other endpoints by modify", hns.change(Kind::LoadBalancer, first, &changed))?;
    }
    let made = vec![hns.endpoint(hns.all(Kind::Network)?[0], &remote_at("10.42.9.31"))?];
    let made_v6 = vec![hns.endpoint(hns.all(Kind::Network)?[0], &remote_at("fd00:42:9::31"))?];
    accepted("another address", hns.load_balancer(&load_balancer(&made, "10.96.14.6", TCP, 80)))?;
    let node_port = node_port(&made, &[port(TCP, 31080)]);
    let first = accepted("a port of the node", hns.load_balancer(&node_port))?;
    hns.refuses("the port of the node again", code, || hns.load_balancer(&node_port))?;
    let v6 = with(with(node_port.clone(), "Flags", 2), "HostComputeEndpoints", json!(made_v6));
    accepted("the port in the other family", hns.load_balancer(&v6))?;
    hns.refuses("and again", code, || hns.load_balancer(&v6))?;
    hns.delete(Kind::LoadBalancer, first)?;
    accepted("free again", hns.load_balancer(&node_port)).map(drop)
}

/// E13: the published schema.
pub(super) fn internal_port(trial: &mut Trial<'_>) {
    for vip in [VIP, VIP_V6] {
        for protocol in [TCP, UDP] {
            trial.attempt(format!("{vip} protocol {protocol}, port 0"), &fresh(), |hns| {
                let made = backends_of(hns, vip, 1)?;
                let document = load_balancer(&made, vip, protocol, 80);
                let to = |ports: Value| {
                    hns.load_balancer(&with(document.clone(), "PortMappings", ports))
                };
                let zero = with(port(protocol, 81), "InternalPort", 0);
                hns.refuses("0", 0x803B_002D, || to(json!([zero])))?;
                let absent = without(port(protocol, 81), "InternalPort");
                hns.refuses("no member", 0x803B_002D, || to(json!([absent])))?;
                let second = json!([port(protocol, 82), zero]);
                hns.refuses("the second of two", 0x803B_002D, || to(second))?;
                for (external, internal) in [(83, 1), (84, 65535)] {
                    let mapping = with(port(protocol, external), "InternalPort", internal);
                    accepted("a port that is one", to(json!([mapping])))?;
                }
                Ok(())
            });
        }
    }
}

/// E14: kubernetes/community#8883.
pub(super) fn bound_ports(trial: &mut Trial<'_>) {
    let bound = knob("boundPorts", json!([{"protocol": TCP, "port": 10256}]));
    trial.attempt("a TCP port that a process has", &bound, |hns| {
        let made = backends(hns, 1)?;
        for flags in [0, 1] {
            let with_vip = with(load_balancer(&made, VIP, TCP, 10256), "Flags", flags);
            hns.refuses("with an address", 0x803B_0013, || hns.load_balancer(&with_vip))?;
            let of_node = with(node_port(&made, &[port(TCP, 10256)]), "Flags", flags);
            hns.refuses("of the node", 0x803B_0013, || hns.load_balancer(&of_node))?;
        }
        let second = node_port(&made, &[port(TCP, 10257), port(TCP, 10256)]);
        hns.refuses("the second of two", 0x803B_0013, || hns.load_balancer(&second))?;
        for (protocol, external) in [(UDP, 10256), (TCP, 10255), (TCP, 10257)] {
            let of_node = node_port(&made, &[port(protocol, external)]);
            accepted("of the node", hns.load_balancer(&of_node))?;
            let with_vip = load_balancer(&made, VIP, protocol, external);
            accepted("with an address", hns.load_balancer(&with_vip))?;
        }
        let inside = with(port(TCP, 9), "InternalPort", 10256);
        accepted("as internal port", hns.load_balancer(&node_port(&made, &[inside]))).map(drop)
    });
    trial.attempt("no process has it", &fresh(), |hns| {
        let made = backends(hns, 1)?;
        accepted("10256", hns.load_balancer(&node_port(&made, &[port(TCP, 10256)]))).map(drop)
    });
}

/// E15: containernetworking/plugins#613; Microsoft's list of common problems.
pub(super) fn port_pool(trial: &mut Trial<'_>) {
    for (setting, code) in [("portAlreadyExists", 0x803B_0013), ("outOfMemory", 0x8007_000E)] {
        let setup = json!({"knobs": {"portBlocks": 2, "exhaustedPool": setting}});
        trial.attempt(format!("two blocks, {setting}"), &setup, |hns| exhausted(hns, code));
    }
    trial.attempt("one block, two ports in a load balancer", &knob("portBlocks", 1), |hns| {
        let made = backends(hns, 1)?;
        let two = with(
            load_balancer(&made, VIP, TCP, 80),
            "PortMappings",
            json!([port(TCP, 80), port(TCP, 81)]),
        );
        let first = accepted("of one protocol", hns.load_balancer(&two))?;
        let of_both = with(
            load_balancer(&made, "10.96.14.6", TCP, 80),
            "PortMappings",
            json!([port(UDP, 80), port(TCP, 80)]),
        );
        hns.refuses("of both", 0x803B_0013, || hns.load_balancer(&of_both))?;
        hns.delete(Kind::LoadBalancer, first)?;
        accepted("of both, both free", hns.load_balancer(&of_both))?;
        for protocol in [TCP, UDP] {
            let next = load_balancer(&made, "10.96.14.7", protocol, 80);
            hns.refuses("each has one", 0x803B_0013, || hns.load_balancer(&next))?;
        }
        Ok(())
    });
    trial.attempt("no blocks", &knob("portBlocks", 0), |hns| {
        let made = backends(hns, 1)?;
        let document = load_balancer(&made, VIP, TCP, 80);
        hns.refuses("without DSR", 0x803B_0013, || hns.load_balancer(&document))?;
        accepted("with DSR", hns.load_balancer(&with(document, "Flags", 1))).map(drop)
    });
    trial.attempt("256 blocks, as the dynamic range has", &knob("portBlocks", 256), |hns| {
        let made = backends(hns, 1)?;
        for protocol in [TCP, UDP] {
            let at = |external| load_balancer(&made, VIP, protocol, external);
            for external in 1..=256 {
                accepted(&format!("block {external}"), hns.load_balancer(&at(external)))?;
            }
            hns.refuses("block 257", 0x803B_0013, || hns.load_balancer(&at(257)))?;
            accepted("with DSR", hns.load_balancer(&with(at(258), "Flags", 1)))?;
        }
        Ok(())
    });
    trial.attempt("the pool not modelled", &fresh(), |hns| {
        let made = backends(hns, 1)?;
        for external in 1..=257 {
            accepted("one more", hns.load_balancer(&load_balancer(&made, VIP, TCP, external)))?;
        }
        Ok(())
    });
}

/// That two blocks of each protocol are what there is.
fn exhausted(hns: &Session<'_>, code: u32) -> Checked {
    let made = backends(hns, 1)?;
    let at = |protocol: u32, external: u16| load_balancer(&made, VIP, protocol, external);
    let first = accepted("the first block", hns.load_balancer(&at(TCP, 80)))?;
    accepted("the second", hns.load_balancer(&node_port(&made, &[port(TCP, 31080)])))?;
    hns.refuses("a third", code, || hns.load_balancer(&at(TCP, 82)))?;
    let v6 = load_balancer(&backends_of(hns, VIP_V6, 1)?, VIP_V6, TCP, 80);
    hns.refuses("a third, of the other family", code, || hns.load_balancer(&v6))?;
    accepted("with DSR", hns.load_balancer(&with(at(TCP, 83), "Flags", 1)))?;
    for external in [84, 85] {
        accepted("the other protocol", hns.load_balancer(&at(UDP, external)))?;
    }
    hns.refuses("its third", code, || hns.load_balancer(&at(UDP, 86)))?;
    accepted("delete", hns.delete(Kind::LoadBalancer, first))?;
    accepted("a block that is free again", hns.load_balancer(&at(TCP, 87)))?;
    hns.refuses("and taken", code, || hns.load_balancer(&at(TCP, 88)))
}

/// E16: kubernetes/kubernetes#98680 and #135518; microsoft/Windows-Containers#93.
pub(super) fn destinations(trial: &mut Trial<'_>) {
    for (major, minor, most) in [(9, 3, 64), (10, 5, 64), (11, 0, 1024), (15, 5, 1024)] {
        let what = format!("HNS {major}.{minor}: {}, {most} and {}", most - 1, most + 1);
        trial.attempt(what, &version(major, minor), |hns| {
            let output = hns.v1("GET", "/globals/version", &Value::Null)?;
            equal("version", &output, &json!({"Major": major, "Minor": minor}))?;
            at_most(hns, most, VIP)
        });
    }
    for vip in [VIP, VIP_V6] {
        let what = format!("{vip}: a limit of 2");
        trial.attempt(what, &knob("maximumDestinations", 2), |hns| at_most(hns, 2, vip));
    }
    let setup = json!({"version": {"Major": 9, "Minor": 3}, "knobs": {"maximumDestinations": 66}});
    trial.attempt("a limit of 66 on HNS 9.3", &setup, |hns| at_most(hns, 66, VIP));
}

fn at_most(hns: &Session<'_>, most: usize, vip: &str) -> Checked {
    let made = backends_of(hns, vip, most + 1)?;
    let too_many = load_balancer(&made, vip, TCP, 80);
    let says = "Unable to initialize VFP LB rule: invalid number of destinations.";
    hns.refuses_saying("one too many", 0x8007_0057, says, || hns.load_balancer(&too_many))?;
    for (external, count) in [(81, most - 1), (82, most)] {
        let document = load_balancer(&made[..count], vip, TCP, external);
        let balancer = accepted(&count.to_string(), hns.load_balancer(&document))?;
        references(hns, balancer, &made[..count])?;
    }
    Ok(())
}

/// E17: microsoft/hcsshim#1043.
pub(super) fn ports_vanish(trial: &mut Trial<'_>) {
    for address in ["10.42.7.23", "fd00:42:7::23"] {
        trial.attempt(format!("{address} attached and detached"), &fresh(), |hns| {
            let network = hns.network(&l2bridge())?;
            let endpoint = hns.endpoint(network, &local_at(&[address]))?;
            let vip = if address.contains(':') { VIP_V6 } else { VIP };
            let at = |external: u16| load_balancer(&[endpoint], vip, TCP, external);
            accepted("never attached", hns.load_balancer(&at(80)))?;
            attach(hns, endpoint)?;
            accepted("attached", hns.load_balancer(&at(81)))?;
            detach(hns, endpoint)?;
            hns.refuses("detached", 0x803B_0007, || hns.load_balancer(&at(82)))?;
            attach(hns, endpoint)?;
            accepted("attached again", hns.load_balancer(&at(83))).map(drop)
        });
        trial.attempt(format!("{address} into a namespace and out"), &fresh(), |hns| {
            let network = hns.network(&l2bridge())?;
            let endpoint = hns.endpoint(network, &local_at(&[address]))?;
            let is_v6 = address.contains(':');
            let (vip, remote) = if is_v6 { (VIP_V6, "fd00:42:9::31") } else { (VIP, "10.42.9.31") };
            let remote = hns.endpoint(network, &remote_at(remote))?;
            let namespace = hns.namespace()?;
            add(hns, namespace, endpoint)?;
            let document = load_balancer(&[endpoint], vip, TCP, 80);
            accepted("inside", hns.load_balancer(&document))?;
            remove(hns, namespace, endpoint)?;
            let both = load_balancer(&[remote, endpoint], vip, TCP, 81);
            hns.refuses("beside a remote one", 0x803B_0007, || hns.load_balancer(&both))?;
            let of_node = node_port(&[endpoint], &[port(TCP, 31080)]);
            let of_node = with(of_node, "Flags", if is_v6 { 2 } else { 0 });
            hns.refuses("a port of the node", 0x803B_0007, || hns.load_balancer(&of_node))?;
            let alone = load_balancer(&[remote], vip, TCP, 82);
            accepted("the remote one alone", hns.load_balancer(&alone)).map(drop)
        });
    }
}

/// E18: kubernetes/kubernetes#68897.
pub(super) fn identical_macs(trial: &mut Trial<'_>) {
    let families = [
        ["10.42.9.31", "10.42.9.32", "10.42.7.23", "10.42.7.24"],
        ["fd00:42:9::31", "fd00:42:9::32", "fd00:42:7::23", "fd00:42:7::24"],
    ];
    for [remote, other_remote, local, other_local] in families {
        trial.attempt(format!("{remote} and others with one MAC"), &fresh(), |hns| {
            let network = hns.network(&l2bridge())?;
            let of_mac = |document: Value| with(document, "MacAddress", "02-11-0a-2a-09-1f");
            let mut made = Vec::new();
            for document in [
                remote_at(remote),
                remote_at(other_remote),
                local_at(&[local]),
                local_at(&[other_local]),
            ] {
                made.push(accepted("endpoint", hns.endpoint(network, &of_mac(document)))?);
            }
            let (vip, family) = if remote.contains(':') { (VIP_V6, 2) } else { (VIP, 0) };
            for (external, flags) in [(80, family), (81, family + 1)] {
                let document = with(load_balancer(&made, vip, TCP, external), "Flags", flags);
                let balancer = accepted("load balancer", hns.load_balancer(&document))?;
                references(hns, balancer, &made)?;
            }
            Ok(())
        });
    }
}
