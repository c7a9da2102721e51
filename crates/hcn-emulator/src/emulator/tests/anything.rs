//! What holds whatever is called, however HNS is set, and whatever happens to it.

use proptest::prelude::*;
use switchyard_hcn::v1;

use super::*;
use crate::{
    DeleteOfReferenced, DuplicateFrontend, EnumerationOrder, Fault, FaultScript, Knobs, Modify,
    NetworkDelete, Rehydration, SavedData, Trouble, WrittenRequest,
};

/// Something that happens to HNS.
#[derive(Debug, Clone)]
enum Happening {
    Create { kind: ObjectKind, network: u32, number: u32, settings: String },
    Open { kind: ObjectKind, number: u32 },
    Modify { kind: ObjectKind, number: u32, settings: String },
    Query { kind: ObjectKind, number: u32, query: String },
    Enumerate { kind: ObjectKind, query: String },
    Delete { kind: ObjectKind, number: u32 },
    Close { kind: ObjectKind, handle: usize },
    Register,
    Unregister(usize),
    HnsCall { method: &'static str, path: String, object: String },
    Fault(Fault),
    Stop,
    Start(SavedData),
    Restart,
    Reboot,
}

fn kind() -> impl Strategy<Value = ObjectKind> {
    prop::sample::select(ObjectKind::HELD.to_vec())
}

fn number() -> impl Strategy<Value = u32> {
    // 0 is the nil id: HNS picks. 1, 11, 12 and 13 are there from the beginning.
    prop::sample::select(vec![0, 1, 2, 3, 11, 12, 13, 14, 31])
}

fn address() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (0..9_u8).prop_map(|last| format!("10.1.1.{last}")),
        2 => (0..3_u8).prop_map(|last| format!("fd00:1:1::{last}")),
        1 => Just("10.1.1".to_owned()),
        1 => Just(String::new()),
    ]
}

const NETWORK_TYPES: [&str; 4] = ["NAT", "L2Bridge", "Overlay", "Sideways"];
const NAMESPACE_TYPES: [&str; 3] = ["Host", "HostDefault", "Guest"];

/// The version of a document: none, the older, the newer.
fn version() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![json!(null), schema(1), schema(2), schema(2)])
}

/// A document of a kind, with the members of both versions.
fn document(kind: ObjectKind) -> BoxedStrategy<Value> {
    let named = prop::sample::select(vec![11, 11, 12, 12, 13, 13, 14, 3]);
    match kind {
        ObjectKind::Network => (version(), 0..3_u8, 0..4_u8)
            .prop_map(|(version, name, number)| {
                json!({ "SchemaVersion": version, "Name": format!("network{name}"),
                    "Type": NETWORK_TYPES[usize::from(number)], "Flags": number * 4,
                    "Ipams": [{ "Subnets": [
                        { "IpAddressPrefix": "10.1.1.0/29", "Routes": [
                            { "NextHop": "10.1.1.1", "DestinationPrefix": "0.0.0.0/0" }] },
                        { "IpAddressPrefix": "fd00:1:1::/64" }] }] })
            })
            .boxed(),
        ObjectKind::Endpoint => (version(), address(), 0..2_u8, 0..3_u16)
            .prop_map(|(version, address, flags, port)| {
                json!({ "SchemaVersion": version, "Flags": flags, "IPAddress": address,
                    "IpConfigurations": [{ "IpAddress": address }], "VirtualNetwork": id(1),
                    "Policies": [
                        { "Type": "ProviderAddress",
                          "Settings": { "ProviderAddress": "192.0.2.12" } },
                        { "Type": "PortMapping", "Settings": { "ExternalPort": port } }] })
            })
            .boxed(),
        ObjectKind::LoadBalancer => {
            let endpoints = prop::collection::vec(named, 0..4);
            let ports = prop::sample::select(vec![0, 8080, 8080, 8080]);
            (version(), 0..4_u8, endpoints, 0..4_u8, ports)
                .prop_map(|(version, vip, endpoints, flags, port)| {
                    let ids: Vec<Guid> = endpoints.into_iter().map(id).collect();
                    let references: Vec<String> =
                        ids.iter().map(|id| format!("/endpoints/{id}")).collect();
                    let vip = format!("172.20.0.{vip}");
                    json!({ "SchemaVersion": version, "HostComputeEndpoints": ids, "Flags": flags,
                        "FrontendVIPs": [vip], "References": references,
                        "PortMappings": [
                            { "Protocol": 6, "InternalPort": port, "ExternalPort": 80 }],
                        "Policies": [{ "Type": "ELB", "Protocol": 17, "InternalPort": port,
                            "ExternalPort": 80, "VIPs": [vip] }] })
                })
                .boxed()
        }
        ObjectKind::Namespace | ObjectKind::Service => {
            (0..3_usize).prop_map(|number| json!({ "Type": NAMESPACE_TYPES[number] })).boxed()
        }
    }
}

