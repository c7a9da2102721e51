//! The configuration as it counts, for `/configz` and `--write-config-to`.

use serde_json::{Map, Value, json};
use switchyard_model::ExternalIps;

use super::{Configuration, OWN};
use crate::duration::go_duration;

impl Configuration {
    /// What `/configz` answers: kube-proxy's part under the name that kube-proxy has there, and ours.
    #[must_use]
    pub fn configz(&self) -> Value {
        json!({
            "kubeproxy.config.k8s.io": self.kube_proxy.document(),
            "switchyard.dev": self.own_document(),
        })
    }

    /// Both documents in one file, as it would be read again.
    #[must_use]
    pub fn written(&self) -> String {
        let mut text = String::new();
        yaml(&mut text, self.kube_proxy.document(), 0);
        text.push_str("---\n");
        yaml(&mut text, &self.own_document(), 0);
        text
    }

    /// Ours, with every field.
    fn own_document(&self) -> Value {
        let ranges = |ranges: &[ipnet::IpNet]| -> Vec<String> {
            ranges.iter().map(ToString::to_string).collect()
        };
        let external = match &self.settings.external_ips {
            ExternalIps::All => Value::Bool(true),
            ExternalIps::None => Value::Bool(false),
            ExternalIps::Within(within) => json!(ranges(within)),
        };
        let services = self.settings.priority_services.iter();
        let services: Vec<_> =
            services.map(|service| format!("{}/{}", service.namespace, service.name)).collect();
        let mut document = Map::new();
        let period = self.agent.counting_audit_period();
        document.insert("apiVersion".to_owned(), OWN.into());
        document.insert("kind".to_owned(), "SwitchyardConfiguration".into());
        document.insert("auditPeriod".to_owned(), go_duration(period).into());
        document.insert("externalIPs".to_owned(), external);
        document.insert("priorityServices".to_owned(), json!(services));
        document.insert("serviceCIDRs".to_owned(), json!(ranges(&self.settings.service_ranges)));
        let takeover = if self.agent.takes_over_kube_proxy { "kube-proxy" } else { "none" };
        document.insert("takeover".to_owned(), takeover.into());
        Value::Object(document)
    }
}

/// A letter as it is written inside a text: YAML takes some of those that JSON takes only by their number.
fn escaped(letter: char) -> impl Iterator<Item = char> {
    let number = u32::from(letter);
    let text = match number {
        0..0x7f => letter.to_string(),
        0x7f..=0xffff => format!("\\u{number:04x}"),
        _ => format!("\\U{number:08x}"),
    };
    text.chars().collect::<Vec<_>>().into_iter()
}

/// Writes an object as YAML: one line for each field, values as JSON, which YAML has, too.
fn yaml(text: &mut String, value: &Value, depth: usize) {
    let Value::Object(fields) = value else { return };
    for (name, value) in fields {
        text.push_str(&"  ".repeat(depth));
        text.push_str(name);
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                text.push_str(":\n");
                yaml(text, value, depth + 1);
            }
            other => {
                text.push_str(": ");
                text.extend(other.to_string().chars().flat_map(escaped));
                text.push('\n');
            }
        }
    }
}
