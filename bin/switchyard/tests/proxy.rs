//! `switchyard proxy` as a process: it starts, follows edits, tells its status, ends, starts again and is killed.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod running;
#[cfg(windows)]
#[path = "running/service.rs"]
mod service;

use std::fs;

use serde_json::{Value, json};

use self::running::{CLUSTER, Node, counts, is_settled};

#[test]
fn edits_are_followed_and_a_restart_finds_everything_as_it_should_be() {
    let node = Node::new("edits");
    let mut proxy = node.start(&[]);
    let status = proxy.wait("the first state", is_settled);
    assert_eq!(counts(&status), (1, 1));
    assert_eq!(status["node"], "n1");
    assert_eq!(status["conditions"], json!([]));

    // A second Service, in a file of its own.
    node.write("api.yaml", &CLUSTER.service("api", "172.20.0.20", "10.1.2.31"));
    proxy.wait("the second Service", |status| is_settled(status) && counts(status) == (2, 2));
    assert_eq!(node.frontends(), ["172.20.0.10", "172.20.0.20"]);

    // Half of that file: what it said before stays, and it is said why.
    node.write("api.yaml", "{apiVersion: v1, kind: Service, metadata: {name: api, names");
    let status = proxy.wait("the refusal", |status| status["input"]["refused"] == 1);
    let refusal = status["input"]["refusals"][0].as_str().unwrap();
    assert!(refusal.contains("what it said before is kept"), "{refusal}");
    assert_eq!(counts(&status), (2, 2));

    // The file is gone, and so is what it was for; the other file changes.
    fs::remove_file(node.manifests().join("api.yaml")).unwrap();
    node.write("cluster.yaml", &CLUSTER.with(&["10.1.2.21", "10.1.2.22"]));
    proxy.wait("one Service with two backends", |status| {
        is_settled(status) && counts(status) == (1, 2) && status["input"]["refused"] == 0
    });

    // The node's own document is gone: nothing of this is believed.
    fs::rename(node.manifests(), node.path("away")).unwrap();
    fs::create_dir(node.manifests()).unwrap();
    let status = proxy
        .wait("the doubt", |status| status["conditions"][0]["condition"] == "ManifestsUnreadable");
    assert_eq!(counts(&status), (1, 2));
    fs::remove_dir(node.manifests()).unwrap();
    fs::rename(node.path("away"), node.manifests()).unwrap();
    proxy.wait("the end of the doubt", |status| status["conditions"] == json!([]));

    let before = node.hns_of(&proxy);
    assert_eq!(proxy.terminate(), Some(0));
    assert_eq!(node.hns(), before, "what is in HNS stays");
    let log = fs::read_to_string(node.path("log")).unwrap();
    for line in [
        "started node=n1",
        "changes=1 endpoints created, 1 load balancers created",
        "refused refusal=",
        "the manifests are not taken in reason=",
        "the manifests can be read again",
        "stopped: what is in HNS stays",
    ] {
        assert!(log.contains(line), "{line} is not in the log:\n{log}");
    }
    assert!(!log.contains("10.1.2.21"), "the log has the content of an object:\n{log}");

    let mut proxy = node.start(&[]);
    let status = proxy.wait("the same state", is_settled);
    assert_eq!(counts(&status), (1, 2));
    assert_eq!(mutating(&status), 0, "{status:#}");
    assert_eq!(proxy.terminate(), Some(0));
    assert_eq!(node.hns(), before);
}

/// How many calls changed HNS, or tried to.
fn mutating(status: &Value) -> u64 {
    let calls = status["calls"].as_array().unwrap().iter();
    let changes = calls.filter(|call| {
        ["create", "modify", "delete"].contains(&call["verb"].as_str().unwrap_or_default())
    });
    changes.filter_map(|call| call["count"].as_u64()).sum()
}

