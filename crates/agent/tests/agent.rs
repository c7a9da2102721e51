//! A whole agent on an emulated HNS in real time: restarts of HNS, calls that fail, what it says of itself.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use switchyard_agent::{
    AgentError, Condition, Host, Mailbox, Pages, Setup, Source, State, StateDirectory, Status,
    ask_hns_state, ask_status, mailbox,
};
use switchyard_hcn_emulator::{
    Emulator, Fault, FaultScript, Knobs, Rehydration, Setup as Hns, State as HnsState, Trouble,
};
use switchyard_nodeview::Stream;
use switchyard_source::FollowedManifests;
use switchyard_winkernel::ReconcilerSettings;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

const MANIFESTS: &str = "
{apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {podCIDRs: [10.1.1.0/24]},
 status: {addresses: [{type: InternalIP, address: 192.0.2.11}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {clusterIP: 172.20.0.10, ports: [{port: 80}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4,
 metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}},
 ports: [{name: '', port: 8080}], endpoints: [{addresses: [10.1.2.21], nodeName: n2}, {addresses: [10.1.2.22], nodeName: n2}]}
";

const NETWORK: &str = r#"{"networks":[{"ID":"00000000-0000-0000-0000-000000000001","Name":"cbr0","Type":"L2Bridge",
  "Ipams":[{"Subnets":[{"IpAddressPrefix":"10.1.1.0/24"}]}]}]}"#;

/// An agent on a thread of its own.
struct Running {
    hns: Arc<Emulator>,
    directory: StateDirectory,
    path: PathBuf,
    mailbox: Mailbox,
    thread: JoinHandle<Result<(), AgentError>>,
}

struct OnlyHns(Arc<Emulator>);

impl Host for OnlyHns {
    fn views_changed(&self, _stream: &Stream) {}

    fn keep(&self) {}

    fn hns_state(&self) -> Result<String, String> {
        Ok(self.0.state().to_json())
    }
}

impl Running {
    fn start(test: &str, knobs: Knobs, faults: Vec<Fault>, state: &str) -> Self {
        Self::start_with(test, knobs, faults, state, Pages::default())
    }

