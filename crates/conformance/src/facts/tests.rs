use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::notation::{Case, Standing, Step};
use super::run::{Look, check};
use super::{Fact, Place, Row, Verdict, expand, fixture, load, run};
use crate::oracle::Oracle;
use crate::subject::{Answer, AnswerBackend, Change, Setup, Subject};

/// Every row, by section: first and last of each run of numbers.
const IDS: &[(&str, &[(u16, u16)])] = &[
    ("A", &[(1, 5), (7, 15), (17, 17), (19, 20), (22, 22)]),
    ("B", &[(30, 43), (45, 46)]),
    ("C", &[(50, 59), (62, 64), (66, 70)]),
    ("D", &[(80, 87), (89, 91), (93, 104), (106, 106), (108, 108)]),
    ("E", &[(110, 110), (112, 119)]),
    ("F", &[(120, 121), (123, 124), (127, 127), (129, 132)]),
    ("G", &[(140, 142), (144, 144), (146, 148), (150, 150), (152, 152)]),
    ("H", &[(160, 166), (168, 172)]),
    ("I", &[(180, 185), (187, 188), (190, 191), (194, 202), (204, 205)]),
    ("J", &[(210, 216), (218, 220)]),
    ("K", &[(230, 239)]),
    ("L", &[(240, 242), (244, 244)]),
    ("M", &[(250, 253), (255, 256), (258, 260)]),
    ("N", &[(265, 267)]),
    ("O", &[(270, 271), (273, 282), (284, 287), (289, 294)]),
    ("P", &[(300, 309)]),
    ("Q", &[(320, 321), (323, 330), (332, 333)]),
];

/// The rows that the model does not run, and the issue that each waits for, if any.
const NOT_ON_THE_MODEL: &[(u16, u16, Option<u32>)] = &[
    (37, 37, None),
    (39, 39, None),
    (118, 119, None),
    (162, 162, None),
    (164, 164, None),
    (166, 166, None),
    (171, 172, None),
    (230, 239, None),
    (270, 294, None),
    (300, 309, None),
];

fn number(fact: &Fact) -> u16 {
    fact.id[1..].parse().unwrap()
}

fn not_on_the_model(fact: &Fact) -> Option<Option<u32>> {
    let wanted = number(fact);
    NOT_ON_THE_MODEL
        .iter()
        .find(|(first, last, _)| (*first..=*last).contains(&wanted))
        .map(|(_, _, issue)| *issue)
}

#[test]
fn there_is_one_fact_for_every_row() {
    let mut wanted = Vec::new();
    for (section, runs) in IDS {
        for (first, last) in *runs {
            wanted.extend((*first..=*last).map(|id| ((*section).to_owned(), format!("B{id:03}"))));
        }
    }
    let came: Vec<_> = load().unwrap().into_iter().map(|fact| (fact.section, fact.id)).collect();
    assert_eq!(came, wanted);
    assert_eq!(came.len(), 217);
}

#[test]
fn every_fact_says_what_it_is_and_whom_it_is_for() {
    for fact in load().unwrap() {
        assert!(!fact.given.trim().is_empty(), "{}", fact.id);
        assert!(!fact.from.trim().is_empty(), "{}", fact.id);
        assert!(!fact.places.is_empty(), "{}", fact.id);
        let place = match fact.section.as_str() {
            "O" => Place::W,
            "P" => Place::U,
            _ => continue,
        };
        assert_eq!(fact.places, [place], "{}", fact.id);
    }
}

#[test]
fn every_fact_that_the_model_runs_asks_something() {
    for fact in load().unwrap() {
        let standing = fact.standing.get("model").cloned();
        let wanted =
            not_on_the_model(&fact).map(|issue| issue.map_or(Standing::Other, Standing::Later));
        assert_eq!(standing, wanted, "{}", fact.id);
        let is_run = standing.is_none() || is_about_hns(&fact);
        assert_eq!(fact.cases.is_empty(), !is_run, "{}", fact.id);
        for case in &fact.cases {
            let asks = case
                .steps
                .iter()
                .any(|step| !matches!(step, Step::Change(_) | Step::Event(_) | Step::Proxy(_)));
            assert!(asks, "{}: a case asks nothing", fact.id);
        }
    }
}

