//! What is made, changed as a whole, and removed.

use http::{Method, Request};
use serde_json::{Value, json};

use super::{Scenario, scenario};
use crate::client::media;
use crate::finding::{Checked, Finding, equal, that};
use crate::objects::{labelled, name, names, revision, service, slice, version};
use crate::trial::Trial;

pub(super) const ALL: &[Scenario] = &[
    scenario("C01", "what is made has a uid, a version, a time and its namespace", |trial| {
        Box::pin(made(trial))
    }),
    scenario("C02", "a name that is taken is refused", |trial| Box::pin(taken(trial))),
    scenario("C03", "a name is made from generateName", |trial| Box::pin(generated(trial))),
    scenario("C04", "an object of another namespace or name than the path's is refused", |trial| {
        Box::pin(elsewhere(trial))
    }),
    scenario("C05", "a name that is none is refused, with the field; so is no name", |trial| {
        Box::pin(no_name(trial))
    }),
    scenario(
        "C06",
        "an update by the present version changes the object, one by an old version is 409 Conflict",
        |trial| Box::pin(versions(trial)),
    ),
    scenario("C07", "an update without a version overwrites", |trial| Box::pin(overwritten(trial))),
    scenario(
        "C08",
        "what is missing cannot be read, updated, patched or removed: 404 with name and kind",
        |trial| Box::pin(missing(trial)),
    ),
    scenario(
        "C09",
        "a removal answers with what was removed: a Service as it was, an EndpointSlice by a Status",
        |trial| Box::pin(removed(trial)),
    ),
    scenario("C10", "a removal on a condition that does not hold is 409 Conflict", |trial| {
        Box::pin(conditions(trial))
    }),
    scenario("C11", "a removal of a selection removes that alone", |trial| {
        Box::pin(collection(trial))
    }),
    scenario(
        "C12",
        "an object with a finalizer is marked first, and gone once it has none",
        |trial| Box::pin(finalizer(trial)),
    ),
    scenario("C13", "a dry run answers as if, and changes nothing", |trial| {
        Box::pin(dry_run(trial))
    }),
    scenario(
        "C14",
        "versions of all kinds of objects count together, and uids do not come again",
        |trial| Box::pin(counting(trial)),
    ),
    scenario(
        "C15",
        "an update of a Service leaves its status alone, one of the status its specification",
        |trial| Box::pin(status(trial)),
    ),
    scenario("C16", "an object of another kind or version than the path's is refused", |trial| {
        Box::pin(wrong_kind(trial))
    }),
    scenario("C17", "uid and time of making cannot be changed", |trial| Box::pin(kept(trial))),
    scenario(
        "C18",
        "a Service gets what it leaves out: type, affinity, protocol, target port",
        |trial| Box::pin(defaults(trial)),
    ),
    scenario(
        "C19",
        "fields that are not known are dropped, and refused where validation is strict",
        |trial| Box::pin(unknown_fields(trial)),
    ),
];

async fn made(trial: &mut Trial<'_>) -> Checked {
    let made = trial.create(&service("a")).await?;
    let metadata = &made["metadata"];
    equal("namespace", &metadata["namespace"], trial.namespace.as_str())?;
    revision(&made)?;
    let uid = metadata["uid"].as_str().unwrap_or_default();
    let dashes = [8, 13, 18, 23].iter().all(|at| uid.as_bytes().get(*at) == Some(&b'-'));
    that(uid.len() == 36 && dashes, || format!("uid {uid:?}"))?;
    let time = metadata["creationTimestamp"].as_str().unwrap_or_default();
    // RFC 3339 in UTC, to the second.
    that(time.len() == 20 && time.ends_with('Z'), || format!("creationTimestamp {time:?}"))
}