/// What is sent to change an object.
fn change() -> BoxedStrategy<Value> {
    (number(), any::<bool>(), any::<bool>())
        .prop_map(|(number, add, policy)| {
            json!({ "ResourceType": if policy { "Policy" } else { "Endpoint" },
                "RequestType": if add { "Add" } else { "Remove" },
                "Settings": { "EndpointId": id(number), "Policies": [
                    { "Type": "PortMapping", "Settings": { "ExternalPort": number } }] } })
        })
        .boxed()
}

/// A text to create an object of `kind` from, now and then one that is for something else or for nothing.
fn settings(wanted: ObjectKind) -> BoxedStrategy<String> {
    let resource =
        number().prop_map(|number| json!({ "Type": "Endpoint", "Data": { "ID": id(number) } }));
    prop_oneof![
        12 => document(wanted).prop_map(|document| document.to_string()),
        1 => kind()
            .prop_flat_map(document)
            .prop_map(|document| document.to_string()),
        1 => change().prop_map(|document| document.to_string()),
        1 => resource.prop_map(|document| document.to_string()),
        1 => "[\\[\\]{}\",:a-zA-Z0-9]{0,20}",
    ]
    .boxed()
}

fn schema(major: u32) -> Value {
    json!({ "Major": major, "Minor": 0 })
}

fn query() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just(Query::all().to_json()),
        1 => Just(Query::all().detailed().to_json()),
        1 => Just(String::new()),
        1 => number().prop_map(|number| Query::by_id(id(number)).to_json()),
        1 => Just(Query::endpoints_of(id(1)).to_json()),
        1 => "[\\[\\]{}\",:a-zA-Z0-9]{0,20}",
    ]
}

fn path() -> impl Strategy<Value = String> {
    let collection =
        prop::sample::select(vec!["networks", "endpoints", "policylists", "namespaces"]);
    let action =
        prop::sample::select(vec!["", "/attach", "/detach", "/addresource", "/removeresource"]);
    prop_oneof![
        4 => (collection.clone(), number(), action)
            .prop_map(|(name, number, action)| format!("/{name}/{}{action}", id(number))),
        3 => collection.prop_map(|name| format!("/{name}/")),
        1 => Just("/globals/version".to_owned()),
        1 => "[/a-z0-9]{0,20}",
    ]
}

fn trouble() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        any::<bool>().prop_map(|after| {
            let code = hresult::HCN_E_PORT_ALREADY_EXISTS.try_into().unwrap();
            Trouble::Refuse { code, after }
        }),
        Just(Trouble::Pretend),
        Just(Trouble::Delay { milliseconds: 5 }),
        any::<bool>().prop_map(|after| Trouble::Hang { after }),
        Just(Trouble::Lose),
        prop::option::of(0..3_usize).prop_map(|count| Trouble::Omit { count }),
        Just(Trouble::Degrade),
        (0..20_u64).prop_map(|milliseconds| Trouble::Stop { milliseconds }),
        Just(Trouble::Delay { milliseconds: u64::MAX }),
        Just(Trouble::Stop { milliseconds: u64::MAX }),
    ]
}

fn create() -> impl Strategy<Value = Happening> {
    let of_kind = |kind| {
        (1..3_u32, number(), settings(kind)).prop_map(move |(network, number, settings)| {
            Happening::Create { kind, network, number, settings }
        })
    };
    prop_oneof![
        1 => of_kind(ObjectKind::Network),
        4 => of_kind(ObjectKind::Endpoint),
        1 => of_kind(ObjectKind::Namespace),
        6 => of_kind(ObjectKind::LoadBalancer),
    ]
}

