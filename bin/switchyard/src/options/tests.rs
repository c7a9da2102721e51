use std::fs;
use std::path::PathBuf;

use clap::Parser;

use super::*;
use crate::arguments::{Arguments, Command};
use crate::command_line::prepare;
use crate::logging::Format;

/// A file with a configuration, which is removed after.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let name = format!("switchyard-{}-options-{name}.yaml", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, text).unwrap();
        Self(path)
    }

    fn flag(&self) -> String {
        format!("--config={}", self.0.display())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

const KUBE_PROXY: &str =
    "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";
const OWN: &str = "apiVersion: switchyard.dev/v1alpha1\nkind: SwitchyardConfiguration\n";

fn read(words: &str) -> Result<ProxyOptions, Failure> {
    let words = ["switchyard", "proxy"].into_iter().chain(words.split_whitespace());
    let parsed = Arguments::try_parse_from(prepare(words.map(Into::into))).unwrap();
    let Command::Proxy(proxy) = parsed.command else { panic!("{:?}", parsed.command) };
    ProxyOptions::read(&proxy)
}

fn options(words: &str) -> ProxyOptions {
    read(words).unwrap_or_else(|failure| panic!("{words}: {}", failure.chain()))
}

fn refused(words: &str, expected: &str) {
    match read(words) {
        Ok(options) => panic!("{words}: {options:?}"),
        Err(failure) => {
            let said = failure.chain();
            assert!(said.contains(expected), "{words}: {said}");
        }
    }
}

#[test]
fn the_cluster_is_read_from_one_place() {
    let access = |kubeconfig: Option<&str>, master: Option<&str>| {
        let [kubeconfig, master] = [kubeconfig, master].map(|text| text.map(str::to_owned));
        ClusterSource::Api(ApiAccess { kubeconfig, master })
    };
    assert_eq!(options("--node n").source, access(None, None), "as a pod reaches it");
    assert_eq!(options("--node n --kubeconfig=").source, access(None, None));
    assert_eq!(options("--kubeconfig k --node n").source, access(Some("k"), None));
    let both = "--kubeconfig k --master https://10.0.0.1:6443 --node n";
    assert_eq!(options(both).source, access(Some("k"), Some("https://10.0.0.1:6443")));
    let manifests = ClusterSource::Manifests("m".to_owned());
    assert_eq!(options("--manifests m --node n").source, manifests);
    refused("--manifests m --kubeconfig k --node n", "in place of the Kubernetes API");
    refused("--manifests m --master u --node n", "in place of the Kubernetes API");
    let file = File::new("source", &format!("{KUBE_PROXY}clientConnection: {{kubeconfig: f}}\n"));
    let config = file.flag();
    assert_eq!(options(&format!("{config} --node n")).source, access(Some("f"), None));
    let flagged = options(&format!("{config} --kubeconfig k --node n"));
    assert_eq!(flagged.source, access(Some("f"), None), "the file counts");
    let said = flagged.warnings.join("\n");
    assert!(said.contains("--kubeconfig is ignored"), "{said}");
    let beside = options(&format!("{config} --manifests m --node n"));
    assert_eq!(beside.source, manifests);
    assert!(beside.warnings.join("\n").contains("clientConnection.kubeconfig is ignored"));
}

#[test]
fn the_node_is_named_by_a_flag_before_the_file() {
    let file = File::new("node", &format!("{KUBE_PROXY}hostnameOverride: From-File\n"));
    assert_eq!(options(&file.flag()).node, "from-file");
    assert_eq!(
        options(&format!("{} --hostname-override From-Flag", file.flag())).node,
        "from-flag"
    );
    assert_eq!(options(&format!("{} --hostname-override=", file.flag())).node, "from-file");
}

#[test]
fn flags_that_mirror_a_field_count_beside_no_kube_proxy_configuration() {
    let flags = "--node n --enable-dsr --network-name cbr0 --source-vip 10.0.0.2 --cluster-cidr 10.1.0.0/16 --v 4";
    let own = File::new("own", OWN);
    for config in [String::new(), own.flag()] {
        let options = options(&format!("{config} {flags}"));
        assert_eq!(options.windows.enable_dsr, Some(true));
        assert_eq!(options.windows.network_name.as_deref(), Some("cbr0"));
        assert_eq!(options.configuration.settings.pods.cluster_ranges.len(), 1);
        assert_eq!(options.configuration.kube_proxy.document()["winkernel"]["networkName"], "cbr0");
        assert_eq!(options.warnings, [""; 0]);
        assert_eq!(options.logging.v, Some(4));
    }
    let text = format!(
        "{KUBE_PROXY}winkernel: {{networkName: other}}\nlogging: {{verbosity: 2, format: json}}\n"
    );
    let file = File::new("theirs", &text);
    let options = options(&format!("{} {flags}", file.flag()));
    assert_eq!(options.windows.enable_dsr, None);
    assert_eq!(options.windows.network_name, None);
    assert_eq!(options.windows.source_vip(), None);
    assert_eq!(options.configuration.windows.network_name.as_deref(), Some("other"));
    assert_eq!(options.logging.v, Some(4), "flags for the log go first");
    assert_eq!(options.logging.logging_format, Some(Format::Json));
    let ignored: Vec<_> =
        options.warnings.iter().filter_map(|said| said.split(" is ignored").next()).collect();
    assert_eq!(ignored, ["--cluster-cidr", "--enable-dsr", "--network-name", "--source-vip"]);
}

#[test]
fn one_line_is_said_of_a_flag_that_does_nothing() {
    let said = options("--node n --ipvs-scheduler=rr --oom-score-adj=-7").warnings;
    assert_eq!(said.len(), 2, "{said:?}");
    let file = File::new("once", KUBE_PROXY);
    let said = options(&format!("{} --node n --ipvs-scheduler=rr", file.flag())).warnings;
    assert_eq!(said.len(), 1, "{said:?}");
}

#[test]
fn gates_are_checked_as_kube_proxy_checks_them() {
    let said = options("--node n --feature-gates=WinDSR=true,WinOverlay=true").warnings;
    assert_eq!(
        said,
        [
            "--feature-gates: WinDSR: is general and on for good: it can be left out",
            "--feature-gates: WinOverlay: is general and on for good: it can be left out",
        ]
    );
    refused("--node n --feature-gates=WinDSR=false", "--feature-gates: WinDSR: is locked to true");
    refused(
        "--node n --feature-gates=WinSDR=true",
        "--feature-gates: WinSDR: Kubernetes has no such",
    );
}

#[test]
fn there_is_one_mode() {
    for mode in ["", "kernelspace"] {
        options(&format!("--node n --proxy-mode={mode}"));
    }
    refused("--node n --proxy-mode=ipvs", "--proxy-mode: \"ipvs\" is a mode of Linux");
    refused("--node n --proxy-mode=userspace", "must be kernelspace");
    let file = File::new("mode", &format!("{KUBE_PROXY}mode: iptables\n"));
    refused(&format!("{} --node n", file.flag()), "\"iptables\" is a mode of Linux");
}

#[test]
fn servers_listen_where_flags_say() {
    let of = |words: &str| {
        let kube_proxy = options(&format!("--node n {words}")).configuration.kube_proxy;
        let show = |address: Option<std::net::SocketAddr>| {
            address.map_or("none".to_owned(), |address| address.to_string())
        };
        format!(
            "{} {}",
            show(kube_proxy.healthz_bind_address),
            show(kube_proxy.metrics_bind_address)
        )
    };
    assert_eq!(of(""), "0.0.0.0:10256 127.0.0.1:10249");
    assert_eq!(of("--healthz-bind-address= --metrics-bind-address="), "none none");
    assert_eq!(of("--healthz-port=0 --metrics-port=0"), "none none");
    assert_eq!(
        of("--healthz-bind-address=10.0.0.1 --healthz-port=7"),
        "10.0.0.1:7 127.0.0.1:10249"
    );
    assert_eq!(of("--metrics-bind-address=::1 --metrics-port=7"), "0.0.0.0:10256 [::1]:7");
    assert_eq!(
        of("--healthz-bind-address=10.0.0.1:8 --healthz-port=7"),
        "10.0.0.1:8 127.0.0.1:10249"
    );
    assert_eq!(
        of("--healthz-port=7"),
        "0.0.0.0:10256 127.0.0.1:10249",
        "as kube-proxy's default has a port"
    );
    assert_eq!(of("--bind-address=::"), "[::]:10256 [::1]:10249");
}
