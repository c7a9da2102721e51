//! What a server says of itself, in which forms it answers, and how it refuses.

use http::{Method, Request};
use serde_json::{Value, json};

use super::{Scenario, scenario};
use crate::client::media;
use crate::finding::{Checked, Finding, equal, that};
use crate::objects::{items, service};
use crate::subject::Ability;
use crate::trial::Trial;

pub(super) const ALL: &[Scenario] = &[
    scenario("D01", "/version says a version that can be read", |trial| Box::pin(version(trial))),
    scenario("D02", "/api and /apis name the groups and their versions", |trial| {
        Box::pin(groups(trial))
    }),
    scenario(
        "D03",
        "each group names its resources, with their kinds and what can be done with them",
        |trial| Box::pin(resources(trial)),
    ),
    scenario("D04", "all of that comes at once where it is asked for so", |trial| {
        Box::pin(aggregated(trial))
    }),
    scenario("D05", "OpenAPI of both versions describes Services", |trial| {
        Box::pin(openapi(trial))
    }),
    scenario("D06", "a list comes as a Table where it is asked for so", |trial| {
        Box::pin(table(trial))
    }),
    scenario("D07", "a watch comes as Tables, with columns in the first alone", |trial| {
        Box::pin(table_watch(trial))
    }),
    scenario("D08", "metadata alone comes where it is asked for so", |trial| {
        Box::pin(metadata_alone(trial))
    }),
    scenario("D09", "/healthz, /livez and /readyz say ok, and why where asked", |trial| {
        Box::pin(health(trial))
    }),
    scenario("D10", "a path, a resource and a group that are not served are 404", |trial| {
        Box::pin(not_served(trial))
    }),
    scenario(
        "D11",
        "a form that is not spoken is 406, a body in another is 415, one that cannot be read is 400",
        |trial| Box::pin(forms(trial)),
    ),
    scenario("D12", "a stranger is 401 Unauthorized", |trial| Box::pin(stranger(trial)))
        .needing(&[Ability::Authenticate]),
    scenario("D13", "what cannot be done with a resource is 405", |trial| {
        Box::pin(not_allowed(trial))
    }),
];

async fn version(trial: &mut Trial<'_>) -> Checked {
    let answer = trial.client.get("/version").await?.granted(200)?;
    let git = answer["gitVersion"].as_str().unwrap_or_default();
    let numbers = git.trim_start_matches('v').split(['.', '-', '+']).take(3);
    let readable = numbers.map(str::parse::<u32>).filter(Result::is_ok).count() == 3;
    that(readable && git.starts_with('v'), || format!("gitVersion {git:?}"))?;
    for field in ["major", "minor", "platform"] {
        that(answer[field].is_string(), || format!("no {field}: {answer}"))?;
    }
    Ok(())
}

async fn groups(trial: &mut Trial<'_>) -> Checked {
    let old = trial.client.get("/api").await?.granted(200)?;
    equal("kind of /api", &old["kind"], "APIVersions")?;
    equal("versions", &old["versions"], &json!(["v1"]))?;
    let new = trial.client.get("/apis").await?.granted(200)?;
    equal("kind of /apis", &new["kind"], "APIGroupList")?;
    let groups = new["groups"].as_array().cloned().unwrap_or_default();
    let group = groups.iter().find(|group| group["name"] == "discovery.k8s.io");
    let group = group.ok_or_else(|| Finding::of(format!("no discovery.k8s.io: {new}")))?;
    equal("preferred", &group["preferredVersion"]["groupVersion"], "discovery.k8s.io/v1")?;
    let own = trial.client.get("/apis/discovery.k8s.io").await?.granted(200)?;
    equal("kind of the group", &own["kind"], "APIGroup")?;
    equal("versions of the group", &own["versions"], &group["versions"])
}