async fn taken(trial: &mut Trial<'_>) -> Checked {
    trial.create(&service("a")).await?;
    let again = trial.client.post(&trial.services(), &service("a")).await?;
    let status = again.refused(409, "AlreadyExists")?;
    equal("message", &status["message"], r#"services "a" already exists"#)?;
    equal("details", &status["details"], &json!({"name": "a", "kind": "services"}))
}

async fn generated(trial: &mut Trial<'_>) -> Checked {
    let mut object = service("");
    object["metadata"] = json!({"generateName": "made-"});
    let first = trial.create(&object).await?;
    let second = trial.create(&object).await?;
    for object in [&first, &second] {
        let name = name(object);
        that(name.starts_with("made-") && name.len() == 10, || format!("name {name}"))?;
    }
    that(name(&first) != name(&second), || "the same name twice".to_owned())
}

async fn elsewhere(trial: &mut Trial<'_>) -> Checked {
    let mut object = service("a");
    object["metadata"]["namespace"] = "elsewhere".into();
    trial.client.post(&trial.services(), &object).await?.refused(400, "BadRequest")?;
    trial.create(&service("a")).await?;
    let answer = trial.client.put(&trial.service("a"), &service("b")).await?;
    answer.refused(400, "BadRequest").map(drop)
}

async fn no_name(trial: &mut Trial<'_>) -> Checked {
    let node = |name: &str| json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}});
    let status = trial.client.post("/api/v1/nodes", &node("Not_A_Name")).await?;
    let status = status.refused(422, "Invalid")?;
    equal("field", &status["details"]["causes"][0]["field"], "metadata.name")?;
    equal("reason", &status["details"]["causes"][0]["reason"], "FieldValueInvalid")?;
    let status = trial.client.post("/api/v1/nodes", &node("")).await?.refused(422, "Invalid")?;
    equal("reason", &status["details"]["causes"][0]["reason"], "FieldValueRequired")
}

async fn versions(trial: &mut Trial<'_>) -> Checked {
    let old = trial.create(&service("a")).await?;
    let mut changed = old.clone();
    changed["metadata"]["labels"] = json!({"x": "1"});
    let new = trial.client.put(&trial.service("a"), &changed).await?.granted(200)?;
    that(revision(&new)? > revision(&old)?, || "the version has not grown".to_owned())?;
    equal("uid", &new["metadata"]["uid"], &old["metadata"]["uid"])?;
    changed["metadata"]["labels"] = json!({"x": "2"});
    let status = trial.client.put(&trial.service("a"), &changed).await?.refused(409, "Conflict")?;
    let message = status["message"].as_str().unwrap_or_default();
    let expected = r#"Operation cannot be fulfilled on services "a": the object has been modified; please apply your changes to the latest version and try again"#;
    equal("message", message, expected)
}

async fn overwritten(trial: &mut Trial<'_>) -> Checked {
    trial.create(&service("a")).await?;
    let labelled = trial.label("a", "x", "1").await?;
    equal("label", &labelled["metadata"]["labels"]["x"], "1")?;
    let put = trial.client.put(&trial.service("a"), &service("a")).await?.granted(200)?;
    equal("labels", &put["metadata"]["labels"], &Value::Null)
}

async fn missing(trial: &mut Trial<'_>) -> Checked {
    let path = trial.service("gone");
    let client = &trial.client;
    let patch = json!({"metadata": {"labels": {"a": "b"}}});
    let answers = [
        client.get(&path).await?,
        client.put(&path, &service("gone")).await?,
        client.patch(&path, media::MERGE_PATCH, &patch).await?,
        client.delete(&path).await?,
    ];
    for answer in answers {
        let status = answer.refused(404, "NotFound")?;
        equal("message", &status["message"], r#"services "gone" not found"#)?;
        equal("details", &status["details"], &json!({"name": "gone", "kind": "services"}))?;
    }
    let path = format!("{}/gone", trial.slices());
    let status = trial.client.get(&path).await?.refused(404, "NotFound")?;
    let message = r#"endpointslices.discovery.k8s.io "gone" not found"#;
    equal("message for a slice", &status["message"], message)?;
    equal("group in the details", &status["details"]["group"], "discovery.k8s.io")
}

async fn removed(trial: &mut Trial<'_>) -> Checked {
    let made = trial.create(&service("a")).await?;
    let answer = trial.client.delete(&trial.service("a")).await?.granted(200)?;
    equal("kind", &answer["kind"], "Service")?;
    equal("uid", &answer["metadata"]["uid"], &made["metadata"]["uid"])?;
    trial.client.get(&trial.service("a")).await?.refused(404, "NotFound")?;
    let slice = slice("a", "a", &["192.0.2.1"]);
    let made = trial.client.post(&trial.slices(), &slice).await?.granted(201)?;
    let path = format!("{}/a", trial.slices());
    let answer = trial.client.delete(&path).await?.granted(200)?;
    equal("kind", &answer["kind"], "Status")?;
    equal("status", &answer["status"], "Success")?;
    let details = json!({
        "name": "a", "group": "discovery.k8s.io", "kind": "endpointslices",
        "uid": made["metadata"]["uid"],
    });
    equal("details", &answer["details"], &details)
}

/// DELETE with options.
async fn delete_with(
    trial: &Trial<'_>,
    path: &str,
    options: Value,
) -> Checked<crate::client::Answer> {
    trial.client.request(Method::DELETE, path, Some((media::JSON, &options))).await
}

async fn conditions(trial: &mut Trial<'_>) -> Checked {
    let made = trial.create(&service("a")).await?;
    trial.label("a", "x", "1").await?;
    let path = trial.service("a");
    let other = "00000000-0000-0000-0000-000000000000";
    let options = |preconditions: Value| json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions});
    let wrong =
        [json!({"uid": other}), json!({"resourceVersion": made["metadata"]["resourceVersion"]})];
    for condition in wrong {
        delete_with(trial, &path, options(condition)).await?.refused(409, "Conflict")?;
    }
    let right = json!({"uid": made["metadata"]["uid"]});
    delete_with(trial, &path, options(right)).await?.granted(200).map(drop)
}

