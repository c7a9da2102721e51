//! Transcripts of the command line, run as they stand, from the root of the project.
//! `TRYCMD=overwrite cargo test -p switchyard` writes them anew.

#[test]
fn transcripts_are_true() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    std::env::set_current_dir(root).expect("the project has a root");
    trycmd::TestCases::new()
        .case("bin/switchyard/tests/cmd/*.trycmd")
        .case("docs/*.md")
        .case("examples/hns/*.md");
}

/// The emulated pool, like the dynamic ports of a host, has 256 blocks of 64 ports.
#[test]
fn the_exhausted_pool_is_exactly_full() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/hns/port-pool-exhausted.json");
    let text = std::fs::read_to_string(path).expect("the example is there");
    let state = switchyard_hcn_emulator::State::from_json(&text).expect("the example is a state");
    let takes_a_block = |load_balancer: &switchyard_hcn::LoadBalancer| {
        let is_tcp = |mapping: &switchyard_hcn::PortMapping| {
            mapping.protocol == switchyard_hcn::IpProtocol::TCP
        };
        !load_balancer.is_dsr() && load_balancer.port_mappings.iter().all(is_tcp)
    };
    assert_eq!(state.load_balancers().filter(|(_, own)| takes_a_block(own)).count(), 256);
    assert_eq!(state.load_balancers().count(), 256);
}
