//! What the agent's core notes down of the Kubernetes API and of HNS: in paused time, on an API server in memory and an emulated
//! HNS.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use serde_json::{Value, json};
use switchyard_agent::events::{EventSource, Events, write_events};
use switchyard_agent::health::NodeStanding;
use switchyard_agent::{CallMetrics, Core, State};
use switchyard_hcn::{Notification, NotificationType};
use switchyard_hcn_emulator::{Emulator, Fault, Setup as Hns, State as HnsState, Trouble};
use switchyard_kube_fake::{
    ApiServer, DeleteOptions, Fault as ApiFault, On, Part, RESOURCES, Resource, Store,
    Trouble as Breaks, WriteOptions,
};
use switchyard_source::api::{Api, Shared};
use switchyard_winkernel::{Ledger, MemoryLedger, Performer, ReconcilerSettings};
use tokio::task::LocalSet;
use tokio::time::Instant;

const NETWORK: &str = r#"{"networks":[{"ID":"00000000-0000-0000-0000-000000000001","Name":"cbr0","Type":"L2Bridge",
  "Ipams":[{"Subnets":[{"IpAddressPrefix":"10.1.1.0/24"}]}]}]}"#;
/// When the API server's clock begins, in seconds since 1970; the agent's is the same.
const BEGIN: i64 = 1_767_323_045;
const BEGIN_TEXT: &str = "2026-01-02T03:04:05Z";

/// An agent's core between an API server and an HNS.
struct World {
    server: ApiServer,
    core: Core,
    hns: Emulator,
    ledger: MemoryLedger,
    begun: Instant,
}

fn resource(kind: &str, group: &str) -> &'static Resource {
    RESOURCES.iter().find(|one| one.kind == kind && one.group == group).unwrap()
}

fn kind_of(object: &Value) -> &'static Resource {
    match object["kind"].as_str().unwrap() {
        "EndpointSlice" => resource("EndpointSlice", "discovery.k8s.io"),
        kind => resource(kind, ""),
    }
}

fn node(taints: &[&str]) -> Value {
    let taints: Vec<_> =
        taints.iter().map(|key| json!({"key": key, "effect": "NoSchedule"})).collect();
    json!({"kind": "Node", "metadata": {"name": "n1"}, "spec": {"podCIDRs": ["10.1.1.0/24"], "taints": taints},
        "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.11"}]}})
}

fn service() -> Value {
    json!({"kind": "Service", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"type": "ClusterIP", "clusterIP": "172.20.0.10", "clusterIPs": ["172.20.0.10"],
                 "ports": [{"port": 80, "protocol": "TCP"}]}})
}

fn slice(address: &str, trigger: &str) -> Value {
    json!({"kind": "EndpointSlice", "metadata": {"name": "web-1", "namespace": "shop",
            "labels": {"kubernetes.io/service-name": "web"},
            "annotations": {"endpoints.kubernetes.io/last-change-trigger-time": trigger}},
        "addressType": "IPv4", "ports": [{"name": "", "port": 8080}],
        "endpoints": [{"addresses": [address], "nodeName": "n2", "conditions": {"ready": true}}]})
}

impl World {
    fn new(faults: Vec<Fault>) -> Self {
        let server = ApiServer::new(Store::new(), BEGIN_TEXT.parse().unwrap());
        let begun = Instant::now();
        let clock = Arc::new(move || begun.elapsed());
        let shared = Arc::new(Shared::new(clock, Arc::new(|| {})));
        let state = HnsState::from_json(NETWORK).unwrap();
        let hns = Emulator::in_virtual_time(Hns { faults, ..Hns::of(state) });
        let metrics = Arc::new(CallMetrics::default());
        let (settings, reconciler) = (Default::default(), ReconcilerSettings::default());
        let mut core = Core::new("n1".into(), settings, reconciler, Ledger::default(), metrics);
        core.registered(None);
        core.follow(Arc::clone(&shared));
        let client = kube::Client::new(server.clone(), "default");
        let api = Api { clients: client.into(), node: "n1".to_owned(), seed: 7 };
        tokio::task::spawn_local(async move { api.follow(&shared).await });
        let world = Self { server, core, hns, ledger: MemoryLedger::default(), begun };
        world.put(node(&[]));
        world
    }

    /// Creates an object, or replaces it.
    fn put(&self, object: Value) {
        let resource = kind_of(&object);
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
        let options = WriteOptions::new("test", self.server.now());
        self.server.with(|store| {
            if store.get(resource, &namespace, &name).is_ok() {
                store.update(resource, (&namespace, &name), Part::Main, object, &options).unwrap();
            } else {
                store.create(resource, &namespace, object, &options).unwrap();
            }
        });
    }

