//! The way between the proxy and the API server, on which everything goes wrong that can.
//!
//! It is a `tower` service before the server's own: requests are held up or refused, and what watches say is cut, held back,
//! repeated or lost. What was really met is counted where it is seen to happen, not where it is asked for.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::unfold;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use serde_json::json;
use switchyard_kube_fake::{ApiServer, Body};
use tokio::sync::watch as channel;
use tokio::time::sleep;

/// How long it takes to find out that nobody listens.
const REFUSED_AFTER: Duration = Duration::from_millis(2);

/// What a system says that has no file descriptor left for a process.
const EMFILE: i32 = 24;
/// What that is called.
pub(super) const NO_DESCRIPTORS: &str = "F37 out of file descriptors";

/// What goes wrong on the way.
#[derive(Debug, Clone, Default)]
pub(super) struct Weather {
    /// Nobody listens, and connections that were open broke.
    pub(super) is_down: bool,
    /// How long each answer takes.
    pub(super) delay: Option<Duration>,
    /// So many requests are refused with this status, and asked to come again after so many seconds.
    pub(super) refuse: Option<(u64, u16, Option<u64>)>,
    /// Nothing comes any more over connections that are open, and they stay open.
    pub(super) is_silent: bool,
    /// So many further pieces of a watch are cut in the midst.
    pub(super) cuts: u64,
    /// So many further pieces of a watch are followed by a line that cannot be read.
    pub(super) garbage: u64,
    /// So many further pieces of a watch come twice.
    pub(super) repeats: u64,
    /// Watches of what has this in its path are held back by so much.
    pub(super) lag: Option<(&'static str, Duration)>,
    /// So many further watches are told that the history does not reach back so far.
    pub(super) gone: u64,
    /// The process has no file descriptor left for a connection.
    pub(super) lacks_descriptors: bool,
    /// What asks next panics.
    pub(super) panics: bool,
}

#[derive(Debug, Default)]
struct Seen {
    weather: Weather,
    met: BTreeMap<&'static str, u64>,
    /// How many requests there were.
    requests: u64,
}

/// The server behind its weather.
#[derive(Clone)]
pub(super) struct Front {
    server: ApiServer,
    seen: Arc<Mutex<Seen>>,
    changed: Arc<channel::Sender<u64>>,
}

impl Front {
    /// The server in fair weather.
    pub(super) fn new(server: ApiServer) -> Self {
        let changed = Arc::new(channel::Sender::new(0));
        Self { server, seen: Arc::default(), changed }
    }

    /// Changes the weather.
    pub(super) fn turn(&self, change: impl FnOnce(&mut Weather)) {
        change(&mut self.lock().weather);
        self.changed.send_modify(|count| *count += 1);
    }

    /// The weather now.
    pub(super) fn weather(&self) -> Weather {
        self.lock().weather.clone()
    }

    /// What was met since this was asked last.
    pub(super) fn take_met(&self) -> BTreeMap<&'static str, u64> {
        std::mem::take(&mut self.lock().met)
    }

    /// How many requests there were so far.
    pub(super) fn requests(&self) -> u64 {
        self.lock().requests
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn met(&self, what: &'static str) {
        *self.lock().met.entry(what).or_default() += 1;
    }

    async fn answer(self, request: Request<kube::client::Body>) -> io::Result<Response<Body>> {
        self.lock().requests += 1;
        let mut changed = self.changed.subscribe();
        if std::mem::take(&mut self.lock().weather.panics) {
            // Without the hook, which would print it.
            std::panic::resume_unwind(Box::new("as asked"));
        }
        if self.weather().lacks_descriptors {
            sleep(REFUSED_AFTER).await;
            self.met(NO_DESCRIPTORS);
            return Err(io::Error::from_raw_os_error(EMFILE));
        }
        if self.weather().is_down {
            sleep(REFUSED_AFTER).await;
            self.met("F01 API server down");
            return Err(io::Error::from(io::ErrorKind::ConnectionRefused));
        }
        if let Some(delay) = self.weather().delay {
            self.met("F02 API server slow");
            let until = tokio::time::Instant::now() + delay;
            while self.weather().delay.is_some()
                && tokio::time::timeout_at(until, changed.changed()).await.is_ok()
            {}
        }
        let uri = request.uri().to_string();
        let is_watch = uri.contains("watch=true");
        if let Some(refusal) = self.refusal(is_watch && uri.contains("&resourceVersion=")) {
            return Ok(refusal);
        }
        let answer = self.server.handle(request).await?;
        if answer.status() == StatusCode::GONE {
            self.met("F03 410 Gone");
        }
        if !is_watch || answer.status() != StatusCode::OK {
            return Ok(answer);
        }
        let (head, body) = answer.into_parts();
        let watch =
            Watch { front: self, uri, body, changed, is_silenced: false, held: None, ends: false };
        let frames = unfold(watch, |mut watch| async move {
            let frame = watch.next().await?;
            Some((frame.map(Frame::data), watch))
        });
        Ok(Response::from_parts(head, StreamBody::new(frames).boxed_unsync()))
    }

    fn refusal(&self, goes_on: bool) -> Option<Response<Body>> {
        let mut seen = self.lock();
        if goes_on && seen.weather.gone > 0 {
            seen.weather.gone -= 1;
            *seen.met.entry("F03 410 Gone").or_default() += 1;
            return Some(refused(410, None));
        }
        let (left, code, after) = seen.weather.refuse.as_mut()?;
        *left = left.checked_sub(1)?;
        let (code, after) = (*code, *after);
        let name = match code {
            401 => "F44 credentials are refused",
            429 => "F02 429 too many requests",
            _ => "F02 5xx",
        };
        *seen.met.entry(name).or_default() += 1;
        Some(refused(code, after))
    }
}

/// A refusal as an API server has it.
fn refused(code: u16, after: Option<u64>) -> Response<Body> {
    let reason = match code {
        401 => "Unauthorized",
        410 => "Expired",
        429 => "TooManyRequests",
        500 => "InternalError",
        _ => "ServiceUnavailable",
    };
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "the weather is bad", "reason": reason, "code": code,
        "details": {"retryAfterSeconds": after.unwrap_or(0)}});
    let body = Full::new(Bytes::from(status.to_string())).map_err(|never| match never {});
    let mut answer = Response::new(body.boxed_unsync());
    *answer.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer
}