fn modify() -> impl Strategy<Value = Happening> {
    kind().prop_flat_map(|kind| {
        let settings = if kind == ObjectKind::LoadBalancer {
            settings(kind)
        } else {
            change().prop_map(|change| change.to_string()).boxed()
        };
        (number(), settings).prop_map(move |(number, settings)| Happening::Modify {
            kind,
            number,
            settings,
        })
    })
}

fn older() -> impl Strategy<Value = Happening> {
    let collections = vec![
        (ObjectKind::Network, "/networks/"),
        (ObjectKind::Endpoint, "/endpoints/"),
        (ObjectKind::Namespace, "/namespaces"),
        (ObjectKind::LoadBalancer, "/policylists/"),
    ];
    let post = prop::sample::select(collections).prop_flat_map(|(kind, path)| {
        settings(kind).prop_map(move |object| Happening::HnsCall {
            method: "POST",
            path: path.to_owned(),
            object,
        })
    });
    let method = prop::sample::select(vec!["GET", "POST", "DELETE"]);
    let any = (method, path(), settings(ObjectKind::Endpoint))
        .prop_map(|(method, path, object)| Happening::HnsCall { method, path, object });
    prop_oneof![post, any]
}

fn happening() -> impl Strategy<Value = Happening> {
    let handle = || 0..12_usize;
    let data = vec![SavedData::Kept, SavedData::Kept, SavedData::Mismatched, SavedData::Removed];
    prop_oneof![
        30 => create(),
        8 => modify(),
        10 => older(),
        6 => (kind(), number()).prop_map(|(kind, number)| Happening::Open { kind, number }),
        3 => (kind(), number(), query())
            .prop_map(|(kind, number, query)| Happening::Query { kind, number, query }),
        2 => (kind(), query()).prop_map(|(kind, query)| Happening::Enumerate { kind, query }),
        5 => (kind(), number()).prop_map(|(kind, number)| Happening::Delete { kind, number }),
        2 => (kind(), handle()).prop_map(|(kind, handle)| Happening::Close { kind, handle }),
        1 => Just(Happening::Register),
        1 => handle().prop_map(Happening::Unregister),
        2 => trouble().prop_map(|does| Happening::Fault(Fault::at("*", does).unwrap())),
        1 => Just(Happening::Stop),
        4 => Just(Happening::Start(SavedData::Kept)),
        1 => prop::sample::select(data).prop_map(Happening::Start),
        1 => Just(Happening::Restart),
        1 => Just(Happening::Reboot),
    ]
}

fn knobs() -> impl Strategy<Value = Knobs> {
    let booleans = any::<[bool; 6]>();
    let choices = (
        prop::sample::select(Rehydration::ALL.to_vec()),
        prop::sample::select(DeleteOfReferenced::ALL.to_vec()),
        prop::sample::select(DuplicateFrontend::ALL.to_vec()),
        prop::sample::select(NetworkDelete::ALL.to_vec()),
        prop::sample::select(EnumerationOrder::ALL.to_vec()),
        prop::option::of(prop::sample::select(Modify::ALL.to_vec())),
        prop::option::of(0..3_u32),
    );
    (booleans, choices).prop_map(|(booleans, choices)| {
        let [
            honours_caller_id,
            keeps_owner,
            restores_with_new_ids,
            upper_case_ids,
            callbacks_survive_restart,
            reboot_changes_network_ids,
        ] = booleans;
        let (
            rehydration,
            delete_of_referenced,
            duplicate_frontend,
            network_delete,
            enumeration_order,
            modify,
            port_blocks,
        ) = choices;
        Knobs {
            honours_caller_id,
            keeps_owner,
            restores_with_new_ids,
            upper_case_ids,
            callbacks_survive_restart,
            reboot_changes_network_ids,
            rehydration,
            delete_of_referenced,
            duplicate_frontend,
            network_delete,
            enumeration_order,
            modify,
            port_blocks,
            ..Knobs::default()
        }
    })
}

/// The small HNS, or one with the highest numbers that documents can have.
fn beginning() -> impl Strategy<Value = State> {
    any::<bool>().prop_map(|is_extreme| if is_extreme { extreme() } else { small().state() })
}

