//! Credentials that are replaced while an API server is followed.

#[cfg(unix)]
mod files;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use kube::client::{Body, Client, ClientBuilder};
use switchyard_kube_fake::{Fault, On, Trouble};
use switchyard_source::api::{
    Clients, Connection, ConnectionError, CredentialStatus, Made, MakeClient,
};
use tower::util::MapRequestLayer;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

/// Credentials that are somewhere, and clients that are made of them.
#[derive(Clone)]
struct Store {
    server: ApiServer,
    token: Arc<Mutex<String>>,
    lasts: Option<Duration>,
    made: Arc<AtomicU64>,
    fails: Arc<Mutex<bool>>,
}

impl Store {
    fn new(server: &ApiServer, token: &str) -> Self {
        let token = Arc::new(Mutex::new(token.to_owned()));
        let server = server.clone();
        Self { server, token, lasts: None, made: Arc::default(), fails: Arc::default() }
    }

    fn put(&self, token: &str) {
        *self.token.lock().unwrap() = token.to_owned();
    }

    fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    fn clients(&self) -> Clients {
        Clients::by(Box::new(self.clone()))
    }

    fn client(&self) -> Client {
        let token =
            HeaderValue::try_from(format!("Bearer {}", self.token.lock().unwrap())).unwrap();
        let sign = move |mut request: Request<Body>| {
            request.headers_mut().insert(AUTHORIZATION, token.clone());
            request
        };
        let builder = ClientBuilder::new(self.server.clone(), "default");
        builder.with_layer(&MapRequestLayer::new(sign)).build()
    }
}

impl MakeClient for Store {
    fn make(&self) -> BoxFuture<'_, Result<Made, ConnectionError>> {
        async {
            self.made.fetch_add(1, Ordering::Relaxed);
            if *self.fails.lock().unwrap() {
                return Err(ConnectionError::Hangs("/k/config".to_owned()));
            }
            let mark = self.mark().await.unwrap();
            Ok(Made { client: self.client(), server: None, lasts: self.lasts, mark })
        }
        .boxed()
    }

    fn mark(&self) -> BoxFuture<'_, Option<u64>> {
        let mark = self.token.lock().unwrap().len();
        async move { Some(mark as u64) }.boxed()
    }
}

impl World {
    fn follow_with(&self, clients: Clients) {
        let api = Api { clients, node: "n1".to_owned(), seed: 7 };
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_local(async move { api.follow(&shared).await });
    }

    /// Has somebody follow it with what `store` makes, and takes the first step.
    async fn begin_with(&mut self, store: &Store) {
        self.follow_with(store.clients());
        self.step(SOON).await.unwrap();
    }

    fn counts(&self) -> (u64, u64) {
        let status = self.shared.status();
        (status.values().map(|one| one.lists).sum(), status.values().map(|one| one.failures).sum())
    }
}

/// A world, and a store with the token `one`. Its API server takes `token` alone, or any.
fn world_that_takes(token: Option<&str>) -> (World, Store) {
    let world = World::new();
    if let Some(token) = token {
        world.server.change_token(token);
    }
    let store = Store::new(&world.server, "one");
    (world, store)
}

#[test]
fn a_token_that_was_replaced_is_taken_after_a_401_without_a_list() {
    in_paused_time(async {
        let (mut world, store) = world_that_takes(Some("one"));
        world.begin_with(&store).await;
        // The same length, so that nobody sees it by looking.
        store.put("two");
        world.server.change_token("two");
        world.put("EndpointSlice", slice("web", &["10.1.2.99"]));
        world.step(SOON).await.unwrap();
        assert_eq!((store.made(), world.counts()), (1, (3, 0)), "a watch that runs goes on");
        world.pass(MINUTE).await;
        world.put("Service", service("new", "172.20.0.12"));
        world.step(SOON).await.unwrap();
        assert!(world.known().contains_key("new"));
        let (lists, failures) = world.counts();
        assert_eq!((store.made(), lists), (2, 3), "no list again");
        assert!((1..=3).contains(&failures), "at most one refusal for each kind: {failures}");
        let status = CredentialStatus { renewals: 1, trouble: None };
        assert_eq!(world.shared.credentials(), status);
    });
}

#[test]
fn credentials_that_are_refused_are_read_anew_at_once_and_then_once_a_minute() {
    in_paused_time(async {
        let (mut world, store) = world_that_takes(Some("two"));
        world.follow_with(store.clients());
        world.pass(Duration::from_secs(5)).await;
        assert_eq!(store.made(), 2, "once at first, once because of 401");
        world.pass(MINUTE * 10).await;
        // A minute, and the while until it is asked again.
        assert!((11..=12).contains(&store.made()), "{}", store.made());
        store.put("two");
        assert!(world.step(MINUTE + SOON).await.is_some(), "{:?}", world.shared.status());
        let made = store.made();
        world.pass(MINUTE * 10).await;
        assert_eq!(store.made(), made, "what is taken is not read again");
    });
}

#[test]
fn credentials_that_cannot_be_read_are_told_of_and_the_old_ones_serve() {
    in_paused_time(async {
        let (mut world, store) = world_that_takes(Some("one"));
        world.begin_with(&store).await;
        *store.fails.lock().unwrap() = true;
        // One refusal, for nothing; then all is well with the credentials that there are.
        world
            .server
            .inject(Fault::once(On::Watch, Trouble::Status { code: 401, retry_after: None }));
        world.pass(MINUTE * 3).await;
        world.put("Service", service("new", "172.20.0.12"));
        world.step(SOON).await.unwrap();
        assert!(world.known().contains_key("new"));
        let trouble = world.shared.credentials().trouble.unwrap();
        assert!(trouble.contains("/k/config"), "{trouble}");
        *store.fails.lock().unwrap() = false;
        world.pass(MINUTE * 3).await;
        assert_eq!(world.shared.credentials().trouble, None);
    });
}

#[test]
fn files_that_changed_are_taken_before_anything_is_refused() {
    in_paused_time(async {
        let (mut world, store) = world_that_takes(None);
        world.begin_with(&store).await;
        world.pass(MINUTE * 10).await;
        assert_eq!(store.made(), 1);
        store.put("longer");
        world.pass(MINUTE * 3).await;
        assert_eq!((store.made(), world.counts()), (2, (3, 0)));
    });
}

#[test]
fn credentials_that_end_are_replaced_before() {
    in_paused_time(async {
        let (mut world, mut store) = world_that_takes(None);
        store.lasts = Some(MINUTE * 10);
        world.begin_with(&store).await;
        world.pass(MINUTE * 8).await;
        assert_eq!(store.made(), 1);
        world.pass(MINUTE * 2).await;
        assert_eq!((store.made(), world.counts()), (2, (3, 0)));
    });
}

#[test]
fn without_a_first_client_it_is_tried_again_and_the_reason_is_told() {
    in_paused_time(async {
        let (mut world, store) = world_that_takes(None);
        *store.fails.lock().unwrap() = true;
        world.follow_with(store.clients());
        world.pass(MINUTE).await;
        assert!((4..=7).contains(&store.made()), "every ten seconds or so: {}", store.made());
        for status in world.shared.status().values() {
            let trouble = status.trouble.as_deref().unwrap_or_default();
            assert!(trouble.contains("/k/config"), "{trouble}");
        }
        *store.fails.lock().unwrap() = false;
        assert!(world.step(Duration::from_secs(20)).await.is_some());
    });
}
