//! What a proxy is told, by flags and by the configuration file, in one place and typed.

use switchyard_source::api::Connection;

use crate::arguments::ProxyArguments;
use crate::failure::Failure;

/// Where a proxy learns of Services, slices and Nodes.
#[derive(Debug, Clone, PartialEq)]
pub enum ClusterSource {
    /// Files that are followed: a directory or one file.
    Manifests(String),
    /// The Kubernetes API.
    Api(ApiAccess),
}

/// How the Kubernetes API is reached.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ApiAccess {
    /// The kubeconfig file. Where there is neither it nor an address, the API is reached as a pod reaches it.
    pub kubeconfig: Option<String>,
    /// The address of the API, which goes before that of the kubeconfig file.
    pub master: Option<String>,
}

impl ApiAccess {
    /// Whether the API is reached as a pod reaches it.
    #[must_use]
    pub fn is_in_cluster(&self) -> bool {
        self.kubeconfig.is_none() && self.master.is_none()
    }

    /// The same, as a client is made of it.
    #[must_use]
    pub fn connection(&self) -> Connection {
        Connection {
            kubeconfig: self.kubeconfig.as_ref().map(Into::into),
            master: self.master.clone(),
        }
    }
}

impl ClusterSource {
    /// What `arguments` say.
    ///
    /// # Errors
    /// When they name both, or manifests that cannot be followed.
    pub fn of(arguments: &ProxyArguments) -> Result<Self, Failure> {
        let named = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let access = ApiAccess {
            kubeconfig: named(&arguments.kubeconfig),
            master: named(&arguments.master),
        };
        match &arguments.manifests {
            None => Ok(Self::Api(access)),
            Some(_) if !access.is_in_cluster() => {
                let why = "--manifests stands in place of the Kubernetes API: give it, or --kubeconfig and --master";
                Err(Failure::Usage(why.to_owned()))
            }
            Some(path) if path == "-" => {
                let why = "--manifests needs files to follow: standard input cannot change";
                Err(Failure::Usage(why.to_owned()))
            }
            Some(path) => Ok(Self::Manifests(path.clone())),
        }
    }
}
