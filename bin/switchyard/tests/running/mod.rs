//! A node of its own for one test, and proxies that run on it.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// The manifests of the tests.
pub(crate) struct Cluster;

pub(crate) const CLUSTER: Cluster = Cluster;

impl Cluster {
    /// A node, and a Service with backends at `addresses`.
    pub(crate) fn with(&self, addresses: &[&str]) -> String {
        let node =
            "{apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {podCIDRs: [10.1.1.0/24]},
 status: {addresses: [{type: InternalIP, address: 192.0.2.11}]}}\n";
        node.to_owned() + &service("web", "172.20.0.10", addresses)
    }

    /// A Service with one backend.
    pub(crate) fn service(&self, name: &str, ip: &str, address: &str) -> String {
        service(name, ip, &[address])
    }
}

fn service(name: &str, ip: &str, addresses: &[&str]) -> String {
    let endpoints: Vec<_> = addresses
        .iter()
        .map(|address| format!("{{addresses: [{address}], nodeName: n2}}"))
        .collect();
    format!(
        "---\n{{apiVersion: v1, kind: Service, metadata: {{name: {name}, namespace: shop}}, \
         spec: {{clusterIP: {ip}, ports: [{{port: 80}}]}}}}\n\
         ---\n{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4, \
         metadata: {{name: {name}-1, namespace: shop, labels: {{kubernetes.io/service-name: {name}}}}}, \
         ports: [{{name: '', port: 8080}}], endpoints: [{}]}}\n",
        endpoints.join(", ")
    )
}

/// A directory with manifests, a state directory and an HNS.
pub(crate) struct Node(PathBuf);

/// A proxy that runs. It is killed when the test is over.
pub(crate) struct Proxy<'a> {
    node: &'a Node,
    child: Child,
}

impl Node {
    /// With one Service that has one backend.
    pub(crate) fn new(test: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("proxy-{test}"));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("manifests")).unwrap();
        let node = Self(path);
        node.write("cluster.yaml", &CLUSTER.with(&["10.1.2.21"]));
        node
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn manifests(&self) -> PathBuf {
        self.path("manifests")
    }

    /// Writes a manifest.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.manifests().join(name), text).unwrap();
    }

    pub(crate) fn write_beside(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn hns_file(&self) -> String {
        self.path("hns.json").to_str().unwrap().to_owned()
    }

    /// What the file of HNS says.
    pub(crate) fn hns(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.hns_file()).unwrap()).unwrap()
    }

    /// What the proxy says that HNS holds.
    pub(crate) fn hns_of(&self, _proxy: &Proxy<'_>) -> Value {
        let answer = self.run(&["status", "--hns", "-o", "json"]);
        assert_eq!(answer.status.code(), Some(0));
        serde_json::from_slice(&answer.stdout).unwrap()
    }

    /// The virtual addresses of all load balancers in the file, sorted.
    pub(crate) fn frontends(&self) -> Vec<String> {
        let state = self.hns();
        let list = state["loadBalancers"].as_array().unwrap().iter();
        let mut vips: Vec<_> =
            list.map(|one| one["FrontendVIPs"][0].as_str().unwrap().to_owned()).collect();
        vips.sort();
        vips
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchyard"));
        command.args(arguments).env("SWITCHYARD_STATE_DIR", self.path("state"));
        command.env_remove("KUBE_NETWORK").stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn proxy(&self, arguments: &[&str]) -> Command {
        let manifests = self.manifests();
        let (manifests, hns) = (manifests.to_str().unwrap(), self.hns_file());
        let own = ["proxy", "--manifests", manifests, "--node", "n1", "--hcn", "emulator"];
        // Proxies run beside each other in tests, and could not all have the usual ports.
        let pages = ["--healthz-bind-address=", "--metrics-bind-address="];
        self.command(&[&own[..], &["--hns", &hns], &pages, arguments].concat())
    }

    /// Runs a proxy that ends by itself.
    pub(crate) fn run_proxy(&self, arguments: &[&str]) -> Output {
        self.proxy(arguments).output().unwrap()
    }

    /// Starts a proxy. Its log is beside its state.
    pub(crate) fn start(&self, arguments: &[&str]) -> Proxy<'_> {
        let log = fs::File::create(self.path("log")).unwrap();
        let child = system::grouped(&mut self.proxy(arguments)).stderr(log).spawn().unwrap();
        Proxy { node: self, child }
    }

    /// Starts a proxy whose log has a reader that went away.
    pub(crate) fn start_with_closed_log(&self) -> Proxy<'_> {
        let mut command = self.proxy(&[]);
        let mut child = system::grouped(&mut command).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stderr.take());
        Proxy { node: self, child }
    }

    /// Starts a proxy whose log has a reader that reads nothing, and cannot take a further byte.
    #[cfg(target_os = "linux")]
    pub(crate) fn start_with_unread_log(&self) -> (Proxy<'_>, std::io::PipeReader) {
        use std::io::Write as _;
        use std::os::fd::{AsFd as _, OwnedFd};

        let (reader, mut writer) = std::io::pipe().unwrap();
        let copy: OwnedFd = writer.as_fd().try_clone_to_owned().unwrap();
        // What a pipe takes while nobody reads, where nobody said otherwise.
        writer.write_all(&[b'\n'; 65_536]).unwrap();
        let child = system::grouped(&mut self.proxy(&["-v", "4"])).stderr(copy).spawn().unwrap();
        (Proxy { node: self, child }, reader)
    }

    /// Waits until the status of whatever proxy answers is as wanted.
    #[cfg(windows)]
    pub(crate) fn wait_for_status(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        wait(what, || {
            let answer = self.run(&["status", "-o", "json"]);
            serde_json::from_slice(&answer.stdout).ok().filter(|status| is_it(status))
        })
    }

    /// Waits until the file of HNS is as wanted.
    pub(crate) fn wait_for_file(&self, what: &str, is_it: impl Fn(&Value) -> bool) {
        let read = || fs::read_to_string(self.hns_file()).ok();
        wait(what, || {
            read().and_then(|text| serde_json::from_str(&text).ok()).filter(|v| is_it(v))
        });
    }
}

