use serde_json::{Value, json};

use super::words::{self, Balancer, Endpoint};
use super::{Aftermath, Event, HnsExpected};
use crate::facts::fixture;
use crate::hns::{HnsCall, HnsCalls, HnsEvent, HnsKind, HnsSubject};
use crate::subject::{Answer, Change, Setup, Subject};

/// A network with two endpoints, a load balancer of ours and one of another owner.
fn held() -> Value {
    json!({
        "networks": [{"ID": "n-1", "Name": "cbr0"}],
        "endpoints": [
            {"ID": "e-1", "Owner": "switchyard", "HostComputeNetwork": "n-1", "Flags": 1,
                "IpConfigurations": [{"IpAddress": "10.1.2.21"}],
                "Policies": [{"Type": "ProviderAddress", "Settings": {"ProviderAddress": "192.0.2.12"}}]},
            {"ID": "e-2", "HostComputeNetwork": "n-1",
                "IpConfigurations": [{"IpAddress": "10.1.1.21", "PrefixLength": 24}]},
        ],
        "loadBalancers": [
            {"ID": "l-1", "Owner": "switchyard", "HostComputeEndpoints": ["e-2", "e-1"], "Flags": 1,
                "FrontendVIPs": ["172.20.0.10"], "SourceVIP": "10.1.1.2",
                "PortMappings": [{"Protocol": 6, "InternalPort": 8080, "ExternalPort": 80, "DistributionType": 2}]},
            {"ID": "l-2", "HostComputeEndpoints": ["e-9"], "State": 4,
                "PortMappings": [{"Protocol": 17, "InternalPort": 53, "ExternalPort": 30053}]},
        ],
    })
}

/// Has HNS hold what `held` says, and counts what happens to it.
#[derive(Default)]
struct Fake {
    held: Value,
    calls: HnsCalls,
    events: Vec<HnsEvent>,
}

impl Subject for Fake {
    fn start(&mut self, _: &Setup) -> Result<(), String> {
        Ok(())
    }

    fn change(&mut self, batch: &[Change]) -> Result<usize, String> {
        Ok(batch.len())
    }

    fn trace(&mut self, _: &str, _: &str) -> Result<Answer, String> {
        Err("it traces nothing".to_owned())
    }

    fn view(&mut self) -> Result<Value, String> {
        Ok(Value::Null)
    }

    fn hns(&mut self) -> Result<&mut dyn HnsSubject, String> {
        Ok(self)
    }
}

impl HnsSubject for Fake {
    fn event(&mut self, event: &HnsEvent) -> Result<(), String> {
        self.events.push(event.clone());
        Ok(())
    }

    fn held(&mut self) -> Result<Value, String> {
        Ok(self.held.clone())
    }

    fn take_calls(&mut self) -> Result<HnsCalls, String> {
        Ok(self.calls.clone())
    }

    fn standing(&mut self) -> Result<Value, String> {
        Ok(json!({"settled": true, "missingNetwork": null, "delays": [], "message": "HNS is away"}))
    }
}

fn fake() -> Fake {
    let call = |function: &str, id: Option<&str>, hresult| HnsCall {
        function: function.to_owned(),
        id: id.map(str::to_owned),
        hresult,
    };
    let mutating = vec![
        call("HcnCreateEndpoint", Some("e-1"), 0),
        call("HcnModifyLoadBalancer", Some("l-1"), 0),
        call("HcnCreateLoadBalancer", None, 0x803B_0013),
        call("HcnDeleteEndpoint", Some("e-9"), 0),
    ];
    Fake { held: held(), calls: HnsCalls { mutating, total: 9 }, events: Vec::new() }
}

#[test]
fn objects_are_told_in_words() {
    let objects = words::objects(&held()).unwrap();
    let texts: Vec<String> = objects.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "10.1.2.21 provider 192.0.2.12",
            "10.1.1.21 local",
            "172.20.0.10:80/TCP => 10.1.1.21:8080 10.1.2.21:8080 source 10.1.1.2 sticky dsr",
            "node:30053/UDP => missing degraded of nobody",
        ]
    );
    let names: Vec<String> = objects.iter().map(words::Object::name).collect();
    assert_eq!(names[1..3], ["endpoint 10.1.1.21", "balancer 172.20.0.10:80/TCP"]);
}

#[test]
fn words_name_what_the_fixture_names() {
    let fixture = fixture().unwrap();
    let endpoint = |text: &str| Endpoint::parse(text, &fixture).map(|parsed| parsed.to_string());
    assert_eq!(endpoint("R1 provider n2").unwrap(), "10.1.2.21 provider 192.0.2.12");
    assert_eq!(endpoint("L1 local").unwrap(), "10.1.1.21 local");
    assert_eq!(endpoint("R1 on far of cni").unwrap(), "10.1.2.21 on far of cni");
    assert!(endpoint("R1 red").unwrap_err().contains("red"));
    assert!(endpoint("R1 of").unwrap_err().contains("of what"));
    let balancer = |text: &str| Balancer::parse(text, &fixture).map(|parsed| parsed.to_string());
    assert_eq!(
        balancer("cluster-ip:80/TCP => R1 L1:81 dsr").unwrap(),
        "172.20.0.10:80/TCP => 10.1.1.21:81 10.1.2.21:8080 dsr"
    );
    assert_eq!(
        balancer("[cluster-ip-v6]:80/TCP => [R1-v6]:8080 of other").unwrap(),
        "[fd00:20::10]:80/TCP => [fd00:1:2::21]:8080 of other"
    );
    assert!(balancer("cluster-ip:80/TCP").unwrap_err().contains("=>"));
    assert!(balancer("cluster-ip/TCP => R1").unwrap_err().contains("cluster-ip/TCP"));
    assert_eq!(words::call("create endpoint R1", &fixture).unwrap(), "create endpoint 10.1.2.21");
    let failed = words::call("create balancer fails 0x803B0013", &fixture).unwrap();
    assert_eq!(failed, "create balancer fails 0x803B0013");
}

