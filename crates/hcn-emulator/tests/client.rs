//! The typed layer against the emulator: what it calls, what it closes, and what it makes of failures.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::cell::Cell;

use switchyard_hcn::{
    Client, ClientError, Endpoint, EndpointFlags, Error, Guid, Hcn, IpConfiguration, LoadBalancer,
    Network, NetworkType, PortMapping, hresult,
};
use switchyard_hcn_emulator::{Emulator, ObjectKind, State, Verb};

/// An emulator with something done before each call, which may also refuse it.
struct Hooked<'a, F> {
    hns: &'a Emulator,
    before: F,
}

macro_rules! hooked {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty, $($word:ident)*;)*) => {
        impl<F: Fn(&str) -> Result<(), Error> + Send + Sync> Hcn for Hooked<'_, F> {
            $(fn $name(&self, $($argument: $kind),*) -> Result<$answer, Error> {
                (self.before)(stringify!($name))?;
                self.hns.$name($($argument),*)
            })*
        }
    };
}

switchyard_hcn::for_each_function!(hooked);

fn id(number: u32) -> Guid {
    format!("00000000-0000-0000-0000-{number:012}").parse().unwrap()
}

fn remote(address: &str) -> Endpoint {
    Endpoint {
        ip_configurations: vec![IpConfiguration::of(address.parse().unwrap())],
        flags: EndpointFlags::REMOTE_ENDPOINT,
        ..Endpoint::default()
    }
}

fn balancer(endpoints: &[u32]) -> LoadBalancer {
    LoadBalancer {
        host_compute_endpoints: endpoints.iter().map(|number| id(*number)).collect(),
        frontend_vips: vec!["172.20.0.10".to_owned()],
        port_mappings: vec![PortMapping {
            internal_port: 8080,
            external_port: 80,
            ..PortMapping::default()
        }],
        ..LoadBalancer::default()
    }
}

/// Everything that the typed layer does.
fn everything(hcn: &dyn Hcn) -> Result<(), ClientError> {
    let client = Client::new(hcn);
    client.version()?;
    let document = Network {
        name: "cbr0".to_owned(),
        network_type: NetworkType::L2Bridge,
        ..Network::default()
    };
    drop(client.create_network(id(1), &document)?);
    assert_eq!(client.networks()?.objects.len(), 1);
    let network = client.open_network(id(1))?;
    assert_eq!(network.read()?.network_type, NetworkType::L2Bridge);
    for number in [11, 12] {
        let made =
            client.create_endpoint(&network, id(number), &remote(&format!("10.1.2.{number}")))?;
        assert_eq!(made.read()?.id, Some(id(number)));
    }
    assert_eq!(client.endpoints_of(id(1))?.objects.len(), 2);
    assert_eq!(client.endpoint_ids_of(id(1))?, [id(11), id(12)]);
    assert_eq!(client.endpoint(id(13))?, None);
    let made = client.create_load_balancer(Guid::NIL, &balancer(&[11]))?;
    let load_balancer = made.read_detailed()?.id.unwrap();
    assert_eq!(client.load_balancer_ids()?, [load_balancer]);
    let changed = client.modify_load_balancer(load_balancer, &balancer(&[12]))?;
    assert_eq!(changed.read()?.host_compute_endpoints, [id(12)]);
    assert_eq!(client.load_balancers()?.objects.len(), 1);
    assert!(client.load_balancer(load_balancer)?.is_some());
    client.delete_endpoint(id(11))?;
    client.delete_load_balancer(load_balancer)?;
    assert!(client.load_balancer(load_balancer)?.is_none());
    client.delete_network(id(1))?;
    assert!(client.network(id(1))?.is_none());
    Ok(())
}

#[test]
fn everything_works_and_is_closed() {
    let hns = Emulator::new(State::default());
    everything(&hns).unwrap();
    assert_eq!(hns.open_handles(), 0);
    assert_eq!(hns.state(), State::default());
}

