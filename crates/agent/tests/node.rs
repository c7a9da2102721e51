//! An agent whose Node or whose API server is not there, on the real clock.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use switchyard_agent::{
    AgentError, Host, Pages, Setup, Source, State, StateDirectory, ask_status, mailbox,
};
use switchyard_hcn_emulator::{Emulator, Setup as Hns, State as HnsState};
use switchyard_kube_fake::{ApiServer, Store};
use switchyard_nodeview::Stream;
use switchyard_source::api::{Api, Clients, Connection};
use switchyard_winkernel::ReconcilerSettings;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

struct Nothing;

impl Host for Nothing {
    fn views_changed(&self, _: &Stream) {}

    fn keep(&self) {}

    fn hns_state(&self) -> Result<String, String> {
        Err("nobody asks".to_owned())
    }
}

/// An agent for the Node `n1` of a cluster that has nothing at all.
fn setup(test: &str) -> Setup {
    let path = std::env::temp_dir().join(format!("switchyard-{}-{test}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = ApiServer::new(Store::new(), "2026-01-02T03:04:05Z".parse().unwrap());
    let client = {
        let _inside = runtime.enter();
        kube::Client::new(server, "default")
    };
    let api = Api { clients: client.into(), node: "n1".to_owned(), seed: 1 };
    Setup {
        node: "n1".into(),
        settings: Default::default(),
        reconciler: ReconcilerSettings::default(),
        until_settled: true,
        patience: Duration::from_millis(50),
        hcn: Arc::new(Emulator::blocking(Hns::of(HnsState::default()))),
        host: Arc::new(Nothing),
        source: Source::Api { runtime, api },
        reload: None,
        directory: StateDirectory::open(&path).unwrap(),
        pages: Pages::default(),
    }
}

#[test]
fn one_that_ends_by_itself_waits_no_longer_than_it_may_and_says_why() {
    let setup = setup("no-node");
    let directory = setup.directory.clone();
    let (mailbox, inbox) = mailbox();
    let ended = switchyard_agent::run(setup, mailbox, inbox).unwrap_err();
    assert!(matches!(ended, AgentError::NoNode { .. }), "{ended}");
    let text = ended.to_string();
    assert!(text.contains("Node n1") && text.contains("--hostname-override"), "{text}");
    drop(directory);
}

#[test]
fn one_that_ends_by_itself_waits_no_longer_for_an_api_that_is_not_there_and_says_which() {
    let setup = setup("no-api");
    let Source::Api { runtime, api } = setup.source else { panic!("not the API") };
    // Nobody can listen there, and every system says so at once.
    let master = Some("http://127.0.0.1:0".to_owned());
    let clients = runtime.block_on(Clients::reach(Connection { kubeconfig: None, master }));
    let api = Api { clients: clients.unwrap(), ..api };
    let patience = Duration::from_secs(2);
    let setup = Setup { source: Source::Api { runtime, api }, patience, ..setup };
    let (mailbox, inbox) = mailbox();
    let ended = switchyard_agent::run(setup, mailbox, inbox).unwrap_err();
    assert!(matches!(ended, AgentError::NoApi { .. }), "{ended}");
    let text = ended.to_string();
    for part in ["http://127.0.0.1:0 ", "within 2 s", "Node: ", "cannot be reached", "--kubeconfig"]
    {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test waits for what must come, with a deadline")]
fn another_waits_and_says_what_for() {
    let setup = Setup { until_settled: false, ..setup("waits") };
    let directory = setup.directory.clone();
    let (mailbox, inbox) = mailbox();
    let own = mailbox.clone();
    let thread = std::thread::spawn(move || switchyard_agent::run(setup, own, inbox));
    let until = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < until, "it does not say what it waits for");
        let status = ask_status(&directory);
        let says = |status: &switchyard_agent::Status| {
            status.state == State::Waiting
                && status.waiting_for.iter().any(|one| one.contains("the Node n1"))
        };
        if status.is_ok_and(|status| says(&status)) {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    mailbox.stop();
    thread.join().unwrap().unwrap();
}
