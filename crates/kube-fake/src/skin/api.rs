//! The server as a service in the process: a request in, an answer out.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::request::Parts;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Limited};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch as channel;
use tokio::time::{Instant, timeout_at};
use tower::{BoxError, Service};

use super::answer::{Body, answer, json_answer, refusal, text_answer, whole};
use super::discovery;
use super::form::Form;
use super::openapi;
use super::path::{Target, no_such_path, target};
use super::query::{Parameters, decoded};
use super::stream::WatchStream;
use crate::failure::Failure;
use crate::object::Object;
use crate::patch::Patch;
use crate::resource::Resource;
use crate::store::{Decoding, DeleteOptions, Deleted, Part, Store, WriteOptions};

/// How long a request for a version that has not been yet is held, as the watch cache holds one.
const FRESHNESS: Duration = Duration::from_secs(3);
/// The most that a request's body may take, as in a real server.
const MOST_BYTES: usize = 3 * 1024 * 1024;

/// A Kubernetes API server in the process. Copies are the same server.
///
/// As a `tower::Service` it answers a client of the same process: `kube::Client::new(server, "default")`.
#[derive(Clone, Debug)]
pub struct ApiServer {
    shared: Arc<Shared>,
}

/// What all copies of a server share.
#[derive(Debug)]
pub(super) struct Shared {
    store: Mutex<Store>,
    changed: channel::Sender<u64>,
    /// The time when the server began.
    epoch: Timestamp,
    began: OnceLock<Instant>,
    token: OnceLock<String>,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn subscribe(&self) -> channel::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(super) fn now(&self) -> Timestamp {
        let now = Instant::now();
        let passed = now.duration_since(*self.began.get_or_init(|| now));
        self.epoch.checked_add(passed).unwrap_or(Timestamp::MAX)
    }

    /// Does something with the store, and wakes the watches.
    fn with<R>(&self, action: impl FnOnce(&mut Store) -> R) -> R {
        let answer = action(&mut self.lock());
        self.changed.send_modify(|count| *count += 1);
        answer
    }
}

impl ApiServer {
    /// A server over a store. `epoch` is the time at its first request; from there on time goes by tokio's clock.
    pub fn new(store: Store, epoch: Timestamp) -> Self {
        let shared = Shared {
            store: Mutex::new(store),
            changed: channel::Sender::new(0),
            epoch,
            began: OnceLock::new(),
            token: OnceLock::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Has the server refuse who does not bear this token. It can be said once.
    #[must_use]
    pub fn with_token(self, token: &str) -> Self {
        self.shared.token.get_or_init(|| token.to_owned());
        self
    }

    /// The token that is asked for, if any.
    pub(super) fn token(&self) -> Option<&str> {
        self.shared.token.get().map(String::as_str)
    }

    /// Does something with the store; watches see it at once.
    pub fn with<R>(&self, action: impl FnOnce(&mut Store) -> R) -> R {
        self.shared.with(action)
    }

    /// The time that the server has.
    pub fn now(&self) -> Timestamp {
        self.shared.now()
    }

    /// Answers a request.
    ///
    /// # Errors
    ///
    /// If the connection is to break.
    pub async fn handle<B>(&self, request: Request<B>) -> io::Result<Response<Body>>
    where
        B: http_body::Body,
        B::Error: Into<BoxError>,
    {
        let (parts, body) = request.into_parts();
        let body = match Limited::new(body, MOST_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                let message = format!("the body is larger than {MOST_BYTES} bytes");
                return Ok(refusal(&Failure::new(413, "RequestEntityTooLarge", message)));
            }
            Err(error) => return Err(io::Error::other(error)),
        };
        let answered = self.answer(&parts, &body).await;
        Ok(answered.unwrap_or_else(|failure| refusal(&failure)))
    }

    async fn answer(&self, parts: &Parts, body: &Bytes) -> Result<Response<Body>, Failure> {
        self.check_token(parts)?;
        let path = decoded(parts.uri.path());
        let call = Call {
            shared: &self.shared,
            parts,
            body,
            parameters: Parameters::parse(parts.uri.query().unwrap_or_default()),
        };
        match target(&path)? {
            Target::Collection { resource, namespace } => {
                call.collection(resource, namespace).await
            }
            Target::Object { resource, namespace, name, part } => {
                call.object(resource, (&namespace, &name), part).await
            }
            Target::Other => other(&path, parts),
        }
    }

    fn check_token(&self, parts: &Parts) -> Result<(), Failure> {
        let Some(token) = self.token() else { return Ok(()) };
        let expected = format!("Bearer {token}");
        let found = parts.headers.get(AUTHORIZATION).map(http::HeaderValue::as_bytes);
        if found == Some(expected.as_bytes()) {
            return Ok(());
        }
        Err(Failure::new(401, "Unauthorized", "Unauthorized"))
    }
}

/// What is asked of the server that is no object.
fn other(path: &str, parts: &Parts) -> Result<Response<Body>, Failure> {
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return Err(not_allowed());
    }
    let path = path.trim_end_matches('/');
    let is_health = ["/healthz", "/livez", "/readyz"].iter().any(|root| {
        path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    if is_health {
        return Ok(text_answer(200, "ok"));
    }
    if let Some(rest) = path.strip_prefix("/openapi/v3/") {
        let document = openapi::three(rest).ok_or_else(no_such_path)?;
        return Ok(json_answer(200, &document));
    }
    match path {
        "/openapi/v2" => Ok(openapi_two(parts)),
        "/openapi/v3" => Ok(json_answer(200, &openapi::three_index())),
        _ => discovery::answer(path).map(|found| json_answer(200, &found)).ok_or_else(no_such_path),
    }
}

/// Version 2 of OpenAPI, which kubectl takes in protobuf alone.
fn openapi_two(parts: &Parts) -> Response<Body> {
    let accepted =
        parts.headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepted.contains("proto-openapi.spec.v2") {
        let bytes = openapi::protobuf(&openapi::two());
        return answer(200, openapi::PROTOBUF, whole(bytes));
    }
    json_answer(200, &openapi::two())
}

/// One request of a resource.
struct Call<'a> {
    shared: &'a Arc<Shared>,
    parts: &'a Parts,
    body: &'a Bytes,
    parameters: Parameters,
}

impl Call<'_> {
    async fn collection(
        &self,
        resource: &'static Resource,
        namespace: Option<String>,
    ) -> Result<Response<Body>, Failure> {
        match *self.method() {
            Method::GET if self.parameters.is_set("watch") => self.watch(resource, namespace).await,
            Method::GET => self.list(resource, namespace).await,
            Method::POST => self.create(resource, namespace.as_deref()),
            Method::DELETE => self.delete_collection(resource, namespace),
            _ => Err(not_allowed()),
        }
    }