#[test]
fn a_proxy_that_is_killed_leaves_what_the_next_one_adopts() {
    let node = Node::new("killed");
    let mut proxy = node.start(&[]);
    proxy.wait("the first state", is_settled);
    node.wait_for_file("the load balancer", |state| {
        state["loadBalancers"].as_array().is_some_and(|list| list.len() == 1)
    });
    let before = node.hns();
    proxy.kill();
    let answer = node.run(&["status"]);
    assert_eq!(answer.status.code(), Some(1), "nobody answers at the socket that is left");
    assert!(String::from_utf8_lossy(&answer.stderr).contains("no proxy runs here"));
    let mut proxy = node.start(&[]);
    let status = proxy.wait("the same state", is_settled);
    assert_eq!((counts(&status), mutating(&status)), ((1, 1), 0));
    assert_eq!(proxy.terminate(), Some(0));
    assert_eq!(node.hns(), before);
}

#[test]
fn a_node_has_one_proxy() {
    let node = Node::new("two");
    let mut proxy = node.start(&[]);
    proxy.wait("the first state", is_settled);
    let second = node.run_proxy(&[]);
    assert_eq!(second.status.code(), Some(4));
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains(&format!("process {} is this node's proxy", proxy.id())), "{said}");
    let cleanup = node.run(&["cleanup", "--hcn", "emulator", "--hns", &node.hns_file()]);
    assert_eq!(cleanup.status.code(), Some(4), "nothing is taken from under a proxy");
    let plan = node.run_proxy(&["--dry-run"]);
    assert!(matches!(plan.status.code(), Some(0 | 3)), "a plan changes nothing");
    assert_eq!(proxy.interrupt(), Some(0));
}

#[test]
fn cleanup_takes_everything_of_ours_and_nothing_else() {
    let node = Node::new("cleanup");
    let foreign = r#"{"networks":[{"ID":"00000000-0000-0000-0000-000000000001","Name":"cbr0","Type":"L2Bridge",
        "Ipams":[{"Subnets":[{"IpAddressPrefix":"10.1.1.0/24"}]}]}],
      "endpoints":[{"ID":"00000000-0000-0000-0000-000000000011","HostComputeNetwork":"00000000-0000-0000-0000-000000000001",
        "IpConfigurations":[{"IpAddress":"10.1.1.9"}]}],
      "loadBalancers":[{"ID":"00000000-0000-0000-0000-000000000021","Owner":"other","FrontendVIPs":["172.20.9.9"],
        "HostComputeEndpoints":["00000000-0000-0000-0000-000000000011"],
        "PortMappings":[{"Protocol":6,"InternalPort":80,"ExternalPort":80}]}]}"#;
    fs::write(node.hns_file(), foreign).unwrap();
    let before = node.hns();
    let mut proxy = node.start(&[]);
    proxy.wait("the first state", is_settled);
    assert_eq!(proxy.terminate(), Some(0));
    assert_eq!(node.frontends(), ["172.20.0.10", "172.20.9.9"]);

    let file = node.hns_file();
    let cleanup = ["cleanup", "--hcn", "emulator", "--hns", &file, "-o", "json"];
    let with_ours = node.hns();
    let dry = node.run(&[&cleanup[..], &["--dry-run"]].concat());
    assert_eq!(dry.status.code(), Some(3));
    assert_eq!(node.hns(), with_ours, "a dry run changes nothing");
    let done = node.run(&cleanup);
    assert_eq!(done.status.code(), Some(0));
    let answer: Value = serde_json::from_slice(&done.stdout).unwrap();
    let kinds: Vec<_> =
        answer["objects"].as_array().unwrap().iter().map(|object| &object["kind"]).collect();
    assert_eq!(kinds, ["loadBalancer", "endpoint"]);
    for list in ["networks", "endpoints", "loadBalancers"] {
        assert_eq!(node.hns()[list], before[list]);
    }
    assert_eq!(node.run(&[&cleanup[..], &["--dry-run"]].concat()).status.code(), Some(0));
}