    /// Has the agent do what is due until so much time has passed.
    async fn pass(&mut self, time: Duration) {
        let until = Instant::now() + time;
        loop {
            let now = self.begun.elapsed();
            self.hns.advance_to(now);
            self.core.take_update(now);
            let mut performer = Performer::new(&self.hns);
            while let Some((id, call)) = self.core.next_call(now) {
                let result = performer.perform(&call, &mut self.ledger);
                self.core.answered(id, result, now);
            }
            let wall = BEGIN * 1_000_000 + i64::try_from(now.as_micros()).unwrap();
            self.core.look(now, wall);
            if Instant::now() >= until {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl World {
    /// Has the agent do what it can where each call takes `each`, until nothing is left to do. Returns how long it took, and whether
    /// it counted as alive all the time.
    async fn crawl(&mut self, each: Duration) -> (Duration, bool) {
        let (begun, mut is_alive) = (Instant::now(), true);
        loop {
            let now = self.begun.elapsed();
            self.hns.advance_to(now);
            self.core.take_update(now);
            self.core.look(now, BEGIN * 1_000_000);
            if self.core.is_settled() {
                return (begun.elapsed(), is_alive);
            }
            let Some((id, call)) = self.core.next_call(now) else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let result = Performer::new(&self.hns).perform(&call, &mut self.ledger);
            tokio::time::sleep(each).await;
            let now = self.begun.elapsed();
            is_alive &= self.core.health().verdict(now).is_alive();
            self.core.answered(id, result, now);
        }
    }
}

/// Runs `test` in paused time on one thread.
fn in_paused_time(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

const SOON: Duration = Duration::from_secs(5);

#[test]
fn pods_are_timed_from_their_change_until_hns_has_them() {
    in_paused_time(async {
        let mut world = World::new(Vec::new());
        world.put(service());
        // What is there at the beginning changed long ago, and its time says nothing of this proxy.
        world.put(slice("10.1.2.21", "2026-01-01T00:00:00Z"));
        world.pass(SOON).await;
        let counted = |world: &mut World| {
            let now = world.begun.elapsed() + Duration::from_secs(60);
            let figures = world.core.take_figures(now).unwrap();
            let counts = figures.programming.counts();
            (counts.iter().map(|(_, count)| count).sum::<u64>(), figures.programming.sum())
        };
        let (first, before) = counted(&mut world);
        // Two seconds before the API server is told of it.
        world.put(slice("10.1.2.22", "2026-01-02T03:04:08Z"));
        // Figures are put together every ten seconds at most.
        world.pass(SOON * 3).await;
        let (count, sum) = counted(&mut world);
        assert_eq!((first, count), (0, 1));
        assert!((sum - before - 2.0).abs() < 1.0, "{before} {sum}");
    });
}

#[test]
fn the_node_is_followed_by_its_taints_and_its_end() {
    in_paused_time(async {
        let mut world = World::new(Vec::new());
        world.put(service());
        world.pass(SOON).await;
        let stands = |world: &World| {
            let verdict = world.core.health().verdict(world.begun.elapsed());
            (verdict.node, verdict.is_serving())
        };
        assert_eq!(stands(&world), (NodeStanding::Eligible, true));
        world.put(node(&["ToBeDeletedByClusterAutoscaler"]));
        world.pass(SOON).await;
        assert_eq!(stands(&world), (NodeStanding::MarkedByAutoscaler, true));
        world.put(node(&["other"]));
        world.pass(SOON).await;
        assert_eq!(stands(&world), (NodeStanding::Eligible, true));
        let options = DeleteOptions::new(world.server.now());
        let deleted = |store: &mut Store| store.delete(resource("Node", ""), ("", "n1"), &options);
        world.server.with(deleted).unwrap();
        world.pass(SOON).await;
        // Its Services are served by what was known of it last.
        assert_eq!(stands(&world), (NodeStanding::Unknown, true));
        world.put(node(&[]));
        world.pass(SOON).await;
        assert_eq!(stands(&world), (NodeStanding::Eligible, true));
    });
}

#[test]
fn what_hns_refuses_is_an_event_on_the_service() {
    in_paused_time(async {
        let code = switchyard_hcn::hresult::HCN_E_PORT_ALREADY_EXISTS.try_into().unwrap();
        let refuse = Trouble::Refuse { code, after: false };
        let fault = Fault { times: None, ..Fault::at("HcnCreateLoadBalancer", refuse).unwrap() };
        let mut world = World::new(vec![fault]);
        world.put(service());
        world.put(slice("10.1.2.21", "2026-01-01T00:00:00Z"));
        let (events, notices) = Events::to_writer();
        let client = kube::Client::new(world.server.clone(), "default");
        let source = EventSource { controller: "switchyard".to_owned(), instance: "n1".to_owned() };
        tokio::task::spawn_local(write_events(notices, client.into(), source));
        // It fails again and again, and that is told as one.
        for _ in 0..12 {
            world.pass(SOON).await;
            world.core.take_notices().into_iter().for_each(|notice| events.tell(notice));
        }
        world.pass(SOON).await;
        let client = kube::Client::new(world.server.clone(), "default");
        let api = kube::Api::<Event>::namespaced(client, "shop");
        let listed = api.list(&ListParams::default()).await.unwrap();
        let event = serde_json::to_value(&listed.items).unwrap();
        assert_eq!(event.as_array().map(Vec::len), Some(1), "{event:#}");
        let event = &event[0];
        assert_eq!((&event["reason"], &event["type"]), (&json!("PortInUse"), &json!("Warning")));
        assert_eq!(event["regarding"]["name"], "web");
        assert_eq!(event["reportingInstance"], "n1");
        let note = event["note"].as_str().unwrap();
        assert!(
            note.contains("HCN_E_PORT_ALREADY_EXISTS") && note.contains("IPv4/172.20.0.10/80/TCP"),
            "{note}"
        );
        assert!(event["series"]["count"].as_i64().is_some_and(|count| count >= 2), "{event:#}");
        let verdict = world.core.health().verdict(world.begun.elapsed());
        assert!(verdict.is_ready() && verdict.is_alive(), "what was refused was attempted");
    });
}

#[test]
fn what_hns_cannot_do_for_a_service_is_told_to_it_once() {
    in_paused_time(async {
        let mut world = World::new(Vec::new());
        let mut sticky = service();
        sticky["spec"]["sessionAffinity"] = json!("ClientIP");
        sticky["spec"]["sessionAffinityConfig"] = json!({"clientIP": {"timeoutSeconds": 60}});
        world.put(sticky);
        world.put(slice("10.1.2.21", "2026-01-01T00:00:00Z"));
        world.pass(SOON).await;
        let mut told = Vec::new();
        for minutes in 2..5 {
            world.put(slice(&format!("10.1.2.{minutes}"), "2026-01-01T00:00:00Z"));
            world.pass(SOON).await;
            let now = world.begun.elapsed() + Duration::from_secs(60 * minutes);
            let figures = world.core.take_figures(now).unwrap();
            assert_eq!(figures.standing.limits.get("affinity-timeout"), Some(&1));
            told.extend(world.core.take_notices());
        }
        let reasons: Vec<_> = told.iter().map(|notice| notice.reason.as_str()).collect();
        assert_eq!(reasons, ["AffinityTimeout"]);
        assert_eq!(told[0].service.to_string(), "shop/web");
    });
}

#[test]
fn an_api_that_is_away_is_seen_in_the_figures_and_one_without_the_node_in_the_status() {
    in_paused_time(async {
        let mut world = World::new(Vec::new());
        let options = DeleteOptions::new(world.server.now());
        let deleted = |store: &mut Store| store.delete(resource("Node", ""), ("", "n1"), &options);
        world.server.with(deleted).unwrap();
        world.pass(SOON).await;
        let status = world.core.status(world.begun.elapsed());
        assert_eq!(status.state, State::Waiting);
        assert!(status.waiting_for.iter().any(|what| what.contains("the Node n1")), "{status:?}");
        world.put(node(&[]));
        world.pass(SOON).await;
        assert_eq!(world.core.status(world.begun.elapsed()).state, State::Settled);
        let stands = |world: &mut World| {
            let figures = world.core.take_figures(world.begun.elapsed());
            figures.map(|figures| figures.watches.values().all(|stands| *stands))
        };
        assert_eq!(stands(&mut world), Some(true));
        world.pass(SOON).await;
        assert_eq!(stands(&mut world), None, "nothing is new");
        // Watches last some minutes; the next ones break.
        world.server.inject(ApiFault::always(On::Watch, Breaks::Refuse));
        world.pass(Duration::from_secs(1_200)).await;
        assert_eq!(stands(&mut world), Some(false));
    });
}

#[test]
fn a_slow_hns_that_is_read_anew_while_a_change_waits_is_no_reason_to_begin_anew() {
    in_paused_time(async {
        let mut world = World::new(Vec::new());
        world.put(service());
        world.put(slice("10.1.2.21", "2026-01-01T00:00:00Z"));
        world.pass(SOON).await;
        let lost = NotificationType::ServiceDisconnect.value();
        let lost = Notification::new(lost, 0, String::new());
        world.core.notified(&lost, world.begun.elapsed());
        world.put(slice("10.1.2.22", "2026-01-02T03:04:08Z"));
        // The agent is told of it, and does nothing meanwhile.
        tokio::time::sleep(SOON).await;
        let (took, was_alive) = world.crawl(Duration::from_secs(45)).await;
        assert!(took > Duration::from_secs(180) && was_alive, "{took:?} {was_alive}");
    });
}
