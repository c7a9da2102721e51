//! What HNS keeps of what it is given.

use serde_json::{Value, json};
use switchyard_hcn::Guid;

use crate::answer::{Answer, Failure, Outcome, said, word_of};
use crate::bench::{Bench, Place};
use crate::kind::Kind;
use crate::probe::{Needs, Probe};
use crate::scratch;

pub(super) const FULL: &[Probe] = &[
    Probe {
        id: "endpoint-id",
        question: "Does an endpoint get the id that its creator asks for?",
        needs: Needs::Full,
        ask: |bench| id(bench, Kind::Endpoint),
    },
    Probe {
        id: "load-balancer-id",
        question: "Does a load balancer get the id that its creator asks for?",
        needs: Needs::Full,
        ask: |bench| id(bench, Kind::LoadBalancer),
    },
    Probe {
        id: "endpoint-id-which",
        question: "Which id wins for an endpoint, the argument or the one in the settings?",
        needs: Needs::Full,
        ask: |bench| which_id(bench, Kind::Endpoint),
    },
    Probe {
        id: "load-balancer-id-which",
        question: "Which id wins for a load balancer, the argument or the one in the settings?",
        needs: Needs::Full,
        ask: |bench| which_id(bench, Kind::LoadBalancer),
    },
    Probe {
        id: "endpoint-owner",
        question: "Do Owner and Name of an endpoint come back?",
        needs: Needs::Full,
        ask: |bench| owner(bench, Kind::Endpoint),
    },
    Probe {
        id: "load-balancer-owner",
        question: "Do Owner and Name of a load balancer come back?",
        needs: Needs::Full,
        ask: |bench| owner(bench, Kind::LoadBalancer),
    },
    Probe {
        id: "endpoint-additional-params",
        question: "Do AdditionalParams and unknown members of an endpoint come back?",
        needs: Needs::Full,
        ask: |bench| additional(bench, Kind::Endpoint),
    },
    Probe {
        id: "load-balancer-additional-params",
        question: "Do AdditionalParams and unknown members of a load balancer come back?",
        needs: Needs::Full,
        ask: |bench| additional(bench, Kind::LoadBalancer),
    },
    Probe {
        id: "prefix-length",
        question: "Which prefix length does a remote endpoint get that asks for none?",
        needs: Needs::Full,
        ask: prefix_length,
    },
    Probe {
        id: "upper-case-reference",
        question: "May a load balancer name its endpoints in upper case, and in which case do they come back?",
        needs: Needs::Full,
        ask: upper_case_reference,
    },
];

/// Makes an ordinary object with these changes of its document.
fn make(
    bench: &Bench<'_>,
    kind: Kind,
    asked: Guid,
    changes: &[(&str, Value)],
) -> Result<Guid, Failure> {
    let (place, mut document) = if kind == Kind::Endpoint {
        let network = bench.network().map_err(|unanswered| Failure::Other(unanswered.reason))?.0;
        (Place::EndpointOf(network), bench.endpoint_document())
    } else {
        let endpoints = bench.endpoints::<1>()?;
        (Place::LoadBalancer, bench.load_balancer_document(&endpoints))
    };
    for (member, value) in changes {
        document[*member] = value.clone();
    }
    bench.make(&place, asked, &document)
}

fn id(bench: &Bench<'_>, kind: Kind) -> Outcome {
    let argument = bench.id(kind);
    let settings = bench.id(kind);
    let by_argument = said(make(bench, kind, argument, &[]))?;
    let by_settings = said(make(bench, kind, Guid::NIL, &[("ID", json!(settings))]))?;
    let seen = |how: &str, asked: Guid, result: &Result<Guid, switchyard_hcn::Error>| match result {
        Ok(id) if *id == asked => format!("{how}: it got {id}, as asked"),
        Ok(id) => format!("{how}: it got {id} instead of {asked}"),
        Err(error) => format!("{how}: refused: {error}"),
    };
    let word = match (by_argument == Ok(argument), by_settings == Ok(settings)) {
        (true, true) => "yes, by both",
        (true, false) => "yes, by the argument alone",
        (false, true) => "yes, in the settings alone",
        (false, false) => "no",
    };
    let answer = Answer::new(word).with(seen("by the argument", argument, &by_argument));
    Ok(answer.with(seen("in the settings", settings, &by_settings)))
}

