//! Patches of each of the four kinds.

use serde_json::{Value, json};

use super::{Scenario, scenario};
use crate::client::{Answer, media};
use crate::finding::{Checked, equal, that};
use crate::objects::{labelled, revision, service, version};
use crate::trial::Trial;

pub(super) const ALL: &[Scenario] = &[
    scenario(
        "M01",
        "a JSON patch tests, replaces, adds and removes, or does nothing at all",
        |trial| Box::pin(json_patch(trial)),
    ),
    scenario("M02", "a merge patch removes by null and replaces whole lists", |trial| {
        Box::pin(merge_patch(trial))
    }),
    scenario(
        "M03",
        "a strategic merge patch merges ports by their number, and removes one by a directive",
        |trial| Box::pin(strategic_patch(trial)),
    ),
    scenario("M04", "a patch of another kind is 415, one that cannot be read is 400", |trial| {
        Box::pin(unreadable(trial))
    }),
    scenario("M05", "a patch that names an old version is 409 Conflict", |trial| {
        Box::pin(old_version(trial))
    }),
    scenario("M06", "apply makes what is missing, and the same again changes nothing", |trial| {
        Box::pin(apply_makes(trial))
    }),
    scenario(
        "M07",
        "a field applied by another is a conflict that names the field and the other; force takes it over",
        |trial| Box::pin(apply_conflicts(trial)),
    ),
    scenario(
        "M08",
        "a field that is applied no longer is removed, unless another owns it, too",
        |trial| Box::pin(apply_removes(trial)),
    ),
    scenario("M09", "apply without a manager's name is refused", |trial| {
        Box::pin(apply_without_manager(trial))
    }),
    scenario("M10", "apply merges ports by number and protocol", |trial| {
        Box::pin(apply_ports(trial))
    }),
    scenario("M11", "who wrote which fields is kept, by manager and operation", |trial| {
        Box::pin(managers(trial))
    }),
];

async fn json_patch(trial: &mut Trial<'_>) -> Checked {
    trial.create(&labelled("a", json!({"x": "1", "y": "1"}))).await?;
    let path = trial.service("a");
    let patch = json!([
        {"op": "test", "path": "/metadata/labels/x", "value": "1"},
        {"op": "replace", "path": "/metadata/labels/x", "value": "2"},
        {"op": "remove", "path": "/metadata/labels/y"},
        {"op": "add", "path": "/metadata/annotations", "value": {"note": "z"}},
        {"op": "add", "path": "/spec/ports/-", "value": {"name": "more", "port": 81}},
    ]);
    let patched = trial.client.patch(&path, media::JSON_PATCH, &patch).await?.granted(200)?;
    equal("labels", &patched["metadata"]["labels"], &json!({"x": "2"}))?;
    equal("annotations", &patched["metadata"]["annotations"], &json!({"note": "z"}))?;
    equal("the port added", &patched["spec"]["ports"][1]["port"], &81)?;
    let patch = json!([
        {"op": "replace", "path": "/metadata/labels/x", "value": "3"},
        {"op": "test", "path": "/metadata/annotations/note", "value": "other"},
    ]);
    trial.client.patch(&path, media::JSON_PATCH, &patch).await?.refused(422, "Invalid")?;
    let found = trial.client.get(&path).await?.granted(200)?;
    equal("the object after a test that failed", &found, &patched)
}

async fn merge_patch(trial: &mut Trial<'_>) -> Checked {
    trial.create(&labelled("a", json!({"x": "1", "y": "1"}))).await?;
    let patch = json!({
        "metadata": {"labels": {"x": null, "z": "1"}},
        "spec": {"ports": [{"name": "only", "port": 443, "protocol": "TCP", "targetPort": 443}]},
    });
    let path = trial.service("a");
    let patched = trial.client.patch(&path, media::MERGE_PATCH, &patch).await?.granted(200)?;
    equal("labels", &patched["metadata"]["labels"], &json!({"y": "1", "z": "1"}))?;
    equal("ports", &patched["spec"]["ports"], &patch["spec"]["ports"])
}

async fn strategic_patch(trial: &mut Trial<'_>) -> Checked {
    trial.create(&labelled("a", json!({"x": "1"}))).await?;
    let path = trial.service("a");
    let patch = json!({
        "metadata": {"labels": {"y": "1"}},
        "spec": {"ports": [{"port": 80, "targetPort": 9090}, {"name": "tls", "port": 443, "protocol": "TCP"}]},
    });
    let patched = trial.client.patch(&path, media::STRATEGIC_PATCH, &patch).await?.granted(200)?;
    equal("labels", &patched["metadata"]["labels"], &json!({"x": "1", "y": "1"}))?;
    let port = |port: u16| {
        let ports = patched["spec"]["ports"].as_array().cloned().unwrap_or_default();
        ports.into_iter().find(|it| it["port"] == port).unwrap_or_default()
    };
    equal("target of the port merged", &port(80)["targetPort"], &9090)?;
    equal("name of the port merged", &port(80)["name"], "http")?;
    equal("name of the port added", &port(443)["name"], "tls")?;
    let patch = json!({"spec": {"ports": [{"$patch": "delete", "port": 80}]}});
    let patched = trial.client.patch(&path, media::STRATEGIC_PATCH, &patch).await?.granted(200)?;
    let ports = patched["spec"]["ports"].as_array().map_or(0, Vec::len);
    equal("ports after the directive", &ports, &1)?;
    equal("the port left", &patched["spec"]["ports"][0]["port"], &443)
}