/// Whether the row is about what HNS holds.
fn is_about_hns(fact: &Fact) -> bool {
    fact.id == "B118" || fact.section == "O"
}

#[test]
fn every_case_about_hns_looks_at_hns() {
    for fact in load().unwrap() {
        let looks = |step: &Step| matches!(step, Step::Hns(_));
        for case in &fact.cases {
            let id = &fact.id;
            assert_eq!(case.hns.is_some(), is_about_hns(&fact), "{id}");
            assert_eq!(case.steps.iter().any(looks), is_about_hns(&fact), "{id}");
            // What happens after the last look is looked at by nobody.
            let ends = case
                .steps
                .last()
                .is_none_or(|step| matches!(step, Step::Event(_) | Step::Change(_)));
            assert!(!ends, "{id}: a case ends without a look");
        }
        if is_about_hns(&fact) {
            assert_eq!(fact.standing.get("winkernel"), None, "{}", fact.id);
            assert!(!fact.cases.is_empty(), "{}", fact.id);
        }
    }
}

#[test]
fn every_case_expands_to_documents() {
    let fixture = fixture().unwrap();
    for fact in load().unwrap() {
        for case in &fact.cases {
            let setup = expand::setup(case, &fixture)
                .unwrap_or_else(|error| panic!("{}: {error}", fact.id));
            for document in &setup.documents {
                assert!(document["kind"].is_string(), "{}: {document}", fact.id);
            }
            for step in &case.steps {
                match step {
                    Step::Change(objects) => {
                        let batch = expand::batch(objects, &fixture);
                        assert!(!batch.unwrap().is_empty(), "{}", fact.id);
                    }
                    Step::Trace(trace) => {
                        trace.destination(&fixture).unwrap();
                        for outcome in &trace.outcomes {
                            let words = outcome.words(&case.node, &fixture);
                            words.unwrap_or_else(|error| panic!("{}: {error}", fact.id));
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}

fn expanded(objects: &str) -> Vec<Change> {
    let objects: Vec<super::notation::Object> = serde_saphyr::from_str(objects).unwrap();
    expand::batch(&objects, &fixture().unwrap()).unwrap()
}

fn applied(object: &str) -> Value {
    match expanded(object).remove(0) {
        Change::Apply(document) => document,
        Change::Delete { .. } => panic!("a deletion"),
    }
}

#[test]
fn a_short_service_becomes_a_kubernetes_service() {
    let service = applied(
        "- service: {name: web, type: LoadBalancer, ports: [http 80/TCP node 30080, 53/UDP], balancer: [balancer], \
         external: [external-ip], labels: {a: b}, spec: {externalTrafficPolicy: Local}}",
    );
    let wanted = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": "shop", "name": "web", "uid": "uid-of-web", "labels": {"a": "b"}},
        "spec": {
            "type": "LoadBalancer",
            "clusterIP": "172.20.0.10",
            "clusterIPs": ["172.20.0.10"],
            "externalIPs": ["203.0.113.90"],
            "externalTrafficPolicy": "Local",
            "ports": [
                {"name": "http", "port": 80, "protocol": "TCP", "nodePort": 30080},
                {"port": 53, "protocol": "UDP"},
            ],
        },
        "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.80"}]}},
    });
    assert_eq!(service, wanted);
}

#[test]
fn a_short_slice_becomes_a_kubernetes_slice() {
    let slice = applied(
        "- slice: {name: far/one, of: web, endpoints: [L1 terminating for-zone:z1 for-zone:z2, 10.1.2.7-8 bare, {addresses: [x]}]}",
    );
    let wanted = json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"namespace": "far", "name": "one", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": [
            {
                "addresses": ["10.1.1.21"],
                "nodeName": "n1",
                "conditions": {"ready": false, "serving": true, "terminating": true},
                "hints": {"forZones": [{"name": "z1"}, {"name": "z2"}]},
            },
            {"addresses": ["10.1.2.7"]},
            {"addresses": ["10.1.2.8"]},
            {"addresses": ["x"]},
        ],
    });
    assert_eq!(slice, wanted);
}