    async fn object(
        &self,
        resource: &'static Resource,
        place: (&str, &str),
        part: Part,
    ) -> Result<Response<Body>, Failure> {
        let form = Form::negotiate(&self.parts.headers, &self.parameters)?;
        let shared = self.shared;
        let object = match *self.method() {
            Method::GET if self.parameters.is_set("watch") => {
                return Err(Failure::bad_request("watch the collection with a field selector"));
            }
            Method::GET => shared.lock().get(resource, place.0, place.1)?,
            Method::PUT => {
                let object = self.json_body()?;
                let options = self.write_options();
                shared.with(|store| store.update(resource, place, part, object, &options))?
            }
            Method::PATCH => return self.patch(resource, place, part, form),
            Method::DELETE if part == Part::Main => return self.delete(resource, place, form),
            _ => return Err(not_allowed()),
        };
        Ok(json_answer(200, &form.object(resource, &object, self.shared.now())))
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
        let query = self.parameters.list(resource, namespace)?;
        let list = self.when_fresh(|store| store.list(resource, &query)).await?;
        Ok(json_answer(200, &form.list(resource, &list, self.shared.now())))
    }

    async fn watch(
        &self,
        resource: &'static Resource,
        namespace: Option<String>,
    ) -> Result<Response<Body>, Failure> {
        let form = Form::negotiate(&self.parts.headers, &self.parameters)?;
        let query = self.parameters.watch(resource, namespace)?;
        let timeout = self.parameters.timeout()?;
        let watch = self.when_fresh(|store| store.watch(resource, query.clone())).await?;
        let stream = WatchStream::new(Arc::clone(self.shared), watch, form, timeout);
        Ok(answer(200, "application/json;stream=watch", stream.into_body()))
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
        let object = self.json_body()?;
        let options = self.write_options();
        let namespace = namespace.unwrap_or_default();
        let object =
            self.shared.with(|store| store.create(resource, namespace, object, &options))?;
        Ok(json_answer(201, &form.object(resource, &object, self.shared.now())))
    }

    fn patch(
        &self,
        resource: &'static Resource,
        place: (&str, &str),
        part: Part,
        form: Form,
    ) -> Result<Response<Body>, Failure> {
        let value = self.json_body()?;
        let content_type = self.header(CONTENT_TYPE.as_str());
        let patch = match content_type.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => Patch::Json(value),
            "application/merge-patch+json" => Patch::Merge(value),
            "application/strategic-merge-patch+json" => Patch::Strategic(value),
            "application/apply-patch+yaml" => {
                if self.parameters.text("fieldManager").is_empty() {
                    let what = "fieldManager is required for apply patch";
                    return Err(Failure::bad_request(what));
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
        Ok(json_answer(
            if is_new { 201 } else { 200 },
            &form.object(resource, &object, self.shared.now()),
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
            Deleted::Gone(object) => Ok(json_answer(200, &success(resource, &object))),
            Deleted::Pending(object) => {
                Ok(json_answer(200, &form.object(resource, &object, self.shared.now())))
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
        let query = self.parameters.list(resource, namespace)?;
        let options = self.delete_options()?;
        let list = self.shared.with(|store| store.delete_collection(resource, &query, &options))?;
        Ok(json_answer(200, &form.list(resource, &list, self.shared.now())))
    }

    fn header(&self, name: &str) -> &str {
        self.parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn json_body(&self) -> Result<Value, Failure> {
        let content_type = self.header(CONTENT_TYPE.as_str());
        if content_type.contains("protobuf") || content_type.contains("cbor") {
            return Err(unsupported_media(content_type));
        }
        serde_json::from_slice(self.body).map_err(|error| {
            Failure::bad_request(format!("the body of the request is not JSON: {error}"))
        })
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
        let body = if self.body.is_empty() { Value::Null } else { self.json_body()? };
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

fn not_allowed() -> Failure {
    let message = "the server does not allow this method on the requested resource";
    Failure::new(405, "MethodNotAllowed", message)
}

fn unsupported_media(found: &str) -> Failure {
    let message = format!("the body of the request was in an unknown format: {found:?}");
    Failure::new(415, "UnsupportedMediaType", message)
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

impl<B> Service<Request<B>> for ApiServer
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Response<Body>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let server = self.clone();
        Box::pin(async move { server.handle(request).await })
    }
}