async fn unreadable(trial: &mut Trial<'_>) -> Checked {
    trial.create(&service("a")).await?;
    let path = trial.service("a");
    let patch = json!({"metadata": {"labels": {"x": "1"}}});
    let answer = trial.client.patch(&path, media::JSON, &patch).await?;
    answer.refused(415, "UnsupportedMediaType")?;
    let patch = json!({"op": "add"});
    trial.client.patch(&path, media::JSON_PATCH, &patch).await?.refused(400, "BadRequest")?;
    let patch = json!("text");
    trial
        .client
        .patch(&path, media::MERGE_PATCH, &patch)
        .await?
        .refused(400, "BadRequest")
        .map(drop)
}

async fn old_version(trial: &mut Trial<'_>) -> Checked {
    let old = trial.create(&service("a")).await?;
    let new = trial.label("a", "x", "1").await?;
    let patch =
        |version: String| json!({"metadata": {"resourceVersion": version, "labels": {"x": "2"}}});
    let path = trial.service("a");
    let client = &trial.client;
    let answer = client.patch(&path, media::MERGE_PATCH, &patch(version(&old)?)).await?;
    answer.refused(409, "Conflict")?;
    let answer = client.patch(&path, media::MERGE_PATCH, &patch(version(&new)?)).await?;
    equal("label", &answer.granted(200)?["metadata"]["labels"]["x"], "2")
}

/// Applies an object in the name of a manager.
async fn apply(trial: &Trial<'_>, object: &Value, manager: &str, more: &str) -> Checked<Answer> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let path = format!("{}?fieldManager={manager}{more}", trial.service(name));
    trial.client.patch(&path, media::APPLY_PATCH, object).await
}

async fn apply_makes(trial: &mut Trial<'_>) -> Checked {
    let object = labelled("a", json!({"x": "1"}));
    let made = apply(trial, &object, "one", "").await?.granted(201)?;
    let again = apply(trial, &object, "one", "").await?.granted(200)?;
    equal("version", &version(&again)?, &version(&made)?)?;
    let changed = apply(trial, &labelled("a", json!({"x": "2"})), "one", "").await?.granted(200)?;
    equal("label", &changed["metadata"]["labels"]["x"], "2")?;
    that(revision(&changed)? > revision(&made)?, || "the version has not grown".to_owned())
}

/// Only the labels of a Service.
fn labels_of(name: &str, labels: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": labels}})
}

async fn apply_conflicts(trial: &mut Trial<'_>) -> Checked {
    apply(trial, &labelled("a", json!({"x": "1"})), "one", "").await?.granted(201)?;
    let object = labels_of("a", json!({"x": "2"}));
    let status = apply(trial, &object, "two", "").await?.refused(409, "Conflict")?;
    let cause = &status["details"]["causes"][0];
    equal("reason of the cause", &cause["reason"], "FieldManagerConflict")?;
    equal("field of the cause", &cause["field"], ".metadata.labels.x")?;
    equal("message of the cause", &cause["message"], r#"conflict with "one""#)?;
    let forced = apply(trial, &object, "two", "&force=true").await?.granted(200)?;
    equal("label", &forced["metadata"]["labels"]["x"], "2")?;
    let object = labelled("a", json!({"x": "1"}));
    apply(trial, &object, "one", "").await?.refused(409, "Conflict").map(drop)
}

async fn apply_removes(trial: &mut Trial<'_>) -> Checked {
    apply(trial, &labelled("a", json!({"x": "1", "y": "1"})), "one", "").await?.granted(201)?;
    apply(trial, &labels_of("a", json!({"y": "1"})), "two", "").await?.granted(200)?;
    let applied = apply(trial, &service("a"), "one", "").await?.granted(200)?;
    equal("labels", &applied["metadata"]["labels"], &json!({"y": "1"}))?;
    let applied = apply(trial, &labels_of("a", json!({})), "two", "").await?.granted(200)?;
    let labels = &applied["metadata"]["labels"];
    that(labels["y"].is_null(), || format!("labels {labels}"))
}

async fn apply_without_manager(trial: &mut Trial<'_>) -> Checked {
    let answer = trial.client.patch(&trial.service("a"), media::APPLY_PATCH, &service("a")).await?;
    // The server of a cluster refuses options in general so: as options of a patch that are invalid.
    let status = answer.refused(422, "Invalid")?;
    equal("field of the cause", &status["details"]["causes"][0]["field"], "fieldManager")
}

async fn apply_ports(trial: &mut Trial<'_>) -> Checked {
    apply(trial, &service("a"), "one", "").await?.granted(201)?;
    let ports = json!([{"name": "dns", "port": 80, "protocol": "UDP"}]);
    let mut object = labels_of("a", json!({}));
    object["spec"] = json!({"ports": ports});
    let applied = apply(trial, &object, "two", "").await?.granted(200)?;
    let ports = applied["spec"]["ports"].as_array().cloned().unwrap_or_default();
    let protocols: Vec<_> = ports.iter().map(|port| port["protocol"].clone()).collect();
    equal("protocols", &protocols, &["TCP", "UDP"])
}

async fn managers(trial: &mut Trial<'_>) -> Checked {
    apply(trial, &service("a"), "one", "").await?.granted(201)?;
    let path = format!("{}?fieldManager=two", trial.service("a"));
    let patch = json!({"metadata": {"labels": {"x": "1"}}});
    let patched = trial.client.patch(&path, media::MERGE_PATCH, &patch).await?.granted(200)?;
    let managed = patched["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let brief: Vec<_> = managed
        .iter()
        .map(|entry| json!([entry["manager"], entry["operation"], entry["fieldsType"]]))
        .collect();
    let expected = [json!(["one", "Apply", "FieldsV1"]), json!(["two", "Update", "FieldsV1"])];
    equal("managers", &brief, &expected)?;
    let fields = json!({"f:metadata": {"f:labels": {".": {}, "f:x": {}}}});
    equal("fields of the second", &managed[1]["fieldsV1"], &fields)
}
