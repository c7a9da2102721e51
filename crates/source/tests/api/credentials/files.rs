//! Credentials in files and of plugins, over TCP, in real time.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use switchyard_kube_fake::Server;

use super::*;

/// Longer than anything takes, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder that is removed.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("switchyard-credentials-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn kubeconfig(&self, address: SocketAddr, user: &Value) -> Connection {
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": format!("http://{address}")}}],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        });
        let kubeconfig = Some(self.put("config", &config.to_string()));
        Connection { kubeconfig, master: None }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn in_real_time(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

async fn listen(world: &World) -> Server {
    Server::bind(world.server.clone(), SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap()
}

/// Listens where another did that is about to end.
async fn again(world: &World, address: SocketAddr) -> Server {
    let bind = async {
        loop {
            if let Ok(server) = Server::bind(world.server.clone(), address).await {
                return server;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, bind).await.unwrap()
}

/// An API server that takes the token `one`.
async fn takes_one() -> (World, Server) {
    let world = World::new();
    world.server.change_token("one");
    let server = listen(&world).await;
    (world, server)
}

/// Follows it, and takes the first step.
async fn begin(world: &mut World, connection: Connection) {
    world.follow_with(Clients::reach(connection).await.unwrap());
    world.step(PATIENCE).await.unwrap();
}

/// The API server takes the token `two` alone, and goes, so that nothing is left of what it let in. It comes back where it was,
/// and what is new is seen.
async fn another_token_is_found(world: &mut World, server: Server) {
    world.server.change_token("two");
    let address = server.address();
    drop(server);
    let _again = again(world, address).await;
    world.put("Service", service("new", "172.20.0.12"));
    world.step(PATIENCE).await.unwrap();
    assert!(world.known().contains_key("new"));
    assert_eq!(world.shared.credentials().renewals, 1);
}

/// A plugin that prints what is in `credential`.
fn plugin(script: &str) -> Value {
    json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/sh",
                    "args": ["-c", script], "interactiveMode": "Never"}})
}

fn credential(token: &str) -> String {
    let kind = "client.authentication.k8s.io/v1";
    json!({"apiVersion": kind, "kind": "ExecCredential", "status": {"token": token}}).to_string()
}

async fn until(is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap();
}

fn troubles(world: &World) -> String {
    let status = world.shared.status();
    status.values().filter_map(|one| one.trouble.clone()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_token_file_that_ends_its_line_is_good_and_read_anew_after_a_401() {
    in_real_time(async {
        let (mut world, server) = takes_one().await;
        let folder = Folder::new("token");
        let user = json!({"tokenFile": folder.put("token", "one\n")});
        begin(&mut world, folder.kubeconfig(server.address(), &user)).await;
        folder.put("token", "two\r\n");
        another_token_is_found(&mut world, server).await;
    });
}

#[test]
fn a_token_in_the_kubeconfig_that_was_replaced_is_taken_after_a_401() {
    in_real_time(async {
        let (mut world, server) = takes_one().await;
        let folder = Folder::new("inline");
        let address = server.address();
        begin(&mut world, folder.kubeconfig(address, &json!({"token": "one"}))).await;
        folder.kubeconfig(address, &json!({"token": "two"}));
        another_token_is_found(&mut world, server).await;
        assert_eq!(world.counts().0, 3, "no list again");
    });
}

#[test]
fn a_kubeconfig_that_was_mended_is_taken_after_a_failure_in_tls() {
    in_real_time(async {
        let mut world = World::new();
        let server = listen(&world).await;
        let folder = Folder::new("tls");
        let connection = folder.kubeconfig(server.address(), &json!({}));
        let path = connection.kubeconfig.clone().unwrap();
        let good = fs::read_to_string(&path).unwrap();
        // Who is there does not speak TLS, let alone prove who it is.
        fs::write(&path, good.replace("http://", "https://")).unwrap();
        let clients = Clients::reach(connection).await.unwrap();
        fs::write(&path, good).unwrap();
        world.follow_with(clients);
        world.step(PATIENCE).await.unwrap();
        assert_eq!(world.shared.credentials().renewals, 1);
    });
}

#[test]
fn a_plugin_is_asked_again_after_a_401() {
    in_real_time(async {
        let (mut world, server) = takes_one().await;
        let folder = Folder::new("plugin");
        let said = folder.put("said", &credential("one"));
        let script = format!("test -n \"$KUBERNETES_EXEC_INFO\" && cat {}", said.display());
        begin(&mut world, folder.kubeconfig(server.address(), &plugin(&script))).await;
        folder.put("said", &credential("two"));
        another_token_is_found(&mut world, server).await;
    });
}

#[test]
fn a_plugin_that_hangs_is_ended_and_named_and_run_again() {
    in_real_time(async {
        let mut world = World::new();
        let server = listen(&world).await;
        let folder = Folder::new("hangs");
        let (runs, may_end) = (folder.0.join("runs"), folder.0.join("end"));
        let said = folder.put("said", &credential("any"));
        let script = format!(
            "echo run >> {}; test -e {} && exec cat {}; exec sleep 1000",
            runs.display(),
            may_end.display(),
            said.display()
        );
        let connection = folder.kubeconfig(server.address(), &plugin(&script));
        let patience = Duration::from_millis(300);
        // The start waits for nothing.
        let clients = Clients::reach_with(connection, patience).await.unwrap();
        assert!(!Path::exists(&runs));
        world.follow_with(clients);
        until(|| troubles(&world).contains("did not end")).await;
        let trouble = troubles(&world);
        let path = folder.0.join("config").display().to_string();
        assert!(trouble.contains("plugin /bin/sh") && trouble.contains(&path), "{trouble}");
        fs::write(&may_end, "").unwrap();
        world.step(PATIENCE).await.unwrap();
        assert!(fs::read_to_string(&runs).unwrap().lines().count() >= 2);
    });
}

#[test]
fn a_plugin_that_fails_is_told_of_in_its_own_words() {
    in_real_time(async {
        let world = World::new();
        let folder = Folder::new("fails");
        let address = SocketAddr::from(([127, 0, 0, 1], 9));
        let connection = folder.kubeconfig(address, &plugin("echo no login >&2; exit 3"));
        world.follow_with(Clients::reach(connection).await.unwrap());
        until(|| troubles(&world).contains("no login")).await;
        assert!(troubles(&world).contains("exit status: 3"), "{}", troubles(&world));
        let connection = folder.kubeconfig(address, &plugin("echo '{\"secret\": \"x\"}'"));
        let refused = Clients::reach(connection).await.unwrap().current().await.err().unwrap();
        assert!(refused.to_string().contains("neither status.token"), "{refused}");
    });
}

#[test]
fn a_kubeconfig_that_is_none_ends_the_start() {
    in_real_time(async {
        let folder = Folder::new("none");
        let address = SocketAddr::from(([127, 0, 0, 1], 9));
        let missing = folder.0.join("missing").display().to_string();
        let connection = folder.kubeconfig(address, &json!({"tokenFile": missing}));
        assert!(Clients::reach(connection).await.is_err());
        let connection = Connection { kubeconfig: Some(missing.into()), master: None };
        assert!(Clients::reach(connection).await.is_err());
    });
}
