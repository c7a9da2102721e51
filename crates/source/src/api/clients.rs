//! The way to an API server, made anew where what it was made of counts no more.
//!
//! A client of kube reads certificates, keys and the kubeconfig once. [`Clients`] has the newest of them, and another made when a
//! request is refused with 401 or fails in TLS, when credentials of a plugin are about to end, or when the files are others.
//! What goes over an older client goes on: a watch that runs is left alone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use kube::Client;
use tokio::time::Instant;

use super::connect::{ConnectionError, Reach};
use super::{Connection, chain};

/// How long one that was made has to do, whatever becomes of it, and how often files are looked at.
const LEAST: Duration = Duration::from_secs(60);
/// How long it takes to try again where there is none, or where its credentials end by themselves.
const RETRY: Duration = Duration::from_secs(10);
/// How long before credentials end others are asked for, where they last for longer than twice that.
const BEFORE_END: Duration = Duration::from_secs(60);

/// A client that was made.
pub struct Made {
    /// The client.
    pub client: Client,
    /// The address of the server that it asks, where that is known.
    pub server: Option<String>,
    /// How long its credentials last, where that is known.
    pub lasts: Option<Duration>,
    /// What [`MakeClient::mark`] said of what it was made of.
    pub mark: u64,
}

/// Whoever makes clients.
pub trait MakeClient: Send + Sync {
    /// Makes a client from what there is now. It ends, sooner or later.
    fn make(&self) -> BoxFuture<'_, Result<Made, ConnectionError>>;

    /// A number that changes with what a client is made of. None where it cannot be told.
    fn mark(&self) -> BoxFuture<'_, Option<u64>>;
}

/// How it is with the credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CredentialStatus {
    /// How often a client was made anew.
    pub renewals: u64,
    /// Why none can be made at the moment.
    pub trouble: Option<String>,
}

/// A client to use now.
#[derive(Clone)]
pub struct Way {
    /// The client.
    pub client: Client,
    /// Which of those that were made it is.
    number: u64,
}

/// There is no client, and why.
#[derive(Debug, Clone, thiserror::Error)]
#[error("there is no way to the API server yet: {0}")]
pub struct NoClient(String);

/// The newest client, for all who use one.
#[derive(Clone)]
pub struct Clients(Arc<Inner>);

struct Inner {
    /// Nobody, where there is but one client.
    maker: Option<Box<dyn MakeClient>>,
    known: Mutex<Known>,
    /// One is made at a time.
    making: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    way: Option<Way>,
    /// The address of the server that is asked.
    server: Option<String>,
    mark: u64,
    /// When its credentials are to be replaced.
    ends: Option<Instant>,
    /// Whether the API server did not take it.
    is_doubted: bool,
    /// When one was made anew last, or was to be made and could not.
    tried: Option<Instant>,
    /// When the files were looked at last.
    looked: Option<Instant>,
    status: CredentialStatus,
}

/// What is to be done before a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Nothing,
    Look,
    Make,
}

impl From<Client> for Clients {
    /// A client for ever.
    fn from(client: Client) -> Self {
        let known = Known { way: Some(Way { client, number: 0 }), ..Known::default() };
        Self(Arc::new(Inner { maker: None, known: Mutex::new(known), making: Default::default() }))
    }
}

impl Clients {
    /// Clients to where `connection` says. Where a plugin has the credentials it is asked with the first request: it may take
    /// a while, and fail, without holding anything up.
    ///
    /// # Errors
    /// When what it says makes none. Whether the server can be reached is not tried.
    pub async fn reach(connection: Connection) -> Result<Self, ConnectionError> {
        Self::made_by(Reach::new(connection)).await
    }

    /// As [`Self::reach`]; a plugin that takes longer than `patience` is ended.
    ///
    /// # Errors
    /// As there.
    pub async fn reach_with(
        connection: Connection,
        patience: Duration,
    ) -> Result<Self, ConnectionError> {
        Self::made_by(Reach::with_patience(connection, patience)).await
    }

    async fn made_by(reach: Reach) -> Result<Self, ConnectionError> {
        if reach.needs_plugin().await? {
            return Ok(Self::by(Box::new(reach)));
        }
        let made = reach.make().await?;
        let clients = Self::by(Box::new(reach));
        clients.lock().take(made, Instant::now());
        Ok(clients)
    }