#[test]
fn every_handle_is_closed_whichever_call_fails() {
    let hns = Emulator::new(State::default());
    everything(&hns).unwrap();
    let calls: Vec<Verb> = hns.calls().log().map(|call| call.verb).collect();
    for (failing, verb) in calls.into_iter().enumerate() {
        // A handle that HNS refuses to close stays open, and nobody hears of it.
        if verb == Verb::Close {
            continue;
        }
        let hns = Emulator::new(State::default());
        let count = std::sync::atomic::AtomicUsize::new(0);
        let before = |_: &str| {
            let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let refused = Error::without_record(hresult::RPC_S_SERVER_UNAVAILABLE);
            if number == failing { Err(refused) } else { Ok(()) }
        };
        let error = everything(&Hooked { hns: &hns, before }).unwrap_err();
        assert_eq!(error.hresult(), Some(hresult::RPC_S_SERVER_UNAVAILABLE), "{failing}");
        assert_eq!(hns.open_handles(), 0, "{failing}");
    }
}

#[test]
fn what_vanishes_while_listing_is_left_out() {
    for moment in ["open_endpoint", "query_endpoint_properties"] {
        let hns = Emulator::new(State::default());
        let client = Client::new(&hns);
        let network = client.create_network(id(1), &Network::default()).unwrap();
        for number in [11, 12] {
            let document = remote(&format!("10.1.2.{number}"));
            drop(client.create_endpoint(&network, id(number), &document).unwrap());
        }
        let before = |name: &str| {
            if name == moment {
                let _ = hns.delete_endpoint(id(11));
            }
            Ok(())
        };
        let hooked = Hooked { hns: &hns, before };
        let listing = Client::new(&hooked).endpoints_of(id(1)).unwrap();
        let ids: Vec<Guid> = listing.objects.iter().filter_map(|endpoint| endpoint.id).collect();
        assert_eq!(ids, [id(12)], "{moment}");
        assert!(listing.unreadable.is_empty());
    }
}

/// The operation makes exactly these calls.
fn check_calls(operation: impl Fn(Client<'_>), expect: &[(Verb, ObjectKind)]) {
    let hns = Emulator::new(State::default());
    let client = Client::new(&hns);
    {
        let network = client.create_network(id(1), &Network::default()).unwrap();
        drop(client.create_endpoint(&network, id(11), &remote("10.1.2.11")).unwrap());
    }
    drop(client.create_load_balancer(id(31), &balancer(&[11])).unwrap());
    let _ = hns.take_calls();
    operation(client);
    let calls: Vec<_> = hns.calls().log().map(|call| (call.verb, call.kind)).collect();
    assert_eq!(calls, expect);
}

#[test]
fn the_calls_of_each_operation_are_known() {
    use ObjectKind::{Endpoint, LoadBalancer, Network};
    use Verb::{Close, Create, Delete, Enumerate, Modify, Open, Query};
    check_calls(
        |client| {
            let network = client.open_network(id(1)).unwrap();
            drop(client.create_endpoint(&network, id(12), &remote("10.1.2.12")).unwrap());
        },
        &[(Open, Network), (Create, Endpoint), (Close, Endpoint), (Close, Network)],
    );
    check_calls(
        |client| drop(client.load_balancers().unwrap()),
        &[
            (Enumerate, LoadBalancer),
            (Open, LoadBalancer),
            (Query, LoadBalancer),
            (Close, LoadBalancer),
        ],
    );
    check_calls(
        |client| drop(client.modify_load_balancer(id(31), &balancer(&[11])).unwrap()),
        &[(Open, LoadBalancer), (Modify, LoadBalancer), (Close, LoadBalancer)],
    );
    check_calls(|client| client.delete_load_balancer(id(31)).unwrap(), &[(Delete, LoadBalancer)]);
}

#[test]
fn an_error_is_never_absence() {
    let hns = Emulator::new(State::default());
    let refusals = Cell::new(0);
    for code in hresult::known().chain([0x8000_FFFF]) {
        let before = |name: &str| {
            if name.starts_with("open") { Err(Error::without_record(code)) } else { Ok(()) }
        };
        let hooked = Hooked { hns: &hns, before };
        let found = Client::new(&hooked).load_balancer(id(31));
        // A network or an endpoint that is gone says nothing of the load balancer.
        if [hresult::ERROR_NOT_FOUND, hresult::HCN_E_POLICY_NOT_FOUND].contains(&code) {
            assert!(found.unwrap().is_none());
        } else {
            assert_eq!(found.unwrap_err().hresult(), Some(code));
            refusals.set(refusals.get() + 1);
        }
    }
    assert!(refusals.get() > 50);
}
