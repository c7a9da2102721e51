//! Selections by labels and by fields.

use serde_json::json;

use super::{Scenario, scenario};
use crate::finding::{Checked, equal, that};
use crate::objects::{labelled, names, service, slice};
use crate::trial::Trial;

pub(super) const ALL: &[Scenario] = &[
    scenario("S01", "labels select by equality, sets and presence", |trial| {
        Box::pin(labels(trial))
    }),
    scenario(
        "S02",
        "kube-proxy's selection leaves out headless Services and those of another proxy",
        |trial| Box::pin(as_kube_proxy(trial)),
    ),
    scenario("S03", "fields select by name and namespace, with =, == and !=", |trial| {
        Box::pin(fields(trial))
    }),
    scenario("S04", "a selection by a field that cannot be selected by is refused", |trial| {
        Box::pin(unknown_field(trial))
    }),
    scenario("S05", "a selection that cannot be read is refused", |trial| {
        Box::pin(malformed(trial))
    }),
    scenario(
        "S06",
        "Services are selected by type and address, Nodes by whether they take pods",
        |trial| Box::pin(own_fields(trial)),
    ),
];

/// Percent-encodes what a selector may have.
pub(super) fn encoded(selector: &str) -> String {
    let mut encoded = String::new();
    for letter in selector.chars() {
        match letter {
            '=' => encoded.push_str("%3D"),
            '!' => encoded.push_str("%21"),
            ',' => encoded.push_str("%2C"),
            ' ' => encoded.push_str("%20"),
            '(' => encoded.push_str("%28"),
            ')' => encoded.push_str("%29"),
            '<' => encoded.push_str("%3C"),
            '>' => encoded.push_str("%3E"),
            '/' => encoded.push_str("%2F"),
            letter => encoded.push(letter),
        }
    }
    encoded
}

async fn labels(trial: &mut Trial<'_>) -> Checked {
    trial.create(&labelled("a", json!({"tier": "web", "zone": "1"}))).await?;
    trial.create(&labelled("b", json!({"tier": "store", "zone": "2"}))).await?;
    trial.create(&service("c")).await?;
    let cases: &[(&str, &[&str])] = &[
        ("tier=web", &["a"]),
        ("tier==web", &["a"]),
        ("tier!=web", &["b", "c"]),
        ("tier in (web,store)", &["a", "b"]),
        ("tier notin (web)", &["b", "c"]),
        ("tier", &["a", "b"]),
        ("!tier", &["c"]),
        ("tier,zone=2", &["b"]),
        ("tier=web,zone=2", &[]),
        ("zone>1", &["b"]),
        ("zone<2", &["a"]),
        ("", &["a", "b", "c"]),
    ];
    for (selector, expected) in cases {
        let list = trial.list(&format!("labelSelector={}", encoded(selector))).await?;
        equal(selector, names(&list)?.as_slice(), *expected)?;
    }
    Ok(())
}

async fn as_kube_proxy(trial: &mut Trial<'_>) -> Checked {
    trial.create(&service("plain")).await?;
    trial.create(&labelled("headless", json!({"service.kubernetes.io/headless": ""}))).await?;
    let other = json!({"service.kubernetes.io/service-proxy-name": "other"});
    trial.create(&labelled("other", other)).await?;
    let selector = "!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name";
    let list = trial.list(&format!("labelSelector={}", encoded(selector))).await?;
    equal("names", &names(&list)?, &["plain"])
}

async fn fields(trial: &mut Trial<'_>) -> Checked {
    for name in ["a", "b"] {
        trial.create(&service(name)).await?;
    }
    trial.client.post(&trial.slices(), &slice("a", "a", &["192.0.2.1"])).await?.granted(201)?;
    let own = format!("metadata.namespace={}", trial.namespace);
    let cases: &[(&str, &[&str])] = &[
        ("metadata.name=a", &["a"]),
        ("metadata.name==a", &["a"]),
        ("metadata.name!=a", &["b"]),
        ("metadata.name=c", &[]),
        ("metadata.name=a,metadata.name=b", &[]),
        (&own, &["a", "b"]),
        ("metadata.namespace=elsewhere", &[]),
    ];
    for (selector, expected) in cases {
        let list = trial.list(&format!("fieldSelector={}", encoded(selector))).await?;
        equal(selector, names(&list)?.as_slice(), *expected)?;
    }
    let path = format!("{}?fieldSelector=metadata.name%3Da", trial.slices());
    let list = trial.client.get(&path).await?.granted(200)?;
    equal("names of slices", &names(&list)?, &["a"])
}

async fn unknown_field(trial: &mut Trial<'_>) -> Checked {
    for path in [trial.services(), trial.slices()] {
        let path = format!("{path}?fieldSelector=spec.unheard%3Dof");
        let status = trial.client.get(&path).await?.refused(400, "BadRequest")?;
        let message = status["message"].as_str().unwrap_or_default();
        that(message.contains("spec.unheard"), || format!("message: {message}"))?;
    }
    Ok(())
}

async fn malformed(trial: &mut Trial<'_>) -> Checked {
    for query in ["labelSelector=a%20in", "labelSelector=%21%21a", "fieldSelector=name"] {
        let path = format!("{}?{query}", trial.services());
        trial.client.get(&path).await?.refused(400, "BadRequest")?;
    }
    Ok(())
}

async fn own_fields(trial: &mut Trial<'_>) -> Checked {
    trial.create(&service("a")).await?;
    for selector in ["spec.clusterIP=None", "spec.type=ClusterIP"] {
        let list = trial.list(&format!("fieldSelector={}", encoded(selector))).await?;
        equal(selector, &names(&list)?, &["a"])?;
    }
    let node = json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": "contract-s06"},
        "spec": {"unschedulable": true},
    });
    trial.client.post("/api/v1/nodes", &node).await?.granted(201)?;
    let path = "/api/v1/nodes?fieldSelector=spec.unschedulable%3Dtrue";
    let list = trial.client.get(path).await?.granted(200)?;
    equal("Nodes that take no pods", &names(&list)?, &["contract-s06"])
}