    /// Those that `maker` makes: the first one with the first request.
    #[must_use]
    pub fn by(maker: Box<dyn MakeClient>) -> Self {
        let maker = Some(maker);
        Self(Arc::new(Inner { maker, known: Mutex::default(), making: Default::default() }))
    }

    /// The client to use now, made anew before if need be. While somebody else makes one, the one before serves.
    ///
    /// # Errors
    /// When there is none.
    pub async fn current(&self) -> Result<Way, NoClient> {
        if let Some(maker) = &self.0.maker
            && self.lock().due(Instant::now()) != Due::Nothing
        {
            let turn = match self.0.making.try_lock() {
                Ok(turn) => Some(turn),
                Err(_) if self.lock().way.is_some() => None,
                Err(_) => Some(self.0.making.lock().await),
            };
            if turn.is_some() {
                self.renew(&**maker).await;
            }
        }
        let known = self.lock();
        known.way.clone().ok_or_else(|| NoClient(known.status.trouble.clone().unwrap_or_default()))
    }

    /// The API server did not take the credentials of `way`, or did not prove who it is.
    pub fn doubt(&self, way: &Way) {
        let mut known = self.lock();
        if known.way.as_ref().is_some_and(|newest| newest.number == way.number) {
            known.is_doubted = true;
        }
    }

    /// As [`Self::doubt`], if `error` is about that.
    pub fn failed(&self, way: &Way, error: &kube::Error) {
        let is_unauthorized = matches!(error, kube::Error::Api(status) if status.code == 401);
        if is_unauthorized || is_of_tls(error) {
            self.doubt(way);
        }
    }

    /// The address of the server that is asked. None where there is no client yet.
    #[must_use]
    pub fn server(&self) -> Option<String> {
        self.lock().server.clone()
    }

    /// How it is with the credentials.
    #[must_use]
    pub fn status(&self) -> CredentialStatus {
        self.lock().status.clone()
    }

    /// Does what is due, whoever did it meanwhile aside.
    async fn renew(&self, maker: &dyn MakeClient) {
        let now = Instant::now();
        let due = self.lock().due(now);
        if due == Due::Nothing {
            return;
        }
        if due == Due::Look {
            let mark = maker.mark().await;
            let mut known = self.lock();
            known.looked = Some(now);
            if mark.is_none_or(|mark| mark == known.mark) {
                return;
            }
        }
        let is_first = self.lock().way.is_none();
        let made = maker.make().await;
        let mut known = self.lock();
        known.looked = Some(now);
        match made {
            Ok(made) => {
                known.take(made, Instant::now());
                if !is_first {
                    known.tried = Some(now);
                    known.status.renewals += 1;
                }
            }
            Err(error) => {
                known.tried = Some(Instant::now());
                known.status.trouble = Some(chain(&error));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn due(&self, now: Instant) -> Due {
        let rested = |least| self.tried.is_none_or(|tried| now - tried >= least);
        let is_ending = self.ends.is_some_and(|ends| now >= ends);
        let must = if self.way.is_none() || is_ending {
            rested(RETRY)
        } else {
            self.is_doubted && rested(LEAST)
        };
        if must {
            Due::Make
        } else if self.way.is_some()
            && rested(LEAST)
            && self.looked.is_none_or(|looked| now - looked >= LEAST)
        {
            Due::Look
        } else {
            Due::Nothing
        }
    }

    fn take(&mut self, made: Made, now: Instant) {
        let number = self.way.as_ref().map_or(0, |way| way.number + 1);
        self.way = Some(Way { client: made.client, number });
        self.server = made.server;
        self.mark = made.mark;
        self.ends = made.lasts.map(|lasts| now + lasts.saturating_sub(BEFORE_END.min(lasts / 2)));
        self.looked = Some(now);
        self.is_doubted = false;
        self.status.trouble = None;
    }
}

/// Whether `error` is that one of the two ends does not take the other for what it should be.
pub(super) fn is_of_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        // What an input or output error holds is not its source.
        let held = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let is_held = held.is_some_and(|held| held.is::<rustls::Error>());
        if is_held || error.is::<rustls::Error>() {
            return true;
        }
        if let Some(held) = held
            && is_of_tls(held)
        {
            return true;
        }
        next = error.source();
    }
    false
}