async fn collection(trial: &mut Trial<'_>) -> Checked {
    for (name, color) in [("a", "red"), ("b", "blue"), ("c", "red")] {
        trial.create(&labelled(name, json!({"color": color}))).await?;
    }
    let path = format!("{}?labelSelector=color%3Dred", trial.services());
    trial.client.delete(&path).await?.granted(200)?;
    equal("names", &names(&trial.list("").await?)?, &["b"])
}

async fn finalizer(trial: &mut Trial<'_>) -> Checked {
    let mut object = service("a");
    object["metadata"]["finalizers"] = json!(["example.com/wait"]);
    let made = trial.create(&object).await?;
    let from = version(&made)?;
    trial.client.delete(&trial.service("a")).await?.granted(200)?;
    let marked = trial.client.get(&trial.service("a")).await?.granted(200)?;
    let time = &marked["metadata"]["deletionTimestamp"];
    that(time.is_string(), || format!("no deletionTimestamp: {marked}"))?;
    let patch = json!({"metadata": {"finalizers": null}});
    trial.client.patch(&trial.service("a"), media::MERGE_PATCH, &patch).await?.granted(200)?;
    trial.client.get(&trial.service("a")).await?.refused(404, "NotFound")?;
    let path = format!("{}?watch=true&resourceVersion={from}", trial.services());
    trial.client.watch(&path).await?.expect(&["MODIFIED a", "DELETED a"]).await.map(drop)
}

async fn dry_run(trial: &mut Trial<'_>) -> Checked {
    let path = format!("{}?dryRun=All", trial.services());
    trial.client.post(&path, &service("a")).await?.granted(201)?;
    trial.client.get(&trial.service("a")).await?.refused(404, "NotFound")?;
    let made = trial.create(&service("a")).await?;
    let path = format!("{}?dryRun=All", trial.service("a"));
    let patch = json!({"metadata": {"labels": {"x": "1"}}});
    let patched = trial.client.patch(&path, media::MERGE_PATCH, &patch).await?.granted(200)?;
    equal("label in the answer", &patched["metadata"]["labels"]["x"], "1")?;
    trial.client.delete(&path).await?.granted(200)?;
    let found = trial.client.get(&trial.service("a")).await?.granted(200)?;
    equal("the object", &found, &made)
}

async fn counting(trial: &mut Trial<'_>) -> Checked {
    let first = trial.create(&service("a")).await?;
    let slice = slice("a", "a", &["192.0.2.1"]);
    let second = trial.client.post(&trial.slices(), &slice).await?.granted(201)?;
    trial.client.delete(&trial.service("a")).await?.granted(200)?;
    let third = trial.create(&service("a")).await?;
    let versions = [revision(&first)?, revision(&second)?, revision(&third)?];
    that(versions.is_sorted_by(|one, next| one < next), || format!("versions {versions:?}"))?;
    // The removal has a version of its own.
    that(versions[2] >= versions[1] + 2, || format!("versions {versions:?}"))?;
    let same = first["metadata"]["uid"] == third["metadata"]["uid"];
    that(!same, || "the uid of the first Service came again".to_owned())
}

