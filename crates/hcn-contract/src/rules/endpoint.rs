//! Endpoints: which addresses they may have, how alike they may be, and what may be done with a remote one.

use serde_json::{Value, json};
use switchyard_hcn::Guid;

use super::namespace::attach;
use crate::documents::{
    GATEWAY, GATEWAY_V6, OTHER_NODE, TCP, UDP, acl, fresh, id, knob, l2bridge, load_balancer,
    local, local_at, nat, network, overlay, remote_at, remote_through, subnet, with, without,
};
use crate::finding::{Checked, accepted, equal, fails, that};
use crate::session::{Kind, Session, same_ids};
use crate::trial::Trial;

/// E5: the published schema for version 2, Azure/aks-engine#168 for version 1.
pub(super) fn network_exists(trial: &mut Trial<'_>) {
    trial.attempt("open a network that never was", &fresh(), |hns| {
        hns.network(&l2bridge())?;
        hns.refuses("open", 0x803B_0001, || hns.open(Kind::Network, id(1)))?;
        hns.refuses("and create", 0x803B_0001, || hns.endpoint(id(1), &remote_at("10.42.9.31")))
    });
    trial.attempt("create on a network deleted meanwhile", &fresh(), |hns| {
        let network = hns.network(&l2bridge())?;
        let handle = hns.hcn().open_network(network)?;
        hns.delete(Kind::Network, network)?;
        let document = local_at(&["10.42.7.23"]).to_string();
        let answer = hns.hcn().create_endpoint(handle, Guid::NIL, &document);
        hns.hcn().close_network(handle)?;
        fails("create", 0x803B_0001, answer)?;
        same_ids("endpoints", &hns.all(Kind::Endpoint)?, &[])
    });
    trial.attempt("by version 1", &fresh(), |hns| {
        let network = hns.network(&l2bridge())?;
        let v1 = |network: Guid| json!({"VirtualNetwork": network, "IPAddress": "10.42.7.23"});
        hns.refuses("no such network", 0x8007_0490, || hns.v1("POST", "/endpoints/", &v1(id(1))))?;
        accepted("its network", hns.v1("POST", "/endpoints/", &v1(network)))?;
        equal("endpoints", &hns.all(Kind::Endpoint)?.len(), &1)
    });
}

/// E6: the published schema; that remote ones lie outside is what kube-proxy lives on.
pub(super) fn addresses_are_inside(trial: &mut Trial<'_>) {
    trial.attempt("local addresses outside of every subnet", &fresh(), |hns| {
        let network = hns.network(&l2bridge())?;
        for outside in ["10.42.8.0", "10.42.6.255", "192.0.2.1", "fd00:42:8::1", "fd00:42:6::9"] {
            hns.refuses(outside, 0x803B_001E, || hns.endpoint(network, &local_at(&[outside])))?;
        }
        hns.refuses("one of two", 0x803B_001E, || {
            hns.endpoint(network, &local_at(&["10.42.7.23", "fd00:42:8::1"]))
        })?;
        for none in ["10.42.7", "10.42.7.256", "banana", "fd00:42:7:::1"] {
            hns.refuses(none, 0x803B_001E, || hns.endpoint(network, &local_at(&[none])))?;
        }
        for inside in ["10.42.7.2", "10.42.7.254", "fd00:42:7::2", "fd00:42:7:0:ffff::9"] {
            accepted(inside, hns.endpoint(network, &local_at(&[inside])))?;
        }
        let both = local_at(&["10.42.7.23", "fd00:42:7::23"]);
        accepted("both families", hns.endpoint(network, &both)).map(drop)
    });
    trial.attempt("the second of two subnets", &fresh(), |hns| {
        let subnets = [subnet("10.42.7.0/24", GATEWAY), subnet("10.43.0.0/24", "10.43.0.1")];
        let network = hns.network(&network("two", "L2Bridge", &subnets))?;
        accepted("inside", hns.endpoint(network, &local_at(&["10.43.0.9"])))?;
        hns.refuses("outside", 0x803B_001E, || hns.endpoint(network, &local_at(&["10.43.1.9"])))
    });
    trial.attempt("no subnet at all", &fresh(), |hns| {
        let network = hns.network(&network("bare", "L2Bridge", &[]))?;
        for address in ["10.42.7.23", "fd00:42:7::23"] {
            hns.refuses(address, 0x803B_0005, || hns.endpoint(network, &local_at(&[address])))?;
        }
        hns.refuses("no address", 0x803B_0005, || hns.endpoint(network, &local()))?;
        for address in ["10.42.9.31", "fd00:42:9::31"] {
            accepted("remote", hns.endpoint(network, &remote_at(address)))?;
        }
        Ok(())
    });
    trial.attempt("remote addresses outside", &fresh(), |hns| {
        let network = hns.network(&l2bridge())?;
        for outside in ["10.42.8.0", "172.20.0.19", "10.96.14.5", "fd00:42:8::1", "2001:db8::10"] {
            accepted(outside, hns.endpoint(network, &remote_at(outside)))?;
        }
        let none = with(local_at(&["10.42.7"]), "Flags", 1);
        hns.refuses("no address", 0x803B_001E, || hns.endpoint(network, &none))
    });
}