async fn resources(trial: &mut Trial<'_>) -> Checked {
    let cases = [
        ("/api/v1", "services", "Service", true, json!(["svc"])),
        ("/api/v1", "nodes", "Node", false, json!(["no"])),
        ("/api/v1", "namespaces", "Namespace", false, json!(["ns"])),
        ("/apis/discovery.k8s.io/v1", "endpointslices", "EndpointSlice", true, Value::Null),
    ];
    for (path, name, kind, namespaced, short) in cases {
        let list = trial.client.get(path).await?.granted(200)?;
        equal("kind", &list["kind"], "APIResourceList")?;
        let all = list["resources"].as_array().cloned().unwrap_or_default();
        let found = all.iter().find(|resource| resource["name"] == name);
        let found = found.ok_or_else(|| Finding::of(format!("{path} has no {name}")))?;
        equal("kind of the resource", &found["kind"], kind)?;
        equal("namespaced", &found["namespaced"], &namespaced)?;
        equal("shortNames", &found["shortNames"], &short)?;
        let singular = kind.to_lowercase();
        equal("singularName", &found["singularName"], singular.as_str())?;
        let verbs = found["verbs"].as_array().cloned().unwrap_or_default();
        for verb in ["create", "delete", "get", "list", "patch", "update", "watch"] {
            that(verbs.contains(&verb.into()), || format!("{name} cannot {verb}"))?;
        }
    }
    Ok(())
}

async fn aggregated(trial: &mut Trial<'_>) -> Checked {
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    for (path, group, resource) in
        [("/api", "", "services"), ("/apis", "discovery.k8s.io", "endpointslices")]
    {
        let list = trial.client.get_as(path, accept).await?.granted(200)?;
        equal("kind", &list["kind"], "APIGroupDiscoveryList")?;
        equal("apiVersion", &list["apiVersion"], "apidiscovery.k8s.io/v2")?;
        let of = |item: &&Value| item["metadata"]["name"].as_str().unwrap_or_default() == group;
        let found = items(&list)?.iter().find(of).cloned().unwrap_or_default();
        let all = found["versions"][0]["resources"].as_array().cloned().unwrap_or_default();
        let known = all.iter().any(|it| it["resource"] == resource);
        that(known, || format!("{path} has no {resource}: {found}"))?;
    }
    Ok(())
}

async fn openapi(trial: &mut Trial<'_>) -> Checked {
    let second = trial.client.get("/openapi/v2").await?.granted(200)?;
    equal("swagger", &second["swagger"], "2.0")?;
    let name = "io.k8s.api.core.v1.Service";
    that(second["definitions"][name].is_object(), || format!("no definition of {name}"))?;
    let index = trial.client.get("/openapi/v3").await?.granted(200)?;
    let url = index["paths"]["api/v1"]["serverRelativeURL"].as_str().unwrap_or_default();
    that(url.starts_with("/openapi/v3/api/v1"), || format!("no v1 in {index}"))?;
    let third = trial.client.get(url).await?.granted(200)?;
    let schema = &third["components"]["schemas"][name];
    that(schema.is_object(), || format!("no schema of {name}"))?;
    let kinds = &schema["x-kubernetes-group-version-kind"];
    equal("its kind", kinds, &json!([{"group": "", "kind": "Service", "version": "v1"}]))?;
    let patch = &third["paths"]["/api/v1/namespaces/{namespace}/services/{name}"]["patch"];
    let parameters = patch["parameters"].as_array().cloned().unwrap_or_default();
    // By this kubectl knows that the server validates by itself.
    let strict = parameters.iter().any(|parameter| parameter["name"] == "fieldValidation");
    that(strict, || format!("no fieldValidation among {parameters:?}"))
}

/// What kubectl asks for.
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

async fn table(trial: &mut Trial<'_>) -> Checked {
    trial.create(&service("a")).await?;
    let table = trial.client.get_as(&trial.services(), TABLE).await?.granted(200)?;
    equal("kind", &table["kind"], "Table")?;
    equal("apiVersion", &table["apiVersion"], "meta.k8s.io/v1")?;
    let first = &table["columnDefinitions"][0];
    equal("first column", &first["name"], "Name")?;
    equal("its format", &first["format"], "name")?;
    equal("first cell", &table["rows"][0]["cells"][0], "a")?;
    let object = &table["rows"][0]["object"];
    equal("kind of the row's object", &object["kind"], "PartialObjectMetadata")?;
    equal("name of the row's object", &object["metadata"]["name"], "a")?;
    let columns = table["columnDefinitions"].as_array().map_or(0, Vec::len);
    let cells = table["rows"][0]["cells"].as_array().map_or(0, Vec::len);
    equal("cells", &cells, &columns)?;
    that(table["metadata"]["resourceVersion"].is_string(), || "no version".to_owned())?;
    let one = trial.client.get_as(&trial.service("a"), TABLE).await?.granted(200)?;
    equal("kind of one", &one["kind"], "Table")
}

