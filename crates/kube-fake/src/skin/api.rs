//! The server as a service in the process: a request in, an answer out.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::watch as channel;
use tokio::time::Instant;
use tower::{BoxError, Service};

use super::answer::{Body, JSON, answer, refusal, whole};
use super::call::Call;
use super::fault::{Called, Does, Fault, Faults, Trouble};
use super::other::other;
use super::path::{Target, target};
use super::query::{Parameters, decoded};
use super::stream::{GARBAGE, failed_watch, failure_of};
use crate::failure::Failure;
use crate::store::{ServerId, Store};

/// The most that a request's body may take, as in a real server.
const MOST_BYTES: usize = 3 * 1024 * 1024;

/// A Kubernetes API server in the process. Copies are the same server.
///
/// As a `tower::Service` it answers a client of the same process: `kube::Client::new(server, "default")`.
#[derive(Clone, Debug)]
pub struct ApiServer {
    shared: Arc<Shared>,
    server: ServerId,
}

/// What all copies of a server share.
#[derive(Debug)]
pub(super) struct Shared {
    store: Mutex<Store>,
    changed: channel::Sender<u64>,
    /// The time when the server began.
    epoch: Timestamp,
    began: OnceLock<Instant>,
    faults: Mutex<Faults>,
    /// Whether the store stands still.
    is_still: channel::Sender<bool>,
    token: Mutex<Option<String>>,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the store answers.
    pub(super) fn is_still(&self) -> bool {
        *self.is_still.borrow()
    }

    /// Waits until the store answers.
    pub(super) async fn until_it_answers(&self) {
        // The sender is here, so this ends only when it is so.
        let _ = self.is_still.subscribe().wait_for(|still| !still).await;
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts that something went wrong.
    pub(super) fn count(&self, trouble: &Trouble) {
        self.faults().count(trouble);
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
    pub(super) fn with<R>(&self, action: impl FnOnce(&mut Store) -> R) -> R {
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
            faults: Mutex::default(),
            is_still: channel::Sender::new(false),
            token: Mutex::default(),
        };
        Self { shared: Arc::new(shared), server: ServerId::default() }
    }

    /// Has the server refuse who does not bear this token.
    #[must_use]
    pub fn with_token(self, token: &str) -> Self {
        self.change_token(token);
        self
    }

    /// Has the server refuse who does not bear this token from now on. What it answers already goes on, as with a real one.
    pub fn change_token(&self, token: &str) {
        let mut known = self.shared.token.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some(token.to_owned());
    }

    /// The token that is asked for, if any.
    pub(super) fn token(&self) -> Option<String> {
        self.shared.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Does something with the store; watches see it at once.
    pub fn with<R>(&self, action: impl FnOnce(&mut Store) -> R) -> R {
        self.shared.with(action)
    }

    /// Another server on the same store, with a watch cache of its own that begins now. Faults are those of both.
    #[must_use]
    pub fn second(&self) -> Self {
        let server = self.with(Store::add_server);
        Self { shared: Arc::clone(&self.shared), server }
    }

    /// Which of the servers on its store it is.
    pub fn id(&self) -> ServerId {
        self.server
    }

    /// Has the store stand still: it answers nothing and loses nothing, until [`ApiServer::go_on`]. What needs no store is answered, and
    /// the server is not ready.
    pub fn stand_still(&self) {
        self.shared.is_still.send_replace(true);
    }

    /// Has the store answer again.
    pub fn go_on(&self) {
        self.shared.is_still.send_replace(false);
    }

    /// Has something go wrong.
    pub fn inject(&self, fault: Fault) {
        self.shared.faults().add(fault);
    }

    /// Forgets the faults that are still to come. What goes wrong with open watches still does.
    pub fn clear_faults(&self) {
        self.shared.faults().clear();
    }

    /// How often each kind of fault really happened to a client, by [`Trouble::name`].
    pub fn fault_hits(&self) -> BTreeMap<&'static str, u64> {
        self.shared.faults().hits()
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
        let path = decoded(parts.uri.path());
        let mut parameters = Parameters::parse(parts.uri.query().unwrap_or_default());
        if path.contains("/v1/watch/") {
            parameters.set_watch();
        }
        let target = match self.check_token(&parts).and_then(|()| target(&path)) {
            Ok(target) => target,
            Err(failure) => return Ok(refusal(&failure)),
        };
        let trouble = self.shared.faults().meet(&called(&target, &parts, &parameters));
        if let Some(trouble) = &trouble
            && let Some(answer) = self.trouble(trouble).await
        {
            return answer;
        }
        let call = Call {
            shared: &self.shared,
            server: self.server,
            parts: &parts,
            body: &body,
            parameters,
            trouble,
        };
        let answered = match target {
            Target::Collection { resource, namespace } => {
                call.collection(resource, namespace).await
            }
            Target::Object { resource, namespace, name, part } => {
                call.object(resource, (&namespace, &name), part).await
            }
            Target::Other => other(&path, &parts, self.shared.is_still()),
        };
        Ok(answered.unwrap_or_else(|failure| refusal(&failure)))
    }

    /// What goes wrong with a request as a whole: the answer that it has instead, if any.
    async fn trouble(&self, trouble: &Trouble) -> Option<io::Result<Response<Body>>> {
        let answer = match trouble {
            Trouble::Delay(time) => {
                self.shared.count(trouble);
                tokio::time::sleep(*time).await;
                return None;
            }
            Trouble::NoAnswer => {
                self.shared.count(trouble);
                std::future::pending::<()>().await;
                return None;
            }
            Trouble::Refuse => {
                let broken = "the connection breaks by script";
                Err(io::Error::new(io::ErrorKind::ConnectionReset, broken))
            }
            Trouble::Status { code, retry_after } => Ok(refused(*code, *retry_after)),
            Trouble::WrongContentType => {
                let page = "<html><body>a page for people</body></html>";
                Ok(answer(200, "text/html", whole(page)))
            }
            Trouble::Garbage => Ok(answer(200, JSON, whole(GARBAGE))),
            Trouble::ErrorEvent { code } => Ok(failed_watch(&failure_of(*code))),
            _ => return None,
        };
        self.shared.count(trouble);
        Some(answer)
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

/// A request as faults see it.
fn called(target: &Target, parts: &Parts, parameters: &Parameters) -> Called {
    match target {
        Target::Collection { resource, .. } => {
            let reads = if !parameters.is_set("watch") {
                Does::List
            } else if parameters.is_set("sendInitialEvents") {
                Does::StreamingList
            } else {
                Does::Watch
            };
            Called::of(resource, &parts.method, reads)
        }
        Target::Object { resource, .. } => Called::of(resource, &parts.method, Does::Get),
        Target::Other => Called { does: Does::Discovery, resource: None },
    }
}

fn refused(code: u16, retry_after: Option<u64>) -> Response<Body> {
    let reason = match code {
        400 => "BadRequest",
        403 => "Forbidden",
        422 => "Invalid",
        429 => "TooManyRequests",
        500 => "InternalError",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "Unknown",
    };
    let mut failure = Failure::new(code, reason, "refused by script");
    failure.details = retry_after.map(|seconds| json!({"retryAfterSeconds": seconds}));
    refusal(&failure)
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
