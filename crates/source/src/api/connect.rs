//! The way to an API server: a kubeconfig, or what a pod is given.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(10);

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
        source: KubeconfigError,
    },
    /// There is no kubeconfig, and this is no pod.
    #[error(
        "there is no --kubeconfig and no --manifests, and nothing of a pod's service account either"
    )]
    InCluster(#[source] InClusterError),
    /// `--master` is no address.
    #[error("--master {0:?}: must be a URL such as https://192.0.2.1:6443")]
    Master(String),
    /// The certificates, keys or tokens cannot be used.
    #[error("make a client for the API server")]
    Client(#[source] kube::Error),
}

impl Connection {
    /// A client.
    ///
    /// # Errors
    /// When what it says makes none. Whether the server can be reached is not tried.
    pub async fn client(&self) -> Result<Client, ConnectionError> {
        let mut config = match (&self.kubeconfig, &self.master) {
            (Some(path), _) => from_file(path).await?,
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
        Client::try_from(config).map_err(ConnectionError::Client)
    }
}

async fn from_file(path: &Path) -> Result<Config, ConnectionError> {
    let failed = |source| ConnectionError::Kubeconfig { path: path.display().to_string(), source };
    let kubeconfig = Kubeconfig::read_from(path).map_err(failed)?;
    let options = KubeConfigOptions::default();
    Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(failed)
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