/// E7: kubernetes-sigs/sig-windows-tools#71.
pub(super) fn addresses_are_free(trial: &mut Trial<'_>) {
    let families = [
        ("10.42.7.23", "10.42.7.24", GATEWAY, "10.42.7.0"),
        ("fd00:42:7::23", "fd00:42:7::24", GATEWAY_V6, "fd00:42:7::"),
    ];
    for (used, free, gateway, network_address) in families {
        trial.attempt(format!("{used} used and reserved"), &fresh(), |hns| {
            let network = hns.network(&l2bridge())?;
            let at = |addresses: &[&str]| hns.endpoint(network, &local_at(addresses));
            let first = at(&[used])?;
            hns.refuses("used", 0x803B_002F, || at(&[used]))?;
            hns.refuses("the gateway", 0x803B_002F, || at(&[gateway]))?;
            hns.refuses("the network address", 0x803B_002F, || at(&[network_address]))?;
            hns.refuses("the second is used", 0x803B_002F, || at(&[free, used]))?;
            accepted("free", at(&[free]))?;
            accepted("remote at the gateway", hns.endpoint(network, &remote_at(gateway)))?;
            accepted("delete", hns.delete(Kind::Endpoint, first))?;
            accepted("free again", at(&[used])).map(drop)
        });
    }
    trial.attempt("used on another network", &fresh(), |hns| {
        let first = hns.network(&l2bridge())?;
        let second = hns.network(&overlay())?;
        hns.endpoint(first, &local_at(&["10.42.7.23"]))?;
        accepted("there", hns.endpoint(second, &local_at(&["10.42.7.23"]))).map(drop)
    });
    trial.attempt("an address that HNS picked", &fresh(), |hns| {
        let network = hns.network(&l2bridge())?;
        let picked = hns.endpoint(network, &local())?;
        let shown = hns.shown(Kind::Endpoint, picked)?;
        let address = shown["IpConfigurations"][0]["IpAddress"].as_str().unwrap_or_default();
        let again = local_at(&[address]);
        hns.refuses("it again", 0x803B_002F, || hns.endpoint(network, &again))
    });
}

