//! Requests as they are, and answers as they come.

use std::time::Duration;

use anyhow::Context;
use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::finding::{Checked, Finding, equal, that};

/// The longest that anything may take: a busy machine takes a tenth of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Media types of bodies.
pub(crate) mod media {
    /// A whole object.
    pub(crate) const JSON: &str = "application/json";
    /// RFC 6902.
    pub(crate) const JSON_PATCH: &str = "application/json-patch+json";
    /// RFC 7386.
    pub(crate) const MERGE_PATCH: &str = "application/merge-patch+json";
    /// Kubernetes' own.
    pub(crate) const STRATEGIC_PATCH: &str = "application/strategic-merge-patch+json";
    /// Server-side apply.
    pub(crate) const APPLY_PATCH: &str = "application/apply-patch+yaml";
}

/// A client of one server. It repeats nothing by itself.
#[derive(Clone)]
pub(crate) struct Client {
    inner: kube::Client,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// What was asked.
    asked: String,
    /// The code of HTTP.
    pub(crate) code: u16,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// The body; text where it is no JSON.
    pub(crate) body: Value,
}

impl Client {
    /// A client by a kubeconfig.
    pub(crate) async fn new(kubeconfig: &str) -> Checked<Self> {
        let kubeconfig = Kubeconfig::from_yaml(kubeconfig).context("read the kubeconfig")?;
        Self::of(kubeconfig).await
    }

    /// A client whose token the server does not know.
    pub(crate) async fn stranger(kubeconfig: &str) -> Checked<Self> {
        let mut kubeconfig = Kubeconfig::from_yaml(kubeconfig).context("read the kubeconfig")?;
        kubeconfig.auth_infos.clear();
        let stranger = json!({"name": "stranger", "user": {"token": "of-a-stranger"}});
        let stranger = serde_json::from_value(stranger).context("make a stranger")?;
        kubeconfig.auth_infos.push(stranger);
        for context in kubeconfig.contexts.iter_mut().filter_map(|it| it.context.as_mut()) {
            context.user = Some("stranger".to_owned());
        }
        Self::of(kubeconfig).await
    }

    async fn of(kubeconfig: Kubeconfig) -> Checked<Self> {
        let mut config =
            kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
                .await
                .context("understand the kubeconfig")?;
        config.default_retry = false;
        config.read_timeout = None;
        let inner = kube::Client::try_from(config).context("make a client")?;
        Ok(Self { inner })
    }

    async fn send(&self, request: Request<Vec<u8>>) -> Checked<http::Response<Body>> {
        let asked = asked(&request);
        let answer = timeout(PATIENCE, self.inner.send(request.map(Body::from)));
        let answer = answer.await.map_err(|_| Finding::of(format!("{asked}: no answer")))?;
        Ok(answer.with_context(|| asked)?)
    }

    /// Any request at all.
    pub(crate) async fn call(&self, request: Request<Vec<u8>>) -> Checked<Answer> {
        let asked = asked(&request);
        let (head, body) = self.send(request).await?.into_parts();
        let body = timeout(PATIENCE, body.collect()).await;
        let body = body.map_err(|_| Finding::of(format!("{asked}: the answer does not end")))?;
        let body = body.with_context(|| format!("{asked}: read the answer"))?.to_bytes();
        let body = serde_json::from_slice(&body)
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&body).into_owned()));
        Ok(Answer { asked, code: head.status.as_u16(), headers: head.headers, body })
    }

    /// A request with a body, or without.
    pub(crate) async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, &Value)>,
    ) -> Checked<Answer> {
        let mut request = Request::builder().method(method).uri(path).header(ACCEPT, media::JSON);
        let mut bytes = Vec::new();
        if let Some((media, body)) = body {
            request = request.header(CONTENT_TYPE, media);
            bytes = body.to_string().into_bytes();
        }
        self.call(request.body(bytes).context("write a request")?).await
    }

    /// GET.
    pub(crate) async fn get(&self, path: &str) -> Checked<Answer> {
        self.request(Method::GET, path, None).await
    }

    /// GET that asks for another form.
    pub(crate) async fn get_as(&self, path: &str, accept: &str) -> Checked<Answer> {
        let request = Request::get(path).header(ACCEPT, accept).body(Vec::new());
        self.call(request.context("write a request")?).await
    }

    /// POST.
    pub(crate) async fn post(&self, path: &str, object: &Value) -> Checked<Answer> {
        self.request(Method::POST, path, Some((media::JSON, object))).await
    }

    /// PUT.
    pub(crate) async fn put(&self, path: &str, object: &Value) -> Checked<Answer> {
        self.request(Method::PUT, path, Some((media::JSON, object))).await
    }

    /// PATCH.
    pub(crate) async fn patch(&self, path: &str, media: &str, patch: &Value) -> Checked<Answer> {
        self.request(Method::PATCH, path, Some((media, patch))).await
    }

    /// DELETE.
    pub(crate) async fn delete(&self, path: &str) -> Checked<Answer> {
        self.request(Method::DELETE, path, None).await
    }

    /// A watch that the server has accepted.
    pub(crate) async fn watch(&self, path: &str) -> Checked<Watch> {
        self.watch_as(path, media::JSON).await
    }

    /// The same in another form.
    pub(crate) async fn watch_as(&self, path: &str, accept: &str) -> Checked<Watch> {
        let request = Request::get(path).header(ACCEPT, accept).body(Vec::new());
        let request = request.context("write a request")?;
        let asked = asked(&request);
        let answer = self.send(request).await?;
        let code = answer.status().as_u16();
        if code != 200 {
            let body = timeout(PATIENCE, answer.into_body().collect()).await;
            let body = body.ok().and_then(Result::ok).map(|body| body.to_bytes());
            let body = body.unwrap_or_default();
            let said = format!("{asked}: {code} {}", String::from_utf8_lossy(&body));
            return Err(Finding::of(said));
        }
        Ok(Watch { asked, body: answer.into_body(), rest: BytesMut::new() })
    }
}