fn extreme() -> State {
    let (most, port) = (u32::MAX, u16::MAX);
    let everything = json!({ "IpAddressPrefix": "::/0",
        "Routes": [{ "NextHop": "::", "DestinationPrefix": "::/0", "Metric": port }] });
    let network = |number: u32, network_type: &str, start: &str| {
        json!({ "ID": id(number), "Name": format!("network{number}"), "Type": network_type, "Flags": most,
            "State": port, "MacPool": { "Ranges": [
                { "StartMacAddress": start, "EndMacAddress": "FF-FF-FF-FF-FF-FF" }] },
            "Ipams": [{ "Subnets": [{ "IpAddressPrefix": "0.0.0.0/0" }, everything,
                { "IpAddressPrefix": "255.255.255.255/32" }] }],
            "Policies": [{ "Type": "VxlanPort", "Settings": { "Port": most } },
                { "Type": "RemoteSubnetRoute", "Settings": { "IsolationId": most } }] })
    };
    let endpoint = |number: u32, address: &str, flags: u32| {
        json!({ "ID": id(number), "HostComputeNetwork": id(1), "Flags": flags, "State": port,
            "MacAddress": "FF-FF-FF-FF-FF-FF",
            "IpConfigurations": [{ "IpAddress": address, "PrefixLength": u8::MAX }],
            "Policies": [{ "Type": "PortMapping", "Settings": { "Protocol": most,
                "InternalPort": port, "ExternalPort": port, "Flags": most } },
                { "Type": "EncapOverhead", "Settings": { "Overhead": most } }] })
    };
    let mapping = json!({ "Protocol": most, "InternalPort": port, "ExternalPort": port,
        "DistributionType": most, "Flags": most });
    let file = json!({
        "version": { "Major": most, "Minor": most },
        "networks": [network(1, "L2Bridge", "FF-FF-FF-FF-FF-FE"), network(2, "Overlay", "00-00-00-00-00-00")],
        "endpoints": [
            endpoint(11, "255.255.255.255", most - 1),
            endpoint(12, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", most),
            endpoint(13, "0.0.0.0", most)],
        "namespaces": [
            { "ID": id(51), "NamespaceId": most, "State": port },
            { "ID": id(52), "NamespaceId": most - 1, "Type": "Guest" }],
        "loadBalancers": [{ "ID": id(31), "HostComputeEndpoints": [id(11), id(12), id(13)],
            "FrontendVIPs": ["255.255.255.255"], "PortMappings": [mapping], "Flags": most,
            "State": port }],
    });
    State::from_json(&file.to_string()).unwrap()
}

fn id_or_nil(number: u32) -> Guid {
    if number == 0 { Guid::NIL } else { id(number) }
}

/// A handle of the object, or one of nothing.
fn open(service: &mut Service, kind: ObjectKind, number: u32, now: Duration) -> usize {
    match service.begin(&Request::Open { kind, id: id(number) }, now).result {
        Ok(Answer::Handle(handle)) => handle,
        _ => 0,
    }
}

fn happen(service: &mut Service, happening: &Happening, now: Duration) -> Option<Begun> {
    let request = match happening {
        Happening::Create { kind, network, number, settings } => {
            let network = Some(open(service, ObjectKind::Network, *network, now));
            Request::Create { kind: *kind, network, id: id_or_nil(*number), settings }
        }
        Happening::Open { kind, number } => Request::Open { kind: *kind, id: id(*number) },
        Happening::Modify { kind, number, settings } => {
            let handle = open(service, *kind, *number, now);
            Request::Modify { kind: *kind, handle, settings }
        }
        Happening::Query { kind, number, query } => {
            let handle = open(service, *kind, *number, now);
            Request::Query { kind: *kind, handle, query }
        }
        Happening::Enumerate { kind, query } => Request::Enumerate { kind: *kind, query },
        Happening::Delete { kind, number } => Request::Delete { kind: *kind, id: id(*number) },
        Happening::Close { kind, handle } => Request::Close { kind: *kind, handle: *handle },
        Happening::Register => Request::Register,
        Happening::Unregister(handle) => Request::Unregister { handle: *handle },
        Happening::HnsCall { method, path, object } => Request::HnsCall { method, path, object },
        Happening::Fault(fault) => {
            service.set_faults(FaultScript { faults: vec![fault.clone()] });
            return None;
        }
        Happening::Stop => return happens(|| service.stop()),
        Happening::Start(data) => return happens(|| service.start(*data)),
        Happening::Restart => return happens(|| service.restart()),
        Happening::Reboot => return happens(|| service.reboot()),
    };
    let written: WrittenRequest =
        serde_json::from_str(&serde_json::to_string(&request).unwrap()).unwrap();
    assert_eq!(written.request(), request);
    Some(service.begin(&request, now))
}

fn happens(act: impl FnOnce()) -> Option<Begun> {
    act();
    None
}

proptest! {
    #[test]
    fn nothing_harms_the_emulator(
        state in beginning(),
        knobs in knobs(),
        happenings in prop::collection::vec(happening(), 0..80),
    ) {
        let mut ever: BTreeSet<Guid> = state.endpoints().map(|(id, _)| id).collect();
        let mut service = Service::new(Setup { knobs, ..Setup::of(state) });
        let mut now = Duration::ZERO;
        for happening in &happenings {
            let before = service.calls().total();
            let mut twin = Service::restore(&service.save().unwrap()).unwrap();
            let is_call = happen(&mut service, happening, now);
            prop_assert_eq!(&happen(&mut twin, happening, now), &is_call);
            prop_assert_eq!(twin.save().unwrap(), service.save().unwrap());
            if let Some(begun) = is_call {
                prop_assert!(service.calls().total() > before, "{happening:?} was not counted");
                prop_assert!(begun.effect_at >= now);
                if let Some(finishes_at) = begun.finishes_at {
                    prop_assert!(finishes_at >= begun.effect_at);
                    now = finishes_at;
                }
            }
            let state = service.state();
            ever.extend(state.endpoints().map(|(id, _)| id));
            for (id, load_balancer) in state.load_balancers() {
                for endpoint in &load_balancer.host_compute_endpoints {
                    prop_assert!(ever.contains(endpoint), "{id} names {endpoint}, which never was");
                }
            }
            prop_assert_eq!(&service.index, &Index::of(state));
            prop_assert_eq!(&State::from_json(&state.to_json()).unwrap(), state);
            prop_assert!(held(state).iter().flatten().all(|id| !id.is_nil()));
        }
        // When nothing goes wrong any more, both ways in list what there is, each once.
        service.set_faults(FaultScript::default());
        service.start(SavedData::Removed);
        service.start(SavedData::Kept);
        prop_assert_eq!(listed(&mut service, now), held(service.state()));
        let _ = service.take_notices();
    }
}

/// All ids by kind, as both ways in list them.
fn listed(service: &mut Service, now: Duration) -> Vec<BTreeSet<Guid>> {
    let collections = [
        v1::Collection::Networks,
        v1::Collection::Endpoints,
        v1::Collection::Namespaces,
        v1::Collection::PolicyLists,
    ];
    let mut all = Vec::new();
    for (kind, collection) in ObjectKind::HELD.into_iter().zip(collections) {
        let enumerate = Request::Enumerate { kind, query: "" };
        let Ok(Answer::Text(text)) = service.begin(&enumerate, now).result else {
            panic!("{kind}")
        };
        let ids: Vec<Guid> = serde_json::from_str(&text).unwrap();
        let older = v1::Request::List(collection);
        let path = older.path();
        let call = Request::HnsCall { method: older.method(), path: &path, object: "" };
        let Ok(Answer::Text(text)) = service.begin(&call, now).result else { panic!("{kind}") };
        let response: Value = serde_json::from_str(&text).unwrap();
        let output = response["Output"].as_array().cloned().unwrap_or_default();
        let older: BTreeSet<Guid> = output
            .iter()
            .map(|document| document["ID"].as_str().unwrap().parse().unwrap())
            .collect();
        let unique: BTreeSet<Guid> = ids.iter().copied().collect();
        assert_eq!((unique.len(), &unique), (ids.len(), &older), "{kind}");
        all.push(unique);
    }
    all
}

fn held(state: &State) -> Vec<BTreeSet<Guid>> {
    vec![
        state.networks().map(|(id, _)| id).collect(),
        state.endpoints().map(|(id, _)| id).collect(),
        state.namespaces().map(|(id, _)| id).collect(),
        state.load_balancers().map(|(id, _)| id).collect(),
    ]
}
