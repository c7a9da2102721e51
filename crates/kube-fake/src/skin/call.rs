//! Requests of objects.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT, WARNING};
use http::request::Parts;
use http::{Method, Response};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::answer::{Body, WATCH, answer, json_answer, text_of_json};
use super::api::Shared;
use super::fault::Trouble;
use super::form::Form;
use super::query::Parameters;
use super::stream::{WatchStream, failed_watch};
use crate::failure::{Failure, FieldFault};
use crate::object::Object;
use crate::patch::Patch;
use crate::resource::Resource;
use crate::schema;
use crate::store::{Decoding, DeleteOptions, Deleted, Match, Part, ServerId, Store, WriteOptions};

/// How long a request for a version that has not been yet is held, as the watch cache holds one.
const FRESHNESS: Duration = Duration::from_secs(3);

/// One request of a resource.
pub(super) struct Call<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) server: ServerId,
    pub(super) parts: &'a Parts,
    pub(super) body: &'a Bytes,
    pub(super) parameters: Parameters,
    /// What is to go wrong with it.
    pub(super) trouble: Option<Trouble>,
}

impl Call<'_> {
    pub(super) async fn collection(
        &self,
        resource: &'static Resource,
        namespace: Option<String>,
    ) -> Result<Response<Body>, Failure> {
        if self.needs_store() {
            self.shared.until_it_answers().await;
        }
        match *self.method() {
            Method::GET if self.parameters.is_set("watch") => self.watch(resource, namespace).await,
            Method::GET => self.list(resource, namespace).await,
            Method::POST => self.create(resource, namespace.as_deref()),
            Method::DELETE => self.delete_collection(resource, namespace),
            _ => Err(not_allowed()),
        }
    }

    pub(super) async fn object(
        &self,
        resource: &'static Resource,
        place: (&str, &str),
        part: Part,
    ) -> Result<Response<Body>, Failure> {
        let form = Form::negotiate(&self.parts.headers, &self.parameters)?;
        if self.needs_store() {
            self.shared.until_it_answers().await;
        }
        let shared = self.shared;
        let object = match *self.method() {
            Method::GET if self.parameters.is_set("watch") => {
                return Err(Failure::bad_request("watch the collection with a field selector"));
            }
            Method::GET => shared.lock().get(resource, place.0, place.1)?,
            Method::PUT => {
                let object = self.body(resource)?;
                let unknown = schema::unknown(resource, &object);
                let options = self.write_options();
                let object =
                    shared.with(|store| store.update(resource, place, part, object, &options))?;
                let answer = text_of_json(200, form.object(resource, &object, shared.now()));
                return Ok(self.warn(&unknown, answer));
            }
            Method::PATCH => return self.patch(resource, place, part, form),
            Method::DELETE if part == Part::Main => return self.delete(resource, place, form),
            _ => return Err(not_allowed()),
        };
        Ok(text_of_json(200, form.object(resource, &object, self.shared.now())))
    }

    /// Whether it cannot be answered from what the server remembers by itself.
    fn needs_store(&self) -> bool {
        let version = self.parameters.text("resourceVersion");
        let is_paged = !self.parameters.text("limit").is_empty() && version != "0";
        let is_exact = self.parameters.text("resourceVersionMatch") == "Exact";
        *self.method() != Method::GET || version.is_empty() || is_paged || is_exact
    }

    fn method(&self) -> &Method {
        &self.parts.method
    }

    async fn list(
        &self,
        resource: &'static Resource,
        namespace: Option<String>,
    ) -> Result<Response<Body>, Failure> {
        let form = Form::negotiate(&self.parts.headers, &self.parameters)?;
        let mut query = self.parameters.list(resource, namespace, self.server)?;
        if let Some(trouble @ Trouble::Stale { behind }) = &self.trouble {
            self.shared.count(trouble);
            query.version = Some(self.shared.lock().behind(*behind));
            query.matching = Some(Match::Exact);
            query.next = None;
        }
        let list = self.when_fresh(|store| store.list(resource, &query)).await?;
        Ok(text_of_json(200, form.list(resource, &list, self.shared.now())))
    }

    async fn watch(
        &self,
        resource: &'static Resource,
        namespace: Option<String>,
    ) -> Result<Response<Body>, Failure> {
        let form = Form::negotiate(&self.parts.headers, &self.parameters)?;
        let query = self.parameters.watch(resource, namespace, self.server)?;
        let timeout = self.parameters.timeout()?;
        let begun = self.when_fresh(|store| store.watch(resource, query.clone())).await;
        let watch = match begun {
            Err(failure) if failure.is_too_large() => return Ok(failed_watch(&failure)),
            begun => begun?,
        };
        let shared = Arc::clone(self.shared);
        let stream = WatchStream::new(shared, watch, form, timeout, self.trouble.clone());
        Ok(answer(200, WATCH, stream.into_body()))
    }

    /// Asks the store, for a while again and again where the version that is asked for has not been yet.
    async fn when_fresh<R>(
        &self,
        ask: impl Fn(&Store) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        let deadline = Instant::now() + FRESHNESS;
        let mut changed = self.shared.subscribe();
        loop {
            changed.borrow_and_update();
            let answer = ask(&self.shared.lock());
            if !answer.as_ref().is_err_and(Failure::is_too_large) {
                return answer;
            }
            if timeout_at(deadline, changed.changed()).await.is_err() {
                return answer;
            }
        }
    }

    fn create(
        &self,
        resource: &'static Resource,
        namespace: Option<&str>,
    ) -> Result<Response<Body>, Failure> {
        if resource.namespaced && namespace.is_none() {
            return Err(not_allowed());
        }
        let form = Form::negotiate(&self.parts.headers, &self.parameters)?;
        let object = self.body(resource)?;
        let unknown = schema::unknown(resource, &object);
        let options = self.write_options();
        let namespace = namespace.unwrap_or_default();
        let object =
            self.shared.with(|store| store.create(resource, namespace, object, &options))?;
        let answer = text_of_json(201, form.object(resource, &object, self.shared.now()));
        Ok(self.warn(&unknown, answer))
    }

    fn patch(
        &self,
        resource: &'static Resource,
        place: (&str, &str),
        part: Part,
        form: Form,
    ) -> Result<Response<Body>, Failure> {
        let content_type = self.header(CONTENT_TYPE.as_str());
        if !content_type.contains("-patch+") {
            return Err(unsupported_media(content_type));
        }
        let value = self.body(resource)?;
        let patch = match content_type.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => Patch::Json(value),
            "application/merge-patch+json" => Patch::Merge(value),
            "application/strategic-merge-patch+json" => Patch::Strategic(value),
            "application/apply-patch+yaml" => {
                if self.parameters.text("fieldManager").is_empty() {
                    let what = "is required for apply patch";
                    let fault = FieldFault::required("fieldManager", what);
                    return Err(Failure::invalid_patch_options(&[fault]));
                }
                Patch::Apply { object: value, force: self.parameters.is_set("force") }
            }
            other => return Err(unsupported_media(other)),
        };
        let options = self.write_options();
        let (object, is_new) = self.shared.with(|store| {
            let is_new = store.get(resource, place.0, place.1).is_err();
            let object = store.patch(resource, place, part, &patch, &options)?;
            Ok::<_, Failure>((object, is_new))
        })?;
        Ok(text_of_json(
            if is_new { 201 } else { 200 },
            form.object(resource, &object, self.shared.now()),
        ))
    }

    fn delete(
        &self,
        resource: &'static Resource,
        place: (&str, &str),
        form: Form,
    ) -> Result<Response<Body>, Failure> {
        let options = self.delete_options()?;
        match self.shared.with(|store| store.delete(resource, place, &options))? {
            // As the registries of a cluster's server have it: `ReturnDeletedObject`.
            Deleted::Gone(object) if matches!(resource.kind, "Service" | "Pod") => {
                Ok(text_of_json(200, form.object(resource, &object, self.shared.now())))
            }
            Deleted::Gone(object) => Ok(json_answer(200, &success(resource, &object))),
            Deleted::Pending(object) => {
                Ok(text_of_json(200, form.object(resource, &object, self.shared.now())))
            }
        }
    }

    fn delete_collection(
        &self,
        resource: &'static Resource,
        namespace: Option<String>,
    ) -> Result<Response<Body>, Failure> {
        if resource.namespaced && namespace.is_none() {
            return Err(not_allowed());
        }
        let form = Form::negotiate(&self.parts.headers, &self.parameters)?;
        let query = self.parameters.list(resource, namespace, self.server)?;
        let options = self.delete_options()?;
        let list = self.shared.with(|store| store.delete_collection(resource, &query, &options))?;
        Ok(text_of_json(200, form.list(resource, &list, self.shared.now())))
    }

    fn header(&self, name: &str) -> &str {
        self.parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as it is: JSON, or YAML or protobuf where that is said.
    fn body(&self, resource: &Resource) -> Result<Value, Failure> {
        let content_type = self.header(CONTENT_TYPE.as_str());
        let media = content_type.split(';').next().unwrap_or_default().trim();
        let refused = |what: String| {
            Failure::bad_request(format!("the body of the request cannot be read: {what}"))
        };
        match media {
            "application/yaml" | "application/apply-patch+yaml" => {
                let text =
                    std::str::from_utf8(self.body).map_err(|error| refused(error.to_string()))?;
                serde_saphyr::from_str(text).map_err(|error| refused(error.to_string()))
            }
            "" | "application/json" => of_json(self.body),
            "application/vnd.kubernetes.protobuf" => schema::decode(resource, self.body)
                .ok_or_else(|| refused("it is no object in protobuf".to_owned())),
            patch if patch.ends_with("-patch+json") => of_json(self.body),
            other => Err(unsupported_media(other)),
        }
    }

    /// Has an answer tell of unknown fields that were left out.
    fn warn(&self, unknown: &[String], mut answer: Response<Body>) -> Response<Body> {
        if matches!(self.parameters.text("fieldValidation"), "" | "Warn") {
            for what in unknown {
                let text = format!("299 - {what:?}");
                if let Ok(value) = text.parse() {
                    answer.headers_mut().append(WARNING, value);
                }
            }
        }
        answer
    }

    /// Who makes a change: who says so, else the client's name.
    fn write_options(&self) -> WriteOptions {
        let said = self.parameters.text("fieldManager");
        let agent = self.header(USER_AGENT.as_str());
        let manager =
            if said.is_empty() { agent.split('/').next().unwrap_or_default() } else { said };
        let manager = if manager.is_empty() { "unknown" } else { manager };
        WriteOptions {
            now: self.shared.now(),
            manager: manager.to_owned(),
            dry_run: self.parameters.dry_run(),
            decoding: match self.parameters.text("fieldValidation") {
                "Strict" => Decoding::Strict,
                _ => Decoding::Typed,
            },
        }
    }

    fn delete_options(&self) -> Result<DeleteOptions, Failure> {
        let content_type = self.header(CONTENT_TYPE.as_str());
        if !content_type.is_empty() && !content_type.contains("json") {
            return Err(unsupported_media(content_type));
        }
        let body = if self.body.is_empty() { Value::Null } else { of_json(self.body)? };
        let conditions = &body["preconditions"];
        let text = |field: &str| conditions[field].as_str().map(str::to_owned);
        let is_tried =
            body["dryRun"].as_array().is_some_and(|stages| stages.contains(&json!("All")));
        Ok(DeleteOptions {
            now: self.shared.now(),
            dry_run: is_tried || self.parameters.dry_run(),
            uid: text("uid"),
            version: text("resourceVersion"),
        })
    }
}

pub(super) fn not_allowed() -> Failure {
    let message = "the server does not allow this method on the requested resource";
    Failure::new(405, "MethodNotAllowed", message)
}

fn unsupported_media(found: &str) -> Failure {
    let message = format!("the body of the request was in an unknown format: {found:?}");
    Failure::new(415, "UnsupportedMediaType", message)
}

fn of_json(bytes: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(bytes).map_err(|error| {
        Failure::bad_request(format!("the body of the request is not JSON: {error}"))
    })
}

/// What is answered to a deletion.
fn success(resource: &Resource, object: &Object) -> Value {
    let mut details = json!({"name": object.name(), "kind": resource.plural, "uid": object.uid()});
    if !resource.group.is_empty() {
        details["group"] = json!(resource.group);
    }
    json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    })
}