/// E8: kubernetes/kubernetes#74766. Equal are network, addresses, MAC, flags and policies.
pub(super) fn duplicates(trial: &mut Trial<'_>) {
    for address in ["10.42.9.31", "fd00:42:9::31"] {
        let mac = "02-11-ff-ff-ff-ff";
        trial.attempt(format!("remote {address} twice on an overlay"), &fresh(), |hns| {
            let network = hns.network(&overlay())?;
            let document = remote_through(address, OTHER_NODE);
            let first = hns.endpoint(network, &document)?;
            let again = |document: &Value| hns.endpoint(network, document);
            hns.refuses("the same", 0x8007_1392, || again(&document))?;
            let named = with(document.clone(), "Name", "another");
            hns.refuses("with another name", 0x8007_1392, || again(&named))?;
            let with_id = with(document.clone(), "ID", json!(id(1)));
            hns.refuses("with an id of its own", 0x8007_1392, || again(&with_id))?;
            accepted("another MAC", again(&with(document.clone(), "MacAddress", mac)))?;
            accepted("another node", again(&remote_through(address, "172.20.0.20")))?;
            let second = hns.network(&with(overlay(), "Name", "second"))?;
            accepted("another network", hns.endpoint(second, &document))?;
            accepted("delete", hns.delete(Kind::Endpoint, first))?;
            accepted("after the first is gone", again(&document)).map(drop)
        });
        trial.attempt(format!("remote {address} twice on a bridge"), &fresh(), |hns| {
            let network = hns.network(&l2bridge())?;
            let document = remote_at(address);
            hns.endpoint(network, &document)?;
            hns.refuses("the same", 0x8007_1392, || hns.endpoint(network, &document))?;
            let policies = remote_through(address, OTHER_NODE);
            accepted("with a policy", hns.endpoint(network, &policies))?;
            let flags = with(document.clone(), "Flags", 3);
            accepted("with another flag", hns.endpoint(network, &flags))?;
            let other = with(remote_at("10.42.9.32"), "MacAddress", document["MacAddress"].clone());
            accepted("at another address", hns.endpoint(network, &other)).map(drop)
        });
    }
    trial.attempt("local twice, the MAC given", &fresh(), |hns| {
        let network = hns.network(&l2bridge())?;
        let document = with(local_at(&["10.42.7.23"]), "MacAddress", "00-15-5D-9A-10-3F");
        hns.endpoint(network, &document)?;
        hns.refuses("the same", 0x8007_1392, || hns.endpoint(network, &document))
    });
}

/// E9: what kube-proxy works around.
pub(super) fn local_and_remote(trial: &mut Trial<'_>) {
    for address in ["10.42.7.23", "fd00:42:7::23"] {
        for local_first in [true, false] {
            let order = if local_first { "local, then remote" } else { "remote, then local" };
            trial.attempt(format!("{address}: {order}"), &fresh(), |hns| {
                let network = hns.network(&l2bridge())?;
                let mut documents = [local_at(&[address]), remote_at(address)];
                if !local_first {
                    documents.reverse();
                }
                let first = accepted("the first", hns.endpoint(network, &documents[0]))?;
                let second = accepted("the second", hns.endpoint(network, &documents[1]))?;
                same_ids("endpoints", &hns.all(Kind::Endpoint)?, &[first, second])
            });
        }
    }
}

/// E10: kube-proxy always sends the policy.
pub(super) fn provider_address(trial: &mut Trial<'_>) {
    for address in ["10.42.9.31", "fd00:42:9::31"] {
        trial.attempt(format!("remote {address} on an overlay"), &fresh(), |hns| {
            let network = hns.network(&overlay())?;
            let bare = remote_at(address);
            hns.refuses("no policy", 0x803B_000D, || hns.endpoint(network, &bare))?;
            let other = json!([{"Type": "OutBoundNAT", "Settings": {"Exceptions": []}}]);
            let other = with(bare, "Policies", other);
            hns.refuses("another policy", 0x803B_000D, || hns.endpoint(network, &other))?;
            let whole = remote_through(address, OTHER_NODE);
            accepted("the policy", hns.endpoint(network, &whole)).map(drop)
        });
    }
    trial.attempt("local on an overlay, remote on other networks", &fresh(), |hns| {
        let on_overlay = hns.network(&overlay())?;
        accepted("local", hns.endpoint(on_overlay, &local_at(&["10.42.7.2"])))?;
        for document in [l2bridge(), nat()] {
            let network = hns.network(&document)?;
            accepted("remote", hns.endpoint(network, &remote_at("10.42.9.31")))?;
        }
        Ok(())
    });
    trial.attempt("by version 1", &fresh(), |hns| {
        let network = hns.network(&overlay())?;
        let bare = json!({
            "VirtualNetwork": network,
            "IPAddress": "10.42.9.31",
            "MacAddress": "02-11-0a-2a-09-1f",
            "IsRemoteEndpoint": true,
        });
        hns.refuses("no policy", 0x803B_000D, || hns.v1("POST", "/endpoints/", &bare))?;
        let whole = with(bare, "Policies", json!([{"Type": "PA", "PA": OTHER_NODE}]));
        accepted("the policy", hns.v1("POST", "/endpoints/", &whole)).map(drop)
    });
}