async fn status(trial: &mut Trial<'_>) -> Checked {
    let ingress = |ip: &str| json!({"loadBalancer": {"ingress": [{"ip": ip}]}});
    let mut object = service("a");
    object["spec"]["type"] = "LoadBalancer".into();
    object["spec"]["clusterIP"] = trial_address().into();
    object["spec"]["allocateLoadBalancerNodePorts"] = false.into();
    object["status"] = ingress("192.0.2.1");
    let made = trial.create(&object).await?;
    equal("status when made", &made["status"], &json!({"loadBalancer": {}}))?;
    let patch = json!({"status": ingress("192.0.2.2"), "spec": {"sessionAffinity": "ClientIP"}});
    let path = format!("{}/status", trial.service("a"));
    let patched = trial.client.patch(&path, media::MERGE_PATCH, &patch).await?.granted(200)?;
    let ip = |object: &Value| object["status"]["loadBalancer"]["ingress"][0]["ip"].clone();
    equal("address after its update", &ip(&patched), "192.0.2.2")?;
    equal("affinity after that", &patched["spec"]["sessionAffinity"], "None")?;
    let patch = json!({"status": ingress("192.0.2.3"), "metadata": {"labels": {"x": "1"}}});
    let path = trial.service("a");
    let patched = trial.client.patch(&path, media::MERGE_PATCH, &patch).await?.granted(200)?;
    equal("address after another", &ip(&patched), "192.0.2.2")?;
    equal("label after that", &patched["metadata"]["labels"]["x"], "1")?;
    // What the object is called and who minds it, both ways can change.
    let mut object = patched;
    object["metadata"]["labels"] = json!({"y": "2"});
    object["metadata"]["annotations"] = json!({"z": "3"});
    object["spec"]["sessionAffinity"] = "ClientIP".into();
    let put = trial.client.put(&format!("{path}/status"), &object).await?.granted(200)?;
    equal("labels after a status", &put["metadata"]["labels"], &json!({"y": "2"}))?;
    equal("annotations after a status", &put["metadata"]["annotations"], &json!({"z": "3"}))?;
    equal("affinity after a status", &put["spec"]["sessionAffinity"], "None")
}

/// An address in the range that servers of clusters take by default.
fn trial_address() -> &'static str {
    "10.0.0.150"
}

async fn wrong_kind(trial: &mut Trial<'_>) -> Checked {
    let object = slice("a", "a", &[]);
    trial.client.post(&trial.services(), &object).await?.refused(400, "BadRequest")?;
    let mut object = service("a");
    object["apiVersion"] = "v2".into();
    trial.client.post(&trial.services(), &object).await?.refused(400, "BadRequest").map(drop)
}

async fn kept(trial: &mut Trial<'_>) -> Checked {
    let made = trial.create(&service("a")).await?;
    let mut changed = made.clone();
    changed["metadata"]["uid"] = "00000000-0000-0000-0000-000000000000".into();
    trial.client.put(&trial.service("a"), &changed).await?.refused(409, "Conflict")?;
    let mut changed = made.clone();
    changed["metadata"]["creationTimestamp"] = "2001-01-01T00:00:00Z".into();
    let put = trial.client.put(&trial.service("a"), &changed).await?.granted(200)?;
    let field = "creationTimestamp";
    equal(field, &put["metadata"][field], &made["metadata"][field])
}

async fn defaults(trial: &mut Trial<'_>) -> Checked {
    let object = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"},
        "spec": {"clusterIP": "None", "ports": [{"port": 80}]},
    });
    let made = trial.create(&object).await?;
    equal("type", &made["spec"]["type"], "ClusterIP")?;
    equal("sessionAffinity", &made["spec"]["sessionAffinity"], "None")?;
    equal("internalTrafficPolicy", &made["spec"]["internalTrafficPolicy"], "Cluster")?;
    equal("clusterIPs", &made["spec"]["clusterIPs"], &json!(["None"]))?;
    let ports = json!([{"port": 80, "protocol": "TCP", "targetPort": 80}]);
    equal("ports", &made["spec"]["ports"], &ports)
}

async fn unknown_fields(trial: &mut Trial<'_>) -> Checked {
    let mut object = service("a");
    object["spec"]["unheardOf"] = 1.into();
    let path = format!("{}?fieldValidation=Strict", trial.services());
    let status = trial.client.post(&path, &object).await?.refused(400, "BadRequest")?;
    let message = status["message"].as_str().unwrap_or_default();
    that(message.contains(r#"unknown field "spec.unheardOf""#), || message.to_owned())?;
    let request = Request::post(format!("{}?fieldValidation=Warn", trial.services()))
        .header("content-type", media::JSON)
        .body(object.to_string().into_bytes());
    let request = request.map_err(|error| Finding::of(error.to_string()))?;
    let answer = trial.client.call(request).await?;
    let warning = answer.headers.get("warning").and_then(|text| text.to_str().ok());
    let warning = warning.unwrap_or_default().to_owned();
    that(warning.contains("unknown field"), || format!("warning {warning:?}"))?;
    let made = answer.granted(201)?;
    equal("the field", &made["spec"]["unheardOf"], &Value::Null)
}
