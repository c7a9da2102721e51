//! How much HNS takes.

use serde_json::json;
use switchyard_hcn::{Guid, LoadBalancerFlags};

use crate::answer::{Answer, Outcome, Unanswered, said, word_of};
use crate::bench::Bench;
use crate::kind::Kind;
use crate::options::Extra;
use crate::probe::{Needs, Probe};
use crate::scratch::Scratch;

/// More endpoints than older builds take: 64 (kubernetes/kubernetes#98680).
const ONE_TOO_MANY: u32 = 65;

/// More endpoints than newer builds take: 1,024 (microsoft/Windows-Containers#93).
const FAR_TOO_MANY: u32 = 1025;

/// More load balancers than there are blocks of ports: the dynamic range of Windows has 256 blocks of 64.
const LOAD_BALANCERS: usize = 300;

pub(super) const FULL: &[Probe] = &[Probe {
    id: "maximum-endpoints",
    question: "How many endpoints may a load balancer have, up to 65?",
    needs: Needs::Full,
    ask: |bench| {
        maximum_endpoints(bench, ONE_TOO_MANY, |number| bench.options.scratch.endpoint(number))
    },
}];

pub(super) const EXTRA: &[Probe] = &[
    Probe {
        id: "maximum-endpoints-many",
        question: "How many endpoints may a load balancer have, up to 1,025?",
        needs: Needs::Extra(Extra::ManyEndpoints),
        ask: |bench| maximum_endpoints(bench, FAR_TOO_MANY, Scratch::many),
    },
    Probe {
        id: "port-blocks",
        question: "How many load balancers without direct server return are there ports for, up to 300, and what then?",
        needs: Needs::Extra(Extra::ExhaustPorts),
        ask: port_blocks,
    },
];

fn maximum_endpoints(
    bench: &Bench<'_>,
    most: u32,
    address: impl Fn(u32) -> std::net::Ipv4Addr,
) -> Outcome {
    let mut ids = Vec::new();
    for number in 0..most {
        ids.push(bench.endpoint(&bench.endpoint_document_at(address(number)))?);
    }
    if let Err(error) = try_with(bench, &ids[..1])? {
        return Err(Unanswered::because(format!("not even one endpoint is taken: {error}")));
    }
    let Err(refusal) = try_with(bench, &ids)? else {
        return Ok(Answer::new(format!("at least {most}")));
    };
    // So many are taken, and so many are not.
    let (mut taken, mut refused) = (1, ids.len());
    while taken + 1 < refused {
        let middle = taken.midpoint(refused);
        match try_with(bench, &ids[..middle])? {
            Ok(()) => taken = middle,
            Err(_) => refused = middle,
        }
    }
    Ok(Answer::new(taken.to_string()).with(format!("{most} are refused: {refusal}")))
}

/// Makes a load balancer over these endpoints, and removes it.
fn try_with(
    bench: &Bench<'_>,
    ids: &[Guid],
) -> Result<Result<(), switchyard_hcn::Error>, Unanswered> {
    match said(bench.load_balancer(&bench.load_balancer_document(ids)))? {
        Ok(id) => {
            bench.delete(Kind::LoadBalancer, id)?;
            Ok(Ok(()))
        }
        Err(error) => Ok(Err(error)),
    }
}

fn port_blocks(bench: &Bench<'_>) -> Outcome {
    let [endpoint] = bench.endpoints::<1>()?;
    for count in 0..LOAD_BALANCERS {
        let mut document = bench.load_balancer_document(&[endpoint]);
        document["Flags"] = json!(LoadBalancerFlags::NONE);
        if let Err(error) = said(bench.load_balancer(&document))? {
            let word = format!("{count}, then {}", word_of(&error));
            return Ok(Answer::new(word).with(error.to_string()));
        }
    }
    Ok(Answer::new(format!("at least {LOAD_BALANCERS}")))
}
