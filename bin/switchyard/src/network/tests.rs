use switchyard_hcn::{Network, NetworkType, Policy, Version};
use switchyard_source::Manifests;

use super::*;

const CLUSTER: &str = "
{apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {podCIDRs: [10.1.1.0/24]},
 status: {addresses: [{type: InternalIP, address: 192.0.2.11}]}}
---
{apiVersion: v1, kind: Node, metadata: {name: n2}, spec: {podCIDRs: [10.1.2.0/24, 'fd00:1:2::/64']},
 status: {addresses: [{type: ExternalIP, address: 203.0.113.12}, {type: InternalIP, address: '2001:db8::12'},
  {type: InternalIP, address: 192.0.2.12}]}}
---
{apiVersion: v1, kind: Node, metadata: {name: n3}, spec: {podCIDRs: [10.1.3.0/24]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4,
 metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}, ports: [{name: '', port: 80}],
 endpoints: [{addresses: [10.1.1.21], nodeName: n1}, {addresses: [10.1.2.21], nodeName: n2}]}
";

fn stream() -> Stream {
    let mut manifests = Manifests::default();
    manifests.add("test", CLUSTER.as_bytes());
    assert_eq!(manifests.refused(), []);
    let mut stream = Stream::new("n1".into(), Default::default());
    stream.apply(manifests.into_events());
    stream
}

fn described(file: &str) -> Result<Hns, String> {
    let file = NetworkFile::parse(file)?;
    let arguments = WindowsArguments::default();
    let hns = Hns::described(file, &arguments, &WindowsConfiguration::default(), &stream());
    hns.map_err(|failure| failure.to_string())
}

/// The HNS of a state and a network file.
fn held(state: &str, file: &str) -> Hns {
    let (state, file) = (State::from_json(state).unwrap(), NetworkFile::parse(file).unwrap());
    let arguments = WindowsArguments::default();
    let configuration = WindowsConfiguration::default();
    Hns::of(file, Some(state), &arguments, &configuration, &stream()).unwrap()
}

fn document(hns: &Hns) -> Network {
    hns.emulator.state().network(hns.network.id).unwrap().clone()
}

/// The local endpoints, as NAME ADDRESS MAC.
fn endpoints(hns: &Hns) -> Vec<String> {
    let state = hns.emulator.state();
    let line = |own: &Endpoint| {
        let address = own.addresses().next().unwrap();
        format!("{} {address} {}", own.name, own.mac_address)
    };
    on_node(&state, hns.network.id).map(line).collect()
}

/// The routes to other nodes, as SUBNET PROVIDER NUMBER MAC.
fn routes(hns: &Hns) -> Vec<String> {
    let line = |route: &switchyard_hcn::RemoteSubnet| {
        let mac = route.distributed_router_mac.map_or_else(String::new, |mac| format!(" {mac}"));
        let (subnet, provider) = (route.destination_prefix, route.provider_address);
        format!("{subnet} {provider} {}{mac}", route.isolation_id)
    };
    hns.network.remote_subnets.iter().map(line).collect()
}

#[test]
fn without_a_word_the_network_is_bridged_and_follows_from_the_node() {
    let hns = described("").unwrap();
    let document = document(&hns);
    assert_eq!((&*document.name, &document.network_type), ("cbr0", &NetworkType::L2Bridge));
    assert_eq!(hns.network.subnets, ["10.1.1.0/24".parse().unwrap()]);
    assert_eq!(hns.network.capabilities.version(), Version::new(15, 5));
    assert_eq!(hns.network.host_mac.unwrap().to_string(), "00-15-5D-00-00-01");
    assert!(hns.network.dsr && !hns.network.overlay);
    assert_eq!(endpoints(&hns), ["pod-1 10.1.1.21 00-15-5D-01-01-15"]);
    assert_eq!(document.policies, []);
}

#[test]
fn an_overlay_has_numbered_subnets_and_reaches_the_other_nodes() {
    let hns = described("{type: Overlay, sourceVip: 10.1.1.2}").unwrap();
    let document = document(&hns);
    assert_eq!(document.network_type, NetworkType::Overlay);
    let subnet = document.subnets().next().unwrap();
    assert_eq!(subnet.gateway(), Some("10.1.1.1".parse().unwrap()));
    assert_eq!(subnet.policies.iter().find_map(Policy::as_virtual_subnet), Some(4096));
    assert_eq!(document.unknown["ManagementIP"], "192.0.2.11");
    // A Node without an address has no way to its pods.
    assert_eq!(
        routes(&hns),
        [
            "10.1.2.0/24 192.0.2.12 4096 02-00-C0-00-02-0C",
            "fd00:1:2::/64 192.0.2.12 4096 02-00-C0-00-02-0C"
        ]
    );
    assert!(hns.network.overlay);
    assert_eq!(hns.network.source_vip, Some("10.1.1.2".parse().unwrap()));
    // Its endpoint is the planner's to make.
    assert_eq!(endpoints(&hns), ["pod-1 10.1.1.21 00-15-5D-01-01-15"]);
}

