//! What a load balancer may be.

use serde_json::{Value, json};
use switchyard_hcn::{Feature, LoadBalancerFlags, PortMappingFlags};

use crate::answer::{Answer, Outcome, Unanswered, said, taken_or_refused};
use crate::bench::Bench;
use crate::kind::Kind;
use crate::probe::{Needs, Probe};
use crate::scratch;

pub(super) const FULL: &[Probe] = &[
    Probe {
        id: "no-endpoints",
        question: "Can a load balancer exist without endpoints?",
        needs: Needs::Full,
        ask: |bench| changed(bench, |document, _| document["HostComputeEndpoints"] = json!([])),
    },
    Probe {
        id: "missing-endpoint",
        question: "Can a load balancer name an endpoint that does not exist?",
        needs: Needs::Full,
        ask: |bench| {
            changed(bench, |document, [a, _]| {
                document["HostComputeEndpoints"] = json!([a, scratch::missing_id(Kind::Endpoint)]);
            })
        },
    },
    Probe {
        id: "endpoint-twice",
        question: "May a load balancer name one endpoint twice?",
        needs: Needs::Full,
        ask: |bench| {
            changed(bench, |document, [a, _]| document["HostComputeEndpoints"] = json!([a, a]))
        },
    },
    Probe {
        id: "several-ports",
        question: "May a load balancer have several port mappings?",
        needs: Needs::Full,
        ask: |bench| {
            let (_, port) = bench.frontend();
            changed(bench, move |document, _| {
                let second = json!({ "Protocol": 17, "InternalPort": 8081, "ExternalPort": port });
                if let Some(mappings) = document["PortMappings"].as_array_mut() {
                    mappings.push(second);
                }
            })
        },
    },
    Probe {
        id: "several-addresses",
        question: "May a load balancer have several addresses?",
        needs: Needs::Full,
        ask: |bench| {
            let (vip, _) = bench.frontend();
            changed(bench, move |document, _| {
                if let Some(vips) = document["FrontendVIPs"].as_array_mut() {
                    vips.push(json!(vip));
                }
            })
        },
    },
    Probe {
        id: "no-port",
        question: "Is a load balancer without port mappings refused?",
        needs: Needs::Full,
        ask: |bench| changed(bench, |document, _| document["PortMappings"] = json!([])),
    },
    Probe {
        id: "external-port-zero",
        question: "Is an external port 0 refused?",
        needs: Needs::Full,
        ask: |bench| {
            changed(bench, |document, _| document["PortMappings"][0]["ExternalPort"] = json!(0))
        },
    },
    Probe {
        id: "internal-port-zero",
        question: "Is an internal port 0 refused?",
        needs: Needs::Full,
        ask: |bench| {
            changed(bench, |document, _| document["PortMappings"][0]["InternalPort"] = json!(0))
        },
    },
    Probe {
        id: "source-vip-nonsense",
        question: "Is a source VIP refused that is no address?",
        needs: Needs::Full,
        ask: |bench| changed(bench, |document, _| document["SourceVIP"] = json!("nonsense")),
    },
    Probe {
        id: "session-affinity",
        question: "Does HNS take a load balancer that keeps a client with its backend?",
        needs: Needs::Full,
        ask: |bench| {
            changed(bench, |document, _| document["PortMappings"][0]["DistributionType"] = json!(1))
        },
    },
    Probe {
        id: "internal-load-balancer",
        question: "Does HNS take a load balancer that is for clients on this node only (ILB)?",
        needs: Needs::Full,
        ask: |bench| {
            changed(bench, |document, _| {
                document["PortMappings"][0]["Flags"] = json!(PortMappingFlags::ILB);
            })
        },
    },
    Probe {
        id: "local-routed-vip",
        question: "Does HNS take a load balancer that the node itself reaches (LocalRoutedVip)?",
        needs: Needs::Full,
        ask: |bench| {
            changed(bench, |document, _| {
                document["PortMappings"][0]["Flags"] = json!(PortMappingFlags::LOCAL_ROUTED_VIP);
            })
        },
    },
    Probe {
        id: "direct-server-return",
        question: "Does HNS take a load balancer with direct server return?",
        needs: Needs::Full,
        ask: |bench| {
            changed(bench, |document, _| document["Flags"] = json!(LoadBalancerFlags::DSR))
        },
    },
    Probe {
        id: "without-direct-server-return",
        question: "Does HNS take a load balancer without direct server return?",
        needs: Needs::Full,
        ask: |bench| {
            changed(bench, |document, _| document["Flags"] = json!(LoadBalancerFlags::NONE))
        },
    },
    Probe {
        id: "port-of-process",
        question: "Is a load balancer refused whose port a process of the node has bound?",
        needs: Needs::Full,
        ask: port_of_process,
    },
];

/// What HNS says to an ordinary load balancer over two endpoints, changed so; and what of the change it keeps.
fn changed(bench: &Bench<'_>, change: impl Fn(&mut Value, [switchyard_hcn::Guid; 2])) -> Outcome {
    let endpoints = bench.endpoints::<2>()?;
    let mut document = bench.load_balancer_document(&endpoints);
    change(&mut document, endpoints);
    let made = said(bench.load_balancer(&document))?;
    let Ok(id) = made else { return Ok(taken_or_refused(&made, "")) };
    let shown = bench.read(Kind::LoadBalancer, id)?;
    let members = ["HostComputeEndpoints", "FrontendVIPs", "PortMappings", "SourceVIP", "Flags"];
    let lost: Vec<&str> = members
        .into_iter()
        .filter(|member| !is_same(&document[*member], &shown[*member]))
        .collect();
    let answer = Answer::new(if lost.is_empty() { "made" } else { "made otherwise" });
    let differ = lost.iter().map(|member| {
        format!("{member}: sent {}, read back {}", document[*member], shown[*member])
    });
    Ok(answer.with_all(differ))
}

/// Whether HNS shows what was sent. It leaves out what says nothing, and may write ids in another case.
fn is_same(sent: &Value, shown: &Value) -> bool {
    match (sent, shown) {
        (Value::Object(sent), shown) => sent.iter().all(|(name, sent)| is_same(sent, &shown[name])),
        (Value::Array(sent), Value::Array(shown)) => {
            sent.len() == shown.len()
                && sent.iter().zip(shown).all(|(sent, shown)| is_same(sent, shown))
        }
        (Value::String(sent), Value::String(shown)) => sent.eq_ignore_ascii_case(shown),
        (Value::Number(number), Value::Null) => number.as_u64() == Some(0),
        (Value::Array(sent), Value::Null) => sent.is_empty(),
        (sent, shown) => sent == shown,
    }
}

fn port_of_process(bench: &Bench<'_>) -> Outcome {
    let Some(listening) = bench.surroundings.listen() else {
        return Err(Unanswered::because("no port could be bound"));
    };
    let [endpoint] = bench.endpoints::<1>()?;
    let mut document = bench.load_balancer_document(&[endpoint]);
    document["PortMappings"][0]["Protocol"] = json!(listening.protocol);
    document["PortMappings"][0]["ExternalPort"] = json!(listening.port);
    let has_dsr = bench.has(Feature::DirectServerReturn);
    let made = said(bench.load_balancer(&document))?;
    drop(listening.guard);
    let how = if has_dsr { "with" } else { "without" };
    Ok(taken_or_refused(&made, "made").with(format!(
        "port {} was bound at all addresses; {how} direct server return",
        listening.port
    )))
}