fn asked(request: &Request<Vec<u8>>) -> String {
    format!("{} {}", request.method(), request.uri())
}

impl Answer {
    /// The body, if the request was granted with this code.
    pub(crate) fn granted(self, code: u16) -> Checked<Value> {
        that(self.code == code, || self.instead(&format!("{code}")))?;
        Ok(self.body)
    }

    /// The Status, if the request was refused with this code and for this reason.
    pub(crate) fn refused(self, code: u16, reason: &str) -> Checked<Value> {
        that(self.code == code, || self.instead(&format!("{code} {reason}")))?;
        is_failure(&self.body, code, reason).map_err(|finding| finding.during(&self.asked))?;
        Ok(self.body)
    }

    fn instead(&self, expected: &str) -> String {
        let mut body = self.body.to_string();
        body.truncate(body.char_indices().nth(600).map_or(body.len(), |(at, _)| at));
        format!("{}: {} {body}, must be {expected}", self.asked, self.code)
    }
}

/// That this is a Status that says so.
pub(crate) fn is_failure(status: &Value, code: u16, reason: &str) -> Checked {
    let head = [&status["apiVersion"], &status["kind"], &status["status"], &status["reason"]];
    equal("apiVersion, kind, status and reason", &head, &["v1", "Status", "Failure", reason])?;
    equal("code of the Status", &status["code"], &code)?;
    that(status["message"].is_string(), || format!("the Status has no message: {status}"))?;
    that(status["metadata"].is_object(), || format!("the Status has no metadata: {status}"))
}

/// An open watch.
pub(crate) struct Watch {
    asked: String,
    body: Body,
    rest: BytesMut,
}

/// One event of a watch.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// `ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK` or `ERROR`.
    pub(crate) kind: String,
    /// What it is about.
    pub(crate) object: Value,
}

impl Event {
    /// `KIND name`.
    pub(crate) fn short(&self) -> String {
        format!("{} {}", self.kind, self.object["metadata"]["name"].as_str().unwrap_or_default())
            .trim_end()
            .to_owned()
    }
}

impl Watch {
    /// The next event; nothing where the server has ended the watch.
    pub(crate) async fn next_or_end(&mut self) -> Checked<Option<Event>> {
        loop {
            if let Some(line) = self.line() {
                let read = serde_json::from_slice::<Value>(&line);
                let json = read.with_context(|| format!("{}: read an event", self.asked))?;
                let kind = json["type"].as_str().unwrap_or_default().to_owned();
                return Ok(Some(Event { kind, object: json["object"].clone() }));
            }
            let frame = timeout(PATIENCE, self.body.frame()).await;
            let frame =
                frame.map_err(|_| Finding::of(format!("{}: no further event", self.asked)))?;
            match frame {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    self.rest.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new()));
                }
                Some(Err(error)) => {
                    let error = anyhow::Error::from(error).context(self.asked.clone());
                    return Err(error.into());
                }
            }
        }
    }

    /// The next whole line of what has come.
    fn line(&mut self) -> Option<Bytes> {
        let end = self.rest.iter().position(|byte| *byte == b'\n')?;
        let line = self.rest.split_to(end + 1);
        Some(line.freeze())
    }

    /// The next event, of any kind.
    pub(crate) async fn next(&mut self) -> Checked<Event> {
        let event = self.next_or_end().await?;
        event.ok_or_else(|| Finding::of(format!("{}: ended", self.asked)))
    }

    /// The next event that is no bookmark.
    pub(crate) async fn next_change(&mut self) -> Checked<Event> {
        loop {
            let event = self.next().await?;
            if event.kind != "BOOKMARK" {
                return Ok(event);
            }
        }
    }

    /// That the next changes are these, as `KIND name`.
    pub(crate) async fn expect(&mut self, expected: &[&str]) -> Checked<Vec<Event>> {
        let mut events = Vec::new();
        for short in expected {
            let event = self.next_change().await?;
            that(event.short() == *short, || {
                format!("{}: {} {}, must be {short}", self.asked, event.short(), event.object)
            })?;
            events.push(event);
        }
        Ok(events)
    }

    /// That the next event is an error of this kind.
    pub(crate) async fn fails(&mut self, code: u16, reason: &str) -> Checked<Value> {
        let event = self.next_change().await?;
        equal("kind of the event", &event.kind, "ERROR")?;
        is_failure(&event.object, code, reason).map_err(|finding| finding.during(&self.asked))?;
        Ok(event.object)
    }
}
