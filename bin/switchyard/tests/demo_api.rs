//! `switchyard demo --api` as a process: an edit over HTTP shows, and its end leaves nothing.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

/// Longer than anything takes, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A demo that runs. It is killed when the test is over.
struct Demo {
    child: Child,
    lines: Receiver<String>,
    folder: PathBuf,
    /// The API server's address.
    server: String,
}

impl Demo {
    fn start(test: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("demo-{test}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchyard"));
        command.args(["demo", "--api"]).env("TMPDIR", &folder).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let printed = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in printed.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut demo = Self { child, lines, folder, server: String::new() };
        let invitation = demo.line("    kubectl --kubeconfig ");
        let file = invitation.split_whitespace().nth(2).unwrap();
        let kubeconfig: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        let server = kubeconfig["clusters"][0]["cluster"]["server"].as_str().unwrap();
        demo.server = server.strip_prefix("http://").unwrap().to_owned();
        demo
    }

    /// Waits for a line that begins so.
    fn line(&self, start: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("no line begins with {start:?}"));
            if line.starts_with(start) {
                return line;
            }
        }
    }

    /// Makes a request that the server must grant.
    fn request(&self, method: &str, path: &str, body: &str) {
        let mut stream = TcpStream::connect(&self.server).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (host, length) = (&self.server, body.len());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 20"), "{method} {path}: {answer}");
    }

    /// Sends a signal and waits for the end.
    fn end_by(&mut self, signal: &str) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        // Its output ends when it does.
        while self.lines.recv_timeout(PATIENCE).is_ok() {}
        self.child.wait().unwrap()
    }

    /// The files that it made and did not remove.
    fn files(&self) -> usize {
        fs::read_dir(&self.folder).unwrap().count()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_edit_shows_on_each_node_with_its_calls() {
    let mut demo = Demo::start("edits");
    assert_eq!(demo.files(), 1);
    demo.request("DELETE", "/api/v1/namespaces/shop/services/cart", "");
    for node in ["win-a", "win-b"] {
        let told = demo.line(&format!("{node}: "));
        let said = told.strip_prefix(&format!("{node}: Service shop/cart gone: ")).unwrap();
        assert!(said.contains("1 load balancer deleted ("), "{told}");
        assert!(said.contains("to change HNS, "), "{told}");
        demo.line("  - ClusterIP 10.96.20.11 80/TCP shop/cart:");
    }
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "cart"},
        "spec": {"type": "ClusterIP", "clusterIP": "10.96.20.11", "clusterIPs": ["10.96.20.11"],
                 "ports": [{"name": "http", "port": 81, "protocol": "TCP"}]}});
    demo.request("POST", "/api/v1/namespaces/shop/services", &service.to_string());
    for node in ["win-a", "win-b"] {
        let told = demo.line(&format!("{node}: "));
        assert!(told.starts_with(&format!("{node}: Service shop/cart: ")), "{told}");
        assert!(told.contains("1 load balancer created"), "{told}");
        let made = demo.line("  + ");
        assert!(made.starts_with("  + ClusterIP 10.96.20.11 81/TCP shop/cart:"), "{made}");
        assert!(made.contains("cart-"), "no pod is named: {made}");
    }
    assert_eq!(demo.end_by("-INT").code(), Some(0));
    assert_eq!(demo.files(), 0, "the kubeconfig is left");
}

#[test]
fn it_ends_in_good_order_when_it_is_told_to() {
    let mut demo = Demo::start("ends");
    assert_eq!(demo.end_by("-TERM").code(), Some(0));
    assert_eq!(demo.files(), 0, "the kubeconfig is left");
}
