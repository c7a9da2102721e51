//! The section of the file that is ours: a `SwitchyardConfiguration`.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use switchyard_model::{ExternalIps, ServiceKey, Settings};

use super::ranges;
use crate::duration::parse_duration;
use crate::refusal::name_trouble;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct SwitchyardConfiguration {
    api_version: String,
    kind: String,
    #[serde(rename = "serviceCIDRs")]
    service_cidrs: Option<Vec<String>>,
    #[serde(rename = "externalIPs")]
    external_ips: Value,
    priority_services: Option<Vec<String>>,
    audit_period: Option<String>,
    takeover: Option<Takeover>,
}

#[derive(Deserialize)]
enum Takeover {
    #[serde(rename = "none")]
    None,
    #[serde(rename = "kube-proxy")]
    KubeProxy,
}

/// What the `SwitchyardConfiguration` says to a running proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentConfiguration {
    /// `takeover`: whether load balancers of a kube-proxy are replaced where they hold a frontend that is wanted.
    pub takes_over_kube_proxy: bool,
    /// `auditPeriod`: the least time from the beginning of one audit of HNS to that of the next.
    pub audit_period: Option<Duration>,
}

/// What a proxy takes where no audit period is said.
const USUAL_AUDIT_PERIOD: Duration = Duration::from_secs(5 * 60);

impl AgentConfiguration {
    /// The audit period that counts.
    #[must_use]
    pub fn counting_audit_period(&self) -> Duration {
        self.audit_period.unwrap_or(USUAL_AUDIT_PERIOD)
    }
}

/// Takes a document in: policy into `settings`, the rest is returned.
///
/// # Errors
/// The path of a field, and what is wrong with it.
pub(super) fn read(
    document: Value,
    settings: &mut Settings,
) -> Result<AgentConfiguration, (String, String)> {
    let file: SwitchyardConfiguration = decode(document)?;
    settings.service_ranges =
        ranges(&file.service_cidrs.unwrap_or_default(), "serviceCIDRs")?.into();
    let external = "externalIPs";
    settings.external_ips = match file.external_ips {
        Value::Null | Value::Bool(true) => ExternalIps::All,
        Value::Bool(false) => ExternalIps::None,
        Value::Array(_) => {
            let texts: Vec<String> = decode(file.external_ips)
                .map_err(|(path, trouble)| (format!("{external}{path}"), trouble))?;
            ExternalIps::Within(ranges(&texts, external)?.into())
        }
        Value::Number(_) | Value::String(_) | Value::Object(_) => {
            return Err((
                external.to_owned(),
                "must be true, false or a list of ranges".to_owned(),
            ));
        }
    };
    let services = file.priority_services.unwrap_or_default();
    settings.priority_services =
        services.iter().enumerate().map(priority_service).collect::<Result<_, _>>()?;
    Ok(AgentConfiguration {
        takes_over_kube_proxy: matches!(file.takeover, Some(Takeover::KubeProxy)),
        audit_period: file.audit_period.as_deref().map(audit_period).transpose()?,
    })
}

fn decode<T: for<'a> Deserialize<'a>>(document: Value) -> Result<T, (String, String)> {
    serde_path_to_error::deserialize(document).map_err(|trouble| {
        let path = trouble.path().to_string();
        let path = if path == "." { String::new() } else { path };
        (path, trouble.inner().to_string())
    })
}

fn audit_period(text: &str) -> Result<Duration, (String, String)> {
    let refused = |reason: &str| ("auditPeriod".to_owned(), format!("{text:?}: {reason}"));
    let period = parse_duration(text).map_err(|reason| refused(&reason))?;
    if period < Duration::from_secs(1) {
        return Err(refused("must be a second at least"));
    }
    Ok(period)
}

fn priority_service((index, text): (usize, &String)) -> Result<ServiceKey, (String, String)> {
    match text.split_once('/') {
        Some((namespace, name))
            if name_trouble(namespace).is_none() && name_trouble(name).is_none() =>
        {
            Ok(ServiceKey::new(namespace, name))
        }
        _ => {
            let path = format!("priorityServices[{index}]");
            Err((path, format!("{text:?}: must be NAMESPACE/NAME")))
        }
    }
}
