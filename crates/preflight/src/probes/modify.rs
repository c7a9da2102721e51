//! What a modify of a load balancer does.

use serde_json::{Value, json};

use crate::answer::{Answer, Outcome, Unanswered, said, word_of};
use crate::bench::Bench;
use crate::kind::Kind;
use crate::probe::{Needs, Probe};

pub(super) const FULL: &[Probe] = &[
    Probe {
        id: "modify",
        question: "Does a modify of a load balancer take effect?",
        needs: Needs::Full,
        ask: modify,
    },
    Probe {
        id: "modify-members",
        question: "Which members of a load balancer may a modify change?",
        needs: Needs::Full,
        ask: modify_members,
    },
    Probe {
        id: "modify-to-none",
        question: "What does HNS say to a modify that leaves a load balancer no endpoint?",
        needs: Needs::Full,
        ask: modify_to_none,
    },
];

/// A change of a document, and where it shows.
struct Change {
    member: &'static str,
    make: fn(&mut Value, &Bench<'_>),
}

const CHANGES: &[Change] = &[
    Change {
        member: "/FrontendVIPs/0",
        make: |document, bench| document["FrontendVIPs"] = json!([bench.frontend().0]),
    },
    Change {
        member: "/PortMappings/0/ExternalPort",
        make: |document, bench| {
            document["PortMappings"][0]["ExternalPort"] = json!(bench.frontend().1)
        },
    },
    Change {
        member: "/PortMappings/0/InternalPort",
        make: |document, _| document["PortMappings"][0]["InternalPort"] = json!(8090),
    },
    Change {
        member: "/PortMappings/0/Protocol",
        make: |document, _| document["PortMappings"][0]["Protocol"] = json!(17),
    },
    Change {
        member: "/PortMappings/0/DistributionType",
        make: |document, _| document["PortMappings"][0]["DistributionType"] = json!(2),
    },
    Change {
        member: "/PortMappings/0/Flags",
        make: |document, _| document["PortMappings"][0]["Flags"] = json!(2),
    },
    Change {
        member: "/Flags",
        make: |document, _| document["Flags"] = json!(u8::from(document["Flags"] == json!(0))),
    },
    Change {
        member: "/SourceVIP",
        make: |document, bench| document["SourceVIP"] = json!(bench.options.scratch.endpoint(1)),
    },
];

fn modify(bench: &Bench<'_>) -> Outcome {
    let [a, b] = bench.endpoints::<2>()?;
    let mut document = bench.load_balancer_document(&[a]);
    let id = bench.load_balancer(&document)?;
    document["HostComputeEndpoints"] = json!([a, b]);
    if let Err(error) = said(bench.modify(id, &document))? {
        return Ok(Answer::new(word_of(&error)).with(error.to_string()));
    }
    let shown = bench.read(Kind::LoadBalancer, id)?;
    let count = shown["HostComputeEndpoints"].as_array().map_or(0, Vec::len);
    let word = match count {
        2 => "yes",
        1 => "success without effect",
        _ => "something else",
    };
    Ok(Answer::new(word).with(format!("one endpoint before, two sent, {count} read back")))
}

fn modify_members(bench: &Bench<'_>) -> Outcome {
    let [endpoint] = bench.endpoints::<1>()?;
    let mut changed = 0;
    let mut seen = Vec::new();
    for change in CHANGES {
        let before = bench.load_balancer_document(&[endpoint]);
        let id = bench.load_balancer(&before)?;
        let mut after = before.clone();
        (change.make)(&mut after, bench);
        let became = match said(bench.modify(id, &after))? {
            Err(error) => format!("refused: {error}"),
            Ok(()) => {
                let shown = bench.read(Kind::LoadBalancer, id)?;
                let at = |document: &Value| match document.pointer(change.member) {
                    // HNS leaves out what says nothing.
                    None | Some(Value::Null) => json!(0),
                    Some(value) => value.clone(),
                };
                match at(&shown) {
                    shown if shown == at(&after) => {
                        changed += 1;
                        "changed".to_owned()
                    }
                    shown if shown == at(&before) => "success without effect".to_owned(),
                    shown => format!("became {shown}, which nobody asked for"),
                }
            }
        };
        seen.push(format!("{}: {became}", change.member.trim_start_matches('/')));
        bench.delete(Kind::LoadBalancer, id)?;
    }
    let word = match changed {
        0 => "none".to_owned(),
        changed if changed == CHANGES.len() => "all".to_owned(),
        changed => format!("{changed} of {}", CHANGES.len()),
    };
    Ok(Answer::new(word).with_all(seen))
}

fn modify_to_none(bench: &Bench<'_>) -> Outcome {
    let [endpoint] = bench.endpoints::<1>()?;
    let mut document = bench.load_balancer_document(&[endpoint]);
    let id = bench.load_balancer(&document)?;
    document["HostComputeEndpoints"] = json!([]);
    if let Err(error) = said(bench.modify(id, &document))? {
        return Ok(Answer::new(word_of(&error)).with(error.to_string()));
    }
    let shown = bench.read(Kind::LoadBalancer, id)?;
    let left = shown["HostComputeEndpoints"].as_array().map_or(0, Vec::len);
    match left {
        0 => Ok(Answer::new("it has none")),
        1 => Ok(Answer::new("success without effect")),
        left => Err(Unanswered::because(format!("it names {left} endpoints afterwards"))),
    }
}
