//! The way to an API server: a kubeconfig, or what a pod is given.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use kube::Config;
use kube::client::ClientBuilder;
use kube::config::{AuthInfo, ExecConfig, InClusterError, Kubeconfig, KubeconfigError};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;
use tower::util::MapRequestLayer;

use super::clients::{Made, MakeClient};
use super::plugin::{self, Open, PluginError};
use super::token::{Token, TokenError};

/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a plugin may take.
const PLUGIN: Duration = Duration::from_secs(20);
/// How long it may take to read all files.
const FILES: Duration = Duration::from_secs(5);

/// Where the API server is said to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// The kubeconfig; without it, what a pod is given.
    pub kubeconfig: Option<PathBuf>,
    /// The address of the server, if not that of the kubeconfig.
    pub master: Option<String>,
}

/// Why there is no way to an API server.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The kubeconfig cannot be used.
    #[error("read the kubeconfig {path}")]
    Kubeconfig {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: Box<KubeconfigError>,
    },
    /// There is no kubeconfig, and this is no pod.
    #[error(
        "there is no --kubeconfig and no --manifests, and nothing of a pod's service account either"
    )]
    InCluster(#[source] InClusterError),
    /// `--master` is no address.
    #[error("--master {0:?}: must be a URL such as https://192.0.2.1:6443")]
    Master(String),
    /// The token cannot be used.
    #[error("use the token that the API server is to be shown")]
    Token(#[source] TokenError),
    /// The plugin gives no credentials.
    #[error("run the credential plugin {plugin} that the kubeconfig {path} names")]
    Plugin {
        /// The program.
        plugin: String,
        /// The kubeconfig.
        path: String,
        /// Why.
        #[source]
        source: Box<PluginError>,
    },
    /// The certificates, keys or tokens cannot be used.
    #[error("make a client for the API server")]
    Client(#[source] Box<kube::Error>),
    /// The files cannot be read in time.
    #[error("read {0}: it does not come to an end; is it on a disk of another host?")]
    Hangs(String),
    /// There is no thread to do it.
    #[error("begin a thread")]
    Thread(#[source] std::io::Error),
}

/// Whoever makes clients to where a connection says. It is done on a thread of its own, which nobody waits for longer than it
/// may take: files may be on another host, and plugins are programs of others.
pub(super) struct Reach {
    connection: Connection,
    patience: Duration,
    /// Outputs of plugins that are still read.
    open: Open,
    /// One thread at a time, also where nobody waits for it any more.
    turn: Arc<Semaphore>,
}

impl Reach {
    pub(super) fn new(connection: Connection) -> Self {
        Self::with_patience(connection, PLUGIN)
    }

    pub(super) fn with_patience(connection: Connection, patience: Duration) -> Self {
        Self { connection, patience, open: Open::default(), turn: Arc::new(Semaphore::new(1)) }
    }

    /// Whether a plugin has the credentials.
    pub(super) async fn needs_plugin(&self) -> Result<bool, ConnectionError> {
        let connection = self.connection.clone();
        self.aside(move || Ok(plugin_of(&connection.config()?.auth_info).is_some())).await
    }

    /// Does `work` on a thread of its own, once that of before came to its end.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ConnectionError> + Send + 'static,
    ) -> Result<T, ConnectionError> {
        let hangs = || ConnectionError::Hangs(self.connection.shown());
        let patience = self.patience + FILES;
        let turn = timeout(patience, Arc::clone(&self.turn).acquire_owned()).await;
        let turn = turn.map_err(|_| hangs())?;
        let (sender, receiver) = oneshot::channel();
        let runtime = Handle::current();
        let work = move || {
            let entered = runtime.enter();
            let done = work();
            drop(entered);
            drop(turn);
            // Whoever asked may have ended.
            let _ = sender.send(done);
        };
        let thread = thread::Builder::new().name("credentials".to_owned()).spawn(work);
        thread.map_err(ConnectionError::Thread)?;
        match timeout(patience, receiver).await {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => resume_unwind(Box::new("the thread `credentials` panicked")),
            Err(_) => Err(hangs()),
        }
    }
}

impl MakeClient for Reach {
    fn make(&self) -> BoxFuture<'_, Result<Made, ConnectionError>> {
        let (connection, patience) = (self.connection.clone(), self.patience);
        let open = Arc::clone(&self.open);
        self.aside(move || connection.make(patience, &open)).boxed()
    }

    fn mark(&self) -> BoxFuture<'_, Option<u64>> {
        let connection = self.connection.clone();
        self.aside(move || connection.mark()).map(Result::ok).boxed()
    }
}

impl Connection {
    /// What is read, as messages have it.
    fn shown(&self) -> String {
        let path = self.kubeconfig.as_ref();
        path.map_or_else(|| "the service account".to_owned(), |path| path.display().to_string())
    }

