//! What becomes of networks. Each of these makes one of its own.

use std::time::Duration;

use serde_json::json;
use switchyard_hcn::{LoadBalancer, Policy};

use crate::answer::{Answer, Outcome, said, taken_or_refused, word_of};
use crate::bench::{Bench, Place};
use crate::kind::Kind;
use crate::options::Extra;
use crate::probe::{Needs, Probe};

/// How often it is looked whether HNS told something, and how long between.
const LOOKS: usize = 40;
const BETWEEN: Duration = Duration::from_millis(50);

pub(super) const EXTRA: &[Probe] = &[
    Probe {
        id: "network-id",
        question: "Does a network get the id that its creator asks for?",
        needs: Needs::Extra(Extra::ScratchNetwork),
        ask: network_id,
    },
    Probe {
        id: "network-notifications",
        question: "What does HNS tell when a network is made and deleted?",
        needs: Needs::Extra(Extra::ScratchNetwork),
        ask: notifications,
    },
    Probe {
        id: "network-delete",
        question: "What becomes of load balancers when their network is deleted?",
        needs: Needs::Extra(Extra::ScratchNetwork),
        ask: network_delete,
    },
    Probe {
        id: "malformed-subnet",
        question: "How does HNS say that a subnet cannot be read?",
        needs: Needs::Extra(Extra::ScratchNetwork),
        ask: malformed_subnet,
    },
    Probe {
        id: "missing-adapter",
        question: "Does a network on an adapter fail that does not exist?",
        needs: Needs::Extra(Extra::MissingAdapter),
        ask: missing_adapter,
    },
];

/// Makes a network.
fn make(bench: &Bench<'_>) -> Result<switchyard_hcn::Guid, crate::answer::Failure> {
    let document = bench.network_document(&bench.options.scratch_network_type);
    bench.make(&Place::Network, bench.id(Kind::Network), &document)
}

fn network_id(bench: &Bench<'_>) -> Outcome {
    let asked = bench.id(Kind::Network);
    let document = bench.network_document(&bench.options.scratch_network_type);
    Ok(match said(bench.make(&Place::Network, asked, &document))? {
        Ok(id) if id == asked => Answer::new("yes"),
        Ok(id) => Answer::new("no").with(format!("asked for {asked}, got {id}")),
        Err(error) => Answer::new(word_of(&error)).with(error.to_string()),
    })
}

fn notifications(bench: &Bench<'_>) -> Outcome {
    let listener = bench.listen()?;
    let id = make(bench)?;
    bench.delete(Kind::Network, id)?;
    let mut heard = Vec::new();
    for _ in 0..LOOKS {
        heard.extend(listener.heard());
        bench.surroundings.pause(BETWEEN);
    }
    let about = |notification: &&switchyard_hcn::Notification| {
        notification.read().and_then(|data| data.id) == Some(id)
    };
    let words: Vec<String> =
        heard.iter().filter(about).map(|told| told.notification_type.to_string()).collect();
    let word = if words.is_empty() { "nothing".to_owned() } else { words.join(", ") };
    Ok(Answer::new(word).with_all(heard.iter().map(|told| format!("{told}: {}", told.data))))
}

fn network_delete(bench: &Bench<'_>) -> Outcome {
    let network = make(bench)?;
    let place = Place::EndpointOf(network);
    let endpoint = bench.make(&place, bench.id(Kind::Endpoint), &bench.endpoint_document())?;
    let balancer = bench.load_balancer(&bench.load_balancer_document(&[endpoint]))?;
    if let Err(error) = said(bench.delete(Kind::Network, network))? {
        return Ok(Answer::new(word_of(&error)).with(error.to_string()));
    }
    let is_endpoint_there = bench.list(Kind::Endpoint)?.contains(&endpoint);
    let stays = if is_endpoint_there { "its endpoint stays" } else { "its endpoint goes with it" };
    if !bench.list(Kind::LoadBalancer)?.contains(&balancer) {
        return Ok(Answer::new("they go with it").with(stays));
    }
    let shown = bench.read_detailed(Kind::LoadBalancer, balancer)?;
    let is_degraded = shown.get("State") == Some(&json!(LoadBalancer::DEGRADED));
    let word = if is_degraded { "they stay, degraded" } else { "they stay" };
    Ok(Answer::new(word).with(stays).with(format!("the load balancer afterwards: {shown}")))
}

fn malformed_subnet(bench: &Bench<'_>) -> Outcome {
    let mut document = bench.network_document(&bench.options.scratch_network_type);
    document["Ipams"][0]["Subnets"][0]["IpAddressPrefix"] = json!("10.300.0.0/24");
    let made = said(bench.make(&Place::Network, bench.id(Kind::Network), &document))?;
    Ok(taken_or_refused(&made, "made"))
}

fn missing_adapter(bench: &Bench<'_>) -> Outcome {
    let mut document = bench.network_document("L2Bridge");
    document["Policies"] = json!([Policy::net_adapter_name("switchyard-preflight-nowhere")]);
    let made = said(bench.make(&Place::Network, bench.id(Kind::Network), &document))?;
    Ok(taken_or_refused(&made, "made"))
}