#[test]
fn repetitions_and_fillings_are_done() {
    let all = expanded(
        "- repeat: {times: 3, objects: [{service: {name: 'web-{i}', ports: ['p* 1-2/TCP', 'last {i+7}/TCP'], \
         annotations: {a: '{fill=4}{none}'}}}]}\n- delete: Service far/web\n- delete: Node n1",
    );
    assert_eq!(all.len(), 5);
    let Change::Apply(third) = &all[2] else { panic!("a deletion") };
    assert_eq!(third["metadata"]["name"], "web-2");
    assert_eq!(third["metadata"]["annotations"]["a"], "xxxx{none}");
    let ports = json!([
        {"name": "p1", "port": 1, "protocol": "TCP"},
        {"name": "p2", "port": 2, "protocol": "TCP"},
        {"name": "last", "port": 9, "protocol": "TCP"},
    ]);
    assert_eq!(third["spec"]["ports"], ports);
    let deletion = |kind: &str, namespace: &str, name: &str| Change::Delete {
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    assert_eq!(all[3..], [deletion("Service", "far", "web"), deletion("Node", "", "n1")]);
}

#[test]
fn the_fixture_tells_where_an_address_is() {
    let fixture = fixture().unwrap();
    assert_eq!(fixture.node_of("R1").as_deref(), Some("n2"));
    assert_eq!(fixture.node_of("fd00:1:3::7").as_deref(), Some("n3"));
    assert_eq!(fixture.node_of("10.2.0.1"), None);
}

/// Answers every packet alike, and keeps what it was told.
#[derive(Default)]
struct Parrot {
    started: Vec<Setup>,
    asked: Vec<(String, String)>,
    answer: Option<Answer>,
    view: Value,
    touched: Vec<String>,
    met: Vec<String>,
}

impl Subject for Parrot {
    fn start(&mut self, setup: &Setup) -> Result<(), String> {
        self.started.push(setup.clone());
        Ok(())
    }

    fn change(&mut self, batch: &[Change]) -> Result<usize, String> {
        Ok(batch.len())
    }

    fn trace(&mut self, from: &str, to: &str) -> Result<Answer, String> {
        self.asked.push((from.to_owned(), to.to_owned()));
        self.answer.clone().ok_or_else(|| "it has no answer".to_owned())
    }

    fn view(&mut self) -> Result<Value, String> {
        Ok(self.view.clone())
    }

    fn limits(&self) -> Vec<String> {
        self.touched.clone()
    }

    fn met_limits(&mut self) -> Result<Vec<String>, String> {
        Ok(self.met.clone())
    }
}

fn to_l1(source: &str, port: u16) -> Answer {
    Answer {
        outcome: "forward".to_owned(),
        backends: vec![AnswerBackend { address: "10.1.1.21".to_owned(), port, local: true }],
        source: Some(source.to_owned()),
        affinity: "none".to_owned(),
        decided_by: vec![
            "frontend/ClusterIP/172.20.0.10/80/TCP".to_owned(),
            "service/shop/web:http".to_owned(),
        ],
    }
}

#[test]
fn a_case_may_name_the_windows_network_it_runs_on() {
    let fixture = fixture().unwrap();
    let windows = |text: &str| {
        let case: Case = serde_saphyr::from_str(text).unwrap();
        expand::setup(&case, &fixture).unwrap().windows
    };
    let network = "{windows: {type: overlay, sourceVip: 10.1.1.2}, steps: []}";
    assert_eq!(windows(network), Some(json!({"type": "overlay", "sourceVip": "10.1.1.2"})));
    assert_eq!(windows("{steps: []}"), None);
}

fn only_row(answer: Option<Answer>, id: &str) -> Row {
    let mut parrot = Parrot { answer, ..Parrot::default() };
    let mut rows = run("model", &mut parrot, Some(id)).unwrap();
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

#[test]
fn the_right_answer_passes() {
    let mut parrot = Parrot { answer: Some(to_l1("keep", 8080)), ..Parrot::default() };
    let rows = run("model", &mut parrot, Some("B001")).unwrap();
    let json = serde_json::to_value(&rows).unwrap();
    assert_eq!(json, json!([{"id": "B001", "verdict": "pass", "limit": null, "issue": null}]));
    assert_eq!(parrot.asked, [("10.1.1.9".to_owned(), "172.20.0.10:80/TCP".to_owned())]);
    let [setup] = parrot.started.as_slice() else { panic!("started more than once") };
    assert_eq!(setup.node, "n1");
    assert_eq!(setup.documents.len(), 6);
}

#[test]
fn a_wrong_answer_fails_and_says_where() {
    let wrong = [
        (to_l1("rewrite", 8080), "source rewrite"),
        (to_l1("keep", 80), "port 80 local"),
        (Answer { affinity: "clientIP".to_owned(), ..to_l1("keep", 8080) }, "affinity clientIP"),
        (Answer { decided_by: Vec::new(), ..to_l1("keep", 8080) }, "decided_by"),
        (Answer { outcome: "drop".to_owned(), ..to_l1("keep", 8080) }, "drop"),
    ];
    for (answer, words) in wrong {
        let row = only_row(Some(answer), "B001");
        assert_eq!(row.verdict, Verdict::Fail);
        let detail = row.detail.unwrap();
        let place = "case 1, step 1: trace 10.1.1.9 -> 172.20.0.10:80/TCP: expected ";
        assert!(detail.starts_with(place), "{detail}");
        assert!(detail.contains(words), "{detail}");
    }
    let mut elsewhere = to_l1("keep", 8080);
    elsewhere.backends[0].local = false;
    assert_eq!(only_row(Some(elsewhere), "B001").verdict, Verdict::Fail);
}

#[test]
fn a_limit_excuses_only_what_came_as_it_should() {
    let judged = |id: &str, answer: Answer, touched: &[&str], met: &[&str]| {
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
        let (answer, touched, met) = (Some(answer), names(touched), names(met));
        let view = json!({"servicePorts": [{"namespace": "shop", "service": "web", "port": "http",
            "protocol": "TCP", "family": "IPv4", "affinityTimeoutSeconds": 600}]});
        let mut parrot = Parrot { answer, touched, met, view, ..Parrot::default() };
        let row = run("winkernel", &mut parrot, Some(id)).unwrap().remove(0);
        (row.verdict, row.limit)
    };
    let limit = |name: &str| (Verdict::Limit, Some(name.to_owned()));
    let right = to_l1("keep", 8080);
    assert_eq!(judged("B001", right.clone(), &[], &["refusal"]), (Verdict::Pass, None));
    let touched = judged("B001", right.clone(), &["refusal", "unsupported"], &[]);
    assert_eq!(touched, limit("refusal"));
    let wrong = judged("B001", to_l1("rewrite", 8080), &["refusal"], &[]);
    assert_eq!(wrong, (Verdict::Fail, None));
    // A row that no packet shows the limit of: the subject has to name it.
    let mut sticky = Answer { affinity: "clientIP".to_owned(), ..right };
    let remote = AnswerBackend { address: "10.1.2.21".to_owned(), port: 8080, local: false };
    sticky.backends.push(remote);
    assert_eq!(
        judged("B170", sticky.clone(), &[], &["affinity-timeout"]),
        limit("affinity-timeout")
    );
    assert_eq!(judged("B170", sticky, &[], &["refusal"]), (Verdict::Fail, None));
}

#[test]
fn a_subject_that_errs_fails_the_row_alone() {
    let row = only_row(None, "B001");
    assert_eq!(row.verdict, Verdict::Fail);
    assert!(row.detail.unwrap().ends_with("it has no answer"));
    let rows = run("model", &mut Parrot::default(), None).unwrap();
    assert_eq!(rows.len(), 217);
    for row in rows {
        assert_ne!(row.verdict, Verdict::Pass, "{}", row.id);
        assert_eq!(row.detail.is_some(), row.verdict == Verdict::Fail, "{}", row.id);
    }
}

#[test]
fn counts_and_views_that_differ_fail() {
    let pass = Answer { outcome: "pass".to_owned(), decided_by: Vec::new(), ..to_l1("", 0) };
    let pass = Answer { backends: Vec::new(), source: None, ..pass };
    for (id, words) in [
        ("B163", "expected a view of shop/web:http"),
        ("B195", "expected 0 changed view keys; came Some(2)"),
        ("B332", "expected forward"),
    ] {
        let row = only_row(Some(pass.clone()), id);
        assert!(row.detail.as_deref().unwrap().contains(words), "{row:?}");
    }
}

/// What comes of one step that looks at a view with one entry, one refusal and one conflict.
fn looked(step: &str) -> Result<(), String> {
    let view = json!({
        "zone": "z1",
        "servicePorts": [{
            "namespace": "shop", "service": "web", "port": "http", "protocol": "TCP", "family": "IPv4",
            "affinityTimeoutSeconds": null,
            "frontends": [
                {"kind": "ClusterIP", "address": "172.20.0.10", "port": 80},
                {"kind": "NodePort", "address": null, "port": 30080},
            ],
        }],
        "refused": [{
            "object": "EndpointSlice shop/web-1",
            "field": "endpoints[3].addresses[0]",
            "reason": "IPv4 with a leading zero",
        }],
        "conflicts": [{
            "frontend": "ClusterIP/172.20.0.10/80/TCP",
            "winner": "shop/web:http",
            "loser": "shop/old:http",
        }],
    });
    let text = format!("id: B999\ngiven: x\nfrom: x\nwhere: [M]\ncases: [{{steps: [{step}]}}]");
    let fact: Fact = serde_saphyr::from_str(&text).unwrap();
    let mut parrot = Parrot { view, ..Parrot::default() };
    check(&fact, &mut parrot, &fixture().unwrap(), Look::Everything)
        .map(|limit| assert_eq!(limit, None))
}

#[test]
fn steps_that_look_at_the_view_tell_right_from_wrong() {
    let right = [
        "{refused: {object: EndpointSlice shop/web-1, field: 'endpoints[3].addresses[0]', reason: LEADING zero}}",
        "{refused: {}}",
        "{not_refused: web-2}",
        "{conflict: {frontend: ClusterIP/172.20.0.10/80/TCP, winner: 'shop/web:http', loser: 'shop/old:http'}}",
        "{conflicts: 1}",
        "{unserved: shop/we}",
        "{frontends: {of: 'shop/web:http', are: ['NodePort/*/30080', ClusterIP/172.20.0.10/80]}}",
        "{value: {of: 'shop/web:http', at: /affinityTimeoutSeconds, is: null}}",
        "{value: {at: /zone, is: z1}}",
    ];
    for step in right {
        assert_eq!(looked(step), Ok(()), "{step}");
    }
    let wrong = [
        "{refused: {object: EndpointSlice shop/web-2}}",
        "{refused: {field: 'endpoints[3]'}}",
        "{refused: {reason: loopback}}",
        "{not_refused: web-1}",
        "{conflict: {frontend: ClusterIP/172.20.0.10/80/TCP, winner: 'shop/old:http', loser: 'shop/web:http'}}",
        "{conflicts: 0}",
        "{unserved: shop/web}",
        "{frontends: {of: 'shop/web:http', are: [ClusterIP/172.20.0.10/80]}}",
        "{frontends: {of: 'shop/web:http IPv6', are: []}}",
        "{value: {of: 'shop/web:http UDP', at: /affinityTimeoutSeconds, is: null}}",
        "{value: {of: 'shop/web:http', at: /healthCheckNodePort, is: null}}",
        "{value: {at: /zone, is: z2}}",
    ];
    for step in wrong {
        let error = looked(step).unwrap_err();
        assert!(error.starts_with("case 1, step 1: "), "{step}: {error}");
        assert!(error.contains("expected"), "{step}: {error}");
    }
}

#[test]
fn rows_of_other_backends_are_not_run() {
    let count = |backend: &str| {
        let mut parrot = Parrot::default();
        let rows = run(backend, &mut parrot, None).unwrap();
        let mut counts: BTreeMap<(String, Option<u32>), usize> = BTreeMap::new();
        for row in rows {
            *counts.entry((format!("{:?}", row.verdict), row.issue)).or_default() += 1;
        }
        (counts, parrot.started.len())
    };
    let (model, started) = count("model");
    assert!(started > 0);
    assert_eq!(model[&("Other".to_owned(), None)], 51);
    assert!(model.keys().all(|(verdict, _)| verdict != "Later"));
    let (winkernel, started_too) = count("winkernel");
    assert!(started_too > started);
    assert_eq!(winkernel[&("Other".to_owned(), None)], 28);
    assert!(winkernel.keys().all(|(verdict, _)| verdict != "Later"));
}

#[test]
fn what_nobody_knows_is_an_error() {
    let mut parrot = Parrot::default();
    assert!(run("ipvs", &mut parrot, None).unwrap_err().contains("ipvs"));
    assert!(run("model", &mut parrot, Some("B006")).unwrap_err().contains("B006"));
    assert_eq!(run("model", &mut parrot, Some("A")).unwrap().len(), 18);
}

/// The oracle as a subject: each batch gives a new cluster.
#[derive(Default)]
struct Fresh {
    setup: Setup,
}

fn identity(document: &Value) -> (Value, Value, Value) {
    let metadata = &document["metadata"];
    (document["kind"].clone(), metadata["namespace"].clone(), metadata["name"].clone())
}

impl Subject for Fresh {
    fn start(&mut self, setup: &Setup) -> Result<(), String> {
        self.setup = setup.clone();
        Ok(())
    }

    fn change(&mut self, batch: &[Change]) -> Result<usize, String> {
        for change in batch {
            let gone = match change {
                Change::Apply(document) => identity(document),
                Change::Delete { kind, namespace, name } => {
                    let namespace = match namespace.as_str() {
                        "" => Value::Null,
                        namespace => json!(namespace),
                    };
                    (json!(kind), namespace, json!(name))
                }
            };
            self.setup.documents.retain(|known| identity(known) != gone);
            if let Change::Apply(document) = change {
                self.setup.documents.push(document.clone());
            }
        }
        Ok(0)
    }

    fn trace(&mut self, from: &str, to: &str) -> Result<Answer, String> {
        Oracle::new(&self.setup)?.trace(from, to)
    }

    fn view(&mut self) -> Result<Value, String> {
        Err("the oracle has no view".to_owned())
    }
}

/// Cases of bad input in the product's own terms (fact, number of the case), which the oracle does not judge.
const NOT_FOR_THE_ORACLE: &[(&str, usize)] = &[
    // A Service that names a port twice keeps the first.
    ("B320", 6),
    // A slice is cut at 1,000 endpoints.
    ("B327", 1),
    // A Service without a name, or with a NUL in its name or namespace, is refused.
    ("B330", 1),
    ("B330", 2),
    ("B330", 3),
];

#[test]
fn the_oracle_agrees_with_every_trace() {
    let fixture = fixture().unwrap();
    let mut wrong = Vec::new();
    for fact in load().unwrap() {
        for (number, case) in (1..).zip(&fact.cases) {
            if NOT_FOR_THE_ORACLE.contains(&(fact.id.as_str(), number)) {
                continue;
            }
            let alone = Fact { cases: vec![case.clone()], ..fact.clone() };
            let verdict = check(&alone, &mut Fresh::default(), &fixture, Look::TracesAlone);
            if let Err(detail) = verdict {
                wrong.push(format!("{}, case {number}: {detail}", fact.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
