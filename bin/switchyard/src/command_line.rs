//! The words of the command line before they are parsed: what people and manifests have written for kube-proxy goes on working.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::{Arg, CommandFactory};

use crate::arguments::Arguments;
use crate::host_path::HostPaths;

/// The words as they are parsed. Paths that begin with the folder of a `HostProcess` container get its name. Flags of `proxy` may be
/// written as the libraries of Go allow it: with one dash, and with `_` for `-`.
#[must_use]
pub fn prepare(words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    prepare_in(words, &HostPaths::of_environment())
}

fn prepare_in(words: impl IntoIterator<Item = OsString>, paths: &HostPaths) -> Vec<OsString> {
    let mut flags = None;
    let mut is_over = false;
    let prepared = words.into_iter().enumerate().map(|(index, word)| {
        let Some(text) = word.to_str() else { return word };
        if index == 1 && text == "proxy" {
            flags = Some(flags_of_proxy());
        }
        is_over |= text == "--";
        if is_over {
            return word;
        }
        let text = paths.expand(text).unwrap_or_else(|| text.to_owned());
        let written = flags.as_ref().and_then(|flags| as_long_flag(&text, flags));
        written.unwrap_or(text).into()
    });
    prepared.collect()
}

/// The names of all long flags of `proxy`.
fn flags_of_proxy() -> BTreeSet<String> {
    let command = Arguments::command();
    let proxy = command.find_subcommand("proxy");
    let names = |argument: &Arg| {
        let aliases = argument.get_all_aliases().unwrap_or_default();
        argument.get_long().into_iter().chain(aliases).map(str::to_owned).collect::<Vec<_>>()
    };
    proxy.into_iter().flat_map(|proxy| proxy.get_arguments().flat_map(names)).collect()
}