#[test]
fn what_is_put_reads_as_it_was_written() {
    let fixture = fixture().unwrap();
    for text in [
        "172.20.0.11:81/UDP => 10.1.2.21:8080 of other",
        "node:30080/TCP => 10.1.1.21:8080 10.1.2.21:8080 source 10.1.1.2 sticky dsr degraded",
    ] {
        let mut held = held();
        let put = words::document(&format!("balancer {text}"), &held, &fixture);
        let (HnsKind::LoadBalancer, document) = put.unwrap() else { panic!("another kind") };
        held["loadBalancers"] = json!([document]);
        assert_eq!(words::objects(&held).unwrap()[2].to_string(), text);
    }
    for text in ["10.1.3.21 provider 192.0.2.13", "10.1.1.22 local of cni"] {
        let mut held = held();
        let put = words::document(&format!("endpoint {text}"), &held, &fixture);
        let (HnsKind::Endpoint, document) = put.unwrap() else { panic!("another kind") };
        held["endpoints"] = json!([document]);
        assert_eq!(words::objects(&held).unwrap()[0].to_string(), text);
    }
    let id = |text: &str| {
        let (_, document) = words::document(text, &held(), &fixture).unwrap();
        document["ID"].as_str().unwrap().to_owned()
    };
    assert_eq!(id("balancer cluster-ip:80/TCP => R1"), "l-1", "the same owner's is replaced");
    assert_ne!(id("balancer cluster-ip:80/TCP => R1 of other"), "l-1");
    let nowhere = words::document("balancer cluster-ip:80/TCP => R2", &held(), &fixture);
    assert!(nowhere.unwrap_err().contains("no endpoint 10.1.3.21"));
}

#[test]
fn events_find_the_objects_that_they_name() {
    let fixture = fixture().unwrap();
    let resolved = |text: &str| {
        let event: Event = serde_saphyr::from_str(text).unwrap();
        event.resolved(&mut fake(), &fixture)
    };
    let removal = HnsEvent::Remove(HnsKind::LoadBalancer, "l-1".to_owned());
    assert_eq!(resolved("{remove: balancer cluster-ip:80/TCP}"), Ok(removal));
    assert!(
        resolved("{remove: balancer cluster-ip-2:80/TCP}").unwrap_err().contains("172.20.0.11")
    );
    let minute = HnsEvent::Passes(std::time::Duration::from_secs(60));
    assert_eq!(resolved("{passes: 60}"), Ok(minute));
    assert_eq!(resolved("restarts"), Ok(HnsEvent::Restarts));
}

/// What comes of one expectation, after the calls of the fake.
fn judged(text: &str) -> Result<(), String> {
    let expected: HnsExpected = serde_saphyr::from_str(text).unwrap();
    let (mut fake, mut aftermath) = (fake(), Aftermath::default());
    aftermath.follow(&mut fake, &mut |_| Ok(())).unwrap();
    expected.judge(&mut fake, &fixture().unwrap(), &aftermath)
}

#[test]
fn expectations_tell_right_from_wrong() {
    let right = [
        "balancers: ['node:30053/UDP => missing degraded of nobody', 'cluster-ip:80/TCP => R1 L1 source 10.1.1.2 sticky dsr']",
        "endpoints: [L1 local, R1 provider n2]",
        "calls: [create endpoint R1, modify balancer cluster-ip:80/TCP, create balancer fails 0x803B0013, delete endpoint]",
        "mutating: 4",
        "asked_at_most: 9",
        "kept: [cluster-ip:80/TCP]",
        "reports: {/settled: true, /missingNetwork: null, /delays: null, /message: away, /nothing: null}",
    ];
    for text in right {
        assert_eq!(judged(text), Ok(()), "{text}");
    }
    let wrong = [
        "balancers: ['cluster-ip:80/TCP => R1 L1 source 10.1.1.2 sticky dsr']",
        "balancers: []",
        "endpoints: [L1 local, R1]",
        "calls: [modify balancer cluster-ip:80/TCP, create endpoint R1, create balancer fails 0x803B0013, delete endpoint]",
        "calls: []",
        "mutating: 3",
        "asked_at_most: 8",
        "renewed: [cluster-ip:80/TCP]",
        "kept: [cluster-ip-2:80/TCP]",
        "reports: {/settled: false}",
        "reports: {/settled: null}",
        "reports: {/message: here}",
        "{}",
    ];
    for text in wrong {
        assert!(judged(text).unwrap_err().contains("expected"), "{text}");
    }
}

#[test]
fn a_backend_without_hns_says_so() {
    struct Without;

    impl Subject for Without {
        fn start(&mut self, _: &Setup) -> Result<(), String> {
            Ok(())
        }

        fn change(&mut self, _: &[Change]) -> Result<usize, String> {
            Ok(0)
        }

        fn trace(&mut self, _: &str, _: &str) -> Result<Answer, String> {
            Err("it traces nothing".to_owned())
        }

        fn view(&mut self) -> Result<Value, String> {
            Ok(Value::Null)
        }
    }

    let section = super::HnsSection::default();
    let trouble = super::begin(&section, &mut Without, &fixture().unwrap()).unwrap_err();
    assert!(trouble.contains("not of this backend"), "{trouble}");
}
