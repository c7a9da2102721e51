use std::collections::BTreeSet;

use clap::{CommandFactory, Parser};

use super::*;
use crate::arguments::{Arguments, Command, ProxyArguments};
use crate::command_line::prepare;
use crate::options::{ClusterSource, ProxyOptions};

fn parse(words: &[String]) -> Result<ProxyArguments, String> {
    let words = ["switchyard", "proxy"].map(str::to_owned).into_iter().chain(words.to_vec());
    let parsed = Arguments::try_parse_from(prepare(words.map(Into::into)));
    match parsed.map_err(|trouble| trouble.to_string())?.command {
        Command::Proxy(proxy) => Ok(*proxy),
        other => Err(format!("{other:?}")),
    }
}

/// A value that the flag takes, and one that it refuses if it refuses any.
fn values(flag: &Flag) -> (&'static str, Option<&'static str>) {
    match (flag.name, flag.kind) {
        ("logging-format", _) => ("json", Some("xml")),
        ("stderrthreshold", _) => ("WARNING", Some("loud")),
        ("vmodule", _) => ("a=4", Some("a")),
        (_, Kind::Bool) => ("false", Some("maybe")),
        (_, Kind::Text) => ("text", None),
        (_, Kind::Integer) => ("7", Some("x")),
        (_, Kind::Float) => ("7.5", Some("x")),
        ("log-flush-frequency", Kind::Duration) => ("5s", None),
        (_, Kind::Duration) => ("1m30s", Some("90")),
        (_, Kind::Address) => ("10.0.0.1", Some("office")),
        (_, Kind::AddressAndPort) => ("127.0.0.1:10249", Some("office:1")),
        (_, Kind::List) => ("10.0.0.0/8,fd00::/8", None),
        (_, Kind::Gates) => ("WinDSR=true,WinOverlay=false", Some("WinDSR")),
        (_, Kind::PortRange) => ("300-2000", None),
        (_, Kind::Quantity) => ("4Mi", None),
        (_, Kind::Version) => ("raw", Some("x")),
        (_, Kind::ToLocal) => ("to-windows", Some("to-iptables")),
    }
}

#[test]
fn each_flag_is_taken_in_each_form_and_refuses_what_makes_no_sense() {
    for flag in TABLE {
        let (good, bad) = values(flag);
        let name = flag.name;
        let mut forms = vec![vec![format!("--{name}={good}")], vec![format!("-{name}={good}")]];
        if flag.kind.may_be_alone() {
            forms.push(vec![format!("--{name}")]);
            forms.push(vec![format!("-{name}")]);
        } else {
            forms.push(vec![format!("--{name}"), good.to_owned()]);
            forms.push(vec![format!("-{name}"), good.to_owned()]);
        }
        forms.push(vec![format!("--{}={good}", name.replace('-', "_"))]);
        for form in &forms {
            let parsed = parse(form).unwrap_or_else(|trouble| panic!("{form:?}: {trouble}"));
            let is_here = parsed.kube_proxy.value(name).is_some();
            assert_eq!(is_here, flag.parsed == Parsed::Here, "{form:?}");
        }
        if let Some(bad) = bad {
            let trouble = parse(&[format!("--{name}={bad}")]).expect_err(name);
            assert!(trouble.contains(name), "{name}: {trouble}");
        }
        // The last counts.
        let twice = [format!("--{name}={good}"), format!("--{name}={good}")];
        parse(&twice).unwrap_or_else(|trouble| panic!("{twice:?}: {trouble}"));
    }
}

#[test]
fn the_table_is_in_order_and_is_all_that_is_parsed_of_kube_proxy() {
    let names: Vec<_> = TABLE.iter().map(|flag| flag.name).collect();
    assert!(names.is_sorted(), "by name");
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "each once");
    let command = Arguments::command();
    let proxy = command.find_subcommand("proxy").unwrap();
    let ours = [
        "dry-run",
        "hcn",
        "hns",
        "log-file-max-count",
        "manifests",
        "network",
        "node",
        "output",
        "state-dir",
        "strict",
        "takeover",
        "until-settled",
    ];
    let parsed: BTreeSet<_> = proxy
        .get_arguments()
        .flat_map(|argument| {
            let aliases = argument.get_all_aliases().unwrap_or_default();
            argument.get_long().into_iter().chain(aliases).collect::<Vec<_>>()
        })
        .filter(|name| !ours.contains(name))
        .collect();
    assert_eq!(parsed, names.into_iter().collect(), "every flag has a row");
}