    fn start_with(test: &str, knobs: Knobs, faults: Vec<Fault>, state: &str, pages: Pages) -> Self {
        let path = std::env::temp_dir().join(format!("switchyard-{}-{test}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        let directory = StateDirectory::open(&path).unwrap();
        let file = path.join("cluster.yaml");
        std::fs::write(&file, MANIFESTS).unwrap();
        let state = HnsState::from_json(state).unwrap();
        let hns = Hns { knobs, faults, ..Hns::of(state) };
        let hns = Arc::new(Emulator::blocking(hns));
        let mut followed = FollowedManifests::new(file.to_str().unwrap());
        let setup = Setup {
            until_settled: false,
            patience: PATIENCE,
            node: "n1".into(),
            settings: Default::default(),
            reconciler: ReconcilerSettings::default(),
            hcn: Arc::clone(&hns) as Arc<dyn switchyard_hcn::Hcn>,
            host: Arc::new(OnlyHns(Arc::clone(&hns))),
            reload: None,
            source: Source::Manifests { first: followed.read().unwrap(), followed },
            directory: directory.clone(),
            pages,
        };
        let (mailbox, inbox) = mailbox();
        let own = mailbox.clone();
        let thread = std::thread::spawn(move || switchyard_agent::run(setup, own, inbox));
        Self { hns, directory, path, mailbox, thread }
    }

    /// Waits until the status is as wanted.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test waits for what must come, with a deadline"
    )]
    fn wait(&self, what: &str, is_it: impl Fn(&Status) -> bool) -> Status {
        let until = Instant::now() + PATIENCE;
        let mut last = None;
        while Instant::now() < until {
            match ask_status(&self.directory) {
                Ok(status) if is_it(&status) => return status,
                Ok(status) => last = Some(status),
                Err(_) => {}
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{what} did not come: {last:#?}");
    }

    fn stop(self) {
        self.mailbox.stop();
        self.thread.join().unwrap().unwrap();
        assert!(ask_status(&self.directory).is_err(), "nobody answers any more");
        assert_eq!(self.hns.open_handles(), 0, "a handle stays open");
        assert_eq!(Arc::strong_count(&self.hns), 1, "a thread goes on");
        std::fs::remove_dir_all(&self.path).unwrap();
    }
}

fn is_complete(status: &Status) -> bool {
    status.state == State::Settled
        && status.objects.own_load_balancers == 1
        && status.objects.own_endpoints == 2
        && status.conditions.is_empty()
}

#[test]
fn what_a_restart_of_hns_loses_is_put_back_each_time() {
    let knobs = Knobs { rehydration: Rehydration::WithoutLoadBalancers, ..Knobs::default() };
    let agent = Running::start("restart", knobs, Vec::new(), NETWORK);
    agent.wait("the first state", is_complete);
    for losses in 1..=2 {
        agent.hns.steer(|service| service.restart());
        let status = agent.wait("what was lost", |status| {
            status.counters["losses"] == losses && is_complete(status)
        });
        assert_eq!(agent.hns.state().load_balancers().len(), 1);
        let registered = agent.wait("the registration", |status| {
            status.calls.iter().any(|call| call.verb == "register" && call.count == losses + 1)
        });
        assert_eq!(registered.revision, status.revision);
    }
    agent.stop();
}

fn only(status: &Status) -> &Condition {
    assert_eq!(status.conditions.len(), 1, "{:#?}", status.conditions);
    &status.conditions[0]
}

#[test]
fn what_hns_refuses_is_said_with_its_code_and_advice_until_it_is_over() {
    let code = switchyard_hcn::hresult::HCN_E_PORT_ALREADY_EXISTS.try_into().unwrap();
    let refuse = Trouble::Refuse { code, after: false };
    let fault = Fault { times: None, ..Fault::at("HcnCreateLoadBalancer", refuse).unwrap() };
    let agent = Running::start("refused", Knobs::default(), vec![fault], NETWORK);
    let status = agent.wait("the failure", |status| {
        status.state == State::Settled && !status.conditions.is_empty()
    });
    let condition = only(&status);
    assert_eq!(condition.condition, "PortInUse");
    assert_eq!(condition.object.as_deref(), Some("load balancer IPv4/172.20.0.10/80/TCP"));
    assert_eq!(condition.services, ["shop/web:"]);
    assert_eq!(condition.hresult.as_deref(), Some("0x803B0013"));
    assert_eq!(condition.hresult_name.as_deref(), Some("HCN_E_PORT_ALREADY_EXISTS"));
    assert!(condition.detail.contains("The specified port already exists"), "{condition:#?}");
    assert!(!condition.advice.is_empty() && condition.failures.is_some_and(|count| count > 0));
    let failed = |status: &Status| -> u64 {
        let create = status.calls.iter().filter(|call| call.hresult == "0x803B0013");
        create.map(|call| call.count).sum()
    };
    assert!(failed(&status) > 0);
    agent.hns.steer(|service| service.set_faults(FaultScript::default()));
    agent.wait("the repair", is_complete);
    agent.stop();
}

#[test]
fn a_network_that_is_missing_is_waited_for() {
    let agent = Running::start("missing", Knobs::default(), Vec::new(), "{}");
    let status = agent.wait("the condition", |status| !status.conditions.is_empty());
    assert_eq!(only(&status).condition, "NetworkMissing");
    assert_eq!(status.state, State::Waiting);
    assert!(status.network.is_none() && !status.waiting_for.is_empty());
    let found = HnsState::from_json(NETWORK).unwrap();
    agent.hns.steer(|service| service.set_state(found));
    let status = agent.wait("the load balancers", is_complete);
    assert_eq!(status.network.unwrap().id, "00000000-0000-0000-0000-000000000001");
    let state = ask_hns_state(&agent.directory).unwrap();
    assert_eq!(HnsState::from_json(&state).unwrap(), agent.hns.state());
    agent.stop();
}

#[test]
fn a_ledger_that_cannot_be_written_is_said_and_stops_nothing() {
    let knobs = Knobs { keeps_owner: false, ..Knobs::default() };
    let agent = Running::start("full-disk", knobs, Vec::new(), "{}");
    agent.wait("the start", |status| status.state == State::Waiting);
    // Nothing was written yet; where the file would be is something else now.
    std::fs::create_dir(agent.path.join("ledger.jsonl")).unwrap();
    agent.hns.steer(|service| service.set_state(HnsState::from_json(NETWORK).unwrap()));
    let status = agent.wait("the load balancer", |status| {
        status.state == State::Settled
            && status.objects.own_load_balancers == 1
            && !status.conditions.is_empty()
    });
    assert_eq!(only(&status).condition, "LedgerNotWritten");
    agent.stop();
}

#[expect(clippy::disallowed_methods, reason = "a test waits for what must come, with a deadline")]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{what} did not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What a page says: the code and all of it.
fn page(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: n1\r\n\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let code = answer.split(' ').nth(1)?.parse().ok()?;
    Some((code, answer))
}

/// An address of the loopback that nobody has.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn health_and_metrics_are_served_and_follow_what_happens() {
    let (health, metrics) = (free(), free());
    let pages = Pages { health: Some(health), metrics: Some(metrics), ..Pages::default() };
    let agent = Running::start_with("pages", Knobs::default(), Vec::new(), NETWORK, pages);
    let mut last = None;
    wait_until("health", || {
        last = page(health, "/healthz");
        last.as_ref().is_some_and(|(code, _)| *code == 200)
    });
    assert_eq!(page(health, "/livez").unwrap().0, 200);
    let wanted = [
        "kubeproxy_sync_proxy_rules_service_changes_total 1\n",
        "kubeproxy_sync_proxy_rules_endpoint_changes_total 1\n",
        "kubeproxy_sync_proxy_rules_endpoint_changes_pending 0.0\n",
        "kubeproxy_sync_proxy_rules_duration_seconds_count{ip_family=\"IPv4\"} 1\n",
        "switchyard_objects{kind=\"loadBalancer\",state=\"own\"} 1.0\n",
        "switchyard_objects{kind=\"endpoint\",state=\"own\"} 2.0\n",
        "switchyard_hns_calls_total{verb=\"create\",kind=\"loadBalancer\",hresult=\"S_OK\"} 1\n",
        "switchyard_hns_call_duration_seconds_count{verb=\"create\",kind=\"endpoint\"} 2\n",
        "switchyard_hns_available 1.0\n",
        "switchyard_settled 1.0\n",
    ];
    let shown = || page(metrics, "/metrics").map(|(_, page)| page).unwrap_or_default();
    let mut text = String::new();
    wait_until("the figures", || {
        text = shown();
        wanted.iter().all(|line| text.contains(line))
    });
    assert!(!text.contains("switchyard_conditions{"), "{text}");
    agent.stop();
    assert!(page(health, "/livez").is_none(), "nobody answers any more");
}

#[test]
fn a_load_balancer_that_hns_refuses_is_counted_and_the_node_stays_in_service() {
    let (health, metrics) = (free(), free());
    let pages = Pages { health: Some(health), metrics: Some(metrics), ..Pages::default() };
    let code = switchyard_hcn::hresult::HCN_E_PORT_ALREADY_EXISTS.try_into().unwrap();
    let refuse = Trouble::Refuse { code, after: false };
    let refusals =
        vec![Fault { times: None, ..Fault::at("HcnCreateLoadBalancer", refuse).unwrap() }];
    let agent = Running::start_with("counted", Knobs::default(), refusals, NETWORK, pages);
    let failed = "kubeproxy_sync_proxy_rules_winkernel_lb_create_failures_total{ip_family=\"IPv4\",lb_type=\"clusterip\",error=\"port_already_exists\"} ";
    wait_until("the failure", || {
        page(metrics, "/metrics").is_some_and(|(_, text)| {
            text.contains(failed)
                && text.contains("switchyard_conditions{condition=\"PortInUse\"} 1.0\n")
                && text.contains("switchyard_pending_retries 1.0\n")
        })
    });
    assert_eq!(page(health, "/healthz").unwrap().0, 200);
    agent.stop();
}