/// E20: the schema has the code; kubernetes/kubernetes#112836 shows that stale references exist.
pub(super) fn deleting_referenced(trial: &mut Trial<'_>) {
    for document in [local_at(&["10.42.7.23"]), remote_at("10.42.9.31")] {
        let kind = if document["Flags"] == 1 { "remote" } else { "local" };
        trial.attempt(format!("{kind}, refused"), &knob("deleteOfReferenced", "refused"), |hns| {
            let network = hns.network(&l2bridge())?;
            let endpoint = hns.endpoint(network, &document)?;
            let free = hns.endpoint(network, &remote_at("10.42.9.99"))?;
            let balancer = load_balancer(&[endpoint], "10.96.14.5", TCP, 80);
            let balancer = hns.load_balancer(&balancer)?;
            hns.refuses("by version 2", 0x803B_002C, || hns.delete(Kind::Endpoint, endpoint))?;
            let path = format!("/endpoints/{endpoint}");
            hns.refuses("by version 1", 0x803B_002C, || hns.v1("DELETE", &path, &Value::Null))?;
            accepted("one without references", hns.delete(Kind::Endpoint, free))?;
            hns.delete(Kind::LoadBalancer, balancer)?;
            accepted("without the load balancer", hns.delete(Kind::Endpoint, endpoint))
        });
        trial.attempt(format!("{kind}, allowed"), &knob("deleteOfReferenced", "allowed"), |hns| {
            let network = hns.network(&l2bridge())?;
            let endpoint = hns.endpoint(network, &document)?;
            let balancer = load_balancer(&[endpoint], "10.96.14.5", TCP, 80);
            let balancer = hns.load_balancer(&balancer)?;
            accepted("delete", hns.delete(Kind::Endpoint, endpoint))?;
            fails("open it", 0x803B_0002, hns.open(Kind::Endpoint, endpoint))?;
            references(hns, balancer, &[endpoint])?;
            accepted("delete the load balancer", hns.delete(Kind::LoadBalancer, balancer))
        });
    }
    trial.attempt("refused is the default", &fresh(), |hns| {
        let network = hns.network(&l2bridge())?;
        let endpoint = hns.endpoint(network, &remote_at("10.42.9.31"))?;
        hns.load_balancer(&load_balancer(&[endpoint], "10.96.14.5", TCP, 80))?;
        hns.refuses("delete", 0x803B_002C, || hns.delete(Kind::Endpoint, endpoint))
    });
}

/// That a load balancer names these endpoints.
pub(super) fn references(hns: &Session<'_>, balancer: Guid, expected: &[Guid]) -> Checked {
    let shown = hns.shown(Kind::LoadBalancer, balancer)?;
    let named = shown["HostComputeEndpoints"].as_array().cloned().unwrap_or_default();
    let named: Vec<Guid> = named.iter().filter_map(|id| id.as_str()?.parse().ok()).collect();
    same_ids("endpoints of the load balancer", &named, expected)
}