#[test]
fn the_file_says_what_is_there() {
    let hns = described(
        "{type: overlay, name: vxlan0, sourceVip: 10.2.0.2, hnsVersion: 13.2, dsr: false,
          managementAddresses: [192.0.2.77], hostMac: '00:15:5d:00:00:77', podSubnets: [10.2.0.0/16],
          rootEndpoint: {name: root, address: 10.2.0.3}, endpoints: [{address: 10.2.0.9, mac: 00-15-5D-00-00-09}],
          remoteSubnets: [{subnet: 10.3.0.0/16, providerAddress: 192.0.2.78, isolationId: 5000},
           {subnet: 10.4.0.0/16, providerAddress: 192.0.2.79, distributedRouterMac: 02-00-00-00-00-79}]}",
    )
    .unwrap();
    assert_eq!(document(&hns).name, "vxlan0");
    assert_eq!(hns.network.capabilities.version(), Version::new(13, 2));
    assert!(!hns.network.dsr);
    assert_eq!(hns.network.host_mac.unwrap().to_string(), "00-15-5D-00-00-77");
    assert_eq!(
        routes(&hns),
        ["10.3.0.0/16 192.0.2.78 5000", "10.4.0.0/16 192.0.2.79 4096 02-00-00-00-00-79"]
    );
    assert_eq!(
        endpoints(&hns),
        ["root 10.2.0.3 00-15-5D-02-00-03", "pod-2 10.2.0.9 00-15-5D-00-00-09"]
    );
    // The name is looked for only where health checks are forwarded.
    assert_eq!(hns.network.root_endpoint, None);
}

#[test]
fn endpoints_that_a_file_names_are_all_there_are() {
    let mut hns = described("{endpoints: [{address: 10.1.1.99, mac: 00-15-5D-00-00-09}]}").unwrap();
    hns.add_pod_endpoints(&stream());
    assert_eq!(endpoints(&hns), ["pod-1 10.1.1.99 00-15-5D-00-00-09"]);
}

#[test]
fn the_endpoint_of_the_source_vip_is_found_by_name_or_by_the_hosts_hardware_address() {
    let of = |file: &str| described(file).unwrap().network.source_vip.unwrap().to_string();
    let mac = "{type: overlay, endpoints: [{address: 10.1.1.5, mac: 00-15-5d-00-00-01}]}";
    assert_eq!(of(mac), "10.1.1.5");
    let name = "{type: overlay, rootEndpoint: {name: calico_EP, address: 10.1.1.6}}";
    assert_eq!(of(name), "10.1.1.6");
}

#[test]
fn an_overlay_without_a_usable_source_vip_is_refused() {
    let check = |file: &str, expect: &str| {
        let trouble = described(file).err().unwrap();
        assert!(trouble.contains(expect), "{trouble}");
    };
    check("{type: overlay}", "--source-vip");
    check("{type: overlay, sourceVip: 10.2.0.2}", "--source-vip 10.2.0.2 is in no subnet");
    check(
        "{type: overlay, sourceVip: 'fd00::2', podSubnets: ['fd00::/64']}",
        "--source-vip fd00::2",
    );
    assert!(described("{type: l2bridge, sourceVip: 10.2.0.2}").is_ok());
}

#[test]
fn a_flag_goes_before_the_file_and_the_file_before_the_configuration() {
    let configuration = WindowsConfiguration {
        source_vip: Some("10.1.1.3".parse().unwrap()),
        root_endpoint_name: Some("configured".to_owned()),
        enable_dsr: Some(false),
        forward_health_check_vip: true,
        ..WindowsConfiguration::default()
    };
    let none = WindowsArguments::default();
    let flags = WindowsArguments {
        given_source_vip: Some("10.1.1.1".parse().unwrap()),
        root_hnsendpoint_name: Some("flagged".to_owned()),
        ..WindowsArguments::default()
    };
    let of = |file: &str, arguments: &WindowsArguments| {
        let file = NetworkFile::parse(file).unwrap();
        let settings = settings(&file, arguments, &configuration, &stream());
        assert!(settings.forward_health_check_vip);
        let source_vip = settings.source_vip.unwrap();
        format!("{source_vip} {} {}", settings.root_endpoint_name, settings.dsr)
    };
    let file = "{sourceVip: 10.1.1.2, rootEndpoint: {name: filed, address: 10.1.1.4}, dsr: true}";
    assert_eq!(of(file, &flags), "10.1.1.1 flagged true");
    assert_eq!(of(file, &none), "10.1.1.2 filed true");
    assert_eq!(of("", &none), "10.1.1.3 configured false");
    let usual = settings(&NetworkFile::default(), &none, &Default::default(), &stream());
    assert_eq!((&*usual.root_endpoint_name, usual.dsr), ("cbr0", true));
}