impl Proxy<'_> {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the status is as wanted.
    pub(crate) fn wait(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let node = self.node;
        let found = try_wait(|| {
            let ended = self.child.try_wait().unwrap();
            let log = || fs::read_to_string(node.path("log")).unwrap_or_default();
            assert!(ended.is_none(), "the proxy ended, {ended:?}:\n{}", log());
            let answer = node.run(&["status", "-o", "json"]);
            let status: Value = serde_json::from_slice(&answer.stdout).unwrap_or_default();
            last = status.clone();
            // Another's answer is that of a proxy before.
            (status["processId"] == self.child.id() && is_it(&status)).then_some(status)
        });
        found.unwrap_or_else(|| panic!("{what} did not come: {last:#}"))
    }

    /// Ends it, and returns its exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        system::terminate(self.child.id(), &self.node.hns_file());
        self.exit_code()
    }

    /// Ends it as people do at its console, and returns its exit code.
    pub(crate) fn interrupt(&mut self) -> Option<i32> {
        system::interrupt(self.child.id(), &self.node.hns_file());
        self.exit_code()
    }

    fn exit_code(&mut self) -> Option<i32> {
        wait("the end of the proxy", || self.child.try_wait().unwrap()).code()
    }

    /// Ends it without a word.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Proxy<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    try_wait(look).unwrap_or_else(|| panic!("{what} did not come"))
}

#[expect(clippy::disallowed_methods, reason = "a test waits for what must come, with a deadline")]
fn try_wait<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if let Some(found) = look() {
            return Some(found);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}

/// Whether everything that is wanted was attempted.
pub(crate) fn is_settled(status: &Value) -> bool {
    status["state"] == "settled"
}

/// Load balancers and endpoints of ours.
pub(crate) fn counts(status: &Value) -> (u64, u64) {
    let objects = &status["objects"];
    let count = |name: &str| objects[name].as_u64().unwrap_or_default();
    (count("ownLoadBalancers"), count("ownEndpoints"))
}

#[cfg(unix)]
mod system {
    use std::process::Command;

    /// Signals go to single processes: there is nothing to prepare.
    pub(super) fn grouped(command: &mut Command) -> &mut Command {
        command
    }

    pub(super) fn terminate(id: u32, _word: &str) {
        signal("-TERM", id);
    }

    pub(super) fn interrupt(id: u32, _word: &str) {
        signal("-INT", id);
    }

    fn signal(signal: &str, id: u32) {
        assert!(Command::new("kill").args([signal, &id.to_string()]).status().unwrap().success());
    }
}

#[cfg(windows)]
mod system {
    use std::fs;
    use std::os::windows::process::CommandExt;
    use std::path::Path;
    use std::process::Command;

    use switchyard_windows_host::console::send_break;

    /// `CREATE_NEW_PROCESS_GROUP` of winbase.h.
    const NEW_GROUP: u32 = 0x200;

    /// Whether this is Wine, which in version 8 knows no console events between processes. There, as in later ones, SIGINT
    /// is a Ctrl-C.
    fn is_wine() -> bool {
        Path::new(r"C:\windows\system32\winecfg.exe").exists()
    }

    /// In a group of its own, so that a Ctrl-Break for it reaches nobody else; such a group is deaf to Ctrl-C.
    pub(super) fn grouped(command: &mut Command) -> &mut Command {
        if is_wine() { command } else { command.creation_flags(NEW_GROUP) }
    }

    /// `word` is in the command line of nobody else who runs `proxy`.
    pub(super) fn terminate(id: u32, word: &str) {
        if !is_wine() {
            return send_break(id).unwrap();
        }
        let id = process_below_wine(word).unwrap();
        // Wine starts it, but has no handle of what it did not make; what comes of it shows in the proxy.
        let _ = Command::new(r"Z:\bin\kill").args(["-INT", &id]).status();
    }

    pub(super) use terminate as interrupt;

    /// The number of a process as the system below Wine has it.
    fn process_below_wine(word: &str) -> Option<String> {
        let entries = fs::read_dir(r"Z:\proc").unwrap();
        let mut ids = entries.filter_map(|entry| entry.unwrap().file_name().into_string().ok());
        ids.find(|id| {
            let line = fs::read(format!(r"Z:\proc\{id}\cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line);
            line.contains("proxy") && line.contains(word)
        })
    }
}