/// A load balancer as kube-proxy leaves it, for the frontend that is wanted, to another port.
const KUBE_PROXY: &str = r#"{"networks":[{"ID":"00000000-0000-0000-0000-000000000001","Name":"cbr0","Type":"L2Bridge",
    "Ipams":[{"Subnets":[{"IpAddressPrefix":"10.1.1.0/24"}]}]}],
  "endpoints":[{"ID":"00000000-0000-0000-0000-000000000011","Name":"Ethernet","Flags":1,"MacAddress":"02-11-0A-01-02-15",
    "HostComputeNetwork":"00000000-0000-0000-0000-000000000001","IpConfigurations":[{"IpAddress":"10.1.2.21"}]}],
  "loadBalancers":[{"ID":"00000000-0000-0000-0000-000000000021","FrontendVIPs":["172.20.0.10"],"Flags":2,
    "HostComputeEndpoints":["00000000-0000-0000-0000-000000000011"],
    "PortMappings":[{"Protocol":6,"InternalPort":9999,"ExternalPort":80}]}]}"#;

#[test]
fn what_kube_proxy_left_is_taken_over_only_when_asked() {
    let node = Node::new("takeover");
    fs::write(node.hns_file(), KUBE_PROXY).unwrap();
    let mut proxy = node.start(&[]);
    let status = proxy.wait("the condition", |status| {
        is_settled(status) && status["conditions"][0]["condition"] == "FrontendHeldByOther"
    });
    let advice = status["conditions"][0]["advice"].as_str().unwrap();
    assert!(advice.contains("--takeover=kube-proxy"), "{advice}");
    assert_eq!(status["conditions"][0]["services"], json!(["shop/web:"]));
    let table = node.run(&["status"]);
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.starts_with("n1: 1 object not as wanted, everything else is\n"), "{table}");
    assert!(table.contains("  harms  shop/web:\n") && table.contains("  do     "), "{table}");
    assert_eq!(proxy.terminate(), Some(0));
    let log = fs::read_to_string(node.path("log")).unwrap();
    assert!(log.contains("holds a frontend that is wanted"), "{log}");
    assert!(log.contains("frontend=IPv4/172.20.0.10/80/TCP"), "{log}");

    let mut proxy = node.start(&["--takeover=kube-proxy"]);
    let status = proxy
        .wait("the takeover", |status| is_settled(status) && status["conditions"] == json!([]));
    assert_eq!(counts(&status), (1, 0), "kube-proxy's endpoint equals what is wanted: it is used");
    assert_eq!(proxy.terminate(), Some(0));
    assert_eq!(node.hns()["loadBalancers"][0]["Owner"], "switchyard");
}

#[test]
fn a_network_that_hns_lacks_is_waited_for() {
    let node = Node::new("no-network");
    fs::write(node.hns_file(), "{}").unwrap();
    let mut proxy = node.start(&[]);
    let status = proxy.wait("the condition", |status| status["state"] == "waiting");
    assert_eq!(status["conditions"][0]["condition"], "NetworkMissing");
    assert_eq!(status["network"], Value::Null);
    assert_eq!(proxy.terminate(), Some(0));
}

#[test]
fn flags_and_configuration_reach_the_proxy() {
    let node = Node::new("flags");
    node.write_beside(
        "config.yaml",
        "{apiVersion: switchyard.dev/v1alpha1, kind: SwitchyardConfiguration, takeover: kube-proxy, auditPeriod: 7m}\n",
    );
    let config = node.path("config.yaml");
    let config = config.to_str().unwrap();
    fs::write(node.hns_file(), KUBE_PROXY).unwrap();
    let mut proxy =
        node.start(&["--config", config, "--network-name", "cbr0", "--enable-dsr=false"]);
    let status = proxy.wait("the takeover that is configured", |status| {
        is_settled(status) && status["objects"]["ownLoadBalancers"] == 1
    });
    assert_eq!(status["network"]["dsr"], false);
    assert_eq!(proxy.terminate(), Some(0));
    // Where kube-proxy's own document counts, flags that say the same do not.
    node.write_beside(
        "config.yaml",
        "{apiVersion: kubeproxy.config.k8s.io/v1alpha1, kind: KubeProxyConfiguration, winkernel: {networkName: wrong}}\n",
    );
    fs::write(node.hns_file(), KUBE_PROXY).unwrap();
    let flags = ["--config", config, "--takeover", "none", "--network-name", "cbr0"];
    let mut proxy = node.start(&flags);
    proxy.wait("the network that is configured", |status| status["state"] == "waiting");
    assert_eq!(proxy.terminate(), Some(0));
}