async fn table_watch(trial: &mut Trial<'_>) -> Checked {
    trial.create(&service("a")).await?;
    trial.create(&service("b")).await?;
    let path = format!("{}?watch=true", trial.services());
    let mut watch = trial.client.watch_as(&path, TABLE).await?;
    for (name, with_columns) in [("a", true), ("b", false)] {
        let event = watch.next().await?;
        equal("kind of the event", &event.kind, "ADDED")?;
        equal("kind of the object", &event.object["kind"], "Table")?;
        equal("first cell", &event.object["rows"][0]["cells"][0], name)?;
        let columns = event.object["columnDefinitions"].as_array().map_or(0, Vec::len);
        equal("whether there are columns", &(columns > 0), &with_columns)?;
    }
    Ok(())
}

async fn metadata_alone(trial: &mut Trial<'_>) -> Checked {
    trial.create(&service("a")).await?;
    let accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    let list = trial.client.get_as(&trial.services(), accept).await?.granted(200)?;
    equal("kind", &list["kind"], "PartialObjectMetadataList")?;
    let item = &items(&list)?[0];
    equal("name", &item["metadata"]["name"], "a")?;
    equal("spec", &item["spec"], &Value::Null)
}

async fn health(trial: &mut Trial<'_>) -> Checked {
    for path in ["/healthz", "/livez", "/readyz"] {
        let answer = trial.client.get(path).await?.granted(200)?;
        equal(path, &answer, "ok")?;
        let answer = trial.client.get(&format!("{path}?verbose")).await?.granted(200)?;
        let said = answer.as_str().unwrap_or_default();
        that(said.contains("[+]ping ok"), || format!("{path}?verbose: {said}"))?;
    }
    Ok(())
}

async fn not_served(trial: &mut Trial<'_>) -> Checked {
    let paths = ["/api/v1/unheardofs", "/apis/unheard.of/v1/things", "/apis/discovery.k8s.io/v2"];
    for path in paths {
        let answer = trial.client.get(path).await?;
        equal(path, &answer.code, &404)?;
    }
    Ok(())
}

async fn forms(trial: &mut Trial<'_>) -> Checked {
    let answer = trial.client.get_as(&trial.services(), "text/html").await?;
    answer.refused(406, "NotAcceptable")?;
    let body = |media: &str, body: &str| {
        let request = Request::post(trial.services()).header("content-type", media);
        let request = request.body(body.as_bytes().to_vec());
        request.map_err(|error| Finding::of(error.to_string()))
    };
    let answer = trial.client.call(body("text/html", "<p>")?).await?;
    answer.refused(415, "UnsupportedMediaType")?;
    let answer = trial.client.call(body(media::JSON, "{")?).await?;
    answer.refused(400, "BadRequest")?;
    let answer = trial.client.call(body(media::JSON, "{}")?).await?;
    // Of what kind it is, the path says.
    answer.refused(422, "Invalid")?;
    // YAML is spoken as JSON is.
    let yaml = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {clusterIP: None, ports: [{port: 80}]}\n";
    trial.client.call(body("application/yaml", yaml)?).await?.granted(201).map(drop)
}

async fn stranger(trial: &mut Trial<'_>) -> Checked {
    let kubeconfig = trial.subject.kubeconfig()?;
    let stranger = crate::client::Client::stranger(&kubeconfig).await?;
    stranger.get(&trial.services()).await?.refused(401, "Unauthorized").map(drop)
}

async fn not_allowed(trial: &mut Trial<'_>) -> Checked {
    let answer = trial.client.put(&trial.services(), &service("a")).await?;
    answer.refused(405, "MethodNotAllowed")?;
    let path = trial.service("a");
    let answer =
        trial.client.request(Method::POST, &path, Some((media::JSON, &service("a")))).await?;
    answer.refused(405, "MethodNotAllowed").map(drop)
}
