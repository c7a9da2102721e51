//! `switchyard preflight` as a process: what it prints, writes, refuses, and leaves.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use serde_json::{Value, json};

const NETWORK: &str = "00000000-0000-0000-0000-0000000000cb";

/// A node with an emulated HNS, in a directory of its own.
struct Node(PathBuf);

impl Node {
    fn new(name: &str, setup: &Value) -> Self {
        let name = format!("switchyard-preflight-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("setup.json"), setup.to_string()).unwrap();
        fs::write(path.join("hns.json"), setup["state"].to_string()).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchyard"));
        command.args(["preflight", "--hcn", "emulator", "--node", "w1", "--state-dir"]);
        command.arg(self.path("state")).args(["--hns"]).arg(self.path("hns.json"));
        command.args(["--emulator"]).arg(self.path("setup.json"));
        command.args(arguments).env_remove("KUBE_NETWORK").current_dir(&self.0);
        command
    }

    /// Runs, and expects an exit code and something on standard error.
    fn fails(&self, arguments: &[&str], code: i32, says: &str) {
        let output = self.run(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
    }

    fn held(&self) -> Value {
        read(&self.path("hns.json"))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn state() -> Value {
    json!({
        "version": { "Major": 15, "Minor": 5 },
        "networks": [{ "ID": NETWORK, "Name": "cbr0", "Type": "L2Bridge",
            "SchemaVersion": { "Major": 2, "Minor": 0 },
            "Ipams": [{ "Type": "Static", "Subnets": [{ "IpAddressPrefix": "10.1.1.0/24" }] }] }],
        "endpoints": [{ "ID": "00000000-0000-0000-0000-00000000e001", "HostComputeNetwork": NETWORK,
            "SchemaVersion": { "Major": 2, "Minor": 0 },
            "IpConfigurations": [{ "IpAddress": "10.1.1.21", "PrefixLength": 24 }] }],
        "namespaces": [],
        "loadBalancers": [],
    })
}

fn answer<'a>(report: &'a Value, id: &str) -> &'a Value {
    let rows = report["probes"].as_array().unwrap();
    &rows.iter().find(|row| row["id"] == id).unwrap()["answer"]
}

#[test]
fn without_a_word_it_only_reads() {
    let node = Node::new("reads", &json!({ "state": state() }));
    let output = node.run(&[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "w1: ready for a proxy",
        "yes  network: cbr0 (L2Bridge)",
        "filter-name-case",
        "not asked: 4 questions: --full --scratch-network",
        "0 objects made, nothing left",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(node.held(), state());
    assert!(!node.path("state").exists(), "a run that only reads writes nothing");
    let files = fs::read_dir(&node.0).unwrap().count();
    assert_eq!(files, 2, "no report of an emulated HNS is written unasked");
}

#[test]
fn a_full_run_writes_a_report_and_leaves_nothing() {
    let knobs = json!({ "modify": "withoutEffect", "keepsOwner": false });
    let node = Node::new("full", &json!({ "state": state(), "knobs": knobs }));
    let report = node.path("report.json");
    let output = node.run(&["--full", "--scratch-network", "--report", report.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("the report is in "));
    let report = read(&report);
    assert_eq!(report["form"], "switchyard-preflight/1");
    assert_eq!(report["node"], "w1");
    assert_eq!(report["hnsVersion"], "15.5");
    assert_eq!(report["asked"]["also"], json!(["scratchNetwork"]));
    assert_eq!(answer(&report, "modify"), "success without effect");
    assert_eq!(answer(&report, "endpoint-owner"), "neither");
    assert_eq!(answer(&report, "restart-ids"), &Value::Null);
    assert_eq!(report["cleanup"]["left"], json!([]));
    let checks = report["readiness"]["checks"].as_array().unwrap();
    let modify = checks.iter().find(|check| check["id"] == "modify-load-balancer").unwrap();
    assert_eq!(modify["detail"], "seen not to work: success without effect");
    assert_eq!(node.held(), state());
    assert!(!node.path("state").join("preflight.jsonl").exists(), "the journal is gone");
}

#[test]
fn a_report_is_written_whoever_reads_what_is_printed() {
    let node = Node::new("unread", &json!({ "state": state() }));
    let report = node.path("report.json");
    let mut command = node.command(&["-o", "json", "--report", report.to_str().unwrap()]);
    let mut run = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    drop(run.stdout.take());
    assert_eq!(run.wait().unwrap().code(), Some(0));
    assert_eq!(answer(&read(&report), "version"), "15.5");
}

#[cfg(unix)]
#[test]
fn what_is_written_down_is_out_of_the_reach_of_others() {
    use std::os::unix::fs::PermissionsExt;

    let node = Node::new("private", &json!({ "state": state() }));
    assert_eq!(node.run(&["--full"]).status.code(), Some(0));
    let mode = fs::metadata(node.path("state")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn json_is_printed_whole() {
    let node = Node::new("json", &json!({ "state": state() }));
    let output = node.run(&["-o", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let version = &report["probes"][0];
    assert_eq!(version["id"], "version");
    let order = answer(&report, "filter-unknown-key");
    assert_eq!(order, "nothing is listed");
    let rows = report["probes"].as_array().unwrap();
    let filter = rows.iter().find(|row| row["id"] == "malformed-query").unwrap();
    let call = &filter["calls"][0];
    assert_eq!(call["call"], "HcnEnumerateNetworks");
    assert_eq!(call["sent"], json!({ "query": "{" }));
    assert_eq!(call["hresult"], "0x803B001B");
    assert!(call["record"].as_str().unwrap().contains("\"ErrorCode\":2151350299"));
}

#[test]
fn what_was_left_is_refused_and_removed() {
    let mut held = state();
    held["endpoints"].as_array_mut().unwrap().push(json!({
        "ID": "10000000-0000-0000-0000-000000000001", "HostComputeNetwork": NETWORK, "Flags": 1,
        "Owner": "switchyard-preflight", "IpConfigurations": [{ "IpAddress": "192.0.2.129" }] }));
    let node = Node::new("left", &json!({ "state": held }));
    node.fails(&["--full"], 4, "run preflight --cleanup first");
    let output = node.run(&["--cleanup"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text, "removed: endpoint 10000000-0000-0000-0000-000000000001\n1 object removed\n");
    assert_eq!(node.held(), state());
    assert_eq!(node.run(&["--full"]).status.code(), Some(0));
}

#[test]
fn what_makes_no_sense_or_is_not_safe_is_refused() {
    let node = Node::new("refused", &json!({ "state": state() }));
    node.fails(&["--full", "--scratch", "192.0.2.0/26"], 2, "too few addresses");
    node.fails(&["--scratch-network"], 2, "--full");
    node.fails(&["--full", "--cleanup"], 2, "cannot be used with");
    node.fails(&["--full", "--network-name", "nat"], 4, "called nat");
    let nowhere = node.path("none").join("report.json");
    node.fails(&["--full", "--report", nowhere.to_str().unwrap()], 1, "there is no folder");
    node.fails(&["--full", "--report", node.0.to_str().unwrap()], 1, "it is a folder");
    node.fails(&["--full", "--scratch", "10.1.0.0/16"], 4, "choose other addresses");
    assert_eq!(node.held(), state());
}

#[test]
fn two_runs_do_not_meet() {
    let node = Node::new("lock", &json!({ "state": state() }));
    fs::create_dir(node.path("state")).unwrap();
    let other = fs::File::create(node.path("state").join("preflight.lock")).unwrap();
    other.lock().unwrap();
    node.fails(&["--full"], 4, "another preflight is under way");
    node.fails(&["--cleanup"], 4, "another preflight is under way");
    assert_eq!(node.run(&[]).status.code(), Some(0), "one that only reads harms none");
    drop(other);
    assert_eq!(node.run(&["--full"]).status.code(), Some(0));
}

#[test]
fn a_node_that_is_not_ready_says_what_to_do() {
    let mut held = state();
    held["networks"] = json!([]);
    held["endpoints"] = json!([]);
    let node = Node::new("not-ready", &json!({ "state": held }));
    let output = node.run(&[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("w1: not ready for a proxy"), "{text}");
    assert!(text.contains("Start the CNI"), "{text}");
    assert_eq!(node.run(&["--strict"]).status.code(), Some(1));
    node.fails(&["--full"], 4, "no network of type L2Bridge or Overlay");
}

#[test]
fn an_hns_that_is_away_is_a_failure() {
    let stop = json!({ "on": { "call": "*" }, "does": { "fault": "stop" } });
    let node = Node::new("away", &json!({ "state": state(), "faults": [stop] }));
    node.fails(&["--full"], 1, "HNS answered nothing: HNSCall failed");
    assert_eq!(node.held(), state());
}

/// Knobs of an HNS, and the answers that they make.
type Expected = (Value, BTreeMap<String, Value>);

/// Knobs do not touch each other's answers, so a few runs tell all settings: the first has the first of each, and so on.
fn combined() -> Vec<Expected> {
    let rows = read(Path::new("../../crates/preflight/tests/knobs.json"));
    // The ports of this machine are not those of an emulated one, and what a restart loses shows one at a time.
    let is_apart = |row: &&Value| row["knob"] != "boundPorts" && row["knob"] != "rehydration";
    let rows: Vec<&Value> = rows.as_array().unwrap().iter().filter(is_apart).collect();
    let count = |row: &&Value| row["settings"].as_array().unwrap().len();
    let runs = rows.iter().map(count).max().unwrap();
    let mut told = 0;
    let combine = |number: usize| {
        let (mut knobs, mut answers) = (json!({}), BTreeMap::new());
        for row in rows.iter().filter(|row| count(row) > number) {
            let with = row["with"].as_object().into_iter().flatten();
            // A pool that is not empty does not show how it is refused.
            if with.into_iter().any(|(knob, setting)| knobs[knob] != *setting) {
                continue;
            }
            let setting = &row["settings"][number];
            knobs[row["knob"].as_str().unwrap()] = setting["is"].clone();
            answers.extend(setting["answers"].as_object().unwrap().clone());
            told += 1;
        }
        (knobs, answers)
    };
    let combined = (0..runs).map(combine).collect();
    let settings: usize = rows.iter().map(count).sum();
    assert_eq!(told + 1, settings, "all but the pool that is refused as any port is");
    combined
}

#[test]
fn a_few_runs_tell_every_setting_of_every_knob() {
    let check = |number: usize, (knobs, expected): Expected| {
        let setup = json!({ "state": state(), "knobs": knobs });
        let node = Node::new(&format!("knobs-{number}"), &setup);
        let all =
            "--full --scratch-network --missing-adapter --exhaust-ports --ask-restart -o json";
        let output = node.run(&all.split(' ').collect::<Vec<_>>());
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        for (probe, expected) in expected {
            assert_eq!(*answer(&report, &probe), expected, "{probe}: {knobs}");
        }
        assert_eq!(output.status.code(), Some(0), "{knobs}");
    };
    // Each waits for an HNS that restarts, so they wait together.
    thread::scope(|scope| {
        for (number, expected) in combined().into_iter().enumerate() {
            scope.spawn(move || check(number, expected));
        }
    });
}