#[test]
fn a_log_that_nobody_reads_ends_no_proxy() {
    let node = Node::new("no-log");
    node.write("other.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: passed-over}}");
    let mut proxy = node.start_with_closed_log();
    proxy.wait("the first state", is_settled);
    node.write("api.yaml", &CLUSTER.service("api", "172.20.0.20", "10.1.2.31"));
    proxy.wait("the second Service", |status| is_settled(status) && counts(status) == (2, 2));
    assert_eq!(proxy.terminate(), Some(0));
}

/// A log that takes nothing holds up neither the work nor the end, and has all of it once it takes something again.
#[cfg(target_os = "linux")]
#[test]
fn a_log_that_blocks_holds_up_nobody() {
    use std::io::{BufRead as _, BufReader, Read as _};

    let node = Node::new("blocked-log");
    let (mut proxy, _reader) = node.start_with_unread_log();
    proxy.wait("the first state", is_settled);
    node.write("api.yaml", &CLUSTER.service("api", "172.20.0.20", "10.1.2.31"));
    proxy.wait("the second Service", |status| is_settled(status) && counts(status) == (2, 2));
    assert_eq!(proxy.terminate(), Some(0));

    let (mut proxy, mut reader) = node.start_with_unread_log();
    proxy.wait("the same state", is_settled);
    reader.read_exact(&mut [0; 65_536]).unwrap();
    let mut lines = BufReader::new(reader).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("INFO started")));
    assert_eq!(proxy.terminate(), Some(0));
    assert!(lines.any(|line| line.contains("INFO stopped")));
}

#[test]
fn a_log_goes_where_the_flags_of_kube_proxy_say() {
    let node = Node::new("log-files");
    node.write("other.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: passed-over}}");
    let logs = node.path("deep").join("logs");
    let folder = logs.to_str().unwrap();
    let flags = ["-log_dir", folder, "-logtostderr=false", "--v=0", "-v", "4", "--one_output"];
    let mut proxy = node.start(&flags);
    proxy.wait("the first state", is_settled);
    assert_eq!(proxy.terminate(), Some(0));
    let log = fs::read_to_string(logs.join("switchyard.log")).unwrap();
    for line in
        ["the proxy of node n1", "passed over: 1 ConfigMap", "started", "stopped: what is in"]
    {
        assert!(log.contains(line), "{line} is not in the log:\n{log}");
    }
    assert_eq!(log.matches("--one-output is ignored").count(), 1, "{log}");
    assert_eq!(fs::read_to_string(node.path("log")).unwrap(), "", "only errors would be here");

    let flags = ["--log-dir", folder, "--alsologtostderr", "--logging-format=json"];
    let mut proxy = node.start(&flags);
    proxy.wait("the same state", is_settled);
    assert_eq!(proxy.terminate(), Some(0));
    let both = [logs.join("switchyard.log"), node.path("log")];
    for log in both.map(|path| fs::read_to_string(path).unwrap()) {
        // The file goes on behind what the first proxy said to people.
        let own = log.rsplit("stopped: what is in HNS stays\n").next().unwrap();
        let lines = own.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
        let lines: Vec<_> = lines.collect();
        let started = lines.iter().filter(|line| line["msg"] == "started" && line["node"] == "n1");
        assert_eq!(started.count(), 1, "{log}");
    }
}

#[test]
fn health_and_metrics_are_where_the_flags_say() {
    let node = Node::new("pages");
    let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (health, metrics) = (free(), free());
    let flags =
        [format!("--healthz-bind-address={health}"), format!("--metrics-bind-address={metrics}")];
    let mut proxy = node.start(&[&flags[0], &flags[1]]);
    proxy.wait("the start", is_settled);
    let ask = |address, path: &str| {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: n1\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(ask(health, "/healthz").starts_with("HTTP/1.1 200 "));
    assert!(ask(metrics, "/metrics").contains("switchyard_build_info{"));
    assert!(ask(metrics, "/configz").contains(&format!("\"healthzBindAddress\":\"{health}\"")));
    drop(proxy);
}