#[test]
fn a_root_endpoint_is_found_where_health_checks_are_forwarded() {
    let file = "{rootEndpoint: {name: cbr0, address: 10.1.1.2}}";
    let arguments = WindowsArguments { forward_healthcheck_vip: Some(true), ..Default::default() };
    let file = NetworkFile::parse(file).unwrap();
    let hns = Hns::described(file, &arguments, &Default::default(), &stream()).unwrap();
    assert_eq!(hns.network.root_endpoint, Some("10.1.1.2".parse().unwrap()));
}

const STATE: &str = r#"{"version": {"Major": 13, "Minor": 2}, "networks": [
    {"ID": "00000000-0000-0000-0000-0000000000AA", "Name": "vxlan0", "Type": "Overlay", "ManagementIP": "192.0.2.99",
     "Policies": [{"Type": "RemoteSubnetRoute", "Settings": {"DestinationPrefix": "10.1.2.0/24", "IsolationId": 4096,
      "ProviderAddress": "192.0.2.12"}}]}]}"#;

#[test]
fn a_file_adds_to_a_state_what_hns_does_not_hold() {
    let hns = held(
        STATE,
        "{type: l2bridge, hnsVersion: 15.5, managementAddresses: [192.0.2.11], hostMac: 00-15-5D-00-00-77,
          podSubnets: [10.1.1.0/24], sourceVip: 10.1.1.2, dsr: false,
          rootEndpoint: {name: cbr0, address: 10.1.1.3}, endpoints: [{address: 10.1.1.9, mac: 00-15-5D-00-00-09}],
          remoteSubnets: [{subnet: 10.1.2.0/24, providerAddress: 192.0.2.77},
           {subnet: 10.1.3.0/24, providerAddress: 192.0.2.13}]}",
    );
    let network = &hns.network;
    assert_eq!(network.capabilities.version(), Version::new(13, 2));
    assert!(network.overlay && !network.dsr);
    let addresses: Vec<_> = network.management_addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["192.0.2.11", "192.0.2.99"]);
    assert_eq!(network.host_mac.unwrap().to_string(), "00-15-5D-00-00-77");
    assert_eq!(routes(&hns), ["10.1.2.0/24 192.0.2.12 4096", "10.1.3.0/24 192.0.2.13 4096"]);
    assert_eq!(network.check("vxlan0"), Ok(()));
    assert_eq!(endpoints(&hns), <[String; 0]>::default());
    assert_eq!(hns.emulator.state(), State::from_json(STATE).unwrap());
}

#[test]
fn endpoints_that_a_state_lacks_are_never_made_up() {
    let mut hns = held(STATE, "");
    hns.add_pod_endpoints(&stream());
    assert_eq!(endpoints(&hns), <[String; 0]>::default());
}

#[test]
fn a_network_without_an_address_has_the_nodes() {
    let hns = held(&STATE.replace(r#""ManagementIP": "192.0.2.99","#, ""), "");
    assert_eq!(hns.network.management_addresses, ["192.0.2.11".parse().unwrap()].into());
}

#[test]
fn what_cannot_be_read_is_named_by_its_field() {
    let check = |file: &str, expect: &str| {
        let trouble = NetworkFile::parse(file).unwrap_err();
        assert!(trouble.starts_with(expect), "{trouble}");
    };
    check("{colour: red}", "colour: unknown field");
    check("{type: nat}", r#"type: "nat" is neither l2bridge nor overlay"#);
    check("{id: 1}", "id: ");
    check("{managementAddresses: [192.0.2.11, 192.0.2]}", "managementAddresses[1]: ");
    check("{hostMac: 00-15}", r#"hostMac: "00-15" is not a hardware address"#);
    check("{podSubnets: 10.1.1.0/24}", "podSubnets: ");
    check("{podSubnets: [10.1.1.0]}", "podSubnets[0]: ");
    check("{sourceVip: none}", "sourceVip: ");
    check("{hnsVersion: new}", r#"hnsVersion: "new" is not a version"#);
    check("{dsr: 1}", "dsr: ");
    check("{rootEndpoint: {name: cbr0}}", "rootEndpoint: missing field `address`");
    check("{rootEndpoint: {name: cbr0, adress: 10.1.1.2}}", "rootEndpoint.adress: unknown field");
    check("{remoteSubnets: [{subnet: 10.1.2.0/24}]}", "remoteSubnets[0]: missing field");
    let route = "{subnet: 10.1.2.0/24, providerAddress: 192.0.2.12";
    check(&format!("{{remoteSubnets: [{route}, isolationId: -1}}]}}"), "remoteSubnets[0].isolat");
    check(&format!("{{remoteSubnets: [{route}}}, {route}}}]}}"), "remoteSubnets[1].subnet: ");
    let endpoint = "{address: 10.1.1.21, mac: 00-15-5D-00-01-21}";
    check(&format!("{{endpoints: [{endpoint}, {endpoint}]}}"), "endpoints[1].address: 10.1.1.21");
    check("{endpoints: [{address: 10.1.1.21, mac: 00}]}", "endpoints[0].mac: ");
}
