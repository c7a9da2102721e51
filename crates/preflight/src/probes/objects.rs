//! What HNS is and holds.

use std::collections::BTreeMap;

use serde_json::Value;
use switchyard_hcn::{Capabilities, Endpoint, Feature, LoadBalancer, NetworkType, Query, v1};

use crate::answer::{Answer, Outcome, Unanswered};
use crate::bench::{Bench, is_unknown_function};
use crate::kind::Kind;
use crate::probe::{Needs, Probe};
use crate::scratch;

/// What `Owner` says in what Switchyard made.
const PROXY: &str = "switchyard";

pub(super) const READING: &[Probe] = &[
    Probe {
        id: "version",
        question: "Which version of HNS is this?",
        needs: Needs::Nothing,
        ask: version,
    },
    Probe {
        id: "features",
        question: "Which features does that version have?",
        needs: Needs::Nothing,
        ask: features,
    },
    Probe {
        id: "functions",
        question: "Are all functions there that a proxy calls to read?",
        needs: Needs::Nothing,
        ask: functions,
    },
    Probe {
        id: "networks",
        question: "Which networks are there that a proxy can work on?",
        needs: Needs::Nothing,
        ask: networks,
    },
    Probe {
        id: "management-address",
        question: "Which address does HNS say that the network has on the node?",
        needs: Needs::Nothing,
        ask: management_address,
    },
    Probe {
        id: "owners",
        question: "Whose load balancers and remote endpoints are there?",
        needs: Needs::Nothing,
        ask: owners,
    },
];

fn version(bench: &Bench<'_>) -> Outcome {
    match bench.version {
        Some(version) => Ok(Answer::new(version.to_string())),
        None => Err(version_again(bench)),
    }
}

/// Why there is no version: the call is made again, so that the report has it.
fn version_again(bench: &Bench<'_>) -> Unanswered {
    match bench.client().version() {
        Ok(version) => Unanswered::because(format!("first there was none, then {version}")),
        Err(error) => Unanswered::because(with_source(&error)),
    }
}

fn with_source(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn features(bench: &Bench<'_>) -> Outcome {
    let version = bench.version.ok_or_else(|| Unanswered::because("the version is not known"))?;
    let has = Capabilities::of(version);
    let lacks: Vec<_> = Feature::ALL.iter().filter(|feature| !has.has(**feature)).collect();
    let count = Feature::ALL.len() - lacks.len();
    let answer = Answer::new(format!("{count} of {}", Feature::ALL.len()));
    Ok(answer.with_all(lacks.into_iter().map(|feature| format!("not there: {feature:?}"))))
}

fn functions(bench: &Bench<'_>) -> Outcome {
    let mut missing = Vec::new();
    let query = Query::all().to_json();
    for kind in Kind::ALL {
        let listed = bench.list_text(kind, &query).map(drop);
        let opened = bench.open(kind, scratch::missing_id(kind));
        for (what, result) in [("enumerate", listed), ("open", opened)] {
            if let Err(error) = crate::answer::said(result)?
                && is_unknown_function(&error)
            {
                missing.push(format!("{what} of {kind}s: {error}"));
            }
        }
    }
    if let Err(error) = crate::answer::said(bench.listen().map(drop))?
        && is_unknown_function(&error)
    {
        missing.push(format!("registration for notifications: {error}"));
    }
    let word = if missing.is_empty() { "all" } else { "some are missing" };
    Ok(Answer::new(word).with_all(missing))
}

fn networks(bench: &Bench<'_>) -> Outcome {
    bench.is_counted_only.set(true);
    let listing =
        bench.client().networks().map_err(|error| Unanswered::because(with_source(&error)))?;
    let usable = listing.objects.iter().filter(|network| {
        matches!(network.network_type, NetworkType::L2Bridge | NetworkType::Overlay)
    });
    let seen = listing.objects.iter().map(|network| {
        let id = network.id.map(|id| id.to_string()).unwrap_or_default();
        let prefixes: Vec<_> =
            network.subnets().map(|subnet| subnet.ip_address_prefix.clone()).collect();
        let (name, network_type) = (&network.name, &network.network_type);
        format!("{name} ({network_type}, {id}): {}", prefixes.join(" "))
    });
    let unreadable = listing.unreadable.iter().map(|one| format!("cannot be read: {}", one.id));
    let answer = Answer::new(format!("{} of {}", usable.count(), listing.objects.len()));
    Ok(answer.with_all(seen).with_all(unreadable))
}

fn management_address(bench: &Bench<'_>) -> Outcome {
    let (id, _) = bench.network()?;
    let address =
        |document: &Value| document.get("ManagementIP").and_then(Value::as_str).map(str::to_owned);
    let newer = address(&bench.read(Kind::Network, id)?);
    let older = bench.client().hns_call(&v1::Request::Get(v1::Collection::Networks, id));
    let older = address(&older.map_err(|error| Unanswered::because(with_source(&error)))?);
    let found = newer.clone().or_else(|| older.clone());
    let word =
        found.ok_or_else(|| Unanswered::because("neither version of the document has it"))?;
    let told = |version: &str, address: &Option<String>| {
        let address = address.as_deref().unwrap_or("nothing");
        format!("version {version} of the document says {address}")
    };
    Ok(Answer::new(word).with(told("2", &newer)).with(told("1", &older)))
}

fn owners(bench: &Bench<'_>) -> Outcome {
    bench.is_counted_only.set(true);
    let trouble = |error: switchyard_hcn::ClientError| Unanswered::because(with_source(&error));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let balancers = bench.client().load_balancers().map_err(trouble)?;
    for balancer in &balancers.objects {
        *counts.entry(format!("load balancers {}", of_load_balancer(balancer))).or_default() += 1;
    }
    let networks = bench.client().networks().map_err(trouble)?;
    for network in networks.objects.iter().filter_map(|network| network.id) {
        let listing = bench.client().endpoints_of(network).map_err(trouble)?;
        for endpoint in &listing.objects {
            *counts.entry(format!("endpoints {}", of_endpoint(endpoint))).or_default() += 1;
        }
    }
    let seen = counts.iter().map(|(what, count)| format!("{what}: {count}"));
    let has = |whose: &str| {
        counts.keys().any(|what| what.starts_with("load balancers") && what.ends_with(whose))
    };
    let word = match (has("of Switchyard"), has("as kube-proxy makes them")) {
        (true, true) => "Switchyard and kube-proxy",
        (true, false) => "Switchyard",
        (false, true) => "kube-proxy",
        (false, false) => "neither Switchyard nor kube-proxy",
    };
    Ok(Answer::new(word).with_all(seen))
}

fn of_load_balancer(balancer: &LoadBalancer) -> &'static str {
    let is_bare = balancer.owner.is_empty() && balancer.name.is_empty();
    match &*balancer.owner {
        PROXY => "of Switchyard",
        _ if is_bare && balancer.port_mappings.len() == 1 && balancer.frontend_vips.len() < 2 => {
            "as kube-proxy makes them"
        }
        _ => "of others",
    }
}

/// kube-proxy gives what it makes no owner and a hardware address that begins with 02-11.
fn of_endpoint(endpoint: &Endpoint) -> &'static str {
    let is_remote = endpoint.is_remote();
    match &*endpoint.owner {
        PROXY => "of Switchyard",
        "" if is_remote && endpoint.mac_address.starts_with("02-11-") => "as kube-proxy makes them",
        _ if is_remote => "elsewhere, of others",
        _ => "of this node",
    }
}