/// A flag as it is parsed, if `word` is one of `flags` in another way of writing.
fn as_long_flag(word: &str, flags: &BTreeSet<String>) -> Option<String> {
    let name_and_value = word.strip_prefix("--").or_else(|| word.strip_prefix('-'))?;
    let (name, value) = match name_and_value.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (name_and_value, None),
    };
    let name = name.replace('_', "-");
    // One letter after one dash is a short flag.
    if name.len() < 2 || !flags.contains(&name) {
        return None;
    }
    Some(value.map_or_else(|| format!("--{name}"), |value| format!("--{name}={value}")))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::{Value, json};
    use switchyard_source::Configuration;

    use super::*;
    use crate::arguments::Command;

    fn check(words: &str, expected: &str) {
        let paths = HostPaths::of_environment();
        let prepared = prepare_in(words.split(' ').map(OsString::from), &paths);
        assert_eq!(prepared, expected.split(' ').map(OsString::from).collect::<Vec<_>>());
    }

    #[test]
    fn flags_of_proxy_may_be_written_as_in_go() {
        check("s proxy -logtostderr -v=4 -v 4", "s proxy --logtostderr -v=4 -v 4");
        check("s proxy --log_dir=a_b -log_dir c_d", "s proxy --log-dir=a_b --log-dir c_d");
        check("s proxy -hostname_override=n -node n", "s proxy --hostname-override=n --node n");
        check("s proxy -ojson -x=y --un_known -", "s proxy -ojson -x=y --un_known -");
        check("s proxy -- -node", "s proxy -- -node");
    }

    #[test]
    fn truth_values_are_taken_as_in_go() {
        let dsr = |flag: &str| {
            let words = ["s", "proxy", "--manifests=m", flag].map(OsString::from);
            match Arguments::try_parse_from(prepare_in(words, &HostPaths::of_environment())) {
                Ok(Arguments { command: Command::Proxy(proxy) }) => {
                    (proxy.enable_dsr, proxy.windows.forward_healthcheck_vip)
                }
                other => panic!("{flag}: {other:?}"),
            }
        };
        assert_eq!(dsr("--enable-dsr"), (Some(true), None));
        assert_eq!(dsr("-enable_dsr=True"), (Some(true), None));
        assert_eq!(dsr("--enable-dsr=0"), (Some(false), None));
        assert_eq!(dsr("--forward-healthcheck-vip=T"), (None, Some(true)));
    }

    #[test]
    fn other_commands_are_left_alone() {
        check("s view -node n --no_de=n", "s view -node n --no_de=n");
        check("s service install -- proxy -node n", "s service install -- proxy -node n");
        check("s", "s");
    }

    /// The documents of the manifest that is shipped.
    fn shipped() -> Vec<Value> {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/windows/daemonset.yaml");
        let text = std::fs::read_to_string(file).unwrap();
        serde_saphyr::from_multiple(&text).unwrap()
    }

    /// The one of `kind`.
    fn one<'a>(documents: &'a [Value], kind: &str) -> &'a Value {
        let mut found = documents.iter().filter(|document| document["kind"] == kind);
        let document = found.next().unwrap_or_else(|| panic!("no {kind}"));
        assert!(found.next().is_none(), "two of {kind}");
        document
    }

    #[test]
    fn the_pod_that_is_shipped_calls_proxy_by_flags_that_it_takes() {
        let documents = shipped();
        let container = &one(&documents, "DaemonSet")["spec"]["template"]["spec"]["containers"][0];
        let words = ["command", "args"].map(|list| container[list].as_array().unwrap().clone());
        let words: Vec<_> =
            words.iter().flatten().map(|word| word.as_str().unwrap().into()).collect();
        let parsed = Arguments::try_parse_from(prepare(words)).unwrap();
        let Command::Proxy(proxy) = parsed.command else { panic!("{container}") };
        assert_eq!(proxy.manifests, None);
        assert_eq!(proxy.kubeconfig.as_deref(), Some(r"C:\var\lib\switchyard\kubeconfig"));
        assert_eq!(proxy.node.as_deref(), Some("$(NODE_NAME)"), "the kubelet replaces it");
        let port = Configuration::default().kube_proxy.healthz_bind_address.unwrap().port();
        for (probe, path) in [("livenessProbe", "/livez"), ("readinessProbe", "/healthz")] {
            assert_eq!(container[probe]["httpGet"], json!({ "path": path, "port": port }));
        }
    }

    #[test]
    fn the_pod_that_is_shipped_may_do_what_the_proxy_does() {
        let documents = shipped();
        let pod = &one(&documents, "DaemonSet")["spec"]["template"]["spec"];
        let account = &one(&documents, "ServiceAccount")["metadata"];
        let (binding, role) =
            (one(&documents, "ClusterRoleBinding"), one(&documents, "ClusterRole"));
        assert_eq!(pod["serviceAccountName"], account["name"]);
        let subject = json!({
            "kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"],
        });
        assert_eq!(binding["subjects"], json!([subject]));
        assert_eq!(binding["roleRef"]["name"], role["metadata"]["name"]);
        let rule = |group: &str, resources: &[&str], verbs: &[&str]| json!({ "apiGroups": [group], "resources": resources, "verbs": verbs });
        let rules = json!([
            rule("", &["services", "nodes"], &["list", "watch"]),
            rule("discovery.k8s.io", &["endpointslices"], &["list", "watch"]),
            rule("events.k8s.io", &["events"], &["create", "patch"]),
        ]);
        assert_eq!(role["rules"], rules, "lists and watches in source::api, events in the agent");
    }

    #[test]
    fn the_pod_that_is_shipped_finds_its_kubeconfig_and_can_use_it() {
        let documents = shipped();
        let pod = &one(&documents, "DaemonSet")["spec"]["template"]["spec"];
        let file = one(&documents, "ConfigMap");
        let mount = &pod["containers"][0]["volumeMounts"][0];
        assert_eq!(mount["mountPath"], r"C:\var\lib\switchyard");
        let volume = json!({
            "name": mount["name"], "configMap": { "name": file["metadata"]["name"] },
        });
        assert_eq!(pod["volumes"], json!([volume]));
        let kubeconfig = file["data"]["kubeconfig"].as_str().unwrap();
        let kubeconfig: Value = serde_saphyr::from_str(kubeconfig).unwrap();
        let context = &kubeconfig["contexts"][0];
        assert_eq!(kubeconfig["current-context"], context["name"]);
        assert_eq!(context["context"]["user"], kubeconfig["users"][0]["name"]);
        assert_eq!(context["context"]["cluster"], kubeconfig["clusters"][0]["name"]);
        let folder = r"C:\var\run\secrets\kubernetes.io\serviceaccount\";
        let token = kubeconfig["users"][0]["user"]["tokenFile"].as_str().unwrap();
        assert_eq!(token.strip_prefix(folder), Some("token"));
        let authority = &kubeconfig["clusters"][0]["cluster"]["certificate-authority"];
        assert_eq!(authority.as_str().unwrap().strip_prefix(folder), Some("ca.crt"));
    }
}