fn which_id(bench: &Bench<'_>, kind: Kind) -> Outcome {
    let argument = bench.id(kind);
    let settings = bench.id(kind);
    let made = match said(make(bench, kind, argument, &[("ID", json!(settings))]))? {
        Ok(made) => made,
        Err(error) => return Ok(Answer::new(word_of(&error)).with(error.to_string())),
    };
    let word = match made {
        made if made == argument => "the argument",
        made if made == settings => "the settings",
        _ => "neither",
    };
    Ok(Answer::new(word).with(format!("argument {argument}, settings {settings}, got {made}")))
}

fn owner(bench: &Bench<'_>, kind: Kind) -> Outcome {
    let id = make(bench, kind, bench.id(kind), &[("Name", json!("preflight-name"))])?;
    let shown = bench.read(kind, id)?;
    let is = |member: &str, sent: &str| shown.get(member).and_then(Value::as_str) == Some(sent);
    let word = match (is("Owner", scratch::OWNER), is("Name", "preflight-name")) {
        (true, true) => "both",
        (true, false) => "Owner alone",
        (false, true) => "Name alone",
        (false, false) => "neither",
    };
    let member =
        |member: &str| shown.get(member).map_or_else(|| "nothing".to_owned(), Value::to_string);
    Ok(Answer::new(word).with(format!("Owner {}, Name {}", member("Owner"), member("Name"))))
}

fn additional(bench: &Bench<'_>, kind: Kind) -> Outcome {
    let sent = json!({ "SwitchyardPreflight": "kept" });
    let changes = [("AdditionalParams", sent.clone()), ("SwitchyardPreflight", sent.clone())];
    let id = match said(make(bench, kind, bench.id(kind), &changes))? {
        Ok(id) => id,
        Err(error) => return Ok(Answer::new(word_of(&error)).with(error.to_string())),
    };
    let shown = bench.read(kind, id)?;
    let is_back = |member: &str| shown.get(member) == Some(&sent);
    let word = match (is_back("AdditionalParams"), is_back("SwitchyardPreflight")) {
        (true, true) => "both",
        (true, false) => "AdditionalParams alone",
        (false, true) => "unknown members alone",
        (false, false) => "neither",
    };
    Ok(Answer::new(word).with(format!("read back: {shown}")))
}

fn prefix_length(bench: &Bench<'_>) -> Outcome {
    let [id] = bench.endpoints::<1>()?;
    let shown = bench.read(Kind::Endpoint, id)?;
    let length = shown.pointer("/IpConfigurations/0/PrefixLength");
    let word = length.map_or_else(|| "none".to_owned(), Value::to_string);
    Ok(Answer::new(word).with("the address is in no subnet of the network"))
}

fn upper_case_reference(bench: &Bench<'_>) -> Outcome {
    let [endpoint] = bench.endpoints::<1>()?;
    let mut document = bench.load_balancer_document(&[]);
    let upper = endpoint.to_string().to_ascii_uppercase();
    document["HostComputeEndpoints"] = json!([upper]);
    let id = match said(bench.load_balancer(&document))? {
        Ok(id) => id,
        Err(error) => return Ok(Answer::new(word_of(&error)).with(error.to_string())),
    };
    let shown = bench.read(Kind::LoadBalancer, id)?;
    let back = shown.pointer("/HostComputeEndpoints/0").and_then(Value::as_str).unwrap_or_default();
    let word = match back {
        back if back == upper => "yes, in upper case",
        back if back == endpoint.to_string() => "yes, in lower case",
        _ => "yes, as something else",
    };
    Ok(Answer::new(word).with(format!("sent {upper}, read back {back:?}")))
}