/// The body of a watch, as it comes through the weather.
struct Watch {
    front: Front,
    uri: String,
    body: Body,
    changed: channel::Receiver<u64>,
    /// The other end is gone, and nobody said so.
    is_silenced: bool,
    /// What comes next.
    held: Option<Bytes>,
    ends: bool,
}

impl Watch {
    /// What comes next; nothing where the watch ends.
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        if let Some(bytes) = self.held.take() {
            return Some(Ok(bytes));
        }
        if self.ends {
            return None;
        }
        loop {
            let weather = self.front.weather();
            if weather.is_down && !self.is_silenced {
                self.ends = true;
                self.front.met("F01 API server breaks off");
                return Some(Err(io::Error::from(io::ErrorKind::ConnectionReset)));
            }
            self.is_silenced |= weather.is_silent;
            if self.is_silenced {
                std::future::pending::<()>().await;
            }
            let frame = {
                let changed = std::pin::pin!(self.changed.changed());
                let frame = std::pin::pin!(self.body.frame());
                match futures_util::future::select(changed, frame).await {
                    futures_util::future::Either::Left(_) => continue,
                    futures_util::future::Either::Right((frame, _)) => frame,
                }
            };
            let bytes = match frame? {
                Ok(frame) => frame.into_data().unwrap_or_default(),
                Err(error) => return Some(Err(error)),
            };
            return Some(Ok(self.through(bytes).await));
        }
    }

    /// What comes of a piece that the server sent.
    async fn through(&mut self, bytes: Bytes) -> Bytes {
        let lag = self.front.weather().lag;
        if let Some((path, time)) = lag.filter(|(path, _)| self.uri.contains(path)) {
            let name = match path {
                "endpointslices" => "F05 slices after services",
                _ => "F05 services after slices",
            };
            self.front.met(name);
            sleep(time).await;
        }
        let mut seen = self.front.lock();
        let is_bookmark = bytes.starts_with(b"{\"type\":\"BOOKMARK\"");
        if seen.weather.cuts > 0 {
            seen.weather.cuts -= 1;
            *seen.met.entry("F10 watch cut in a line").or_default() += 1;
            self.ends = true;
            return bytes.slice(..bytes.len() / 2);
        }
        if seen.weather.garbage > 0 {
            seen.weather.garbage -= 1;
            *seen.met.entry("F12 line that cannot be read").or_default() += 1;
            self.held = Some(Bytes::from_static(b"{\"type\":\"MODIFIED\",\"object\":[1,{\n"));
        } else if seen.weather.repeats > 0 && !is_bookmark {
            seen.weather.repeats -= 1;
            *seen.met.entry("F06 events repeated").or_default() += 1;
            self.held = Some(bytes.clone());
        }
        bytes
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.is_silenced {
            self.front.met("F04 silent watch");
        }
    }
}

impl tower::Service<Request<kube::client::Body>> for Front {
    type Response = Response<Body>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Response<Body>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<kube::client::Body>) -> Self::Future {
        Box::pin(self.clone().answer(request))
    }
}