#[test]
fn of_a_flag_that_does_nothing_one_line_is_said() {
    let words =
        ["--ipvs-scheduler=rr", "--ipvs-scheduler=lc", "--masquerade-all", "--oom-score-adj", "-5"];
    let parsed = parse(&words.map(str::to_owned)).unwrap();
    assert_eq!(
        parsed.kube_proxy.ignored(),
        [
            "--ipvs-scheduler is ignored: a setting of the ipvs mode",
            "--oom-score-adj is ignored: a setting of Linux",
        ]
    );
}

#[test]
fn gates_and_lists_add_up() {
    let words = [
        "--feature-gates=A=true,B=true",
        "--feature-gates=B=false",
        "--nodeport-addresses=a,b",
        "--nodeport-addresses=c",
    ];
    let parsed = parse(&words.map(str::to_owned)).unwrap().kube_proxy;
    assert_eq!(parsed.value("feature-gates").unwrap(), &serde_json::json!({"A": true, "B": false}));
    assert_eq!(parsed.value("nodeport-addresses").unwrap(), &serde_json::json!(["a", "b", "c"]));
}

/// Command lines by which kube-proxy is started on Windows, or KPNG was, in public scripts and manifests.
#[test]
fn command_lines_that_people_have_are_taken() {
    for line in [
        // KPNG's notes.
        "--kubeconfig=C:\\k\\config --to-local=to-windows",
        // microsoft/SDN, Kubernetes/flannel/start-kubeproxy.ps1, both of its modes.
        "--v=4 --proxy-mode=kernelspace --hostname-override=n1 --kubeconfig=c:\\k\\config --cluster-cidr=10.244.0.0/16 --log-dir=C:\\k --logtostderr=false",
        "--v=4 --proxy-mode=kernelspace --feature-gates=WinOverlay=true --hostname-override=n1 --kubeconfig=c:\\k\\config --network-name=vxlan0 --source-vip=10.244.1.2 --enable-dsr=false --cluster-cidr=10.244.0.0/16 --log-dir=C:\\k --logtostderr=false",
        // kubernetes-sigs/windows-service-proxy, charts/templates/DaemonSet.yaml.
        "--hostname-override=n1 --v=4 --proxy-mode=kernelspace --enable-dsr=true --feature-gates=WinDSR=true,WinOverlay=true --source-vip=",
        // kubernetes-sigs/sig-windows-tools, hostprocess/calico/kube-proxy/start.ps1 on an overlay, and hostprocess/flannel.
        "--hostname-override=n1 --v=2 --proxy-mode=kernelspace --kubeconfig=C:\\C\\1\\kubeconfig.conf --enable-dsr=true --source-vip=10.244.1.2 --feature-gates=WinDSR=true,WinOverlay=true,IPv6DualStack=false",
        "--v=6 --config=/var/lib/kube-proxy/config.conf --hostname-override=n1 --feature-gates=WinOverlay=true",
        // Azure/aks-engine, parts/k8s/kubeproxystart.ps1.
        "--v=3 --proxy-mode=kernelspace --hostname-override=N1 --kubeconfig=c:\\k\\config --feature-gates=IPv6DualStack=true",
        // As a service of Windows.
        "--windows-service --v=4 --config=c:\\k\\kube-proxy.yaml",
        "--windows-service --proxy-mode=kernelspace --cluster-cidr= --network-name= --source-vip= --bind-address=0.0.0.0 --healthz-bind-address=0.0.0.0:10256 --metrics-bind-address= --healthz-port=0 --config-sync-period=15m --alsologtostderr --log_file_max_size=100",
    ] {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        let parsed = parse(&words).unwrap_or_else(|trouble| panic!("{line}: {trouble}"));
        if parsed.common.config.is_none() {
            let options = ProxyOptions::read(&parsed);
            let options = options.unwrap_or_else(|failure| panic!("{line}: {}", failure.chain()));
            assert!(matches!(options.source, ClusterSource::Api(_)), "{line}");
        }
    }
}

#[test]
fn an_empty_source_vip_is_none() {
    let vip = |words: &[&str]| {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        parse(&words).unwrap().windows.source_vip()
    };
    assert_eq!(vip(&["--source-vip="]), None);
    assert_eq!(vip(&["--source-vip", ""]), None);
    assert_eq!(vip(&["--source-vip=10.1.1.2"]), Some("10.1.1.2".parse().unwrap()));
    assert_eq!(vip(&["--source-vip=10.1.1.2", "--source-vip="]), None);
}
