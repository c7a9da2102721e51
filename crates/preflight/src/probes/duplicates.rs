//! Objects that are there twice, and objects that others need.

use serde_json::json;
use switchyard_hcn::{Feature, Query};

use crate::answer::{Answer, Outcome, Unanswered, said, taken_or_refused, word_of};
use crate::bench::Bench;
use crate::kind::Kind;
use crate::options::Extra;
use crate::probe::{Needs, Probe};

pub(super) const FULL: &[Probe] = &[
    Probe {
        id: "delete-of-referenced",
        question: "Can an endpoint be deleted that a load balancer names?",
        needs: Needs::Full,
        ask: delete_of_referenced,
    },
    Probe {
        id: "duplicate-frontend-same",
        question: "What becomes of a second load balancer with the same frontend and the same endpoints?",
        needs: Needs::Full,
        ask: |bench| duplicate_frontend(bench, Second::SameEndpoints),
    },
    Probe {
        id: "duplicate-frontend-other",
        question: "What becomes of a second load balancer with the same frontend and other endpoints?",
        needs: Needs::Full,
        ask: |bench| duplicate_frontend(bench, Second::OtherEndpoints),
    },
    Probe {
        id: "duplicate-frontend-policies",
        question: "May load balancers for the traffic policies Local and Cluster share a frontend?",
        needs: Needs::Full,
        ask: |bench| duplicate_frontend(bench, Second::OtherPolicy),
    },
    Probe {
        id: "duplicate-frontend-protocol",
        question: "May load balancers of TCP and UDP share address and port?",
        needs: Needs::Full,
        ask: |bench| duplicate_frontend(bench, Second::OtherProtocol),
    },
    Probe {
        id: "duplicate-endpoint",
        question: "What becomes of a second endpoint that equals another?",
        needs: Needs::Full,
        ask: |bench| duplicate_endpoint(bench, false),
    },
    Probe {
        id: "duplicate-endpoint-address",
        question: "What becomes of a second endpoint at the same address with another hardware address?",
        needs: Needs::Full,
        ask: |bench| duplicate_endpoint(bench, true),
    },
    Probe {
        id: "duplicate-id",
        question: "What becomes of a load balancer whose id is taken?",
        needs: Needs::Full,
        ask: duplicate_id,
    },
    Probe {
        id: "remote-beside-pod",
        question: "May a remote endpoint be at the address of a pod of this node?",
        needs: Needs::Extra(Extra::BesidePod),
        ask: remote_beside_pod,
    },
];

fn delete_of_referenced(bench: &Bench<'_>) -> Outcome {
    let [endpoint] = bench.endpoints::<1>()?;
    let id = bench.load_balancer(&bench.load_balancer_document(&[endpoint]))?;
    if let Err(error) = said(bench.delete(Kind::Endpoint, endpoint))? {
        return Ok(Answer::new(word_of(&error)).with(error.to_string()));
    }
    let is_gone = !bench.list(Kind::Endpoint)?.contains(&endpoint);
    let shown = bench.read_detailed(Kind::LoadBalancer, id)?;
    let word = if is_gone { "yes" } else { "success without effect" };
    Ok(Answer::new(word).with(format!("the load balancer afterwards: {shown}")))
}

/// What the second load balancer has of its own.
#[derive(Clone, Copy, PartialEq)]
enum Second {
    SameEndpoints,
    OtherEndpoints,
    OtherPolicy,
    OtherProtocol,
}

fn duplicate_frontend(bench: &Bench<'_>, second: Second) -> Outcome {
    let [a, b] = bench.endpoints::<2>()?;
    let first = bench.load_balancer_document(&[a]);
    let one = bench.load_balancer(&first)?;
    let mut document = first;
    match second {
        Second::SameEndpoints => {}
        Second::OtherEndpoints => document["HostComputeEndpoints"] = json!([b]),
        // As kube-proxy asks for them: without direct server return for Cluster, with it for Local.
        Second::OtherPolicy => {
            if !bench.has(Feature::DirectServerReturn) {
                return Err(Unanswered::because("this HNS has no direct server return"));
            }
            document["Flags"] = json!(0);
            document["HostComputeEndpoints"] = json!([a, b]);
        }
        Second::OtherProtocol => document["PortMappings"][0]["Protocol"] = json!(17),
    }
    let made = said(bench.load_balancer(&document))?;
    let mut answer = taken_or_refused(&made, "made");
    if let Ok(other) = made {
        let ids = bench.list(Kind::LoadBalancer)?;
        let both = ids.contains(&one) && ids.contains(&other);
        answer = answer.with(if both { "both are listed" } else { "not both are listed" });
    }
    Ok(answer)
}

fn duplicate_endpoint(bench: &Bench<'_>, other_hardware_address: bool) -> Outcome {
    let mut document = bench.endpoint_document();
    bench.endpoint(&document)?;
    if other_hardware_address {
        document["MacAddress"] = json!("02-59-00-00-00-01");
    }
    Ok(taken_or_refused(&said(bench.endpoint(&document))?, "made"))
}

fn duplicate_id(bench: &Bench<'_>) -> Outcome {
    let endpoints = bench.endpoints::<1>()?;
    let id = bench.load_balancer(&bench.load_balancer_document(&endpoints))?;
    let other = bench.load_balancer_document(&endpoints);
    let made = said(bench.make(&crate::bench::Place::LoadBalancer, id, &other))?;
    let answer = taken_or_refused(&made, "made");
    Ok(match made {
        Ok(new) => answer.with(format!("{id} was there, and the second got {new}")),
        Err(_) => answer,
    })
}

fn remote_beside_pod(bench: &Bench<'_>) -> Outcome {
    let Some(address) = bench.options.beside_pod else {
        return Err(Unanswered::because("no address was named"));
    };
    bench.is_counted_only.set(true);
    let (network, _) = bench.network()?;
    let listing = bench.client().endpoints_of(network);
    let listing = listing.map_err(|error| Unanswered::because(error.to_string()))?;
    let is_pod = |endpoint: &switchyard_hcn::Endpoint| {
        !endpoint.is_remote() && endpoint.addresses().any(|own| own == address)
    };
    if !listing.objects.iter().any(is_pod) {
        return Err(Unanswered::because(format!("no endpoint of this node has {address}")));
    }
    let made = said(bench.endpoint(&bench.endpoint_document_at(address)))?;
    let answer = taken_or_refused(&made, "made");
    let Ok(id) = made else { return Ok(answer) };
    let shown = bench.read_as(Kind::Endpoint, id, &Query::all().detailed().to_json())?;
    Ok(answer.with(format!("read back: {shown}")))
}