    fn config(&self) -> Result<Config, ConnectionError> {
        let mut config = match (&self.kubeconfig, &self.master) {
            (Some(path), _) => from_file(path)?,
            (None, Some(master)) => Config::new(address(master)?),
            (None, None) => Config::incluster().map_err(ConnectionError::InCluster)?,
        };
        if let Some(master) = &self.master {
            config.cluster_url = address(master)?;
        }
        config.connect_timeout = Some(CONNECT);
        // What says nothing is given up by those who wait for it, each in its own time.
        config.read_timeout = None;
        config.write_timeout = None;
        Ok(config)
    }

    fn make(&self, patience: Duration, open: &Open) -> Result<Made, ConnectionError> {
        // What changes while it is read is seen to have changed the next time.
        let mark = self.mark()?;
        let mut config = self.config()?;
        let server = Some(config.cluster_url.to_string().trim_end_matches('/').to_owned());
        let mut lasts = None;
        let token = match plugin_of(&config.auth_info).cloned() {
            Some(plugin) => {
                let credentials = plugin::run(&plugin, patience, open)
                    .map_err(|source| self.plugin(&plugin, source))?;
                config.auth_info.exec = None;
                if let Some((certificate, key)) = &credentials.certificate {
                    config.auth_info.client_certificate_data = Some(STANDARD.encode(certificate));
                    config.auth_info.client_key_data = Some(STANDARD.encode(key).into());
                }
                let left = |ends: jiff::Timestamp| ends.duration_since(jiff::Timestamp::now());
                lasts = credentials.ends.map(|ends| left(ends).try_into().unwrap_or_default());
                credentials.token.map(|token| Token::known(&token)).transpose()
            }
            None => take_token(&mut config.auth_info),
        };
        let token = token.map_err(ConnectionError::Token)?;
        let failed = |error| ConnectionError::Client(Box::new(error));
        let builder = ClientBuilder::try_from(config).map_err(failed)?;
        let client = match token {
            Some(token) => {
                let token = Arc::new(token);
                let sign = move |request| token.sign(request);
                builder.with_layer(&MapRequestLayer::new(sign)).build()
            }
            None => builder.build(),
        };
        Ok(Made { client, server, lasts, mark })
    }

    fn plugin(&self, plugin: &ExecConfig, source: PluginError) -> ConnectionError {
        ConnectionError::Plugin {
            plugin: plugin.command.clone().unwrap_or_default(),
            path: self.shown(),
            source: Box::new(source),
        }
    }

    /// A number of what the kubeconfig and the files that it names say, but for that of a token, which is read again anyway, as
    /// is what a pod is given.
    fn mark(&self) -> Result<u64, ConnectionError> {
        let Some(path) = &self.kubeconfig else { return Ok(0) };
        let config = self.config()?;
        let mut hasher = DefaultHasher::new();
        fs::read(path).ok().hash(&mut hasher);
        config.root_cert.hash(&mut hasher);
        for file in [&config.auth_info.client_certificate, &config.auth_info.client_key] {
            file.as_ref().and_then(|file| fs::read(file).ok()).hash(&mut hasher);
        }
        Ok(hasher.finish())
    }
}

/// The plugin that has the credentials. As in kube, what the kubeconfig says itself goes before.
fn plugin_of(user: &AuthInfo) -> Option<&ExecConfig> {
    let has_others = user.auth_provider.is_some()
        || (user.username.is_some() && user.password.is_some())
        || user.token.is_some()
        || user.token_file.is_some();
    user.exec.as_ref().filter(|_| !has_others)
}

/// Takes the token out, so that kube does not bear it: kube takes the end of a line for a part of it, and one that is in no way
/// fit for a header ends the process. As in client-go the file goes before the token beside it.
fn take_token(user: &mut AuthInfo) -> Result<Option<Token>, TokenError> {
    if user.auth_provider.is_some() || (user.username.is_some() && user.password.is_some()) {
        return Ok(None);
    }
    // Written out, a secret can be read.
    let written = serde_json::to_value(&*user).unwrap_or_default();
    let known = written["token"].as_str().filter(|token| !token.is_empty());
    user.token = None;
    match (user.token_file.take().map(|file| Token::of_file(&file)), known) {
        (Some(Ok(token)), _) => Ok(Some(token)),
        (Some(Err(error)), None) => Err(error),
        (_, known) => known.map(Token::known).transpose(),
    }
}

fn from_file(path: &Path) -> Result<Config, ConnectionError> {
    let failed = |source| ConnectionError::Kubeconfig {
        path: path.display().to_string(),
        source: Box::new(source),
    };
    Config::try_from(Kubeconfig::read_from(path).map_err(failed)?).map_err(failed)
}

fn address(text: &str) -> Result<http::Uri, ConnectionError> {
    let wrong = || ConnectionError::Master(text.to_owned());
    let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    full.parse().ok().filter(|uri: &http::Uri| uri.host().is_some()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_url_or_a_host() {
        let shown = |text| address(text).map(|uri| uri.to_string()).ok();
        assert_eq!(shown("https://192.0.2.1:6443").as_deref(), Some("https://192.0.2.1:6443/"));
        assert_eq!(shown("192.0.2.1:8080").as_deref(), Some("http://192.0.2.1:8080/"));
        assert_eq!(shown("https://"), None);
        assert_eq!(shown(""), None);
    }
}
