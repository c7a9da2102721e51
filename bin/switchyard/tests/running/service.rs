//! The proxy as a service of Windows: it is installed, started, asked, stopped, started again and removed. It takes an administrator.

use std::fs;
use std::process::{Command, Output};

use crate::mutating;
use crate::running::{Node, counts, is_settled};

/// A service, which is removed when the test is over.
struct Service<'a> {
    node: &'a Node,
    name: String,
}

impl<'a> Service<'a> {
    fn new(node: &'a Node, test: &str) -> Self {
        Self { node, name: format!("switchyard-test-{}-{test}", std::process::id()) }
    }

    /// Installs it, with these flags of the proxy besides the usual ones.
    fn install(&self, flags_of_service: &[&str], flags_of_proxy: &[&str]) -> Output {
        let absolute = |name: &str| {
            let path = std::path::absolute(self.node.path(name)).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let (manifests, hns) = (absolute("manifests"), absolute("hns.json"));
        let (state, logs) = (absolute("state"), absolute("logs"));
        let usual = [
            "--manifests",
            &manifests,
            "--hcn=emulator",
            "--hns",
            &hns,
            "--state-dir",
            &state,
            "--log-dir",
            &logs,
        ];
        let own = ["service", "install", "--name", &self.name, "--start=manual"];
        self.node.run(&[&own[..], flags_of_service, &["--"], &usual, flags_of_proxy].concat())
    }

    fn uninstall(&self) -> Output {
        self.node.run(&["service", "uninstall", "--name", &self.name])
    }

    /// Starts or stops it, and waits until it is.
    fn net(&self, verb: &str) -> bool {
        Command::new("net").args([verb, &self.name]).output().unwrap().status.success()
    }

    /// What the Service Control Manager says of it.
    fn query(&self) -> String {
        let answer = Command::new("sc").args(["query", &self.name]).output().unwrap();
        String::from_utf8_lossy(&answer.stdout).into_owned()
    }

    /// What the registry has of it.
    fn registered(&self, value: &str) -> String {
        let key = format!(r"HKLM\SYSTEM\CurrentControlSet\Services\{}", self.name);
        let answer = Command::new("reg").args(["query", &key, "/v", value]).output().unwrap();
        String::from_utf8_lossy(&answer.stdout).into_owned()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.node.path("logs").join("switchyard.log")).unwrap_or_default()
    }
}

impl Drop for Service<'_> {
    fn drop(&mut self) {
        let _ = self.uninstall();
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_service_starts_works_stops_and_finds_what_it_left() {
    let node = Node::new("service");
    let service = Service::new(&node, "life");
    let installed = service.install(&[], &["--hostname-override", "N1", "-v=4"]);
    assert_eq!(installed.status.code(), Some(0), "{}", said(&installed));
    assert!(service.query().contains("STOPPED"), "{}", service.query());

    assert!(service.net("start"), "{}", service.query());
    assert!(service.query().contains("RUNNING"), "{}", service.query());
    let status = node.wait_for_status("the first state", is_settled);
    assert_eq!((counts(&status), mutating(&status)), ((1, 1), 2));
    assert_eq!(status["node"], "n1");

    assert!(service.net("stop"), "{}", service.query());
    let query = service.query();
    assert!(query.contains("STOPPED") && query.contains("EXIT_CODE    : 0"), "{query}");
    assert_eq!(node.run(&["status"]).status.code(), Some(1), "nobody answers any more");
    let before = node.hns();
    assert_eq!(node.frontends(), ["172.20.0.10"]);

    assert!(service.net("start"), "{}", service.query());
    let status = node.wait_for_status("the same state", is_settled);
    assert_eq!((counts(&status), mutating(&status)), ((1, 1), 0));
    let uninstalled = service.uninstall();
    assert_eq!(uninstalled.status.code(), Some(0), "{}", said(&uninstalled));
    assert_eq!(node.hns(), before, "what is in HNS stays");
    let log = service.log();
    assert_eq!(log.matches("started node=n1").count(), 2, "{log}");
    assert_eq!(log.matches("stopped: what is in HNS stays").count(), 2, "{log}");
}

#[test]
fn a_service_that_fails_says_so_with_its_exit_code() {
    let node = Node::new("service-failure");
    let service = Service::new(&node, "failure");
    let installed = service.install(&[], &["--hostname-override", "nobody"]);
    assert_eq!(installed.status.code(), Some(0), "{}", said(&installed));
    service.net("start");
    let query = service.query();
    // ERROR_SERVICE_SPECIFIC_ERROR of winerror.h, and the exit code of a command that failed.
    assert!(query.contains("1066") && query.contains("SERVICE_EXIT_CODE  : 1"), "{query}");
    let log = service.log();
    assert!(log.contains("unknown node \"nobody\": the manifests have n1"), "{log}");
}

#[test]
fn a_service_is_not_replaced_by_accident() {
    let node = Node::new("service-twice");
    let service = Service::new(&node, "twice");
    assert_eq!(service.uninstall().status.code(), Some(1), "there is none");
    assert_eq!(service.install(&[], &[]).status.code(), Some(0));
    let again = service.install(&[], &[]);
    assert_eq!(again.status.code(), Some(4));
    assert!(said(&again).contains("--replace makes it into this one"), "{}", said(&again));
    assert_eq!(service.install(&["--replace"], &[]).status.code(), Some(0));
    let wrong = service.install(&["--replace"], &["--no-such-flag"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(said(&wrong).contains("--no-such-flag"), "{}", said(&wrong));
    assert_eq!(service.uninstall().status.code(), Some(0));
    assert_eq!(service.uninstall().status.code(), Some(1));
}

#[test]
fn a_service_of_another_account_becomes_this_one_altogether() {
    let node = Node::new("service-account");
    let service = Service::new(&node, "account");
    let other =
        ["binPath=", r"C:\other.exe", "obj=", r"NT AUTHORITY\LocalService", "password=", ""];
    let made = Command::new("sc").args(["create", &service.name]).args(other).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    assert!(service.registered("ObjectName").contains("LocalService"));
    let installed = service.install(&["--replace"], &[]);
    assert_eq!(installed.status.code(), Some(0), "{}", said(&installed));
    assert!(service.registered("ObjectName").contains("LocalSystem"));
    assert!(service.registered("ImagePath").contains("--windows-service"));
}

#[test]
fn only_the_service_control_manager_starts_a_service() {
    let node = Node::new("service-console");
    let ended = node.run_proxy(&["--windows-service"]);
    assert_eq!(ended.status.code(), Some(2));
    assert!(said(&ended).contains("which has not started this process"), "{}", said(&ended));
}