/// E22: the published schema.
pub(super) fn remote_operations(trial: &mut Trial<'_>) {
    for (remote, local) in [("10.42.9.31", "10.42.7.23"), ("fd00:42:9::31", "fd00:42:7::23")] {
        trial.attempt(format!("modify and attach {remote}"), &fresh(), |hns| {
            let network = hns.network(&l2bridge())?;
            let remote = hns.endpoint(network, &remote_at(remote))?;
            let local = hns.endpoint(network, &local_at(&[local]))?;
            for request in ["Add", "Update"] {
                let settings = with(acl(), "RequestType", request);
                hns.refuses(request, 0x803B_000F, || {
                    hns.change(Kind::Endpoint, remote, &settings)
                })?;
                accepted("a local one", hns.change(Kind::Endpoint, local, &settings))?;
            }
            hns.refuses("attach", 0x803B_000F, || attach(hns, remote))?;
            accepted("attach a local one", attach(hns, local))?;
            accepted("delete the remote one", hns.delete(Kind::Endpoint, remote))
        });
    }
    trial.attempt("modify one on an overlay", &fresh(), |hns| {
        let network = hns.network(&overlay())?;
        let remote = hns.endpoint(network, &remote_through("10.42.9.31", OTHER_NODE))?;
        hns.refuses("modify", 0x803B_000F, || hns.change(Kind::Endpoint, remote, &acl()))
    });
}

/// E24b: hcsshim's test of load balancers makes two of one name.
pub(super) fn names_are_shared(trial: &mut Trial<'_>) {
    trial.attempt("local, local and remote of one name", &fresh(), |hns| {
        let network = hns.network(&l2bridge())?;
        let named = |document: Value| with(document, "Name", "pod_Ethernet");
        let mut made = Vec::new();
        for document in
            [local_at(&["10.42.7.23"]), local_at(&["10.42.7.24"]), remote_at("10.42.9.31")]
        {
            made.push(accepted("create", hns.endpoint(network, &named(document)))?);
        }
        let other = with(remote_at("10.42.9.32"), "Name", "other");
        hns.endpoint(network, &other)?;
        let found = hns.list(Kind::Endpoint, &json!({"Name": "pod_Ethernet"}))?;
        same_ids("endpoints of the name", &found, &made)
    });
}

/// E25: hcsshim's test of errors.
pub(super) fn port_mappings(trial: &mut Trial<'_>) {
    let mapped = |protocol: u32, external: u16| {
        let settings = json!({"Protocol": protocol, "InternalPort": 80, "ExternalPort": external});
        let policies = json!([{"Type": "PortMapping", "Settings": settings}]);
        with(local(), "Policies", policies)
    };
    for document in [nat(), l2bridge()] {
        let what = format!("port 8080 mapped twice on {}", document["Type"]);
        trial.attempt(what, &fresh(), |hns| {
            let network = hns.network(&document)?;
            let first = accepted("the first", hns.endpoint(network, &mapped(TCP, 8080)))?;
            hns.refuses("the same", 0x803B_0013, || hns.endpoint(network, &mapped(TCP, 8080)))?;
            let mut both = mapped(TCP, 8082);
            both["Policies"] = json!([both["Policies"][0], mapped(TCP, 8080)["Policies"][0]]);
            hns.refuses("the second of two", 0x803B_0013, || hns.endpoint(network, &both))?;
            accepted("another port", hns.endpoint(network, &mapped(TCP, 8081)))?;
            accepted("another protocol", hns.endpoint(network, &mapped(UDP, 8080)))?;
            let none = without(mapped(TCP, 8080), "Policies");
            accepted("no mapping", hns.endpoint(network, &none))?;
            accepted("delete", hns.delete(Kind::Endpoint, first))?;
            let again = accepted("free again", hns.endpoint(network, &mapped(TCP, 8080)))?;
            that(again != first, || format!("it has the id {first} of the deleted one"))
        });
    }
}
